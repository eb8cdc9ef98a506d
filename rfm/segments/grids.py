"""The two maps that come with rfm: recency by frequency, for fitted and for published thresholds.

The idea of the grid and most names are Putler's; public RFM notebooks share it.
"""

from __future__ import annotations

from typing import Final

from rfm.segments.maps import Segment, SegmentMap

_PEOPLE: Final = {
    "champions": ("Champions", "They bought very recently, and buy very often."),
    "loyal": ("Loyal Customers", "They buy often, and bought not long ago."),
    "potential_loyalist": (
        "Potential Loyalists",
        "They bought recently, and more than once or twice.",
    ),
    "new": ("New Customers", "They bought very recently, for the first time or nearly so."),
    "promising": ("Promising", "They bought recently, and have few orders."),
    "need_attention": (
        "Need Attention",
        "Average customers: they bought some time ago, a middling number of times.",
    ),
    "about_to_sleep": (
        "About To Sleep",
        "They have few orders, and the newest one is some time ago.",
    ),
    "at_risk": ("At Risk", "They bought several times, but not for a long time."),
    "cannot_lose": (
        "Cannot Lose Them",
        "They were among the most frequent buyers, but have not bought for a long time.",
    ),
    "hibernating": ("Hibernating", "They have few orders, and bought long ago."),
}


def _grid(patterns: dict[str, str]) -> SegmentMap:
    return SegmentMap(
        Segment(key, name, meaning, (patterns[key],)) for key, (name, meaning) in _PEOPLE.items()
    )


_FITTED: Final = {
    "champions": "5-45-*",
    "loyal": "34-45-*",
    "potential_loyalist": "45-23-*",
    "new": "5-1-*",
    "promising": "4-1-*",
    "need_attention": "3-3-*",
    "about_to_sleep": "3-12-*",
    "at_risk": "12-34-*",
    "cannot_lose": "12-5-*",
    "hibernating": "12-12-*",
}

GRID: Final = _grid(_FITTED)
"""Recency by frequency, for fitted thresholds: the customers with the fewest orders have F = 1."""

GRID_PUBLISHED: Final = _grid(
    _FITTED | {"potential_loyalist": "45-3-*", "new": "5-12-*", "promising": "4-12-*"}
)
"""The same where the first order earns F = 2, as under `rfm.PUBLISHED`: F = 1 has no order."""
