"""Somebody may create objects in public, as in each database upgraded from PostgreSQL 14.

Nothing of theirs is called by ours: no operator, function, aggregate, domain or overload.
"""

import psycopg
import pytest

from rfm import PUBLISHED, Model, db
from rfm.db.sql import read_sql
from tests.db.security.roles import ADA, BOB, crm, scores, signed_in
from tests.db.security.traps import allow, sprung, trap_built_ins, trap_ours
from tests.support import create_roles, run, session

OTHER = Model(monetary=(1, 2, 3, 4))


@pytest.fixture
def trapped():
    """Give a CRM in which each operator and function of a stranger is called sooner than ours."""
    create_roles()
    with crm("granted") as owner:
        allow(owner)
        trap_built_ins(owner)
        db.apply(owner)
        trap_ours(owner)
        yield owner
        assert not sprung(owner)


def test_the_traps_are_good_ones(trapped):
    with session(trapped, autocommit=True) as connection:
        for call in ("1::bigint * 1.0", "public.activate_lead_score_model(1::bigint)"):
            with pytest.raises(psycopg.errors.RaiseException, match="runs as crm_owner"):
                connection.execute(f"select {call}")
        for call in ("lead_score_drift()", "score_queued_customers(1)"):
            with pytest.raises(psycopg.errors.AmbiguousFunction):
                connection.execute(f"select public.{call}")
    with session(trapped, username="crm_stranger") as stranger:
        stranger.execute("alter sequence public.sprung restart")


def test_nothing_in_the_database_is_bound_to_what_a_stranger_made(trapped):
    assert (
        run(
            trapped,
            """
            select pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
            from pg_catalog.pg_depend as d
            left join pg_catalog.pg_proc as p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
            left join pg_catalog.pg_operator as o
                on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
            left join pg_catalog.pg_type as t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
            where
                'crm_stranger'::regrole::oid in (p.proowner, o.oprowner, t.typowner)
                and pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) ~ 'lead_score|customer|hot_leads'
            """.replace(" = ", " operator(pg_catalog.=) "),
        )
        == []
    )


def test_orders_and_edits_are_scored_without_them(trapped):
    with signed_in(trapped) as connection:
        connection.execute("insert into orders (customer_id, total_cents) values (%s, 7000)", [ADA])
        connection.execute("update orders set total_cents = 20000")
        connection.execute("update customers set full_name = 'Ada'")
        connection.execute("delete from orders")
    # the internal one is left
    assert scores(trapped) == (3 * 5 + 2 * 2 + 2, 5, 2, 2)
    assert run(trapped, "select from lead_score_queue") == []


def test_every_command_works_without_them(trapped):
    db.store_model(trapped, OTHER)
    db.activate(trapped, 2)
    assert db.backfill(trapped).rescored == 2
    assert db.rescore_stale(trapped) == 0
    assert db.score_differences(trapped).height == 0
    db.fit(trapped, min_customers=1)
    db.simulate(trapped, PUBLISHED)
    db.active_model(trapped)
    db.survey(trapped)
    assert {one.state for one in db.status(trapped)} == {db.State.APPLIED, db.State.NOT_ENABLED}
    assert db.apply(trapped) == []
    db.rollback(trapped)


def test_the_queue_and_the_stale_are_scored_without_them(trapped):
    run(
        trapped,
        f"insert into lead_score_queue values ('{ADA}', '55P03');"
        "update lead_score_rescoring set done_until = null",
    )
    assert db.rescore_stale(trapped) > 0
    assert run(trapped, "select from lead_score_queue") == []


def test_verify_and_health_tell_of_them_and_call_none(trapped):
    db.backfill(trapped)
    failed = [check for check in db.verify(trapped) if not check.passed]
    assert [check.fact.split()[0] for check in failed] == ["Nobody"]
    assert "public.lead_score_drift() belongs to crm_stranger" in failed[0].found
    facts = run(trapped, "select fact, ok from public.lead_score_health(true)")
    assert {fact for fact, ok in facts if ok is False} <= {"timeline refresh"}


def test_files_that_are_pasted_do_not_call_them():
    """An editor's session looks into public."""
    create_roles()
    with crm("granted") as owner:
        allow(owner)
        trap_built_ins(owner)
        names = [one.migration.name for one in db.status(owner)]
        for name in names:
            run(owner, read_sql(f"migrations/{name}"))
        for name in names:
            run(owner, read_sql(f"migrations/{name}"))
        trap_ours(owner)
        for name in reversed(names):
            run(owner, read_sql(f"rollback/{name}"))
        assert not sprung(owner)


def test_a_superuser_who_applies_runs_nothing_of_theirs():
    create_roles()
    with crm("granted") as owner:
        allow(owner)
        trap_built_ins(owner)
        root = db.connect(owner.url.set(username="postgres").render_as_string(hide_password=False))
        db.apply(root)
        trap_ours(owner)
        db.backfill(root)
        db.verify(root)
        db.rescore_stale(root)
        db.rollback(root)
        assert not sprung(owner)


def test_the_jobs_pass_every_argument(trapped):
    """What pg_cron and a crontab run, in a session that looks into public."""
    [(source,)] = run(
        trapped,
        "select pg_catalog.pg_get_functiondef(p.oid) from pg_catalog.pg_proc as p"
        " where p.oid operator(pg_catalog.=) pg_catalog.to_regprocedure('public.schedule_lead_score_jobs(text,text)')",
    )
    for job in (
        "select public.score_queued_customers(50000, clock_timestamp())",
        "call public.rescore_stale_customers(1000, rescored, more)",
        "select public.refresh_customer_activity_timeline()",
    ):
        assert job in source
        if "rescored" not in job:
            run(trapped, job)
    run(
        trapped,
        "do $$ declare rescored bigint; more boolean;"
        " begin call public.rescore_stale_customers(1000, rescored, more); end $$",
    )


def test_an_overload_that_makes_our_calls_ambiguous_refuses_no_order(trapped):
    """With one argument more and a default, PostgreSQL cannot choose, and says so in an error."""
    with session(trapped, username="crm_stranger") as stranger:
        for name in ("score_customers_of_orders", "touch_lead_scores"):
            stranger.execute(
                f"create function public.{name}(customer_ids pg_catalog.uuid[], more pg_catalog.int4 default 0)"
                " returns void language sql as 'select public.spring()'"
            )
    with signed_in(trapped) as connection:
        connection.execute("insert into orders (customer_id, total_cents) values (%s, 7000)", [ADA])
        connection.execute("update orders set total_cents = 20000")
        connection.execute("delete from orders")
    run(trapped, f"delete from orders where customer_id = '{BOB}'")
    queued = run(trapped, "select distinct customer_id::text, sqlstate from lead_score_queue")
    assert set(queued) == {(ADA, "42725"), (BOB, "42725")}
