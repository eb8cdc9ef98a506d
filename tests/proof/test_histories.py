"""The proof: whatever is done to customers, orders and models, triggers and Polars agree."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, text

from rfm.db.models.stored import read_active_model
from rfm.testing import cents, models, statuses
from tests.proof.agreement import CUSTOMERS, FOREVER, assert_agreement, keys

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
        assert read_active_model(self.connection)[0] == model

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
