-- How is the timeline brought up to date without blocking its readers?
refresh materialized view concurrently public.customer_activity_timeline;
