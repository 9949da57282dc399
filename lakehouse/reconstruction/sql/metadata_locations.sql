-- Where the present metadata of tables is.
SELECT table_name, metadata_location
FROM iceberg_tables
WHERE
    catalog_name = %(catalog)s
    AND table_namespace = %(namespace)s
    AND table_name = ANY(%(tables)s);
