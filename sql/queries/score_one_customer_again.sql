-- How is one customer scored again? Put the customer's id in place of the best lead's.
update public.customers
set last_scored_at = last_scored_at
where id = (select id from public.customers order by lead_score desc, id limit 1);
