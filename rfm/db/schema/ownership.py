"""Which tables and columns that bear our names are somebody else's."""

from sqlalchemy import Connection, text

from rfm.db.schema.migrations import DatabaseObject, Migration

_COMMENTS = text("""
    select
        o.kind,
        o.name,
        case o.kind
            when 'table' then obj_description(to_regclass(o.name), 'pg_class')
            else col_description(a.attrelid, a.attnum)
        end as comment
    from unnest(cast(:kinds as text[]), cast(:names as text[])) as o (kind, name)
    left join pg_catalog.pg_attribute as a
        on
            o.kind = 'column'
            and a.attrelid = to_regclass(substring(o.name from '^(.*)\\.'))
            and a.attname = substring(o.name from '[^.]*$')
            and not a.attisdropped
    where (o.kind = 'table' and to_regclass(o.name) is not null) or a.attname is not null
""")


def not_ours(connection: Connection, migration: Migration) -> list[DatabaseObject]:
    """Return the tables and columns of a migration that are there without its comment on them."""
    ours = migration.comments
    rows = connection.execute(
        _COMMENTS, {"kinds": [o.kind for o in ours], "names": [o.name for o in ours]}
    )
    found = {DatabaseObject(row.kind, row.name): row.comment for row in rows}
    return [one for one, comment in found.items() if comment != ours[one]]
