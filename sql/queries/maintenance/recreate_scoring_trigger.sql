-- How is a dropped scoring trigger put back? (Then score everybody: initial_population.sql.)
drop trigger if exists calculate_customer_lead_score on /* slot customers */ public.customers;
create trigger calculate_customer_lead_score
before insert or update on /* slot customers */ public.customers
for each row execute function public.calculate_lead_score();
comment on trigger calculate_customer_lead_score on /* slot customers */ public.customers is
'Scores the customer being written. (rfm)';
