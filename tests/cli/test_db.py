"""`rfm db …` and `rfm demo`: what is printed, and the exit codes."""

import json
import subprocess
import time

import psycopg
import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

import rfm
from rfm import cli, db
from rfm.db.connect import run_script
from rfm.demo.steps import STEPS, Demo
from rfm.errors import FoundDifference
from rfm.testing import temporary_database


def address(engine):
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_plan_apply_status_verify_rollback(rfm_command, rfm_crm_engine):
    url = address(rfm_crm_engine)
    plan = rfm_command("db", "plan", "--dsn", url).stdout
    assert "view public.hot_leads" in plan
    assert f"in database '{rfm_crm_engine.url.database}'" in plan
    assert rfm_command("db", "apply", "--dsn", url).stdout.count("applied 2025") == 4
    assert rfm_command("db", "apply", DATABASE_URL=url).stdout == "nothing to apply\n"
    assert rfm_command("db", "plan", DATABASE_URL=url).stdout == "nothing to apply\n"
    assert rfm_command("db", "status", DATABASE_URL=url).stdout.count(" applied ") >= 4
    assert "24 of 24 checks passed" in rfm_command("db", "verify", DATABASE_URL=url).stdout
    told = json.loads(rfm_command("db", "verify", "--json", DATABASE_URL=url).stdout)
    assert len(told) == 24
    assert {frozenset(one) for one in told} == {frozenset({"fact", "passed", "found"})}
    with rfm_crm_engine.begin() as connection:
        connection.execute(text("drop trigger calculate_customer_lead_score on customers"))
    failed = rfm_command("db", "verify", DATABASE_URL=url, code=1).stdout
    assert "FAILED" in failed
    assert "23 of 24 checks passed" in failed
    rfm_command("db", "rollback", DATABASE_URL=url, code=1)  # no answer on stdin: not done
    assert rfm_command("db", "rollback", "--yes", DATABASE_URL=url).stdout.count("rolled back") == 4
    assert (
        rfm_command("db", "rollback", "--yes", DATABASE_URL=url).stdout == "nothing to roll back\n"
    )


def test_stale_customers_are_rescored_and_counted(rfm_command, rfm_engine):
    with rfm_engine.begin() as connection:
        run_script(
            connection,
            """
            set local session_replication_role = replica;
            insert into customers (email) select n::text from generate_series(1, 1234) as n;
            """,
        )
    url = address(rfm_engine)
    assert rfm_command("db", "rescore-stale", "--dsn", url).stdout == "1,234 customers rescored\n"
    assert rfm_command("db", "rescore-stale", "--dsn", url).stdout == "0 customers rescored\n"


def test_without_pg_cron_schedule_tells_what_to_put_into_a_crontab(rfm_command, rfm_engine):
    told = rfm_command("schedule", "--dsn", address(rfm_engine), code=2).stderr
    assert told.startswith("error: pg_cron is not in database")
    assert "30 2 * * * rfm db rescore-stale\n" in told


@pytest.mark.parametrize("command", ["plan", "apply", "status", "verify", "rescore-stale"])
def test_a_database_that_does_not_answer_is_one_line(rfm_command, command):
    dsn = "postgresql://nobody@127.0.0.1:1/nothing"
    done = rfm_command("db", command, "--dsn", dsn, code=2)
    assert done.stderr.startswith("error: the database says: ")
    assert "Traceback" not in done.stderr


def test_no_address_is_one_line(rfm_command):
    assert rfm_command("db", "status", code=2).stderr == (
        "error: no database given; pass --dsn or set DATABASE_URL\n"
    )


def test_a_database_without_the_tables_is_told_what_it_lacks(rfm_command):
    with temporary_database() as engine:
        done = rfm_command("db", "apply", "--dsn", address(engine), code=2)
    assert done.stderr.startswith("error: 4 problems in database ")
    assert "table public.customers is missing" in done.stderr


def test_plan_tells_how_full_the_tables_are_and_whose_triggers_are_on_them(
    rfm_command, rfm_crm_engine
):
    with rfm_crm_engine.begin() as connection:
        run_script(
            connection,
            """
            insert into customers (email) select n::text from generate_series(1, 1234) as n;
            create function f() returns trigger language plpgsql as $$ begin return new; end $$;
            create trigger stamp before update on customers for each row execute function f();
            """,
        )
    lines = rfm_command("db", "plan", "--dsn", address(rfm_crm_engine)).stdout.splitlines()
    customers = next(line for line in lines if "public.customers" in line)
    assert "1,234" in customers
    assert "stamp" in customers


def test_export_names_what_it_wrote(rfm_command, tmp_path):
    assert rfm_command("db", "export").stdout.count("wrote supabase/migrations/2025") == 4
    assert rfm_command("db", "export", tmp_path).stdout == "every file is there already\n"


def test_demo_scores_the_cdnow_customers_twice_and_can_leave_the_server_behind(rfm_command):
    done = rfm_command("demo", "--keep")
    assert "23,570 of 23,570 scores agree\n" in done.stdout
    for shown in (*(title for title, _ in STEPS), "Hot Lead (24-30)", "customer-"):
        assert shown in done.stdout
    url = done.stdout.split("the server goes on: ")[1].splitlines()[0]
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


def commands(group, path=()):
    """Yield the words of every command, groups among them."""
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


@pytest.mark.parametrize("words", [*commands(typer.main.get_command(cli.app))], ids=" ".join)
def test_every_command_has_help(words):
    # in this process: to start one for each takes most of a minute
    done = CliRunner().invoke(cli.app, [*words, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.stdout


def test_version_is_told(rfm_command):
    assert rfm_command("--version").stdout == f"rfm {rfm.__version__}\n"
