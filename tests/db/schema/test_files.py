"""The SQL files: their names, their order, and what they leave in the catalogue."""

import re
from importlib.resources import files

import pytest
from sqlalchemy import text

from rfm import db
from rfm.db.connect import run_script
from rfm.db.schema.migrations import migrations
from rfm.db.schema.ownership import MARK
from rfm.db.sql import read_sql, sql_names
from rfm.orders.rules import UNCOUNTED_STATUSES
from tests.support import run

NAMES = [migration.name for migration in migrations()]

# Everything in public that is not the CRM's own, with its comment.
CATALOGUE = text("""
    select 'relation' as kind, c.oid::regclass::text as name, obj_description(c.oid, 'pg_class') as comment
    from pg_class as c
    where
        c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'v', 'm', 'i')
        and not exists (select from pg_constraint as k where k.conindid = c.oid)
    union all
    select 'function', p.oid::regprocedure::text, obj_description(p.oid, 'pg_proc')
    from pg_proc as p
    where p.pronamespace = 'public'::regnamespace
    union all
    select 'trigger', t.tgname || ' on ' || t.tgrelid::regclass, obj_description(t.oid, 'pg_trigger')
    from pg_trigger as t
    where not t.tgisinternal
    union all
    select 'column', a.attrelid::regclass || '.' || a.attname, col_description(a.attrelid, a.attnum)
    from pg_attribute as a
    where
        (
            a.attrelid in (
                to_regclass('lead_score_models'),
                to_regclass('lead_score_active_model'),
                to_regclass('lead_score_rescoring'),
                to_regclass('lead_score_queue'),
                to_regclass('lead_score_history'),
                to_regclass('lead_score_history_state'),
                to_regclass('lead_score_consumers'),
                to_regclass('customer_activity_refresh')
            )
            or (
                a.attrelid = 'customers'::regclass
                and a.attname in ('lead_score', 'rfm_recency', 'rfm_frequency', 'rfm_monetary', 'last_scored_at')
            )
        )
        and a.attnum > 0
        and not a.attisdropped
""")


def catalogue(engine):
    with engine.connect() as connection:
        return {(row.kind, row.name): row.comment for row in connection.execute(CATALOGUE)}


@pytest.fixture
def base(rfm_crm_engine):
    return set(catalogue(rfm_crm_engine))


def test_the_guides_two_migrations_come_first_under_its_names():
    assert NAMES[:2] == [
        "20250115000000_create_customer_activity_timeline",
        "20250115000001_create_lead_scoring",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_migration_is_a_timestamp_and_words_and_has_a_rollback(name):
    assert re.fullmatch(r"\d{14}(_[a-z]+)+", name)
    assert name in sql_names("rollback")


def test_there_is_no_rollback_without_a_migration():
    assert sql_names("rollback") == NAMES


def test_the_comment_of_every_object_that_a_migration_creates_ends_in_the_mark(base, rfm_engine):
    db.enable_history(rfm_engine)
    unmarked = [
        key
        for key, comment in catalogue(rfm_engine).items()
        if key not in base and not (comment or "").endswith(MARK)
    ]
    assert unmarked == []


def test_each_migration_has_a_list_of_what_it_creates():
    names = [path.name for path in files("rfm.sql").joinpath("migrations").iterdir()]
    assert sorted(n for n in names if n.endswith(".toml")) == [f"{name}.toml" for name in NAMES]


FOLDERS = (
    "queries/explanation",
    "queries/history",
    "queries/maintenance",
    "queries/models",
    "queries/scores",
    "queries/timeline",
)
QUERIES = [f"{folder}/{name}" for folder in FOLDERS for name in sql_names(folder)]


@pytest.mark.parametrize(
    "folder",
    [
        "checks",
        "checks/history",
        *FOLDERS,
        *(f"internal/{room.name}" for room in files("rfm.sql").joinpath("internal").iterdir()),
    ],
)
def test_the_first_line_says_which_question_a_file_answers(folder):
    for name in sql_names(folder):
        assert re.match(r"-- [A-Z].*[.?)]$", read_sql(f"{folder}/{name}").splitlines()[0]), name


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_runs(rfm_engine, name):
    if name.startswith("queries/history/"):
        db.enable_history(rfm_engine)
    run(
        rfm_engine,
        "insert into customers (email) values ('ada@example.com');"
        "insert into orders (customer_id, total_cents) select id, 4200 from customers;",
    )
    with rfm_engine.connect() as connection:
        run_script(connection, read_sql(name))


def test_sql_and_python_know_the_same_uncounted_statuses():
    script = read_sql(f"migrations/{NAMES[1]}")
    lists = re.findall(r'lower\([a-z.]*status collate "C"\) not in \(([^)]*)\)', script)
    assert len(lists) == 2
    for one in lists:
        assert set(re.findall(r"'(\w+)'", one)) == set(UNCOUNTED_STATUSES)


def test_no_file_mentions_a_table_without_its_schema_in_a_function():
    for migration in migrations():
        for body in re.findall(r"as \$\$(.*?)\$\$;", migration.script, flags=re.DOTALL):
            assert not re.search(
                r"\b(from|join|update|into) (customers|orders|lead_score_)\b", body
            )
