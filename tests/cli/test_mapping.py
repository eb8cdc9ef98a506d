"""Commands on a mapped database: from any folder, with no mapping, with another mapping."""

from functools import partial

import pytest

from rfm import db
from rfm.db.connect import run_script
from rfm.testing import temporary_database
from tests.db.mapping.crm import FOLDER, Crm, changed, mapping_of

SCHEMA = "two_order_tables"
COMMANDS = {
    "db plan": 0,
    "db apply": 0,
    "db status": 0,
    "db verify": 0,
    "db rescore-stale": 0,
    "db backfill": 0,
    "model list": 0,
    "model show": 0,
    "model fit --min-customers 1": 0,
    "model set --recency 90,60,30,10": 0,
    "model activate 1": 0,
    "model simulate 1": 0,
    "schedule": 2,  # there is no pg_cron: it prints the lines for a crontab
    "db rollback --yes": 0,
}


@pytest.fixture(scope="module")
def shop():
    with temporary_database() as engine:
        with engine.begin() as connection:
            run_script(connection, (FOLDER / f"{SCHEMA}.sql").read_text())
        crm = Crm(engine, mapping_of(SCHEMA))
        ada = crm.customer()
        crm.run("insert into shop.web_orders (buyer_id, total) values (%s, 300)", ada)
        crm.apply()
        db.backfill(engine)
        yield crm


def everything(crm):
    tables = ("rfm.mapping", "rfm.applied_migrations", "lead_score_models", "hot_leads")
    return crm.catalogue(), [crm.run(f"select * from {table}") for table in tables]


@pytest.mark.parametrize("command", COMMANDS)
def test_another_mapping_is_refused_by_every_command_and_nothing_is_changed(
    rfm_command, tmp_path, shop, command
):
    before = everything(shop)
    (tmp_path / "rfm.toml").write_text(changed(SCHEMA, 'email = "mail"\n', ""))
    done = rfm_command(*command.split(), engine=shop.engine, code=2)
    assert (
        "was applied with another one: customers.email is missing in the given one" in done.stderr
    )
    assert "nothing was changed" in done.stderr
    assert done.stdout == ""
    assert everything(shop) == before


@pytest.mark.parametrize("command", ["db plan", "db apply", "db rollback --yes", "db backfill"])
def test_a_mapping_is_refused_on_a_database_without_one(rfm_command, rfm_engine, command):
    mapping = FOLDER / f"{SCHEMA}.toml"
    done = rfm_command(*command.split(), "--mapping", mapping, engine=rfm_engine, code=2)
    assert "was applied without one; nothing was changed" in done.stderr


def test_the_recorded_mapping_is_printed(rfm_command, shop, rfm_engine):
    printed = rfm_command("db", "mapping", engine=shop.engine).stdout
    assert printed == (FOLDER / f"{SCHEMA}.toml").read_text()
    without = rfm_command("db", "mapping", engine=rfm_engine)
    assert without.stdout == ""
    assert "no mapping" in without.stderr


def test_without_a_mapping_every_command_does_the_right_thing(rfm_command, shop):
    rfm = partial(rfm_command, engine=shop.engine)
    for command, code in COMMANDS.items():
        done = rfm(*command.split(), code=code)
        assert "does not exist" not in done.stdout + done.stderr
    assert shop.run("select to_regclass('rfm.mapping')") == [(None,)]
    assert "lead_score" not in shop.catalogue()
    # in a database without rfm, the mapping is needed once more
    refused = rfm("db", "apply", code=2)
    assert "table public.customers is missing" in refused.stderr
    rfm("db", "apply", "--mapping", FOLDER / f"{SCHEMA}.toml")
    rfm("db", "backfill")
    rfm("db", "verify")
