"""A signed-in user with hostile settings and temporary objects: what succeeds without rfm succeeds with it."""

import psycopg
import pytest

from rfm import db
from tests.db.security.roles import ADA, BOB, crm, owned, signed_in
from tests.support import as_user, assert_true_scores, run

ORDER = f"insert into orders (customer_id, total_cents) values ('{ADA}', 7000)"
FORGERY = "update customers set lead_score = 30, rfm_recency = 5, last_scored_at = 'infinity'"
WORK = (ORDER, "update orders set total_cents = 9000", FORGERY, "delete from orders")

SETTINGS = {
    "search_path": "set search_path = pg_temp, public",
    "empty search_path": "set search_path = ''; set search_path = public",
    "lock_timeout": "set lock_timeout = '1ms'",
    "statement_timeout": "set statement_timeout = '2s'",
    "idle timeouts": "set idle_in_transaction_session_timeout = '2s'; set idle_session_timeout = '5s'",
    "role": "set role none; set role authenticated",
    "repeatable read": "set default_transaction_isolation = 'repeatable read'",
    "serializable": "set default_transaction_isolation = 'serializable'",
    "read only": "set default_transaction_read_only = on",
    "deferrable": "set default_transaction_deferrable = on",
    "datestyle": "set datestyle = 'German, DMY'",
    "intervalstyle": "set intervalstyle = 'sql_standard'",
    "timezone": "set timezone = '-12:34'",
    "digits": "set extra_float_digits = -15",
    "row_security": "set row_security = off",
    "messages": "set client_min_messages = debug5; set debug_print_plan = on",
    "extra errors": "set plpgsql.extra_errors = 'all'; set plpgsql.extra_warnings = 'all'",
    "strict parameters": "set plpgsql.print_strict_params = on",
    "planner": "set enable_indexscan = off; set enable_seqscan = off; set enable_sort = off;"
    " set enable_indexonlyscan = off; set enable_bitmapscan = off; set work_mem = '64kB';"
    " set plan_cache_mode = force_custom_plan; set join_collapse_limit = 1",
    "texts": "set standard_conforming_strings = off; set backslash_quote = on;"
    " set quote_all_identifiers = on; set array_nulls = off; set bytea_output = escape",
    "nulls": "set transform_null_equals = on",
    "locale": "set lc_numeric = 'C'; set lc_monetary = 'C'; set lc_time = 'C'",
    "own settings": "set rfm.lead_score = '30'; set lead_score.model = '2'",
    "temporary tables": "create temp table customers (like public.customers);"
    " create temp table orders (like public.orders); create temp table lead_score_queue (n int);"
    " create temp table lead_score_models (id int); create temp table new_orders (customer_id uuid);"
    " create temp table pg_trigger (tgname name); create temp view lead_score_orders as"
    f" select '{ADA}'::uuid as customer_id, now() as ordered_at, 1e9 as amount;"
    " set search_path = public, pg_temp",
    "temporary functions": "create function pg_temp.score_customers_of_orders(uuid[]) returns void"
    " language plpgsql as $$begin raise exception 'called as %', current_user; end$$;"
    " create function pg_temp.clock_timestamp() returns timestamptz language sql as"
    " $$select timestamptz '2000-01-01'$$; set search_path = pg_temp, public, pg_catalog",
    "temporary operators": "create function pg_temp.trap(bigint, numeric) returns numeric"
    " language plpgsql as $$begin raise exception 'called as %', current_user; end$$;"
    " create operator pg_temp.* (leftarg = bigint, rightarg = numeric, function = pg_temp.trap);"
    " create function pg_temp.same(uuid, uuid) returns boolean language plpgsql as"
    " $$begin raise exception 'called as %', current_user; end$$;"
    " create operator pg_temp.= (leftarg = uuid, rightarg = uuid, function = pg_temp.same)",
    "overloads": "create function public.score_customers_of_orders(customer_ids uuid[], more int default 0)"
    " returns void language plpgsql as $$begin raise exception 'called as %', current_user; end$$;"
    " create function public.touch_lead_scores(customer_ids uuid[], more int default 0)"
    " returns void language plpgsql as $$begin raise exception 'called as %', current_user; end$$",
    "open cursor": "begin; declare c cursor with hold for select * from customers; commit",
}
# a role that is nobody's after `set role none` may write nothing, with rfm or without
AFTERWARDS = "drop function if exists public.touch_lead_scores(uuid[], int), public.score_customers_of_orders(uuid[], int)"


@pytest.fixture(scope="module")
def plain():
    """Name a CRM without rfm, to be copied."""
    with crm("granted") as owner:
        run(owner, "grant create on schema public to authenticated")
        yield owner.url.database


@pytest.fixture(scope="module")
def scored(plain):
    """Name the same CRM with every migration and score, to be copied."""
    with owned(plain) as owner:
        run(owner, "grant create on schema public to authenticated")
        db.apply(owner)
        db.backfill(owner)
        yield owner.url.database


def outcome(connection, statement):
    """Return a statement's SQLSTATE and what the client was shown."""
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate, str(error.diag.message_detail) + str(error)
    return "00000", ""


def everything(owner, settings, work):
    """Do the work as Ada under the settings; return each SQLSTATE, and all that was shown."""
    shown = []
    with signed_in(owner) as connection:
        connection.add_notice_handler(
            lambda notice: shown.append(f"{notice.message_primary} {notice.message_detail}")
        )
        connection.execute(settings)
        outcomes = [outcome(connection, statement) for statement in work]
    return [state for state, _ in outcomes], "\n".join([*shown, *(text for _, text in outcomes)])


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_what_a_user_may_do_without_rfm_succeeds_with_it_and_scores_stay_true(
    plain, scored, settings
):
    columns = "alter table customers add lead_score int, add rfm_recency int, add last_scored_at timestamptz"
    with owned(plain) as bare:
        run(bare, columns)
        without, _ = everything(bare, settings, WORK)
    with owned(scored) as owner:
        root = as_user(owner, "postgres")
        states, shown = everything(owner, settings, WORK)
        assert states == without
        assert not any(word in shown for word in ("bob@example.com", BOB, "called as"))
        assert run(root, "select from customers where last_scored_at = 'infinity'") == []
        run(root, AFTERWARDS)
        assert_true_scores(root)


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_a_forged_score_never_stays(scored, level):
    """Not even until the queue is drained."""
    with owned(scored) as owner:
        before = run(owner, "select lead_score, rfm_recency from customers order by id")
        everything(owner, f"set default_transaction_isolation = '{level}'", [FORGERY] * 2)
        assert run(owner, "select lead_score, rfm_recency from customers order by id") == before
        assert run(owner, "select from customers where not isfinite(last_scored_at)") == []


def test_no_error_shows_its_writer_a_row_of_somebody_else(scored):
    """A customer that cannot be scored, and that the writer of the order may not see."""
    with owned(scored) as owner:
        run(
            owner,
            "alter table customers add constraint named check (full_name is not null) not valid;"
            "create policy every on orders for insert to authenticated with check (true);",
        )
        work = [f"insert into orders (customer_id, total_cents) values ('{BOB}', 1)"]
        states, shown = everything(owner, "set client_min_messages = debug1", work)
        assert states == ["00000"]
        assert "bob" not in shown
        assert run(owner, "select customer_id::text, sqlstate from lead_score_queue") == [
            (BOB, "23514")
        ]
