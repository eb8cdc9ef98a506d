-- How is one customer scored again? Put the customer's id in place of the best lead's.
select public.touch_lead_scores(
    array(select id from public.lead_score_customers order by lead_score desc, id limit 1)
);
