"""`rfm demo`: real customers, scored twice and compared."""

import time
from typing import Annotated

import typer

from rfm import db
from rfm.cli.output import print_line, print_table, progress
from rfm.demo.embedded import start_server, stop_server
from rfm.demo.steps import STEPS, Demo


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the server running, and print its address.")
    ] = False,
) -> None:
    """Score 23,570 real customers with triggers and with Polars, and compare every score."""
    address = start_server(keep=keep)
    try:
        run = Demo(db.connect(address))
        _show(run)
    except KeyboardInterrupt:
        if keep:
            stop_server(address)
        raise
    if keep:
        folder = run.engine.url.query["host"]
        print_line(f"the server is still running: {address}")
        print_line(f"use it next: export DATABASE_URL='{address}'")
        print_line(f"stop it with: kill -INT $(head -1 {folder}/postmaster.pid)")


def _show(run: Demo) -> None:
    _run_steps(run)
    for name, title in _QUERIES:
        print_table(title, *run.query(name))
    total = run.stored.height
    print_line(f"{total:,} of {total:,} scores agree", style="bold green")


_QUERIES = (
    ("scores/distribution", "Lead categories"),
    ("scores/best_leads", "The five best customers"),
    ("timeline/of_a_customer", "Latest activities of the best customer"),
)


def _run_steps(run: Demo) -> None:
    times = []
    with progress() as update:
        for number, (title, step) in enumerate(STEPS):
            update(description=title, completed=number, total=len(STEPS))
            started = time.perf_counter()
            step(run)
            times.append((title, f"{time.perf_counter() - started:.2f}"))
    print_table("Steps", ["step", "seconds"], times)
