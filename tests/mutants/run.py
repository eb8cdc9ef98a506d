"""Seeded faults in the SQL and in the core: each has to be noticed by the tests.

`python tests/mutants/run.py` makes each change in a copy of the project and runs the test that is known
to notice it; where that one passes, all of TESTS until the first failure. Two mutants at a time on two
processors, all on one PostgreSQL server. Exits with 1 when a mutant survives.
`-k WORD` runs only those whose name has the word.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rfm.testing import server_address

ROOT = Path(__file__).parents[2]
SCORING = "sql/migrations/20250115000001_create_lead_scoring.sql"
TIMELINE = "sql/migrations/20250115000000_create_customer_activity_timeline.sql"
POST = "sql/migrations/20250115000002_create_post_migration_objects.sql"
OPERATIONS = "sql/migrations/20250115000003_create_lead_score_operations.sql"
# quick ones first: a mutant is done with at its first failure
TESTS = [
    "tests/proof/test_cases.py",
    "tests/proof/test_histories.py",
    "tests/db/scoring/test_writes.py",
    "tests/db/test_proof.py",
    "tests/proof/test_rescoring.py",
    "tests/db/rescore/test_operations.py",
    "tests/db/schema/test_guide.py",
    "tests/db/schema/test_apply.py",
    "tests/db/scoring/test_concurrency.py",
    "tests/db/scoring/test_security.py",
    "tests/db/scoring/test_interleavings.py",
]
# A mutant whose SQL is no SQL proves nothing: this one still has to pass.
APPLIES = "tests/db/schema/test_apply.py::test_apply_creates_everything_and_records_it"
LONGEST = 900  # seconds; a test that hangs has noticed, too


class Mutant(NamedTuple):
    """One fault: `old` becomes `new`, once; the killer is the test that is run first.

    `within` is how the statement begins that has it, where other statements have the same text.
    """

    name: str
    file: str
    old: str
    new: str
    killer: str
    within: str = ""

    def apply(self, source):
        """Return the source with the fault; it has to fit exactly one place."""
        before, start, rest = source.partition(self.within) if self.within else ("", "", source)
        # what is said about an object stands behind it
        statement, end, after = rest.partition("\ncomment on ") if self.within else (rest, "", "")
        if statement.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: {self.file} has {self.old!r} {statement.count(self.old)} times"
            )
        return before + start + statement.replace(self.old, self.new) + end + after


MUTANTS = [
    # the one writer
    Mutant(
        "scoring is stable",
        SCORING,
        "language plpgsql\n",
        "language plpgsql\nstable\n",
        "tests/db/schema/test_apply.py::test_verify_passes_on_a_scored_database",
        "create or replace function public.calculate_lead_score()",
    ),
    Mutant(
        "scoring as the caller",
        SCORING,
        "security definer\n",
        "",
        "tests/db/scoring/test_security.py::test_a_score_cannot_be_forged",
        "create or replace function public.calculate_lead_score()",
    ),
    Mutant(
        "scoring with a mutable search_path",
        SCORING,
        "set search_path = ''\n",
        "",
        "tests/db/scoring/test_security.py::test_supabases_linter_would_find_nothing",
        "create or replace function public.calculate_lead_score()",
    ),
    Mutant(
        "the transaction's clock",
        SCORING,
        "clock constant timestamp with time zone := clock_timestamp();",
        "clock constant timestamp with time zone := now();",
        "tests/db/scoring/test_concurrency.py::test_an_old_transaction_scores_by_the_clock_and_not_by_its_own_start",
    ),
    Mutant(
        "no grace for fast clocks",
        SCORING,
        "clock + interval '5 minutes'",
        "clock",
        "tests/proof/test_cases.py::test_an_order_of_a_fast_clock_counts_at_once_and_is_the_scores_instant",
    ),
    Mutant(
        "an hour of grace",
        SCORING,
        "interval '5 minutes'",
        "interval '1 hour'",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    Mutant(
        "last_scored_at is the clock alone",
        SCORING,
        "greatest(clock, last_order_at)",
        "clock",
        "tests/proof/test_cases.py::test_an_order_of_a_fast_clock_counts_at_once_and_is_the_scores_instant",
    ),
    Mutant(
        "an infinite recency counts",
        SCORING,
        "nullif(last_order_at, '-infinity')",
        "last_order_at",
        "tests/proof/test_cases.py::test_an_infinite_time_fails_no_write_and_earns_no_recency",
    ),
    Mutant(
        "no order earns frequency",
        SCORING,
        "case when frequency > 0 then width_bucket(frequency, model.frequency) else 0 end",
        "width_bucket(frequency, model.frequency)",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    Mutant(
        "negative spend earns a point",
        SCORING,
        "when frequency > 0 and monetary >= 0 then width_bucket(monetary, model.monetary)",
        "when frequency > 0 then width_bucket(monetary, model.monetary)",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    Mutant(
        "zero spend earns nothing",
        SCORING,
        "frequency > 0 and monetary >= 0 then width_bucket(monetary, model",
        "frequency > 0 and monetary > 0 then width_bucket(monetary, model",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    Mutant(
        "weights swapped",
        SCORING,
        "model.weights[1]",
        "model.weights[2]",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
        "create or replace function public.calculate_lead_score()",
    ),
    Mutant(
        "an old snapshot scores with an old model",
        SCORING,
        "<> 'read committed'",
        "= 'never'",
        "tests/db/scoring/test_interleavings.py::test_no_interleaving_leaves_drift[repeatable_read-new customer-new model]",
        "create or replace function public.calculate_lead_score()",
    ),
    Mutant(
        "scoring on insert alone",
        SCORING,
        "before insert or update on /* slot customers */ public.customers",
        "before insert on /* slot customers */ public.customers",
        "tests/db/scoring/test_writes.py::test_scores_follow",
    ),
    Mutant(
        "scoring on update alone",
        SCORING,
        "before insert or update on /* slot customers */ public.customers",
        "before update on /* slot customers */ public.customers",
        "tests/db/scoring/test_security.py::test_a_new_customer_cannot_bring_a_score_along",
    ),
    # the orders
    Mutant(
        "refunded orders count",
        SCORING,
        "'refunded', ",
        "",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
        "create or replace view public.lead_score_orders",
    ),
    Mutant(
        "the case of a status matters",
        SCORING,
        'or lower(o.status collate "C") not in',
        "or o.status not in",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    Mutant(
        "orders without a status do not count",
        SCORING,
        "o.status is null",
        "false",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
        "create or replace view public.lead_score_orders",
    ),
    Mutant(
        "amounts in cents",
        SCORING,
        "o.total_cents * 0.01",
        "o.total_cents * 1.0",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    Mutant(
        "amounts are rounded",
        SCORING,
        "o.total_cents * 0.01 as amount",
        "round(o.total_cents * 0.01) as amount",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
    # the triggers on orders
    Mutant(
        "for update",
        SCORING,
        "for no key update;",
        "for update;",
        "tests/db/scoring/test_concurrency.py::test_an_order_of_another_transaction_does_not_wait_for_the_score",
    ),
    Mutant(
        "locks in no order",
        SCORING,
        "    order by c./* slot key */ id\n",
        "",
        "tests/db/scoring/test_concurrency.py::test_bulk_writes_lock_in_id_order_whatever_the_plan",
        "create or replace function public.touch_lead_scores(",
    ),
    Mutant(
        "no lock before the touch",
        SCORING,
        "    where c./* slot key */ id = any (customer_ids)\n    order by c./* slot key */ id\n    for no key update;",
        "    where false;",
        "tests/db/scoring/test_concurrency.py::test_bulk_writes_lock_in_id_order_whatever_the_plan",
        "create or replace function public.touch_lead_scores(",
    ),
    Mutant(
        "one customer alone is not touched",
        SCORING,
        "where c./* slot key */ id = customer_ids[1]",
        "where false",
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
        "create or replace function public.touch_lead_scores(",
    ),
    Mutant(
        "touching as the caller",
        SCORING,
        "security definer\n",
        "",
        "tests/db/scoring/test_security.py::test_the_service_touches_customers_that_it_may_not_update",
        "create or replace function public.touch_lead_scores(",
    ),
    Mutant(
        "a move forgets the old customer",
        SCORING,
        "                select o./* slot order_customer */ customer_id from old_orders as o\n                union\n",
        "",
        "tests/db/scoring/test_writes.py::test_scores_follow",
    ),
    Mutant(
        "a move forgets the new customer",
        SCORING,
        "                union\n                select n./* slot order_customer */ customer_id from new_orders as n\n",
        "",
        "tests/db/scoring/test_writes.py::test_scores_follow",
    ),
    Mutant(
        "deleted orders are overlooked",
        SCORING,
        "when 'DELETE' then",
        "when 'DELETE' then return null;",
        "tests/db/scoring/test_writes.py::test_scores_follow",
        "create or replace function public.recalculate_lead_score_siblings()",
    ),
    Mutant(
        "truncate is overlooked",
        SCORING,
        "where c.lead_score > 6",
        "where c.lead_score > 30",
        "tests/db/scoring/test_writes.py::test_scores_follow",
    ),
    Mutant(
        "truncate by an old snapshot",
        SCORING,
        "<> 'read committed'",
        "= 'never'",
        "tests/db/scoring/test_concurrency.py::test_truncate_is_refused_where_an_old_snapshot_would_overlook_scores",
        "create or replace function public.recalculate_lead_score_siblings()",
    ),
    Mutant(
        "siblings outlive the scoring",
        SCORING,
        "if to_regprocedure('public.calculate_lead_score()') is null then",
        "if false then",
        "tests/db/schema/test_guide.py::test_after_the_guides_rollbacks_orders_can_be_written",
        "create or replace function public.recalculate_lead_score_siblings()",
    ),
    Mutant(
        "a touch edits the customer",
        SCORING,
        "    where c./* slot key */ id = any (customer_ids);",
        "    , updated_at = now() where c./* slot key */ id = any (customer_ids);",
        "tests/proof/test_cases.py::test_scoring_leaves_the_customers_updated_at_alone",
        "create or replace function public.touch_lead_scores(",
    ),
    # models and fitting
    Mutant(
        "thresholds are the quintiles themselves",
        SCORING,
        "min(c.frequency) filter (where c.frequency > q.frequency[1])",
        "min(c.frequency) filter (where c.frequency >= q.frequency[1])",
        "tests/db/test_proof.py::test_five_customers_are_a_quintile_each",
    ),
    Mutant(
        "recency fitted the wrong way round",
        SCORING,
        "within group (order by c.recency desc)",
        "within group (order by c.recency)",
        "tests/db/test_proof.py::test_five_customers_are_a_quintile_each",
    ),
    Mutant(
        "fit counts later orders",
        SCORING,
        "where o.ordered_at <= as_of",
        "where true",
        "tests/db/test_proof.py::test_fitting_at_an_instant_counts_the_orders_up_to_it",
        "create or replace function public.fit_lead_score_model(",
    ),
    Mutant(
        "fit does not activate",
        SCORING,
        "perform public.activate_lead_score_model(fitted_id);",
        "null;",
        "tests/db/test_proof.py::test_fitting_at_an_instant_counts_the_orders_up_to_it",
        "create or replace function public.fit_lead_score_model(",
    ),
    Mutant(
        "models can be edited",
        SCORING,
        "before update or delete or truncate on public.lead_score_models",
        "before delete or truncate on public.lead_score_models",
        "tests/db/scoring/test_security.py::test_not_even_the_owner_edits_a_model_or_leaves_none_active",
    ),
    Mutant(
        "the published thresholds",
        SCORING,
        "'{180,90,60,30}'",
        "'{180,90,60,31}'",
        "tests/db/test_proof.py::test_a_fresh_database_starts_on_the_published_thresholds",
    ),
    Mutant(
        "activation waits for nobody",
        SCORING,
        "perform pg_sleep(0.02);",
        "return;",
        "tests/db/test_proof.py::test_rescoring_waits_for_the_writers_of_the_model_before",
        "create or replace function public.wait_for_lead_score_writers(",
    ),
    # drift
    Mutant(
        "drift without the last hour",
        SCORING,
        "o.ordered_at <= coalesce",
        "o.ordered_at < coalesce",
        "tests/proof/test_cases.py::test_an_order_of_a_fast_clock_counts_at_once_and_is_the_scores_instant",
        "create or replace function public.lead_score_drift(",
    ),
    Mutant(
        "drift overlooks the lead score",
        SCORING,
        "coalesce(c.lead_score, 0)",
        "e.lead_score",
        "tests/db/test_proof.py::test_one_wrong_score_of_one_customer_is_found_by_both_proofs",
        "create or replace function public.lead_score_drift(",
    ),
    # who may do what
    Mutant(
        "functions stay callable",
        SCORING,
        "'revoke all on function\n                public.calculate",
        "'revoke grant option for all on function\n                public.calculate",
        "tests/db/scoring/test_security.py::test_only_the_owner_and_the_service_call_our_functions",
    ),
    Mutant(
        "models readable by all",
        SCORING,
        "'revoke all on public.lead_score_models,",
        "'revoke grant option for all on public.lead_score_models,",
        "tests/db/scoring/test_security.py::test_models_are_for_the_owner_and_the_service",
    ),
    Mutant(
        "models without row security",
        SCORING,
        "alter table public.lead_score_models enable row level security;\n",
        "",
        "tests/db/scoring/test_security.py::test_supabases_linter_would_find_nothing",
    ),
    Mutant(
        "orders view as its owner",
        SCORING,
        "with (security_invoker = true) as",
        "as",
        "tests/db/scoring/test_security.py::test_supabases_linter_would_find_nothing",
        "create or replace view public.lead_score_orders",
    ),
    Mutant(
        "timeline readable by all",
        TIMELINE,
        "'revoke all on public.customer_activities,",
        "'revoke grant option for all on public.customer_activities,",
        "tests/db/scoring/test_security.py::test_nobody_sees_more_than_row_security_allows",
    ),
    Mutant(
        "activities as their owner",
        TIMELINE,
        "with (security_invoker = true) as",
        "as",
        "tests/db/scoring/test_security.py::test_nobody_sees_more_than_row_security_allows",
        "create or replace view public.customer_activities",
    ),
    Mutant(
        "no unique index",
        TIMELINE,
        "create unique index",
        "create index",
        "tests/db/schema/test_guide.py::test_each_refresh_of_the_guide_brings_in_new_activities",
    ),
    Mutant(
        "hot leads as their owner",
        POST,
        "with (security_invoker = true) as",
        "as",
        "tests/db/scoring/test_security.py::test_nobody_sees_more_than_row_security_allows",
        "create or replace view public.hot_leads",
    ),
    Mutant(
        "hot leads from 23",
        POST,
        "c.lead_score >= 24",
        "c.lead_score >= 23",
        "tests/db/test_proof.py::test_a_hot_lead_has_24_points",
        "create or replace view public.hot_leads",
    ),
    Mutant(
        "refresh callable by all",
        POST,
        "'revoke all on function public.refresh",
        "'revoke grant option for all on function public.refresh",
        "tests/db/scoring/test_security.py::test_only_the_owner_and_the_service_call_our_functions",
    ),
    # rescoring by due date
    Mutant(
        "rescoring: an older order makes due",
        OPERATIONS,
        "n.customer_id = o.customer_id\n                        and n.ordered_at > ",
        "false\n                        and n.ordered_at > ",
        "tests/proof/test_rescoring.py::test_an_order_that_is_not_the_newest_makes_nobody_due",
    ),
    Mutant(
        "rescoring: due a day late",
        OPERATIONS,
        "t.days + 1::bigint",
        "t.days + 2::bigint",
        "tests/proof/test_rescoring.py::test_whoever_was_scored_a_microsecond_before_the_score_changed_is_rescored",
    ),
    Mutant(
        "rescoring: orders from the future are forgotten",
        OPERATIONS,
        "select 0\n                union",
        "select 1\n                union",
        "tests/proof/test_rescoring.py::test_whoever_was_scored_a_microsecond_before_the_score_changed_is_rescored",
    ),
    Mutant(
        "rescoring: who was scored in time is due",
        OPERATIONS,
        "< o.ordered_at + age",
        "<= o.ordered_at + age",
        "tests/proof/test_rescoring.py::test_nobody_is_rescored_whose_time_has_not_come",
    ),
    Mutant(
        "rescoring: a clock is never set back",
        OPERATIONS,
        "select r.done_until - interval '1 hour'",
        "select r.done_until",
        "tests/proof/test_rescoring.py::test_a_clock_that_was_set_back_a_little_skips_nobody",
    ),
    Mutant(
        "rescoring: a mark in the future is believed",
        OPERATIONS,
        "where r.model_id = active.id and r.done_until <= due_until;",
        "where r.model_id = active.id;",
        "tests/proof/test_rescoring.py::test_where_the_last_run_is_not_known_everybody_is_looked_at",
    ),
    Mutant(
        "rescoring: another model goes unnoticed",
        OPERATIONS,
        "where r.model_id = active.id and r.done_until <= due_until;",
        "where r.done_until <= due_until;",
        "tests/proof/test_rescoring.py::test_another_model_makes_due_whom_it_scores_otherwise",
    ),
    Mutant(
        "rescoring: writers are not waited for",
        OPERATIONS,
        "perform public.wait_for_lead_score_writers('5 seconds');",
        "null;",
        "tests/db/rescore/test_operations.py::test_an_order_that_commits_during_a_run_is_waited_for",
    ),
    Mutant(
        "rescoring: open transactions are forgotten",
        OPERATIONS,
        "settled := false;",
        "settled := true;",
        "tests/db/rescore/test_operations.py::test_a_transaction_that_stays_open_is_looked_after_by_the_next_run",
    ),
    Mutant(
        "rescoring: a score for an instant to come is old",
        OPERATIONS,
        "where c.last_scored_at <= due_until --",
        "where true --",
        "tests/db/rescore/test_operations.py::test_a_trigger_of_others_that_spoils_scores_does_not_keep_a_run_going",
    ),
    Mutant(
        "rescoring: the unscored stay so",
        OPERATIONS,
        "where c.last_scored_at is null;",
        "where false;",
        "tests/proof/test_rescoring.py::test_where_the_last_run_is_not_known_everybody_is_looked_at",
    ),
    Mutant(
        "rescoring: an unfinished run moves the mark",
        OPERATIONS,
        "if not more then",
        "if true then",
        "tests/proof/test_rescoring.py::test_a_run_in_batches_goes_on_where_it_was_interrupted",
    ),
    Mutant(
        "rescoring: no look for those due since",
        OPERATIONS,
        "more := queued and found;",
        "more := false;",
        "tests/proof/test_rescoring.py::test_an_unfinished_run_keeps_nobody_else_waiting_for_good",
    ),
    Mutant(
        "rescoring: an old snapshot will do",
        OPERATIONS,
        "<> 'read committed' then\n        raise exception 'stale",
        "= 'never' then\n        raise exception 'stale",
        "tests/db/rescore/test_operations.py::test_an_old_snapshot_is_refused_with_a_hint",
    ),
    Mutant(
        "rescoring: as the caller",
        OPERATIONS,
        "inout more boolean default null\n)\nlanguage plpgsql\nsecurity definer",
        "inout more boolean default null\n)\nlanguage plpgsql",
        "tests/db/scoring/test_security.py::test_rescoring_sees_the_customers_and_orders_of_everybody",
    ),
    Mutant(
        "rescoring: callable by all",
        OPERATIONS,
        "'revoke all on procedure public.rescore_stale_customers(integer, bigint, boolean) from %s'",
        "'select %L'",
        "tests/db/scoring/test_security.py::test_only_the_owner_and_the_service_rescore_stale_customers",
    ),
    Mutant(
        "health: a score of today is a failure",
        OPERATIONS,
        "'stale scores', overdue = 0",
        "'stale scores', stale = 0",
        "tests/db/rescore/test_operations.py::test_a_stale_score_is_told_at_once_and_is_a_failure_after_a_day",
    ),
    Mutant(
        "health: a refresh by other means goes unnoticed",
        OPERATIONS,
        "r.filenode = pg_relation_filenode(to_regclass('public.customer_activity_timeline'))",
        "r.filenode is not null",
        "tests/db/rescore/test_operations.py::test_the_timelines_age_is_told_only_where_it_is_known",
    ),
    # the core
    Mutant(
        "python: later orders count",
        "rfm/summary.py",
        'pl.col("ordered_at") <= instant',
        'pl.col("ordered_at") < instant',
        "tests/core/summary/test_instants.py::test_recency_is_whole_days_up_to_as_of",
    ),
    Mutant(
        "python: another list of statuses",
        "rfm/summary.py",
        '"failed", "void")',
        '"failed")',
        "tests/proof/test_cases.py::test_every_engine_scores_every_case_alike",
    ),
]


def mutate(mutant, folder):
    """Return a copy of the project with the fault in it."""
    copy = folder / mutant.name.replace(" ", "-").replace(":", "")
    ignored = shutil.ignore_patterns(".venv", ".git", "*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, copy, ignore=ignored)
    path = copy / mutant.file
    path.write_text(mutant.apply(path.read_text(encoding="utf-8")), encoding="utf-8")
    # the copy's own sql/, not the installed one
    shutil.copytree(copy / "sql", copy / "rfm" / "sql")
    return copy


def first_failure(copy, tests):
    """Return the first of the tests that fails, or None."""
    options = ["-x", "-q", "-n", "0", "-m", "not spark", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy,
            env={**os.environ, "RFM_TEST_DSN": server_address(), "RFM_PROOF": "mutants"},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode > 1:  # no such test, or pytest itself failed: that is no kill
        raise RuntimeError(done.stdout + done.stderr)
    failures = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failures[0].partition(" ")[2].partition(" - ")[0] if failures else None


def killed_by(mutant, folder):
    """Tell which test notices the mutant, and return it; None: the mutant survives."""
    started = time.monotonic()
    copy = mutate(mutant, folder)
    test = first_failure(copy, [APPLIES, mutant.killer]) or first_failure(copy, TESTS)
    shutil.rmtree(copy)
    if test == APPLIES:
        raise RuntimeError(f"{mutant.name}: does not apply")
    verdict = f"killed by {test}" if test else "SURVIVED"
    print(f"{mutant.name}: {verdict}, {time.monotonic() - started:.0f} s", flush=True)
    return test


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", help="only mutants whose name has this word")
    word = parser.parse_args().k
    chosen = [mutant for mutant in MUTANTS if word in mutant.name]
    server_address()  # started once, for all
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            tests = list(pool.map(lambda mutant: killed_by(mutant, Path(folder)), chosen))
        finally:
            pool.shutdown(cancel_futures=True)
    killed = sum(test is not None for test in tests)
    minutes = (time.monotonic() - started) / 60
    print(f"{killed} of {len(chosen)} mutants killed in {minutes:.1f} minutes")
    sys.exit(killed < len(chosen))


if __name__ == "__main__":
    main()
