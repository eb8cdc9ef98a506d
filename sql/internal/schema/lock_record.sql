-- Lock the record of applied migrations until the transaction ends: only its owner can.
-- No timeout ends a transaction that is idle while the files run in another one.
select set_config(s.name, '0', true)
from pg_catalog.pg_settings as s
where s.name in ('idle_in_transaction_session_timeout', 'transaction_timeout');

lock table rfm.applied_migrations in share update exclusive mode nowait;
