"""Figures as plain JSON values; null: cannot be known. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

DIGITS = 6
"""That count; times have all of theirs."""
WHOLE = ("start", "end", "seconds")
"""Keys of times and lengths."""


def plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Of all that is found by its key."""
    return {key: one(key, value) for key, value in found.items()}


def one(key: str, value: Any) -> Any:
    """A value by its key: JSON's own types, infinities and what is no number as null."""
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, (tuple, list)):
        return [one(key, each) for each in value]
    number = float(value)
    if not math.isfinite(number):
        return None
    return number if key in WHOLE else float(f"{number:.{DIGITS}g}")
