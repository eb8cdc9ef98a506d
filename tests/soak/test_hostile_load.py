"""A CRM that makes scoring as hard as it can: what is refused without rfm, and nothing else, is refused with it.

The same load runs without rfm first. `RFM_SOAK_SECONDS` sets another length than a minute each. Prepared
transactions take part where the server allows them (`max_prepared_transactions`).
"""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support import assert_true_scores, run, session

SECONDS = float(os.environ.get("RFM_SOAK_SECONDS", "60"))
WRITERS = 8
CUSTOMERS = 200
BAD = 9  # customers 1 to 8 cannot be scored, each for a reason
LEVELS = list(psycopg.IsolationLevel)

pytestmark = pytest.mark.slow

HOSTILE = """
create table touches (customer_id uuid, at timestamptz default clock_timestamp());

create function check_credit() returns trigger language plpgsql as $$
begin
    -- at the higher levels the check itself fails after an edit of the customer
    if current_setting('transaction_isolation') in ('read committed', 'read uncommitted') then
        perform from customers where id = new.customer_id for share;
    end if;
    return new;
end $$;
create trigger check_credit before insert on orders for each row execute function check_credit();

create function hostile() returns trigger language plpgsql as $$
begin
    case new.email
        when '1' then raise exception 'a secret of %', new.email;
        when '2' then perform no_such_function();
        when '3' then perform from no_such_table;
        when '4' then return null;
        when '5' then new := old;
        else raise notice '%', new.email;
    end case;
    return new;
end $$;
create trigger hostile before update on customers for each row execute function hostile();

create function answer() returns trigger language plpgsql as $$
begin
    insert into touches (customer_id) values (new.id);
    if new.email = '6' then
        insert into orders (customer_id, total_cents, event_name) values (new.id, 0, 'answer');
    end if;
    return null;
end $$;
create trigger answer after update on customers for each row execute function answer();

alter table customers add constraint old_rule check (email not in ('7', '8')) not valid;
"""
MENDED = """
drop function hostile() cascade;
drop function answer() cascade;
alter table customers drop constraint old_rule;
"""
FILL = f"insert into customers (email) select n::text from generate_series(1, {CUSTOMERS}) as n;"
CUSTOMER = "(select id from customers where email = %(customer)s)"
INSERT = f"insert into orders (customer_id, total_cents, event_name) values ({CUSTOMER}, %(cents)s, %(writer)s)"
# each writer changes its own orders: without rfm, nobody waits for anybody but the edits
OWN = "(select id from orders where event_name = %(writer)s limit 1)"
BULK = """
insert into orders (customer_id, total_cents, event_name)
select id, %(cents)s, %(writer)s from customers where mod(email::int, 20) = mod(%(customer)s::int, 20)
"""
WRITES = (
    (INSERT,),
    (INSERT,),
    (BULK,),
    (f"update orders set total_cents = %(cents)s where id = {OWN}",),
    (f"update orders set customer_id = {CUSTOMER} where id = {OWN}",),
    (f"delete from orders where id = {OWN}",),
    (INSERT, "savepoint s", INSERT, "rollback to s", INSERT),
)


# at SERIALIZABLE, looking for an own order conflicts with the orders of others, also without rfm
INSERTS = tuple(statements for statements in WRITES if OWN not in statements[0])


class Load:
    """Threads that go on until the time is over; what they did, and what was refused, by SQLSTATE."""

    def __init__(self, engine):
        self.engine = engine
        self.over = threading.Event()
        self.refused: Counter[str | None] = Counter()
        self.slowest = 0.0
        self.prepared = 0

    def write(self, seed):
        dice, done = random.Random(seed), 0
        with session(self.engine) as connection, session(self.engine, autocommit=True) as committer:
            prepares = committer.execute("show max_prepared_transactions").fetchone() != ("0",)
            while not self.over.is_set():
                level = dice.choice(LEVELS)
                connection.isolation_level = level
                statements = dice.choice(INSERTS if level is LEVELS[-1] else WRITES)
                if prepares and dice.random() < 0.1:
                    statements = (*statements, f"prepare transaction 'writer {seed}'")
                values = {
                    "customer": str(dice.randint(1, CUSTOMERS)),
                    "cents": dice.randint(-1_000, 200_000),
                    "writer": f"writer {seed}",
                }
                started = time.monotonic()
                self.sell(connection, committer, statements, values)
                self.slowest = max(self.slowest, time.monotonic() - started)
                done += 1
        return done

    def sell(self, connection, committer, statements, values):
        try:
            for statement in statements:
                connection.execute(statement, values if "%(" in statement else None)
            connection.commit()
            if statements[-1].startswith("prepare"):
                committer.execute(statements[-1].replace("prepare transaction", "commit prepared"))
                self.prepared += 1
        except psycopg.Error as error:
            self.refused[error.sqlstate] += 1
            connection.rollback()

    def edit(self):
        """Hold a customer's row for a while, again and again."""
        dice = random.Random(99)
        with session(self.engine) as connection:
            while not self.over.is_set():
                connection.execute(
                    "update customers set full_name = 'x' where email = %s",
                    [str(dice.randint(BAD, CUSTOMERS))],
                )
                time.sleep(0.3)
                connection.commit()

    def drain(self):
        with session(self.engine, autocommit=True) as connection:
            if connection.execute("select to_regclass('lead_score_queue')").fetchone() == (None,):
                return
            while not self.over.wait(1):
                connection.execute("select score_queued_customers()")

    def go(self):
        with ThreadPoolExecutor(WRITERS + 2) as pool:
            writers = [pool.submit(self.write, seed) for seed in range(WRITERS)]
            others = [pool.submit(self.edit), pool.submit(self.drain)]
            time.sleep(SECONDS)
            self.over.set()
            for one in others:
                one.result()
            return sum(writer.result() for writer in writers)


def test_nothing_is_refused_that_is_not_refused_without_rfm(rfm_crm_engine, rfm_engine):
    loads = {}
    for name, engine in {"without rfm": rfm_crm_engine, "with rfm": rfm_engine}.items():
        run(engine, FILL + HOSTILE)
        loads[name] = Load(engine)
        done = loads[name].go()
        print(
            f"\n{name}: {done:,} transactions in {SECONDS:.0f} s, {loads[name].prepared:,} prepared,"
            f" refused {dict(loads[name].refused)},"
            f" the slowest {loads[name].slowest:.2f} s"
        )
    states = run(
        rfm_engine, "select sqlstate, count(*) from lead_score_queue group by 1 order by 1"
    )
    print(f"in the queue at the end: {dict(states)}")
    assert loads["without rfm"].refused == {}
    assert loads["with rfm"].refused == {}
    assert run(rfm_engine, "select count(*) from score_queued_customers() where failed > 8") == [
        (0,)
    ]
    run(rfm_engine, MENDED)
    assert_true_scores(rfm_engine)
