-- Every published table stands in the schema of the audit as it was published.
INSERT INTO iceberg_tables
(catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type)
SELECT
    catalog_name,
    table_namespace || %(suffix)s,
    table_name,
    metadata_location,
    previous_metadata_location,
    iceberg_type
FROM iceberg_tables
WHERE catalog_name = %(catalog)s AND table_namespace = ANY(%(published)s);
