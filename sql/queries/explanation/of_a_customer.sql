-- Why does a customer have the score, what raises it, and when does it fall?
select jsonb_pretty(explain_lead_score(c.id)) as explanation
from lead_score_customers as c
where c.email = 'ada@example.com';
