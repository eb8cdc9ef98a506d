-- Score a portion of the customers whose score time has changed; how many were there, and are there more?
call public.rescore_stale_customers(1000, null::bigint, null::boolean);
