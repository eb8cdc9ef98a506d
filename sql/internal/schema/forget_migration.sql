-- A migration was rolled back: it is no longer on record.
delete from rfm.applied_migrations as m
where m.name = %(name)s;
