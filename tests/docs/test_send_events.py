"""The consumer of docs/how-to/follow-events.md, against a receiver that fails each third call."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rfm import db
from rfm.testing import temporary_database
from tests.support import address, run

DOCUMENT = Path(__file__).parents[2] / "docs/how-to/follow-events.md"
SECRET = "whsec_" + base64.b64encode(b"a secret of the test").decode()


class Receiver(ThreadingHTTPServer):
    """Takes events, but answers each `fails` th call with 500, and remembers what it has taken."""

    def __init__(self, fails):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fails = fails
        self.calls = 0
        self.taken: list[tuple[dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls += 1
        if self.server.calls % self.server.fails == 0:
            self.send_response(500)
        else:
            self.server.taken.append((dict(self.headers), body))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    code = re.search(
        r"```python\n(# send_events\.py\n.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL
    )
    assert code
    path = tmp_path_factory.mktemp("consumer") / "send_events.py"
    path.write_text(code[1], encoding="utf-8")
    assert len(code[1].splitlines()) < 100
    return path


@pytest.fixture
def recorded(rfm_template):
    with temporary_database(rfm_template) as engine:
        db.enable_history(engine)
        run(engine, "insert into customers (email) select n::text from generate_series(1, 8) as n")
        run(engine, "insert into orders (customer_id, total_cents) select id, 5000 from customers")
        yield engine


def send_all(program, engine, fails, code=0):
    """Run the consumer once; return what the receiver has taken."""
    receiver = Receiver(fails)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    try:
        done = subprocess.run(
            [sys.executable, program],
            env={
                **os.environ,
                "DATABASE_URL": address(engine),
                "WEBHOOK_URL": f"http://127.0.0.1:{receiver.server_port}/",
                "WEBHOOK_SECRET": SECRET,
                "FIRST_PAUSE": "0.01",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join()
    assert done.returncode == code, done.stderr
    return receiver.taken


def test_every_event_arrives_once_and_signed_though_each_third_call_fails(program, recorded):
    taken = send_all(program, recorded, fails=3)
    events = [json.loads(body) for _, body in taken]
    assert len(events) == len({event["id"] for event in events}) == 16
    for headers, body in taken:
        given = {name.lower(): value for name, value in headers.items()}
        signed = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + body
        digest = hmac.new(b"a secret of the test", signed, hashlib.sha256).digest()
        assert given["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    for subject in {event["subject"] for event in events}:
        scores = [event["data"]["new"]["score"] for event in events if event["subject"] == subject]
        assert scores == [6, max(scores)]
    assert send_all(program, recorded, fails=3) == []


def test_what_a_receiver_that_is_down_did_not_take_comes_at_the_next_start(program, recorded):
    assert send_all(program, recorded, fails=1, code=1) == []
    assert len(send_all(program, recorded, fails=1000)) == 16
