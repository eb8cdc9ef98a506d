"""Segments in the database: who is a prospect, which map is active, who may see what."""

import subprocess

import psycopg
import pytest

import rfm
from rfm import Model, Segment, SegmentMap, db
from rfm.errors import DeadSegments, UnknownModel, UnknownSegmentMap
from rfm.testing import temporary_database
from tests.support import (
    address,
    create_base_tables,
    failed_facts,
    program,
    run,
    session,
    supabase,
)

EVERYBODY = SegmentMap([Segment("buyer", "Buyers", "They have an order.", ["*-*-*"])])
# under it, one old order earns 1-1-1
STRICT = Model(recency=(9, 8, 7, 6), frequency=(2, 3, 4, 5), monetary=(10, 20, 30, 40))


@pytest.fixture
def ada(rfm_engine):
    """A customer without an order; the model gives 1-1-1 to one old and small order."""
    db.activate(rfm_engine, db.store_model(rfm_engine, STRICT))
    run(rfm_engine, "insert into customers (email) values ('ada')")
    return rfm_engine


def segments(engine):
    return [one for (one,) in run(engine, "select segment from customer_segments")]


ORDER = "insert into orders (customer_id, created_at, total_cents, status) select id, now() - interval '99 days', 100, '{}' from customers"


@pytest.mark.parametrize(
    ("change", "segment"),
    [
        (ORDER.format("void"), "prospect"),
        (ORDER.format("paid"), "hibernating"),
        (ORDER.format("paid") + "; update orders set status = 'refunded'", "prospect"),
        (ORDER.format("void") + "; update orders set status = 'paid'", "hibernating"),
        (ORDER.format("paid") + "; delete from orders", "prospect"),
        (ORDER.format("paid") + "; truncate orders", "prospect"),
        (ORDER.format("paid").replace("now() -", "now() +"), "prospect"),
        (ORDER.format("paid").replace("now() - interval '99 days'", "'-infinity'"), "hibernating"),
    ],
)
def test_a_prospect_is_who_has_no_counted_order_at_a_score_of_six(ada, change, segment):
    run(ada, change)
    assert run(ada, "select lead_score from customers") == [(6,)]
    assert segments(ada) == [segment]
    assert run(ada, f"select lead_score from customers_of_segment('{segment}')") == [(6,)]
    assert not [fact for fact in failed_facts(ada) if "prospect" in fact]


def test_nobody_can_write_that_they_are_a_prospect(ada):
    run(ada, ORDER.format("paid"))
    run(ada, "update customers set rfm_prospect = true")
    assert segments(ada) == ["hibernating"]
    run(ada, "insert into customers (email, rfm_prospect) values ('bob', false)")
    assert sorted(segments(ada)) == ["hibernating", "prospect"]


def test_who_waits_in_the_queue_keeps_the_segment(ada):
    with session(ada) as other:
        other.execute("select from customers for no key update")
        run(ada, ORDER.format("paid"))  # its customer is locked
        assert segments(ada) == ["prospect"]
    run(ada, "select score_queued_customers()")
    assert segments(ada) == ["hibernating"]


def test_a_customer_that_is_not_scored_has_no_segment(ada):
    with session(ada) as serializable:
        serializable.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        serializable.execute("insert into customers (email) values ('bob')")
    assert sorted(segments(ada), key=str) == [None, "prospect"]


def test_customers_scored_before_the_migration_are_scored_again(ada):
    run(ada, "insert into customers (email) values ('bob')")
    run(ada, ORDER.format("paid") + " where email = 'ada'")
    undone = db.rollback(ada, "20250115000003_create_lead_score_operations")
    assert undone[-1].name.endswith("segments")
    db.apply(ada)
    assert segments(ada) == [None, None]
    run(ada, "select score_queued_customers()")
    assert sorted(segments(ada)) == ["hibernating", "prospect"]


# ---------------------------------------------------------------- which map is active


def active(engine):
    (found,) = [one.number for one in db.segment_maps(engine) if one.activated_at]
    return found


def test_a_fresh_database_has_the_map_of_the_published_thresholds(rfm_engine):
    stored = db.segment_maps(rfm_engine)
    assert [one.segment_map for one in stored] == [rfm.GRID_PUBLISHED, rfm.GRID]
    assert active(rfm_engine) == 1


def test_a_shipped_map_follows_the_model(rfm_engine):
    number = db.store_model(rfm_engine, STRICT)
    run(rfm_engine, f"select activate_lead_score_model({number})")
    assert active(rfm_engine) == 2
    run(rfm_engine, "select activate_lead_score_model(1)")
    assert active(rfm_engine) == 1


def test_a_map_of_ones_own_stays(rfm_engine):
    db.activate_segment_map(rfm_engine, db.store_segment_map(rfm_engine, EVERYBODY))
    db.activate(rfm_engine, db.store_model(rfm_engine, STRICT))
    assert db.active_segment_map(rfm_engine) == EVERYBODY


def test_a_model_that_leaves_a_segment_out_of_reach_is_refused_unless_told_otherwise(rfm_engine):
    number = db.store_model(rfm_engine, Model(frequency=(2, 2, 2, 2)))
    with pytest.raises(
        DeadSegments, match=r"3 segments are out of reach under model 2: potential_"
    ):
        db.activate(rfm_engine, number)
    assert (db.active_model(rfm_engine), active(rfm_engine)) == (Model(), 1)
    db.activate(rfm_engine, number, allow_dead_segments=True)
    assert db.active_model(rfm_engine).frequency == (2, 2, 2, 2)
    # they are out of reach already: another such model takes nothing away
    db.activate(rfm_engine, db.store_model(rfm_engine, Model(frequency=(3, 3, 3, 3))))


def test_a_map_with_a_segment_out_of_reach_is_refused_unless_told_otherwise(rfm_engine):
    with pytest.raises(DeadSegments, match=r"2 segments are .* segment map 2: new, promising;"):
        db.activate_segment_map(rfm_engine, 2)
    db.activate_segment_map(rfm_engine, 2, allow_dead_segments=True)
    assert active(rfm_engine) == 2


def test_an_unknown_number_is_told_with_those_that_there_are(rfm_engine):
    with pytest.raises(UnknownSegmentMap, match="no segment map 9; there are 1, 2"):
        db.activate_segment_map(rfm_engine, 9)
    with pytest.raises(UnknownModel, match="no lead score model 9; there are 1"):
        db.activate(rfm_engine, 9)
    with pytest.raises(psycopg.errors.NoDataFound, match="no segment map 9"):
        run(rfm_engine, "select activate_lead_score_segment_map(9)")


def test_a_model_can_be_activated_without_segments(rfm_engine):
    db.rollback(rfm_engine, "20250115000001_create_lead_scoring")
    db.activate(rfm_engine, db.store_model(rfm_engine, Model(frequency=(2, 2, 2, 2))))


INSERT = "insert into lead_score_segment_maps (keys, names, meanings, cells) select {}, {}, {}, {} from lead_score_segment_maps where id = 1"


@pytest.mark.parametrize(
    "columns",
    [
        ("keys", "names", "meanings", "cells[2:]"),
        ("keys", "names", "meanings", "array_replace(cells, 'new', 'old')"),
        ("keys", "names", "meanings", "array_replace(cells, 'new', 'prospect')"),
        ("keys", "names", "meanings", "array_replace(cells, 'new', null)"),
        ("keys", "names", "meanings", "array_replace(cells, 'new', 'loyal')"),
        ("keys || 'new'::text", "names || 'x'::text", "meanings || 'x'::text", "cells"),
        ("array_replace(keys, 'prospect', 'lead')", "names", "meanings", "cells"),
        ("keys", "names[2:]", "meanings", "cells"),
        ("keys", "names", "array_replace(meanings, meanings[1], '')", "cells"),
    ],
)
def test_a_broken_map_cannot_be_stored(rfm_engine, columns):
    with pytest.raises(psycopg.errors.CheckViolation):
        run(rfm_engine, INSERT.format(*columns))


@pytest.mark.parametrize(
    "change",
    [
        "update lead_score_segment_maps set names = names",
        "delete from lead_score_segment_maps",
        "truncate lead_score_segment_maps cascade",
        "delete from lead_score_active_segment_map",
    ],
)
def test_maps_are_never_edited(rfm_engine, change):
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never edited"):
        run(rfm_engine, change)


def test_the_active_map_comes_back_with_a_restore_of_data_alone(rfm_engine):
    db.activate_segment_map(rfm_engine, db.store_segment_map(rfm_engine, EVERYBODY))
    dump = subprocess.run(
        [
            program("pg_dump"),
            "--data-only",
            "--table=lead_score_*segment_map*",
            address(rfm_engine),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with temporary_database() as restored:
        create_base_tables(restored)
        db.apply(restored)
        subprocess.run(
            [program("psql"), "--quiet", "--set=ON_ERROR_STOP=1", address(restored)],
            # pg_dump 18 sets it, servers before 17 do not know it
            input=dump.replace("SET transaction_timeout = 0;", ""),
            capture_output=True,
            text=True,
            check=True,
        )
        assert db.segment_maps(restored)[2].segment_map == EVERYBODY
        assert db.active_segment_map(restored) == EVERYBODY


# ---------------------------------------------------------------- who moves


def test_simulate_tells_who_moves_under_another_map_or_model(ada):
    run(ada, "insert into customers (email) values ('bob'), ('eve')")
    run(ada, ORDER.format("paid") + " where email <> 'ada'")
    moved = db.simulate_segments(ada, segment_map=EVERYBODY)
    assert moved.rows() == [("hibernating", 2, 0), ("prospect", 0, 1)]
    assert moved.columns == ["before", "buyer", "prospect"]
    both = db.simulate_segments(
        ada, segment_map=rfm.GRID, model=Model(recency=(500, 400, 300, 200))
    )
    assert both.to_dicts() == [
        {"before": "hibernating", "potential_loyalist": 2, "prospect": 0},
        {"before": "prospect", "potential_loyalist": 0, "prospect": 1},
    ]
    # the published thresholds bring their own map
    alone = db.simulate_segments(ada, model=Model(recency=(500, 400, 300, 200)))
    assert alone.columns == ["before", "new", "prospect"]
    assert sorted(segments(ada)) == ["hibernating", "hibernating", "prospect"]


# ---------------------------------------------------------------- who may see what


def test_a_reader_sees_the_segments_of_the_own_customers_though_orders_are_hidden():
    with supabase() as engine:
        db.apply(engine)
        run(
            engine,
            """
            insert into customers (email) values ('mine'), ('also mine'), ('hidden');
            alter table customers enable row level security;
            alter table orders enable row level security;
            create policy own on customers for select to authenticated using (email like '%mine');
            grant select on customers to authenticated;
            """,
        )
        db.activate(engine, db.store_model(engine, STRICT))
        run(engine, ORDER.format("paid") + " where email <> 'also mine'")
        seen = "set local role authenticated; select segment from customer_segments order by 1"
        assert run(engine, seen) == [("hibernating",), ("prospect",)]
        best = "set local role authenticated; select lead_score from customers_of_segment('hibernating')"
        assert run(engine, best) == [(6,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(engine, "set local role anon; select * from customer_segments")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(engine, "set local role authenticated; select activate_lead_score_segment_map(2)")


# ---------------------------------------------------------------- how it is found


def test_a_segment_is_found_by_an_index(rfm_engine):
    with session(rfm_engine) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            """
            insert into customers (rfm_recency, rfm_frequency, rfm_monetary, lead_score, rfm_prospect)
            select r, f, m, 3 * r + 2 * f + m, i % 2 = 0 and r + f + m = 3
            from generate_series(1, 300) as i,
                generate_series(1, 5) as r, generate_series(1, 5) as f, generate_series(1, 5) as m
            """
        )
        connection.execute("analyze customers")
        one = _plan(connection, "select * from customer_segments where segment = 'champions'")
        assert "idx_customers_rfm_scores" in one
        assert "Seq Scan on customers" not in one
        (body,) = connection.execute(
            "select prosrc from pg_proc where proname = 'customers_of_segment'"
        ).fetchone()
        body = body.replace("customers_of_segment.segment", "$1")
        connection.execute(f"prepare best as {body.replace('customers_of_segment.most', '$2')}")
        connection.execute("set plan_cache_mode = force_generic_plan")
        best = _plan(connection, "execute best ('champions', 50)")
        assert best.count("idx_customers_rfm_scores") == 1
        assert best.count("idx_customers_rfm_prospect") == 2
        assert "Seq Scan on customers" not in best


def _plan(connection, query):
    return "\n".join(line for (line,) in connection.execute(f"explain {query}"))
