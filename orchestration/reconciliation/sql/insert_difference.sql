insert into reconciliation.differences (run_id, check_name, number, stores, detail)
values (%(run_id)s, %(check_name)s, %(number)s, %(stores)s, %(detail)s)
