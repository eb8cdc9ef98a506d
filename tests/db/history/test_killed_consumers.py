"""Writers and consumers at the same time, consumers killed at random: at least once, in order."""

import random
import subprocess
import sys
import time
from threading import Thread

from tests.db.history.support import key
from tests.support import address, run, session

WRITERS = 8
SECONDS = 6

# Writes the events of each batch to a file before it says that the batch is done.
CONSUMER = """
import sys, time
from rfm import db
from rfm.errors import ConsumerBusy
dsn, name, path = sys.argv[1:]
with open(path, "a", buffering=1) as out:
    while True:
        try:
            for batch in db.events(dsn, name, batch_size=7, wait=0.02):
                for event in batch:
                    out.write(event["id"].partition(".")[0] + " " + event["subject"] + "\\n")
        except ConsumerBusy:
            time.sleep(0.02)
"""


def write(engine, seed, stop_at):
    dice = random.Random(seed)
    with session(engine) as connection:
        while time.monotonic() < stop_at:
            for _ in range(dice.randint(1, 3)):
                connection.execute("savepoint one")
                connection.execute(
                    "insert into orders (customer_id, total_cents, created_at)"
                    " values (%s, %s, now() - %s * interval '1 day')",
                    [key(dice.randint(1, 5)), dice.randint(1, 90_000), dice.randint(0, 200)],
                )
                if dice.random() < 0.2:
                    connection.execute("rollback to savepoint one")
            if dice.random() < 0.3:
                connection.execute(
                    "delete from orders where customer_id = %s", [key(dice.randint(1, 5))]
                )
            connection.commit()


def start(engine, name, path):
    return subprocess.Popen([sys.executable, "-c", CONSUMER, address(engine), name, path])


def test_killed_consumers_miss_nothing_and_keep_the_order_of_each_customer(recorded, tmp_path):
    stop_at = time.monotonic() + SECONDS
    writers = [Thread(target=write, args=(recorded, seed, stop_at)) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    dice = random.Random(9)
    files = {name: tmp_path / name for name in ("one", "two")}
    consumers = {name: start(recorded, name, path) for name, path in files.items()}
    kills = 0
    while time.monotonic() < stop_at:
        time.sleep(dice.uniform(0.9, 1.5))
        name = dice.choice(list(files))
        consumers[name].kill()
        consumers[name].wait()
        consumers[name] = start(recorded, name, files[name])
        kills += 1
    for writer in writers:
        writer.join()
    written = run(
        recorded, "select event_id, customer_id::text from lead_score_history order by event_id"
    )
    assert len(written) > 50
    try:
        give_up = time.monotonic() + 30
        while not all(seen(path) >= set(written) for path in files.values()):
            assert time.monotonic() < give_up
            time.sleep(0.1)
    finally:
        for consumer in consumers.values():
            consumer.kill()
            consumer.wait()
    assert kills > 2
    for path in files.values():
        assert seen(path) == set(written)
        assert_in_order(path)


def lines(path):
    whole = [line.split() for line in path.read_text().split("\n")[:-1]] if path.exists() else []
    return [(int(event), customer) for event, customer in whole]


def seen(path):
    return set(lines(path))


def assert_in_order(path):
    """Fail unless each customer's events came in order, but for those that came again."""
    newest: dict[str, int] = {}
    known = set()
    for event, customer in lines(path):
        if (event, customer) not in known:
            assert event > newest.get(customer, 0)
            newest[customer] = event
            known.add((event, customer))
