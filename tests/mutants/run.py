"""Seeded faults in the SQL and in the core: each has to be noticed by the tests.

`python tests/mutants/run.py` makes each change in a copy of the project and runs the tests until the
first failure. Exits with 1 when a mutant survives. `-k WORD` runs only those whose name has the word.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SCORING = "sql/migrations/20250115000001_create_lead_scoring.sql"
TIMELINE = "sql/migrations/20250115000000_create_customer_activity_timeline.sql"
POST = "sql/migrations/20250115000002_create_post_migration_objects.sql"
# quick ones first: a mutant is done with at its first failure
TESTS = [
    "tests/proof/test_cases.py",
    "tests/proof/test_histories.py",
    "tests/db/test_writes.py",
    "tests/db/test_proof.py",
    "tests/db/test_guide.py",
    "tests/db/test_apply.py",
    "tests/db/test_concurrency.py",
    "tests/db/test_security.py",
    "tests/db/test_interleavings.py",
]


class Mutant(NamedTuple):
    """One fault: `old` becomes `new` where it first stands in the file."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = [
    # the one writer
    Mutant(
        "scoring is stable",
        SCORING,
        "create or replace function public.calculate_lead_score()\nreturns trigger\nlanguage plpgsql\nsecurity definer",
        "create or replace function public.calculate_lead_score()\nreturns trigger\nlanguage plpgsql\nstable\nsecurity definer",
    ),
    Mutant(
        "scoring as the caller",
        SCORING,
        "create or replace function public.calculate_lead_score()\nreturns trigger\nlanguage plpgsql\nsecurity definer\n",
        "create or replace function public.calculate_lead_score()\nreturns trigger\nlanguage plpgsql\n",
    ),
    Mutant(
        "scoring with a mutable search_path",
        SCORING,
        "create or replace function public.calculate_lead_score()\nreturns trigger\nlanguage plpgsql\nsecurity definer\nset search_path = ''\n",
        "create or replace function public.calculate_lead_score()\nreturns trigger\nlanguage plpgsql\nsecurity definer\n",
    ),
    Mutant(
        "the transaction's clock",
        SCORING,
        "clock constant timestamp with time zone := clock_timestamp();",
        "clock constant timestamp with time zone := now();",
    ),
    Mutant("no grace for fast clocks", SCORING, "clock + interval '5 minutes'", "clock"),
    Mutant("an hour of grace", SCORING, "interval '5 minutes'", "interval '1 hour'"),
    Mutant("last_scored_at is the clock alone", SCORING, "greatest(clock, last_order_at)", "clock"),
    Mutant(
        "an infinite recency counts", SCORING, "nullif(last_order_at, '-infinity')", "last_order_at"
    ),
    Mutant(
        "no order earns frequency",
        SCORING,
        "case when frequency > 0 then width_bucket(frequency, model.frequency) else 0 end",
        "width_bucket(frequency, model.frequency)",
    ),
    Mutant(
        "negative spend earns a point",
        SCORING,
        "when frequency > 0 and monetary >= 0 then width_bucket(monetary, model.monetary)",
        "when frequency > 0 then width_bucket(monetary, model.monetary)",
    ),
    Mutant(
        "zero spend earns nothing",
        SCORING,
        "frequency > 0 and monetary >= 0 then width_bucket(monetary, model",
        "frequency > 0 and monetary > 0 then width_bucket(monetary, model",
    ),
    Mutant(
        "weights swapped",
        SCORING,
        "model.weights[1] * new.rfm_recency\n        + model.weights[2] * new.rfm_frequency",
        "model.weights[2] * new.rfm_recency\n        + model.weights[1] * new.rfm_frequency",
    ),
    Mutant(
        "an old snapshot scores with an old model",
        SCORING,
        "<> 'read committed' then\n        perform",
        "= 'never' then\n        perform",
    ),
    Mutant(
        "scoring on insert alone",
        SCORING,
        "before insert or update on public.customers",
        "before insert on public.customers",
    ),
    Mutant(
        "scoring on update alone",
        SCORING,
        "before insert or update on public.customers",
        "before update on public.customers",
    ),
    # the orders
    Mutant(
        "refunded orders count",
        SCORING,
        "'canceled', 'refunded', 'failed', 'void');\n\ncomment on view",
        "'canceled', 'failed', 'void');\n\ncomment on view",
    ),
    Mutant(
        "the case of a status matters",
        SCORING,
        'or lower(o.status collate "C") not in',
        "or o.status not in",
    ),
    Mutant(
        "orders without a status do not count",
        SCORING,
        "    o.status is null\n    -- collate",
        "    false\n    -- collate",
    ),
    Mutant("amounts in cents", SCORING, "o.total_cents * 0.01", "o.total_cents * 1.0"),
    Mutant(
        "amounts are rounded",
        SCORING,
        "o.total_cents * 0.01 as amount",
        "round(o.total_cents * 0.01) as amount",
    ),
    # the triggers on orders
    Mutant("for update", SCORING, "for no key update;", "for update;"),
    Mutant(
        "locks in no order",
        SCORING,
        "    order by c.id\n    for no key update;",
        "    for no key update;",
    ),
    Mutant(
        "no lock before the touch",
        SCORING,
        "    where c.id = any (customer_ids)\n    order by c.id\n    for no key update;",
        "    where false;",
    ),
    Mutant(
        "touching as the caller",
        SCORING,
        "create or replace function public.touch_lead_scores(customer_ids anyarray)\nreturns void\nlanguage plpgsql\nsecurity definer\n",
        "create or replace function public.touch_lead_scores(customer_ids anyarray)\nreturns void\nlanguage plpgsql\n",
    ),
    Mutant(
        "a move forgets the old customer",
        SCORING,
        "                select o.customer_id from old_orders as o\n                union\n",
        "",
    ),
    Mutant(
        "a move forgets the new customer",
        SCORING,
        "                union\n                select n.customer_id from new_orders as n\n",
        "",
    ),
    Mutant(
        "deleted orders are overlooked",
        SCORING,
        "            perform public.touch_lead_scores(array(select distinct o.customer_id from old_orders as o));",
        "            null;",
    ),
    Mutant("truncate is overlooked", SCORING, "where c.lead_score > 6", "where c.lead_score > 30"),
    Mutant(
        "no trigger for truncate",
        SCORING,
        "after truncate on public.orders\nfor each statement execute function public.recalculate_lead_score_siblings()",
        "after truncate on public.messages\nfor each statement execute function public.recalculate_lead_score_siblings()",
    ),
    Mutant(
        "siblings outlive the scoring",
        SCORING,
        "if to_regprocedure('public.calculate_lead_score()') is null then",
        "if false then",
    ),
    Mutant(
        "a touch edits the customer",
        SCORING,
        "set last_scored_at = clock_timestamp()\n    where",
        "set updated_at = now()\n    where",
    ),
    # models and fitting
    Mutant(
        "thresholds are the quintiles themselves",
        SCORING,
        "min(c.frequency) filter (where c.frequency > q.frequency[1])",
        "min(c.frequency) filter (where c.frequency >= q.frequency[1])",
    ),
    Mutant(
        "recency fitted the wrong way round",
        SCORING,
        "within group (order by c.recency desc)",
        "within group (order by c.recency)",
    ),
    Mutant("fit counts later orders", SCORING, "        where o.ordered_at <= as_of\n", ""),
    Mutant(
        "fit does not activate",
        SCORING,
        "    perform public.activate_lead_score_model(fitted_id);\n",
        "",
    ),
    Mutant(
        "models can be edited",
        SCORING,
        "before update or delete or truncate on public.lead_score_models",
        "before delete or truncate on public.lead_score_models",
    ),
    Mutant("the published thresholds", SCORING, "'{180,90,60,30}'", "'{180,90,60,31}'"),
    Mutant(
        "activation waits for nobody",
        SCORING,
        "        perform pg_sleep(0.02);\n",
        "        return;\n",
    ),
    # drift
    Mutant(
        "drift without the last hour",
        SCORING,
        "and o.ordered_at <= coalesce(lead_score_drift.as_of, c.last_scored_at)",
        "and o.ordered_at < coalesce(lead_score_drift.as_of, c.last_scored_at)",
    ),
    Mutant(
        "drift overlooks the lead score",
        SCORING,
        "            coalesce(c.lead_score, 0),\n",
        "            e.lead_score,\n",
    ),
    # who may do what
    Mutant(
        "functions stay callable",
        SCORING,
        "'revoke all on function\n                public.calculate",
        "'grant all on function\n                public.calculate",
    ),
    Mutant(
        "models readable by all",
        SCORING,
        "'revoke all on public.lead_score_models,",
        "'grant all on public.lead_score_models,",
    ),
    Mutant(
        "models without row security",
        SCORING,
        "alter table public.lead_score_models enable row level security;\n",
        "",
    ),
    Mutant(
        "orders view as its owner",
        SCORING,
        "create or replace view public.lead_score_orders\nwith (security_invoker = true) as",
        "create or replace view public.lead_score_orders as",
    ),
    Mutant(
        "timeline readable by all",
        TIMELINE,
        "'revoke all on public.customer_activities,",
        "'grant select on public.customer_activities,",
    ),
    Mutant(
        "activities as their owner",
        TIMELINE,
        "create or replace view public.customer_activities\nwith (security_invoker = true) as",
        "create or replace view public.customer_activities as",
    ),
    Mutant("no unique index", TIMELINE, "create unique index", "create index"),
    Mutant(
        "hot leads as their owner",
        POST,
        "create or replace view public.hot_leads\nwith (security_invoker = true) as",
        "create or replace view public.hot_leads as",
    ),
    Mutant("hot leads from 23", POST, "c.lead_score >= 24", "c.lead_score >= 23"),
    Mutant(
        "refresh callable by all",
        POST,
        "'revoke all on function public.refresh",
        "'grant all on function public.refresh",
    ),
    # the core
    Mutant(
        "python: later orders count",
        "rfm/summary.py",
        'pl.col("ordered_at") <= instant',
        'pl.col("ordered_at") < instant',
    ),
    Mutant("python: another list of statuses", "rfm/summary.py", '"failed", "void")', '"failed")'),
]


def killed_by(mutant, folder):
    """Return the first failing test, or None."""
    copy = folder / mutant.name.replace(" ", "-").replace(":", "")
    ignored = shutil.ignore_patterns(".venv", ".git", "*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, copy, ignore=ignored)
    path = copy / mutant.file
    source = path.read_text(encoding="utf-8")
    if mutant.old not in source:
        sys.exit(f"{mutant.name}: {mutant.file} no longer has {mutant.old!r}")
    path.write_text(source.replace(mutant.old, mutant.new, 1), encoding="utf-8")
    # the copy's own sql/, not the installed one
    shutil.copytree(copy / "sql", copy / "rfm" / "sql")
    tests = [test for test in TESTS if (copy / test).exists()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-n", "2", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(copy)
    failures = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failures[0].split(" - ")[0] if failures else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", help="only mutants whose name has this word")
    chosen = [mutant for mutant in MUTANTS if parser.parse_args().k in mutant.name]
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        for mutant in chosen:
            started = time.monotonic()
            test = killed_by(mutant, Path(folder))
            print(
                f"{'killed' if test else 'SURVIVED'}  {mutant.name}  {test or ''}  {time.monotonic() - started:.0f} s",
                flush=True,
            )
            if test is None:
                survivors.append(mutant.name)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
