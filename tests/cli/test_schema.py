"""`rfm db plan`, `apply`, `status`, `verify`, `export`, `rollback`."""

import json
from functools import partial

from rfm.db.schema.migrations import migrations
from rfm.testing import temporary_database
from tests.support import run

ALL = sum(not migration.opt_in for migration in migrations())


def test_plan_apply_status_verify_rollback(rfm_command, rfm_crm_engine):
    rfm = partial(rfm_command, engine=rfm_crm_engine)
    plan = rfm("db", "plan").stdout
    assert "view public.hot_leads" in plan
    assert f"in database '{rfm_crm_engine.url.database}'" in plan
    assert rfm("db", "apply").stdout.count("applied 2025") == ALL
    assert rfm("db", "apply").stdout == "nothing to apply\n"
    assert rfm("db", "plan").stdout == "nothing to apply\n"
    assert rfm("db", "status").stdout.count(" applied ") >= 4
    checks = json.loads(rfm("db", "verify", "--json").stdout)
    assert {frozenset(one) for one in checks} == {frozenset({"fact", "passed", "found"})}
    number = len(checks)
    assert f"{number} of {number} checks passed" in rfm("db", "verify").stdout
    run(rfm_crm_engine, "drop trigger calculate_customer_lead_score on customers")
    failed = rfm("db", "verify", code=1).stdout
    assert "FAILED" in failed
    assert f"{number - 1} of {number} checks passed" in failed
    rfm("db", "rollback", code=1)  # no answer on stdin: not done
    assert rfm("db", "rollback", "--yes").stdout.count("rolled back") == ALL
    assert rfm("db", "rollback", "--yes").stdout == "nothing to roll back\n"


def test_a_database_without_the_tables_is_told_what_it_lacks(rfm_command):
    with temporary_database() as engine:
        done = rfm_command("db", "apply", engine=engine, code=2)
    assert done.stderr.startswith("error: 4 problems in database ")
    assert "table public.customers is missing" in done.stderr


def test_plan_tells_how_full_the_tables_are_and_whose_triggers_are_on_them(
    rfm_command, rfm_crm_engine
):
    run(
        rfm_crm_engine,
        """
        insert into customers (email) select n::text from generate_series(1, 1234) as n;
        create function f() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger stamp before update on customers for each row execute function f();
        analyze customers;
        """,
    )
    lines = rfm_command("db", "plan", engine=rfm_crm_engine).stdout.splitlines()
    customers = next(line for line in lines if "public.customers" in line)
    assert "about 1,234" in customers
    assert "stamp" in customers


def test_export_names_what_it_wrote(rfm_command, tmp_path):
    assert rfm_command("db", "export").stdout.count("wrote supabase/migrations/2025") == ALL
    assert rfm_command("db", "export", tmp_path).stdout == "nothing to write: every file exists\n"
