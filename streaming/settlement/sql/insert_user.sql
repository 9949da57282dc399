insert into reference.users (trader_id, name, email, kind, risk_profile)
values (%(trader_id)s, %(name)s, %(email)s, %(kind)s, %(risk_profile)s)
on conflict (trader_id) do nothing
