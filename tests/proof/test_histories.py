"""The proof: whatever is done to customers, orders and models, triggers and Polars agree."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, text

import rfm
from rfm import db
from rfm.db.connect import run_script
from rfm.db.models.stored import read_active_model
from rfm.db.sql import run
from rfm.stored import SCORES, compare_scores
from rfm.testing import cents, instants, models, statuses
from rfm.testing.strategies import DAY

CUSTOMERS = [UUID(int=number) for number in range(1, 7)]
NOW = datetime.now(UTC)
FOREVER = st.sampled_from(["infinity", "-infinity"])

keys = st.sampled_from(CUSTOMERS)
# around the thresholds as seen from the database's clock, and in its five minutes of grace
moments = st.one_of(
    st.builds(
        "{} microseconds".format,
        st.one_of(
            st.integers(-400 * 86_400 * 10**6, 30 * 86_400 * 10**6),
            st.builds(
                lambda days, slack: -days * 86_400 * 10**6 + slack,
                st.sampled_from([0, 30, 31, 60, 61, 90, 91, 180, 181]),
                st.integers(-3_000, 3_000),
            ),
            st.integers(-5, 5).map(lambda slack: 300 * 10**6 + slack * 1_000),
        ),
    ),
    FOREVER,
)
order_rows = st.lists(
    st.tuples(keys | st.none(), moments | st.none(), cents() | st.none(), statuses()),
    min_size=1,
    max_size=8,
)

MOMENT = """
    case
        when cast(:at as text) like '%infinity' then cast(:at as timestamptz)
        else clock_timestamp() + cast(:at as interval)
    end
"""


def orders_of(connection):
    """Read the CRM's own orders, not the view: the rule on statuses is Polars' own here."""
    rows = connection.execute(
        text("""
            select
                customer_id::text,
                case
                    when isfinite(created_at) then (extract(epoch from created_at) * 1000000)::bigint
                    when created_at = '-infinity' then -4611686018427387904
                end,
                total_cents::text,
                status
            from orders where customer_id is not null
        """)
    ).all()
    schema = {
        "customer_id": pl.String,
        "ordered_at": pl.Int64,
        "amount": pl.String,
        "status": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("ordered_at").cast(pl.Datetime("us", "UTC")),
        pl.col("amount").cast(pl.Decimal(38, 2)) * pl.lit("0.01").cast(pl.Decimal(38, 2)),
    )


def scores_of(connection):
    rows = run(connection, "internal/reads/scores", first=UUID(int=0), stop=None).fetchall()
    names = ("customer_id", "last_scored_at", *SCORES)
    return pl.DataFrame(
        [[getattr(row, name) for name in names] for row in rows],
        schema=dict(
            zip(
                names,
                (pl.String, pl.Datetime("us", "UTC"), pl.Int32, pl.Int32, pl.Int32, pl.String),
                strict=True,
            )
        ),
        orient="row",
    ).with_columns(pl.col("rfm_monetary").cast(pl.Decimal(3, 2)))


def assert_agreement(connection):
    """Every stored score is Polars' score; and drift, which is SQL's own opinion, is empty."""
    stored = scores_of(connection)
    summary = rfm.summarize_orders(
        orders_of(connection), as_of=pl.col("last_scored_at"), customers=stored
    )
    expected = rfm.score_frame(summary, read_active_model(connection)[0])
    differences = compare_scores(stored, expected).filter(~pl.col("agree"))
    assert differences.rows(named=True) == []
    assert connection.execute(text("select * from lead_score_drift()")).all() == []


@pytest.fixture
def connection(rfm_engine):
    with rfm_engine.connect() as connection:
        yield connection


class History(RuleBasedStateMachine):
    """Statements in transactions that commit or roll back; after each the scores are true."""

    connection: Connection  # put there by the test below

    @initialize()
    def start_afresh(self):
        self.connection.rollback()
        self.connection.execute(text("truncate customers, orders, messages, deals"))
        self.connection.execute(
            text("insert into customers (id) select unnest(cast(:ids as uuid[]))"),
            {"ids": CUSTOMERS[:4]},
        )
        self.connection.execute(text("select activate_lead_score_model(1)"))
        self.connection.commit()

    @invariant()
    def scores_are_true(self):
        assert_agreement(self.connection)

    def do(self, statement, **values):
        self.connection.execute(text(statement), values)

    def existing(self, key):
        return self.connection.scalar(
            text("select id from customers where id = :key union all select null limit 1"),
            {"key": key},
        )

    @rule(rows=order_rows)
    def insert_orders(self, rows):
        known = set(self.connection.scalars(text("select id from customers")))
        self.do(
            f"""
            insert into orders (customer_id, created_at, total_cents, status)
            select r.customer_id, {MOMENT.replace(":at", "r.at")}, r.total_cents, r.status
            from unnest(
                cast(:keys as uuid[]), cast(:ats as text[]), cast(:cents as bigint[]), cast(:statuses as text[])
            ) as r (customer_id, at, total_cents, status)
            """,
            keys=[row[0] if row[0] in known else None for row in rows],
            ats=[row[1] for row in rows],
            cents=[row[2] for row in rows],
            statuses=[row[3] for row in rows],
        )

    @rule(key=keys, at=moments)
    def change_times(self, key, at):
        self.do(f"update orders set created_at = {MOMENT} where customer_id = :key", key=key, at=at)

    @rule(key=keys, amount=cents() | st.none())
    def change_amounts(self, key, amount):
        self.do(
            "update orders set total_cents = :amount where customer_id = :key",
            key=key,
            amount=amount,
        )

    @rule(status=statuses(), some=st.integers(0, 15))
    def change_statuses(self, status, some):
        self.do(
            "update orders set status = :status where get_byte(uuid_send(id), 15) % 16 = :some",
            status=status,
            some=some,
        )

    @rule(key=keys, other=keys)
    def move_orders(self, key, other):
        self.do(
            "update orders set customer_id = :other where customer_id = :key",
            key=key,
            other=self.existing(other),
        )

    @rule(key=keys)
    def delete_orders(self, key):
        self.do("delete from orders where customer_id = :key", key=key)

    @rule(key=keys, status=statuses())
    def upsert_orders(self, key, status):
        self.do(
            """
            insert into orders (id, customer_id) select id, customer_id from orders
            where customer_id = :key
            on conflict (id) do update set status = :status
            """,
            key=key,
            status=status,
        )

    @rule()
    def truncate_orders(self):
        self.do("truncate orders")

    @rule(key=keys)
    def add_customer(self, key):
        self.do("insert into customers (id) values (:key) on conflict do nothing", key=key)

    @rule(key=keys)
    def delete_customer(self, key):
        self.do("delete from customers where id = :key", key=key)

    @rule(key=keys, score=st.integers(0, 99))
    def forge_a_score(self, key, score):
        self.do(
            """
            update customers
            set lead_score = :score, rfm_recency = 5, rfm_monetary = 9.99, last_scored_at = '2001-01-01'
            where id = :key
            """,
            key=key,
            score=score,
        )

    @rule(model=models())
    def change_the_model(self, model):
        self.do(
            """
            insert into lead_score_models (recency, frequency, monetary, weights)
            values (:recency, :frequency, :monetary, :weights)
            """,
            recency=list(model.recency),
            frequency=list(model.frequency),
            monetary=list(model.monetary),
            weights=list(model.weights),
        )
        self.do("select activate_lead_score_model(max(id)) from lead_score_models")
        self.rescore()
        assert read_active_model(self.connection) == model

    @rule()
    def fit_the_model(self):
        counted = self.connection.scalar(
            text("""
                select count(*) from lead_score_orders
                where customer_id is not null and ordered_at <= clock_timestamp()
            """)
        )
        if counted:
            self.do("select fit_lead_score_model()")
            self.rescore()

    def rescore(self):
        self.do("update customers set last_scored_at = last_scored_at")

    @rule()
    def commit(self):
        self.connection.commit()

    @rule()
    def roll_back(self):
        self.connection.rollback()


def test_every_history_leaves_true_scores(connection):
    class Here(History):
        pass

    Here.connection = connection
    run_state_machine_as_test(Here, settings=settings())


orders_at = st.lists(
    st.tuples(keys, instants(NOW) | FOREVER | st.none(), cents() | st.none(), statuses()),
    max_size=40,
)


def refill(connection, rows):
    connection.rollback()
    connection.execute(text("truncate customers, orders, messages, deals"))
    connection.execute(
        text("insert into customers (id) select unnest(cast(:ids as uuid[]))"), {"ids": CUSTOMERS}
    )
    if rows:
        connection.execute(
            text("""
                insert into orders (customer_id, created_at, total_cents, status)
                values (:key, cast(:at as timestamptz), :cents, :status)
            """),
            [dict(zip(("key", "at", "cents", "status"), row, strict=True)) for row in rows],
        )


def unsettle(connection):
    """Put every score out of range, so that drift shows what it expects of everybody."""
    connection.execute(text("alter table customers disable trigger user"))
    connection.execute(text("update customers set lead_score = -1"))


@given(rows=orders_at, model=models())
def test_sql_and_polars_agree_at_any_instant_to_the_microsecond(connection, rows, model):
    refill(connection, rows)
    connection.execute(
        text("""
            insert into lead_score_models (recency, frequency, monetary, weights)
            values (:recency, :frequency, :monetary, :weights)
        """),
        {
            name: list(getattr(model, name))
            for name in ("recency", "frequency", "monetary", "weights")
        },
    )
    connection.execute(text("select activate_lead_score_model(max(id)) from lead_score_models"))
    unsettle(connection)
    rows = connection.execute(
        text("""
            select customer_id::text, expected_lead_score as lead_score,
                expected_rfm_recency as rfm_recency, expected_rfm_frequency as rfm_frequency,
                expected_rfm_monetary as rfm_monetary
            from lead_score_drift(:as_of)
        """),
        {"as_of": NOW},
    ).mappings()
    by_sql = {row["customer_id"]: tuple(row[name] for name in SCORES) for row in rows}
    summary = rfm.summarize_orders(
        orders_of(connection),
        as_of=NOW,
        customers=pl.DataFrame({"customer_id": [str(key) for key in CUSTOMERS]}),
    )
    scored = rfm.score_frame(summary, model).select("customer_id", *SCORES)
    by_polars = {
        row["customer_id"]: tuple(row[name] for name in SCORES) for row in scored.rows(named=True)
    }
    connection.rollback()
    assert by_sql == by_polars


@given(rows=orders_at)
def test_fit_finds_the_same_model_in_sql_and_in_polars(connection, rows):
    refill(connection, rows)
    summary = rfm.summarize_orders(orders_of(connection), as_of=NOW)
    if summary.filter(pl.col("frequency") > 0).is_empty():
        with pytest.raises(rfm.EmptyFit):
            rfm.fit(summary)
        with pytest.raises(Exception, match="nothing to fit"):
            connection.execute(text("select fit_lead_score_model(:as_of)"), {"as_of": NOW})
    else:
        connection.execute(text("select fit_lead_score_model(:as_of)"), {"as_of": NOW})
        assert read_active_model(connection)[0] == rfm.fit(summary)
    connection.rollback()


@pytest.mark.parametrize("days", [30, 60, 90, 180])
def test_each_recency_threshold_falls_to_the_microsecond(connection, days):
    def recency(age):
        refill(connection, [(CUSTOMERS[0], NOW - age, 100, "paid")])
        unsettle(connection)
        return connection.scalar(
            text(
                "select expected_rfm_recency from lead_score_drift(:now) where customer_id = :key"
            ),
            {"now": NOW, "key": CUSTOMERS[0]},
        )

    day_after = (days + 1) * DAY
    assert recency(day_after) == recency(day_after - timedelta(microseconds=1)) - 1


def test_ten_thousand_customers_scored_in_one_statement_agree(rfm_engine):
    # their orders lie at each threshold, a microsecond apart, so the clock passes over them meanwhile
    with rfm_engine.begin() as connection:
        run_script(
            connection,
            """
            insert into customers (email) select n::text from generate_series(1, 10000) as n;
            insert into orders (customer_id, total_cents, created_at)
            select
                id,
                (array[4999, 5000, 20000, 49999, 100000])[1 + email::int % 5],
                clock_timestamp() - (array[31, 61, 91, 181])[1 + email::int % 4] * interval '24 hours'
                + email::int * interval '30 microseconds'
            from customers;
            """,
        )
    with rfm_engine.connect() as connection:
        assert_agreement(connection)
    assert db.score_differences(rfm_engine).is_empty()
