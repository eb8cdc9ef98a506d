-- Undoes 20250115000000_create_customer_activity_timeline.sql. The customers' own tables stay as they are.

set local lock_timeout = '2s';
-- Nothing below finds what somebody else has put into public.
set local search_path = '';

drop index if exists public.idx_customer_activity_type;
drop index if exists public.idx_customer_activity_customer_date;
drop materialized view if exists public.customer_activity_timeline;
drop view if exists public.customer_activities;
-- slot forget_mapping
-- The files of a mapping forget it here.
-- slot ends
