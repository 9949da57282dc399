"""The history of the ledger's schema, applied by Alembic."""
