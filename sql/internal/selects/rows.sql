-- Can a sample of the probe's rows be read, with every column?
select count(p::text) as rows
from (select q.* from public.rfm_probe as q limit 1000) as p;
