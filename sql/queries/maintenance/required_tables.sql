-- Are the tables there that the migrations need?
select table_name
from information_schema.tables
where
    table_schema = 'public'
    and table_name in ('customers', 'orders', 'messages', 'deals');
