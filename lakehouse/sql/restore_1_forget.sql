-- What a run built and nobody published is forgotten; its files are orphans.
DELETE FROM iceberg_tables
WHERE catalog_name = %(catalog)s AND table_namespace = ANY(%(audited)s);
