"""The JSON Schema of an explanation."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, cast


def explanation_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what `Explanation.to_dict` and SQL give.

    >>> explanation_schema()["title"]
    'Explanation of a lead score'
    """
    text = files("rfm.explanation").joinpath("explanation.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
