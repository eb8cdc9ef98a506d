"""Published segment maps, loaded as they are: their holes and overlaps are told exactly."""

from itertools import product

import pytest

import rfm
from rfm import InvalidSegmentMap, Segment, SegmentMap
from rfm.segments.patterns import TRIPLES

# the segments of the documentation of R's package rfm (rfm_segment): least and most of R, of F, of M
R_PACKAGE = {
    "champions": ((4, 5), (4, 5), (4, 5)),
    "loyal_customers": ((2, 5), (3, 5), (3, 5)),
    "potential_loyalist": ((3, 5), (1, 3), (1, 3)),
    "new_customers": ((4, 5), (1, 1), (1, 1)),
    "promising": ((3, 4), (1, 1), (1, 1)),
    "need_attention": ((2, 3), (2, 3), (2, 3)),
    "about_to_sleep": ((2, 3), (1, 2), (1, 2)),
    "at_risk": ((1, 2), (2, 5), (2, 5)),
    "cant_lose_them": ((1, 1), (4, 5), (4, 5)),
    "lost": ((1, 2), (1, 2), (1, 2)),
}
# the default of pymc-marketing's rfm_segments: quartiles, so that no score is 5
PYMC = {
    "premium_customer": "334 443 444 344 434 433 343 333",
    "repeat_customer": "244 234 232 332 143 233 243",
    "top_spender": "424 414 144 314 324 124 224 423 413 133 323 313 134",
    "at_risk_customer": "422 223 212 122 222 132 322 312 412 123 214",
    "inactive_customer": "411 111 113 114 112 211 311",
}


def segment(key, patterns):
    return Segment(key, key.replace("_", " ").title(), "As published.", patterns)


def r_package():
    return [
        segment(key, ["-".join("".join(map(str, range(a, b + 1))) for a, b in box)])
        for key, box in R_PACKAGE.items()
    ]


def pymc():
    return [segment(key, ["-".join(one) for one in codes.split()]) for key, codes in PYMC.items()]


def refusal(segments):
    with pytest.raises(InvalidSegmentMap) as raised:
        SegmentMap(segments)
    return str(raised.value)


def test_the_map_of_rs_package_has_holes_and_overlaps():
    boxes = [set(product(*(range(a, b + 1) for a, b in box))) for box in R_PACKAGE.values()]
    shared = [t for t in TRIPLES if sum(t in box for box in boxes) > 1]
    missing = [t for t in TRIPLES if not any(t in box for box in boxes)]
    assert (len(shared), len(missing)) == (39, 36)
    shown = "1-2-2, 1-4-4, 1-4-5, 1-5-4, 1-5-5, …"
    assert refusal(r_package()).splitlines()[:-1] == [
        "2 problems:",
        f"  - 39 of 125 triples belong to two or more segments: {shown} (1-2-2 to at_risk and lost)",
        "  - 36 of 125 triples belong to no segment: 1-1-3, 1-1-4, 1-1-5, 1-3-1, 1-4-1, …",
    ]


def test_the_map_of_pymc_marketing_has_holes_and_no_overlap():
    assert sum(len(codes.split()) for codes in PYMC.values()) == 46
    says = "79 of 125 triples belong to no segment: 1-1-5, 1-2-1, 1-2-5, 1-3-1, 1-3-5, …"
    assert refusal(pymc()).splitlines()[:-1] == [f"1 problem: {says}"]


def test_the_holes_of_a_published_map_can_be_filled():
    taken = {tuple(map(int, code)) for codes in PYMC.values() for code in codes.split()}
    rest = ["-".join(map(str, triple)) for triple in TRIPLES if triple not in taken]
    filled = SegmentMap([*pymc(), segment("other", rest)])
    assert len(filled.keys) == 7


def test_the_grid_of_recency_and_frequency_is_a_map():
    assert SegmentMap.from_json(rfm.GRID.to_json()) == rfm.GRID
