-- Which types of activity are in the timeline, and how many of each?
select activity_type, count(*) as count
from public.customer_activity_timeline
group by activity_type
order by count desc;
