"""The owner's guide (guide.md beside this file), every SQL block word for word on a live database."""

import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from rfm import db
from rfm.db.schema.migrations import migrations
from rfm.db.sql import read_sql
from rfm.errors import PreflightFailed
from rfm.testing import assert_scores_match
from tests.support import drift, session

CUSTOMER = "00000000-0000-4000-8000-000000000001"
GUIDE = (Path(__file__).parent / "guide.md").read_text(encoding="utf-8")
BLOCKS = [
    block.replace("YOUR_TEST_CUSTOMER_ID", CUSTOMER)
    for block in re.findall(r"```sql\n(.*?)```", GUIDE, flags=re.DOTALL)
]

# What the guide gets wrong: PostgreSQL has no such columns in these two views.
MISTAKES = {
    "FROM pg_stat_user_tables": 'column "matviewname" does not exist',
    "FROM pg_stat_user_indexes": 'column "tablename" does not exist',
}


def statements(block):
    """Split at the semicolons that end a line, but not inside $$."""
    parts, inside, lines = [], False, []
    for line in block.splitlines():
        lines.append(line)
        inside ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not inside:
            parts.append("\n".join(lines))
            lines = []
    return parts


STATEMENTS = [statement for block in BLOCKS for statement in statements(block)]
ROLLBACK_TIMELINE = next(b for b in BLOCKS if "DROP MATERIALIZED VIEW" in b)
ROLLBACK_SCORING = next(b for b in BLOCKS if "DROP FUNCTION" in b)


@pytest.fixture
def crm(rfm_crm_engine):
    """A CRM with customers, orders, messages and deals, before any migration."""
    run(
        rfm_crm_engine,
        f"""
            insert into customers (id, email, full_name) values ('{CUSTOMER}', 'ada@example.com', 'Ada');
            insert into customers (email) select 'c' || n || '@example.com' from generate_series(1, 300) n;
            insert into orders (customer_id, status, total_cents, currency, created_at)
            select c.id, 'paid', 2500 * n, 'USD', now() - n * interval '9 days'
            from customers c cross join generate_series(1, 12) n
            where c.email = 'ada@example.com' or n <= length(c.email) - 12;
            insert into messages (customer_id, channel) select id, 'email' from customers;
            insert into deals (customer_id, title) select id, 'Subscription' from customers;
            analyze;
            """,
    )
    return rfm_crm_engine


@pytest.fixture
def guided(crm):
    """The same CRM after its owner pasted the guide's two migrations."""
    for name in (
        "20250115000000_create_customer_activity_timeline",
        "20250115000001_create_lead_scoring",
    ):
        run(crm, read_sql(f"migrations/{name}"))
    return crm


def run(engine, script):
    """Run a script as a SQL editor does: whole, in one implicit transaction; return the last rows."""
    with session(engine, autocommit=True) as connection:
        cursor = connection.execute(script)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


def first_with(fragment):
    return next(s for s in STATEMENTS if fragment in s)


def test_the_guide_has_all_its_statements():
    assert len(STATEMENTS) == 40


def test_every_statement_of_the_guide_runs_but_its_own_two_mistakes_and_the_scheduler(guided):
    run(guided, read_sql("migrations/20250115000002_create_post_migration_objects"))
    rollbacks = statements(ROLLBACK_TIMELINE + ROLLBACK_SCORING)
    for statement in STATEMENTS:
        if statement in rollbacks:
            continue  # they have tests of their own
        mistake = next((says for where, says in MISTAKES.items() if where in statement), None)
        if "cron.schedule" in statement:
            continue  # needs pg_cron: tests/db/test_schedule.py
        if mistake:
            with pytest.raises(psycopg.errors.UndefinedColumn, match=mistake):
                run(guided, statement)
        else:
            run(guided, statement)
    assert_scores_match(guided)


def test_verification_of_the_timeline(guided):
    assert len(run(guided, first_with("FROM pg_matviews"))) == 1
    types = {row[0] for row in run(guided, first_with("SELECT activity_type, COUNT(*)"))}
    assert types == {"order", "message", "deal"}
    timeline = run(guided, first_with("metadata\nFROM customer_activity_timeline"))
    assert len(timeline) == 10
    assert [row[1] for row in timeline] == sorted((row[1] for row in timeline), reverse=True)
    names = {row[0] for row in run(guided, first_with("FROM pg_indexes"))}
    assert names == {"idx_customer_activity_customer_date", "idx_customer_activity_type"}


def test_verification_of_lead_scoring(guided):
    columns = {row[0]: row[1] for row in run(guided, first_with("FROM information_schema.columns"))}
    assert columns == {
        "lead_score": "integer",
        "rfm_recency": "integer",
        "rfm_frequency": "integer",
        "rfm_monetary": "numeric",
        "last_scored_at": "timestamp with time zone",
    }
    triggers = {
        row[0] for row in run(guided, first_with("SELECT trigger_name, event_manipulation"))
    }
    assert triggers == {"calculate_customer_lead_score", "recalculate_lead_score_on_order_change"}
    assert len(run(guided, first_with("FROM information_schema.routines"))) == 2

    run(guided, first_with(f"UPDATE customers\nSET updated_at = NOW()\nWHERE id = '{CUSTOMER}'"))
    scored = run(guided, first_with("  last_scored_at\nFROM customers\nWHERE id"))[0]
    # 12 orders, 1,950.00 in all, the newest 9 days ago: the best there is
    assert scored[2:6] == (30, 5, 5, 5)


def test_initial_population_scores_everybody(guided):
    run(guided, first_with("WHERE lead_score = 0 OR lead_score IS NULL"))
    total, scored, average = run(guided, first_with("COUNT(lead_score) as scored_customers"))[0]
    assert (total, scored) == (301, 301)
    assert 6 <= average <= 30
    categories = {row[0] for row in run(guided, first_with("as lead_category"))}
    assert "Hot Lead (24-30)" in categories
    assert drift(guided) == []


@pytest.mark.parametrize("refresh", [s for s in STATEMENTS if "REFRESH" in s and "$$" not in s])
def test_each_refresh_of_the_guide_brings_in_new_activities(guided, refresh):
    run(guided, f"insert into messages (customer_id, subject) values ('{CUSTOMER}', 'new')")
    run(guided, refresh)
    rows = run(
        guided, "select count(*) from customer_activity_timeline where metadata->>'subject' = 'new'"
    )
    assert rows == [(1,)]


def test_the_guides_queries_use_its_indexes(guided):
    run(guided, "update customers set updated_at = now(); analyze customers;")
    for query, index in (
        ("SELECT *\nFROM customer_activity_timeline", "idx_customer_activity_customer_date"),
        ("SELECT *\nFROM customers\nWHERE lead_score >= 24", "idx_customers_lead_score"),
    ):
        plan = run(guided, "set enable_seqscan = off;" + first_with(query))
        assert index in "\n".join(row[0] for row in plan)


def test_the_post_migration_blocks_work_on_the_two_migrations_alone(guided):
    run(guided, first_with("CREATE OR REPLACE FUNCTION refresh_customer_activity_timeline"))
    run(guided, first_with("CREATE OR REPLACE VIEW hot_leads"))
    run(guided, first_with("CREATE OR REPLACE VIEW customer_activity_summary"))
    run(
        guided,
        "select refresh_customer_activity_timeline(); update customers set updated_at = now()",
    )
    assert run(guided, "select count(*) from hot_leads") > [(0,)]
    assert (
        run(guided, "select count(*), sum(order_count) from customer_activity_summary")[0][0] == 301
    )


def test_what_the_guides_blocks_created_is_taken_over_and_rolled_back(guided):
    run(guided, first_with("CREATE OR REPLACE FUNCTION refresh_customer_activity_timeline"))
    run(guided, first_with("CREATE OR REPLACE VIEW hot_leads"))
    run(guided, first_with("CREATE OR REPLACE VIEW customer_activity_summary"))
    assert len(db.plan(guided)) == sum(not one.opt_in for one in migrations())
    db.apply(guided)
    db.rollback(guided)
    assert run(guided, "select to_regclass('hot_leads')") == [(None,)]


def test_a_view_of_that_name_with_another_threshold_is_not_taken_over(guided):
    run(guided, first_with("CREATE OR REPLACE VIEW hot_leads").replace("24", "20"))
    with pytest.raises(PreflightFailed, match=r"view public\.hot_leads of role \w+ is not rfm's"):
        db.apply(guided)


ORDER_WRITES = f"""
insert into orders (customer_id, total_cents) values ('{CUSTOMER}', 100), (null, 5);
update orders set total_cents = total_cents + 1;
update orders set customer_id = (select id from customers where email = 'c1@example.com')
where customer_id = '{CUSTOMER}';
insert into orders (id, customer_id) select id, customer_id from orders
on conflict (id) do update set status = 'refunded';
delete from orders where customer_id is null;
delete from customers where id = '{CUSTOMER}';
truncate orders;
insert into customers (email) values ('new@example.com');
update customers set full_name = 'somebody';
"""


@pytest.mark.parametrize(
    "rollbacks",
    [
        [ROLLBACK_TIMELINE],
        [ROLLBACK_SCORING],
        [ROLLBACK_TIMELINE, ROLLBACK_SCORING],
        [ROLLBACK_SCORING, ROLLBACK_TIMELINE],
    ],
)
def test_after_the_guides_rollbacks_orders_can_be_written(guided, rollbacks):
    run(guided, "update customers set updated_at = now()")
    for block in rollbacks:
        run(guided, block)
    for statement in statements(ORDER_WRITES):
        run(guided, statement)


@pytest.mark.parametrize(
    "rollbacks",
    [[ROLLBACK_TIMELINE, ROLLBACK_SCORING], [ROLLBACK_SCORING, ROLLBACK_TIMELINE]],
)
def test_the_guides_rollbacks_succeed_beside_the_fourth_migration(crm, rollbacks):
    db.apply(crm)
    db.backfill(crm)
    run(crm, "call rescore_stale_customers()")
    # their views stand on what the guide's blocks drop
    run(crm, read_sql("rollback/20250115000005_create_lead_score_explanations"))
    run(crm, read_sql("rollback/20250115000004_create_customer_segments"))
    run(crm, read_sql("rollback/20250115000002_create_post_migration_objects"))
    for block in rollbacks:
        run(crm, block)
    for statement in statements(ORDER_WRITES):
        run(crm, statement)
    assert run(crm, "call rescore_stale_customers()") == [(0, False)]
    assert run(crm, "select ok from lead_score_health()") == [(False,)]
    run(crm, read_sql("rollback/20250115000003_create_lead_score_operations"))


def test_after_the_guides_rollback_the_migrations_apply_again(guided):
    run(guided, ROLLBACK_TIMELINE)
    run(guided, ROLLBACK_SCORING)
    db.apply(guided)
    run(guided, "update customers set updated_at = now()")
    for statement in statements(ORDER_WRITES):
        run(guided, statement)
    assert_scores_match(guided)
    with guided.connect() as connection:
        assert connection.scalar(text("select count(*) from lead_score_drift()")) == 0


HISTORY = "20250115000006_create_lead_score_history"


@pytest.mark.parametrize(
    "rollbacks",
    [[ROLLBACK_TIMELINE, ROLLBACK_SCORING], [ROLLBACK_SCORING, ROLLBACK_TIMELINE]],
)
def test_the_guides_rollbacks_succeed_with_the_history_on_and_orders_go_on(guided, rollbacks):
    run(guided, read_sql(f"migrations/{HISTORY}"))
    run(guided, "update customers set updated_at = now()")
    assert run(guided, "select count(*) from lead_score_history") == [(301,)]
    for block in rollbacks:
        run(guided, block)
    for statement in statements(ORDER_WRITES):
        run(guided, statement)
    assert run(guided, "select count(*) from lead_score_history") == [(301,)]
    assert len(run(guided, "select lead_score_events_next('crm')")) == 301
    run(guided, read_sql(f"rollback/{HISTORY}"))
    run(guided, "insert into customers (email) values ('later')")
