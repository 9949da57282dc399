insert into reconciliation.checks (run_id, check_name, passed, kafka, iceberg, postgres, differences)
values (%(run_id)s, %(check_name)s, %(passed)s, %(kafka)s, %(iceberg)s, %(postgres)s, %(differences)s)
