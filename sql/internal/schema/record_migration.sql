-- A migration was applied: that goes on record.
insert into rfm.applied_migrations (name, checksum)
values (%(name)s, %(checksum)s)
on conflict (name) do update set checksum = excluded.checksum, applied_at = now();
