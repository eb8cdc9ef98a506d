-- How is everybody scored for the first time, on fitted thresholds? (One statement after the other.)
select public.fit_lead_score_model(now());

select public.wait_for_lead_score_writers(interval '1 minute');

select public.touch_lead_scores(array(select /* slot key */ id from /* slot customers */ public.customers));
