"""Whether the list beside each migration is what its file creates, by the catalogue."""

from rfm.db.schema.migrations import migrations
from rfm.db.schema.ownership import find_objects
from tests.support import run

# Everything that may have been created: named, but not by PostgreSQL itself.
CREATED = """
    with own as (
        select n.oid, n.nspname
        from pg_namespace as n
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    )
    select concat(c.relkind, ' ', c.oid::regclass)
    from pg_class as c
    where
        c.relnamespace in (select oid from own)
        and c.relkind in ('r', 'p', 'v', 'm', 'i', 'I', 'S', 'f')
        and not exists (select from pg_constraint as k where k.conindid = c.oid and k.contype <> 'f')
        and not exists (select from pg_inherits as h where h.inhrelid = c.oid)
    union all
    select concat('function ', p.oid::regprocedure) from pg_proc as p where p.pronamespace in (select oid from own)
    union all
    select concat('trigger ', t.tgname, ' on ', t.tgrelid::regclass)
    from pg_trigger as t
    where not t.tgisinternal and t.tgparentid = 0
    union all
    select concat('column ', c.oid::regclass, '.', a.attname)
    from pg_attribute as a
    inner join pg_class as c on c.oid = a.attrelid
    where
        c.relnamespace in (select oid from own where nspname <> 'rfm')
        and c.relkind in ('r', 'p')
        and not exists (select from pg_inherits as h where h.inhrelid = c.oid)
        and a.attnum > 0
        and not a.attisdropped
"""


def assert_lists_are_true(engine, mapping=None):
    """Run every migration; fail unless its list names all that is new, and nothing else."""
    for migration in migrations(mapping):
        before = set(run(engine, CREATED))
        run(engine, migration.script)
        created = set(run(engine, CREATED)) - before
        listed = set(migration.objects)
        with engine.connect() as connection:
            found = find_objects(connection, migration.objects)
        assert {one.wanted for one in found if one.is_complete and one.is_ours} == listed
        assert len(listed) == len(migration.objects) == len(created), sorted(created)
