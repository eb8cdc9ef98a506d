"""Verify passes on a scored database, and reports whatever was broken later."""

import pytest

from rfm import db
from rfm.testing import assert_scores_match
from tests.support import failed_facts, run


def test_verify_passes_on_a_scored_database(rfm_crm_engine):
    run(
        rfm_crm_engine,
        "insert into customers (email) values ('ada@example.com'), ('grace@example.com');"
        "insert into orders (customer_id, total_cents) select id, 4200 from customers;",
    )
    db.apply(rfm_crm_engine)
    db.backfill(rfm_crm_engine)
    assert failed_facts(rfm_crm_engine) == []
    assert_scores_match(rfm_crm_engine)


BREAKAGES = {
    "drop index idx_customer_activity_type": "two indexes",
    "drop index idx_customers_lead_score": "indexes of lead scoring",
    "create index another on customer_activity_timeline (activity_id)": "two indexes",
    "alter table customers drop column rfm_monetary cascade": "five score columns",
    "alter table customers disable trigger calculate_customer_lead_score": "triggers",
    "drop trigger recalculate_lead_score_on_order_delete on orders": "triggers",
    "alter function calculate_lead_score() stable": "functions of lead scoring",
    "alter function touch_lead_scores(uuid[]) reset search_path": "functions of lead scoring",
    "alter table customers disable trigger user; insert into customers default values": "Every customer has",
    "alter table customers disable trigger user; update customers set lead_score = 31": "in its range",
    "alter table customers disable trigger user; update customers set lead_score = 29": "Every stored score",
    "drop function refresh_customer_activity_timeline()": "refresh function",
    "create or replace function refresh_customer_activity_timeline() returns void language plpgsql"
    " security definer as $$ begin end $$": "refresh function",
    "create or replace view hot_leads as select id, email, full_name, lead_score, rfm_recency,"
    " rfm_frequency, rfm_monetary, last_scored_at from customers": "security_invoker",
    "alter table lead_score_active_model disable trigger user; delete from lead_score_active_model": "one model",
    "drop materialized view customer_activity_timeline cascade": "The timeline exists",
    "insert into messages (customer_id) select id from customers;"
    "delete from orders; refresh materialized view customer_activity_timeline;"
    "insert into orders (customer_id) select id from customers": "stand in the timeline",
}


@pytest.mark.parametrize(("breakage", "fact"), BREAKAGES.items())
def test_verify_sees_each_breakage(rfm_engine, breakage, fact):
    run(
        rfm_engine,
        "insert into customers (email) values ('ada@example.com');"
        "insert into orders (customer_id, total_cents) select id, 1 from customers;"
        "refresh materialized view customer_activity_timeline",
    )
    assert failed_facts(rfm_engine) == []
    run(rfm_engine, breakage)
    failed = failed_facts(rfm_engine)
    assert any(fact in one for one in failed), failed
