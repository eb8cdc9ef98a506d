"""`rfm demo`: what is printed, what stays behind, and what fails it."""

import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from rfm import db
from rfm.demo.steps import STEPS, Demo
from rfm.errors import FoundDifference
from rfm.testing import temporary_database


def test_demo_scores_the_cdnow_customers_twice_and_can_leave_the_server_behind(rfm_command):
    done = rfm_command("demo", "--keep")
    assert "23,570 of 23,570 scores agree\n" in done.stdout
    for shown in (*(title for title, _ in STEPS), "Hot Lead (24-30)", "customer-"):
        assert shown in done.stdout
    url = done.stdout.split("the server is still running: ")[1].splitlines()[0]
    assert f"export DATABASE_URL='{url}'\n" in done.stdout
    stop = done.stdout.split("stop it with: ")[1].splitlines()[0]
    with psycopg.connect(url) as connection:
        assert connection.execute("select count(*) from customers").fetchone() == (23570,)
    subprocess.run(stop, shell=True, check=True)
    while answers(url):
        time.sleep(0.05)


def answers(url):
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_demo_that_is_stopped_keeps_nothing(rfm_command, monkeypatch):
    addresses = []

    def stop(run):
        addresses.append(run.engine.url)
        raise KeyboardInterrupt

    monkeypatch.setattr("rfm.cli.commands.demo._show", stop)
    rfm_command("demo", "--keep", code=130)
    assert not Path(addresses[0].query["host"]).parent.exists()


@pytest.fixture
def finished_demo():
    with temporary_database() as engine:
        demo = Demo(engine)
        for _, step in STEPS:
            step(demo)
        yield demo


def test_demo_fails_at_the_first_difference(finished_demo):
    with finished_demo.engine.begin() as connection:
        connection.exec_driver_sql("alter table customers disable trigger user")
        connection.exec_driver_sql(
            "update customers set lead_score = 7 where email = 'customer-22348@example.com'"
        )
    finished_demo.score_in_polars()
    with pytest.raises(FoundDifference, match="'lead_score': 7"):
        finished_demo.compare()
    assert db.score_differences(finished_demo.engine).height == 1
