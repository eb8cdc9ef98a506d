"""CRMs whose tables have other names, and what their own programs write to them."""

from pathlib import Path

from psycopg import sql
from sqlalchemy import text

from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.testing import assert_scores_match

FOLDER = Path(__file__).parent / "schemas"
SCHEMAS = sorted(path.stem for path in FOLDER.glob("*.toml"))
NAMES = [migration.name for migration in migrations() if not migration.opt_in]


def mapping_of(schema):
    return db.Mapping.read(FOLDER / f"{schema}.toml")


def changed(schema, old, new):
    """Return the text of a mapping with one change."""
    toml = (FOLDER / f"{schema}.toml").read_text()
    assert old in toml
    return toml.replace(old, new)


# Everything outside of PostgreSQL's own schemas and of rfm's record, in a fixed order.
CATALOGUE = text("""
    with own as (select oid from pg_namespace where nspname !~ '^(pg_|information_schema$|rfm$)')
    select string_agg(line, E'\n' order by line) from (
        select concat_ws(' | ', c.oid::regclass, c.relkind, c.relacl, c.reloptions, obj_description(c.oid, 'pg_class'),
            case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) when c.relkind = 'i' then pg_get_indexdef(c.oid) end) as line
        from pg_class as c where c.relnamespace in (select oid from own)
        union all
        select concat_ws(' | ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod))
        from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
        where c.relnamespace in (select oid from own) and a.attnum > 0 and not a.attisdropped
        union all
        select concat_ws(' | ', pg_get_functiondef(p.oid), p.proacl) from pg_proc as p where p.pronamespace in (select oid from own)
        union all
        select pg_get_triggerdef(t.oid) from pg_trigger as t where not t.tgisinternal
    ) as catalogue
""")


def identifier(one):
    return sql.Identifier(*([one] if isinstance(one, str) else one)).as_string(None)


class Crm:
    """A mapped CRM, and what its own programs would write to it."""

    def __init__(self, engine, mapping):
        self.engine = engine
        self.mapping = mapping

    def apply(self):
        return db.apply(self.engine, self.mapping)

    def run(self, statement, *values, **names):
        # psycopg takes a % for a parameter, in a name too
        identifiers = {
            name: sql.SQL(identifier(one).replace("%", "%%" if values else "%"))
            for name, one in names.items()
        }
        with self.engine.begin() as connection:
            cursor = connection.connection.cursor().execute(
                sql.SQL(statement).format(**identifiers), values or None
            )
            return cursor.fetchall() if cursor.description else []

    def customer(self):
        customers = self.mapping.customers
        [(key,)] = self.run(
            "insert into {table} default values returning {key}",
            table=customers.table,
            key=customers.key,
        )
        return key

    def on(self, orders, statement, *values):
        return self.run(
            statement,
            *values,
            table=orders.table,
            customer=orders.customer,
            at=orders.ordered_at,
            amount=orders.covering[0],
        )

    def score(self, key):
        customers = self.mapping.customers
        [(score,)] = self.run(
            "select lead_score from {table} where {key} = %s",
            key,
            table=customers.table,
            key=customers.key,
        )
        return score

    def assert_true(self):
        assert_scores_match(self.engine)
        assert self.run("select * from lead_score_drift()") == []
        assert self.run("select * from lead_score_drift(now())") == []

    def catalogue(self):
        with self.engine.connect() as connection:
            return connection.scalar(CATALOGUE)
