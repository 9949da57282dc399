insert into reconciliation.runs (origin, passed, seconds, cut)
values (%(origin)s, %(passed)s, %(seconds)s, %(cut)s)
returning run_id
