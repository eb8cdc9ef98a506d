"""Five customers whose scores age: time is moved by making everything that bears one older, past the triggers."""

from uuid import UUID

from sqlalchemy import text

CUSTOMERS = [UUID(int=number) for number in range(1, 6)]
A = CUSTOMERS[0]


def run(connection, statement, **values):
    return connection.execute(text(statement), values)


def past_triggers(connection, statement, **values):
    run(connection, "set local session_replication_role = replica")
    run(connection, statement, **values)
    run(connection, "set local session_replication_role = origin")


def let_pass(connection, time):
    for statement in (
        "update orders set created_at = created_at - :time",
        "update customers set last_scored_at = last_scored_at - :time",
        "update lead_score_rescoring set done_until = done_until - :time",
    ):
        past_triggers(connection, statement, time=time)


def call(connection, batch=50_000):
    return tuple(run(connection, "call rescore_stale_customers(:batch)", batch=batch).one())


def rescore(connection, batch=50_000):
    total, more = 0, True
    while more:
        rescored, more = call(connection, batch)
        total += rescored
    return total


def done_until(connection):
    return run(connection, "select done_until from lead_score_rescoring").scalar_one()


def stale(connection):
    """Return whose score was not the true one when the last complete run looked."""
    statement = """
        select d.* from lead_score_drift((select done_until from lead_score_rescoring)) as d
        inner join customers as c on c.id = d.customer_id
        where c.last_scored_at is null
        -- a fresh order up to five minutes ahead counts already: the score is for its instant
        or c.last_scored_at <= (select done_until from lead_score_rescoring)
    """
    return run(connection, statement).all()


def start(connection):
    connection.rollback()
    run(connection, "truncate customers, orders, messages, deals")
    run(connection, "insert into customers (id) select unnest(cast(:ids as uuid[]))", ids=CUSTOMERS)
    assert rescore(connection) == 0


def take(connection, kind, *rest):
    if kind == "order":
        key, age, amount, status = rest
        run(
            connection,
            """
            insert into orders (customer_id, created_at, total_cents, status)
            values (:key, clock_timestamp() - cast(:age as interval), :amount, :status)
            """,
            key=key,
            age=age,
            amount=amount,
            status=status,
        )
    elif kind == "pass":
        let_pass(connection, rest[0])
    elif kind == "rescore":
        call(connection, rest[0])  # one batch: whoever is left waits for the next
    elif kind == "cancel":
        run(connection, "update orders set status = 'void' where customer_id = :key", key=rest[0])
    elif kind == "unscored":
        past_triggers(
            connection,
            "update customers set lead_score = 0, rfm_recency = 0, rfm_frequency = 0,"
            " rfm_monetary = 0, last_scored_at = null where id = :key",
            key=rest[0],
        )
    else:
        model = rest[0]
        run(
            connection,
            """
            insert into lead_score_models (recency, frequency, monetary, weights)
            values (:recency, :frequency, :monetary, :weights)
            """,
            **{
                name: list(getattr(model, name))
                for name in ("recency", "frequency", "monetary", "weights")
            },
        )
        run(connection, "select activate_lead_score_model(max(id)) from lead_score_models")
