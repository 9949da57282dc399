-- The lake that every engine shares (lakehouse/catalog.py, lakehouse/files.py).
CREATE CATALOG lake WITH (
    'type' = 'iceberg',
    'catalog-impl' = 'org.apache.iceberg.jdbc.JdbcCatalog',
    'uri' = '${catalog_uri}',
    'jdbc.user' = '${catalog_user}',
    'jdbc.password' = '${catalog_password}',
    'jdbc.schema-version' = 'V1',
    'clients' = '1',
    ${warehouse}
);
