"""What is written down about performance is what was measured."""

import json
import os
import time

import pytest

from benchmarks import report
from benchmarks.__main__ import modules
from benchmarks.bench import Bench, Figure, Seconds, Trial
from benchmarks.measure import figure_result, measure
from benchmarks.process import run

# ---------------------------------------------------------------- cases, each run in a process


def slow_to_prepare(size):
    time.sleep(0.3)
    yield
    yield size


def naps(size):
    yield
    time.sleep(size / 1000)
    yield size


def allocates(mebibytes):
    yield
    block = bytearray(b"x") * (mebibytes << 20)
    yield len(block) >> 20


def tells_its_process(_):
    yield
    yield os.getpid()


def measures_for_itself(_):
    yield
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    yield Seconds([1, 42, 43])


def miscounts(size):
    yield
    yield size + 1


def breaks(_):
    yield
    raise ValueError("no such file\nCONTEXT:  what PostgreSQL says below its errors")


def repeats(size, *words):
    yield
    yield words * size


# ---------------------------------------------------------------- runs


def test_preparing_is_not_measured():
    assert run(Trial(slow_to_prepare, 1))["seconds"] < 0.1


def test_what_lies_between_the_yields_is_measured():
    assert run(Trial(naps, 50))["seconds"] >= 0.05


def test_each_run_has_a_process_and_so_a_peak_of_its_own():
    processes = {run(Trial(tells_its_process))["answer"] for _ in range(2)}
    assert len(processes) == 2
    big, small = run(Trial(allocates, 200)), run(Trial(allocates, 1))
    assert 150 < big["peak_mib"] - small["peak_mib"] < 250


def test_a_case_may_measure_for_itself():
    found = run(Trial(measures_for_itself))
    assert found["seconds"] == 42
    assert 0.05 < found["cpu_seconds"] < 0.2  # a third of it


def test_a_trials_words_are_arguments_of_its_case():
    assert run(Trial(repeats, 2, ("a b", "c")))["answer"] == ["a b", "c", "a b", "c"]


# ---------------------------------------------------------------- figures


def runs(*seconds):
    return [{"seconds": each, "peak_mib": 1.0, "answer": None} for each in seconds]


@pytest.mark.parametrize(("at_most", "met"), [(2.0, True), (1.9, False), (None, None)])
def test_a_figure_is_the_median_of_the_rounds_ratios(at_most, met):
    figure = Figure("half as fast", "a", "b", at_most=at_most)
    found = figure_result(figure, {"a": runs(2, 30, 8), "b": runs(1, 10, 8)}, {})
    assert found["values"] == [2, 3, 1]
    assert (found["median"], found["met"]) == (2, met)


def test_a_figure_may_be_a_rate():
    found = figure_result(Figure("orders", "a", of="per_second"), {"a": runs(0.01)}, {})
    assert (found["median"], found["unit"]) == (100, "a second")


def test_a_figure_without_yardstick_is_an_absolute_one():
    found = figure_result(Figure("fits", "a", at_most=1, of="peak_mib"), {"a": runs(5)}, {})
    assert (found["median"], found["unit"], found["met"]) == (1.0, "MiB", True)


def bench(**trials):
    ours, yardstick = trials
    figures = (Figure("as fast", ours, yardstick, at_most=100),)
    trials = {label: Trial(case, 10) for label, case in trials.items()}
    return Bench("some", "Some work", trials, figures, rounds=2)


def test_a_trial_that_fails_is_told_and_leaves_its_figure_empty(capsys):
    found = measure(bench(sound=naps, broken=breaks))
    assert found["failures"]["broken"] == "breaks at 10: ValueError: no such file"
    assert (found["figures"][0]["values"], found["figures"][0]["met"]) == ([], None)
    assert len(found["trials"]["sound"]["seconds"]) == 2
    assert "FAILED" in capsys.readouterr().out


def test_trials_of_one_size_that_answer_differently_make_no_figure():
    found = measure(bench(right=naps, wrong=miscounts))
    assert found["failures"] == {"wrong": "answered 11, but right answered 10"}
    assert found["figures"][0]["median"] is None


# ---------------------------------------------------------------- what is written


def test_the_table_names_figure_target_value_machine_commit_and_command():
    place = {
        "command": "make bench",
        "commit": "0123abc",
        "clean": False,
        "started": "2026-01-01 00:00 UTC",
        "load_when_started": 7.5,
        "machine": {"cpu": "A CPU", "cores": 2, "memory_gib": 8, "system": "Linux 6"},
        "versions": {"python": "3.11"},
        "scale": 0.5,
    }
    found = measure(bench(one=naps, other=naps), say=lambda _: None)
    text = report.table([json.loads(json.dumps({**found, **place}))])
    assert "| as fast | at most 100× | " in text
    for part in ("A CPU", "0123abc with uncommitted changes", "`make bench`", "7.5", "no claim"):
        assert part in text


def test_every_bench_has_a_name_of_its_own():
    names = [bench.name for module in modules().values() for bench in module.BENCHES]
    assert names
    assert len(names) == len({*names, *modules()} - modules().keys())


def test_every_figure_is_about_trials_of_its_bench():
    for module in modules().values():
        for each in module.BENCHES:
            named = {label for figure in each.figures for label in (figure.ours, figure.yardstick)}
            assert named - {None} <= each.trials.keys(), each.name
