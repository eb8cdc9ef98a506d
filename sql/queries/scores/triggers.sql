-- Do the triggers exist? (information_schema does not list the one for TRUNCATE.)
select trigger_name, event_manipulation, event_object_table, action_timing, action_statement
from information_schema.triggers
where
    trigger_name = 'calculate_customer_lead_score'
    or trigger_name like 'recalculate_lead_score_on_order_%'
order by trigger_name, event_manipulation;
