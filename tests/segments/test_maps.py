"""Segment maps: every rule, what is told of a broken one, and what a model leaves out of reach."""

import json
import pickle

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rfm
from rfm import InvalidSegmentMap, Model, Segment, SegmentMap
from rfm.segments.patterns import TRIPLES, patterns_of, triple_text, triples_of
from rfm.segments.reach import reachable_triples
from rfm.testing import models, segment_maps, summaries

# rows: recency 5 to 1, columns: frequency 1 to 5
GRID = """
    new             potential_loyalist  potential_loyalist  champions  champions
    promising       potential_loyalist  potential_loyalist  loyal      loyal
    about_to_sleep  about_to_sleep      need_attention      loyal      loyal
    hibernating     hibernating         at_risk             at_risk    cannot_lose
    hibernating     hibernating         at_risk             at_risk    cannot_lose
"""
PUBLISHED = GRID.replace("new             potential_loyalist ", "new new ").replace(
    "promising       potential_loyalist ", "promising promising "
)
KEYS = (
    "champions", "loyal", "potential_loyalist", "new", "promising", "need_attention",
    "about_to_sleep", "at_risk", "cannot_lose", "hibernating", "prospect",
)  # fmt: skip


@pytest.mark.parametrize(
    ("segment_map", "cells"), [(rfm.GRID, GRID), (rfm.GRID_PUBLISHED, PUBLISHED)]
)
def test_each_triple_of_the_shipped_maps_has_the_segment_of_the_grid(segment_map, cells):
    rows = dict(zip((5, 4, 3, 2, 1), map(str.split, cells.strip().splitlines()), strict=True))
    expected = {(r, f, m): rows[r][f - 1] for r, f, m in TRIPLES}
    assert segment_map.by_triple == expected
    assert segment_map.keys == KEYS


def everybody(**changes):
    return Segment(**{"key": "a", "name": "A", "meaning": "All.", "triples": ["*-*-*"]} | changes)


def other(**changes):
    return everybody(**{"key": "b", "name": "B"} | changes)


@pytest.mark.parametrize(
    ("segments", "says"),
    [
        ([everybody(), other(triples=["4-3-*"])], "5 of 125 triples belong to two segments: 4-3-1, 4-3-2, 4-3-3, 4-3-4, 4-3-5 (4-3-1 to a and b)"),
        ([everybody(), other(triples=["4-3-123", "5-5-*"])], "8 of 125 triples belong to two segments: 4-3-1, 4-3-2, 4-3-3, 5-5-1, 5-5-2, … (4-3-1 to a and b)"),
        ([everybody(), other(triples=["1-2-3"])], "1 of 125 triples belongs to two segments: 1-2-3 (1-2-3 to a and b)"),
        ([everybody(), other(triples=["1-2-3"]), other(key="c", name="C", triples=["1-2-3", "5-5-5"])], "2 of 125 triples belong to two or more segments: 1-2-3, 5-5-5 (1-2-3 to a and b and c)"),
        ([everybody(triples=["*-*-2345"])], "25 of 125 triples belong to no segment: 1-1-1, 1-2-1, 1-3-1, 1-4-1, 1-5-1, …"),
        ([everybody(triples=["1234-*-*", "5-1234-*", "5-5-1234"])], "1 of 125 triples belongs to no segment: 5-5-5"),
        ([everybody(triples=["6-1-1"])], "segments[0]: '6-1-1' is not a pattern such as 5-45-* or 4-3-1"),
        ([everybody(triples="*-*-*")], "segments[0]: triples '*-*-*' is not a list of patterns"),
        ([everybody(triples=[])], "segments[0]: 'a' has no triples"),
        ([everybody(), Segment("prospect", "P", "None.", ["1-1-1"])], "segments[1]: prospect has triples"),
        ([everybody(key="A b")], "segments[0]: the key 'A b' is not like about_to_sleep"),
        ([everybody(key="a" * 41)], "is not like about_to_sleep"),
        ([everybody(name=" ")], "segments[0]: the name ' ' is not one line of text"),
        ([everybody(meaning="a\nb")], "segments[0]: the meaning 'a\\nb' is not one line of text"),
        ([everybody(meaning=None)], "segments[0]: the meaning None is not one line of text"),
        ([everybody(), everybody()], "2 segments have the key 'a'"),
        ([everybody(), other(name="A")], "2 segments have the name 'A'"),
        (["a"], "'a' is not an rfm.Segment"),
        (7, "7 is not an rfm.Segment"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_with_its_place(segments, says):
    with pytest.raises(InvalidSegmentMap) as raised:
        SegmentMap(segments)
    assert says in str(raised.value)
    assert str(raised.value).endswith("start from rfm.GRID")


def test_all_broken_rules_are_told_at_once():
    with pytest.raises(InvalidSegmentMap, match=r"^3 problems:\n  - "):
        SegmentMap([everybody(key="", name="", triples=["0-0-0"])])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON: "),
        ("[]", "[] is not a JSON object with the one field 'segments'"),
        ('{"segments": 1}', "segments: 1 is not a list"),
        ('{"segments": [1]}', "segments[0]: 1 is not a JSON object"),
        ('{"segments": [{"key": "a", "colour": 1}]}', "segments[0]: 'colour' is unknown"),
        ('{"segments": [{"key": "a"}]}', "segments[0]: 'triples' is missing"),
    ],
)
def test_json_of_another_form_is_refused(text, says):
    with pytest.raises(InvalidSegmentMap) as raised:
        SegmentMap.from_json(text)
    assert says in str(raised.value)


@given(segment_maps())
def test_a_map_survives_json_and_pickle(segment_map):
    assert SegmentMap.from_json(segment_map.to_json(indent=2)) == segment_map
    assert pickle.loads(pickle.dumps(segment_map)) == segment_map
    assert hash(SegmentMap(segment_map.segments)) == hash(segment_map)
    assert set(segment_map.by_triple) == set(TRIPLES)


@given(st.sets(st.sampled_from(TRIPLES), min_size=1))
def test_patterns_stand_for_exactly_their_triples(triples):
    patterns = patterns_of(triples)
    found = [triple for pattern in patterns for triple in triples_of(pattern) or ()]
    assert sorted(found) == sorted(triples)  # none stands there twice
    assert patterns_of(set(found)) == patterns


def test_prospect_is_last_unless_the_map_has_it_elsewhere():
    prospect = Segment("prospect", "Interessenten", "Noch ohne Auftrag.")
    assert SegmentMap([everybody()]).keys == ("a", "prospect")
    assert SegmentMap([prospect, everybody()]).names == {"prospect": "Interessenten", "a": "A"}
    without = {"key": "prospect", "name": "P", "meaning": "None."}
    text = json.dumps(
        {"segments": [without, json.loads(SegmentMap([everybody()]).to_json())["segments"][0]]}
    )
    assert SegmentMap.from_json(text).keys == ("prospect", "a")


# ---------------------------------------------------------------- out of reach


@given(models(), summaries(max_size=30))
def test_whoever_has_an_order_has_a_triple_that_can_be_reached(model, summary):
    scored = rfm.score_frame(summary, model).filter(summary["frequency"] >= 1)
    found = set(scored.select("rfm_recency", "rfm_frequency", "rfm_monetary").rows())
    assert found <= reachable_triples(model)


@given(models())
def test_each_reachable_score_is_somebodys(model):
    days = {None, 10**6, *(n + k for n in model.recency for k in (0, 1))}
    orders = {1, *(n for n in model.frequency if n >= 1)}
    spend = {-1, 0, *(n for n in model.monetary if n >= 0)}
    summary = pl.DataFrame(
        [(d, f, m) for d in days for f in orders for m in spend],
        schema={"recency_days": pl.Int64, "frequency": pl.Int64, "monetary": pl.Decimal(20, 2)},
        orient="row",
    )
    scored = rfm.score_frame(summary, model)
    found = set(scored.select("rfm_recency", "rfm_frequency", "rfm_monetary").rows())
    assert found == reachable_triples(model)


@pytest.mark.parametrize(
    ("segment_map", "model", "dead"),
    [
        (rfm.GRID, rfm.PUBLISHED, ("new", "promising")),
        (rfm.GRID_PUBLISHED, rfm.PUBLISHED, ()),
        (rfm.GRID, Model(frequency=(2, 3, 5, 10)), ()),
        # eight of ten customers have one order: the score is 1 or 5
        (rfm.GRID, Model(frequency=(2, 2, 2, 2)), ("potential_loyalist", "need_attention", "at_risk")),
        (rfm.GRID, Model(recency=()), tuple(k for k in KEYS[:-1] if k not in {"at_risk", "cannot_lose", "hibernating"})),
    ],
)  # fmt: skip
def test_dead_segments_are_those_that_no_order_leads_to(segment_map, model, dead):
    assert segment_map.dead(model) == dead


def test_a_triple_is_written_as_people_do():
    assert [triple_text(triple) for triple in TRIPLES[:2]] == ["1-1-1", "1-1-2"]
