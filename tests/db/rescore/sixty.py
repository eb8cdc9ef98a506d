"""A CRM with sixty customers, for the tests of rescoring."""

from rfm.db.connect import run_script
from rfm.testing import assert_scores_match

CUSTOMERS = 60

FILL = f"""
insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) as n;
insert into orders (customer_id, total_cents, created_at)
select c.id, 2500 * k, now() - (7 * c.email::int + k) * interval '1 day'
from customers c cross join generate_series(1, 4) as k where c.email::int % 3 > 0 and k <= c.email::int % 5;
"""


def dsn(engine):
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def run(engine, script):
    with engine.begin() as connection:
        cursor = run_script(connection, script)
        return cursor.fetchall() if cursor.description else []


def untriggered(engine, script):
    run(engine, f"set local session_replication_role = replica; {script}")


def scored_at(engine):
    return dict(run(engine, "select email, last_scored_at::text from customers"))


def assert_true_now(engine):
    assert run(engine, "select * from lead_score_drift()") == []
    assert run(engine, "select * from lead_score_drift(now())") == []
    assert_scores_match(engine)
