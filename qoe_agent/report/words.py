"""Numbers, times and names as people read them, in every report. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

_UNITS = re.compile(r"(?<=\d) (?=%|(?:h|s|min|points)\b)")


def shown(text: str) -> str:
    """As a terminal may be given it: what would steer it, or break the line, is escaped (\\x1b)."""
    steers = ("Cc", "Cs", "Zl", "Zp")
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in steers else char for char in text
    )


def unbroken(text: str, space: str = "\N{NO-BREAK SPACE}") -> str:
    """With figures and their units on one line."""
    return _UNITS.sub(space, text)


def count(value: float | None) -> str:
    """Of people and things: whole where large."""
    if value is None:
        return "–"
    small = abs(value) < 10 and value != round(value)
    return _signed(f"{value:,.1f}" if small else f"{value:,.0f}")


def ratio(value: float | None) -> str:
    """Three digits that count, two behind the point at most."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def share(value: float | None) -> str:
    """Per cent; as many digits as tell it from 0 and 100."""
    if value is None:
        return "–"
    percent = value * 100
    near = min(abs(percent), abs(100 - percent))
    return f"{percent:.2f} %" if 0.005 <= near < 1 else f"{percent:.1f} %"


def chance(p: float | None) -> str:
    """A p value."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def between(low: float | None, high: float | None, words: object = None) -> str:
    """An interval; empty where there is none. `words`: how one of its ends is written."""
    write = words if callable(words) else ratio
    return "" if low is None or high is None else f"[{write(low)}, {write(high)}]"


def length(seconds: float) -> str:
    """Such as 30 s, 3 min, 2 h."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def moment(at: float) -> str:
    """Unix seconds as people write them, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def begun(text: str) -> str:
    """As a line begins: with a capital letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def kind(name: str) -> str:
    """Of an incident."""
    return name.replace("_", " ")


def _signed(text: str) -> str:
    return text.replace("-", "−")
