-- How far is the slowest replica behind? Without a replica, or a position of one, it is 0.
select
    coalesce(max(extract(epoch from r.replay_lag)), 0)::double precision as seconds,
    coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)), 0)::bigint as bytes
from pg_catalog.pg_stat_replication as r;
