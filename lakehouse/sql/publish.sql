-- The published table becomes the one that was audited: as Iceberg's own commit, a change of where its metadata is.
INSERT INTO iceberg_tables AS published
(catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type)
SELECT
    catalog_name,
    left(table_namespace, -length(%(suffix)s)),
    table_name,
    metadata_location,
    previous_metadata_location,
    iceberg_type
FROM iceberg_tables
WHERE catalog_name = %(catalog)s AND table_namespace = any(%(audited)s)
ON CONFLICT (catalog_name, table_namespace, table_name) DO UPDATE
    SET
        metadata_location = excluded.metadata_location,
        previous_metadata_location = published.metadata_location
    WHERE published.metadata_location <> excluded.metadata_location
RETURNING table_namespace || '.' || table_name;
