"""Who sees what under row-level security; scores are true although their writer sees too little."""

import psycopg
import pytest
from sqlalchemy import text

from tests.db.security.roles import (
    ADA,
    BOB,
    scores,
    shadow_every_type,
    signed_in,
)
from tests.support import run

OUR_RELATIONS = (
    "customer_activities",
    "customer_activity_timeline",
    "customer_activity_summary",
    "hot_leads",
    "customer_segments",
    "lead_score_orders",
)


def test_rescoring_sees_the_customers_and_orders_of_everybody(owner):
    with owner.begin() as connection:
        connection.exec_driver_sql("update lead_score_rescoring set done_until = null")
        connection.exec_driver_sql(
            "insert into lead_score_models (recency, frequency, monetary)"
            " values ('{180,90,60,30}', '{1,2,2,2}', '{50,200,500,1000}')"
        )
        connection.exec_driver_sql("select activate_lead_score_model(2)")
    with signed_in(owner, "service_role") as connection:
        shadow_every_type(connection)
        assert connection.execute("call rescore_stale_customers()").fetchone() == (2, False)
        connection.execute("select * from lead_score_health()")
    assert scores(owner)[0] == scores(owner, BOB)[0] == 3 * 5 + 2 * 5 + 3


def test_the_score_is_true_when_the_writer_sees_too_few_orders(owner):
    with signed_in(owner) as connection:
        assert connection.execute("select count(*) from orders").fetchone() == (2,)
        connection.execute(
            "insert into orders (customer_id, total_cents) values (%s, 20000)", [ADA]
        )
    # 4 orders and 500.00, one of them internal
    assert scores(owner) == (3 * 5 + 2 * 3 + 4, 5, 3, 4)


def test_the_score_is_true_when_the_writer_may_not_update_customers(owner):
    run(owner, "revoke update on customers from authenticated")
    with signed_in(owner) as connection:
        connection.execute("delete from orders where event_name = 'fair'")
    assert scores(owner) == (3 * 5 + 2 * 2 + 3, 5, 2, 3)


def test_the_service_touches_customers_that_it_may_not_update(owner):
    run(owner, "revoke update on customers from service_role")
    with signed_in(owner, "service_role") as connection:
        connection.execute("select touch_lead_scores(array[%s]::uuid[])", [ADA])


def test_the_crms_own_triggers_on_customers_go_on_working(owner):
    run(
        owner,
        """
            create table audit (customer_id uuid);
            alter table audit enable row level security;
            create function audit() returns trigger language plpgsql set search_path = public as $$
            begin insert into audit values (new.id); return null; end $$;
            create function audit_without_schema() returns trigger language plpgsql as $$
            begin insert into audit values (new.id); return null; end $$;
            create trigger audit after update on customers for each row execute function audit();
            create trigger audit_2 after update on customers for each row
            execute function audit_without_schema();
            create extension if not exists plpgsql;
            """,
    )
    with signed_in(owner) as connection:
        connection.execute("insert into orders (customer_id) values (%s)", [ADA])
    with owner.connect() as connection:
        assert connection.scalar(text("select count(*) from audit")) == 2


def customers_seen(connection, relation):
    key = "id" if relation == "hot_leads" else "customer_id"
    return {str(row[0]) for row in connection.execute(f"select {key} from {relation}")}


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("relation", OUR_RELATIONS)
def test_nobody_sees_more_than_row_security_allows(owner, role, relation):
    run(
        owner,
        "insert into orders (customer_id, total_cents) select id, 1000000 from customers, generate_series(1, 9)",
    )
    run(owner, "refresh materialized view customer_activity_timeline")
    with signed_in(owner, role) as connection:
        allowed = {str(row[0]) for row in connection.execute("select id from customers")}
        assert allowed == ({ADA} if role == "authenticated" else set())
        try:
            seen = customers_seen(connection, relation)
        except psycopg.errors.InsufficientPrivilege:
            return
        shown = ("customer_activities", "hot_leads", "customer_segments", "lead_score_orders")
        assert relation in shown
        assert seen <= allowed


def test_a_signed_in_user_gets_the_timeline_of_their_own_customers_without_internal_orders(owner):
    with signed_in(owner) as connection:
        rows = connection.execute(
            "select customer_id::text, activity_type, metadata ->> 'event_name' from customer_activities"
        ).fetchall()
    assert {row[0] for row in rows} == {ADA}
    assert sorted(row[1] for row in rows) == ["deal", "message", "order", "order"]
    assert "internal" not in {row[2] for row in rows}


def test_the_service_sees_the_whole_timeline(owner):
    with signed_in(owner, "service_role") as connection:
        assert customers_seen(connection, "customer_activity_timeline") == {ADA, BOB}
        assert customers_seen(connection, "customer_activity_summary") == {ADA, BOB}
