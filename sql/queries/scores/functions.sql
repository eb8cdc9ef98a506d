-- Do the functions exist?
select routine_name, routine_type
from information_schema.routines
where
    routine_name in ('calculate_lead_score', 'recalculate_customer_lead_score')
    and routine_schema = 'public';
