"""What `qoe-agent exits` found, in words: numbers as people read them, and the sentence that comes first. Pure."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.viewers.shapes import Cost, Exits, Hazard, Mark

FACTORS = {
    "startup": ("startup time", " s"), "stall": ("stalls", ""), "height": ("picture height", " lines"),
    "latency": ("latency", " s"), "incident": ("incidents of the probe", ""), "tenure": ("time watched", " s"),
}  # fmt: skip
"""Of each factor: what it is called, and the unit of its levels."""
LEVELS = {
    ("stall", "recent"): "in the 30 s after a stall began", ("stall", "earlier"): "later after a stall",
    ("stall", "none"): "no stall yet", ("incident", "none"): "none",
}  # fmt: skip
TENURE = "tenure"
"""The factor that is the baseline of all others: when, not why."""
UNKNOWN = "unknown"
"""The level of those of whom it is not known."""
REASON = (
    "The naive figure compares sessions that ever met a level with those that never did. Whoever watches long has time "
    "to meet everything, so it makes harm look like a blessing; it also leaves out all other factors."
)


def shown(text: str) -> str:
    """As a terminal may be given it: what would steer it, or break the line, is escaped (\\x1b)."""
    steers = ("Cc", "Cs", "Zl", "Zp")
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in steers else char for char in text
    )


def factor(name: str) -> str:
    """What a factor is called."""
    return FACTORS.get(name, (name, ""))[0]


def level(of: str, name: str) -> str:
    """What a level is called."""
    if (of, name) in LEVELS:
        return LEVELS[of, name]
    if of not in FACTORS:
        return name
    return name + FACTORS[of][1] if name[-1:].isdigit() else name.replace("_", " ")


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


def remark(one: Hazard) -> str:
    """What its note says beside that which a table shows anyway."""
    parts = [part for part in one.note.split("; ") if part and not part.startswith(("against ", "the reference"))]
    return "; ".join(parts)


def remarks(hazards: Iterable[Hazard]) -> list[str]:
    """What is to be said of levels, each thing once; of several levels of a factor by the factor's name."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in hazards:
        if said := remark(one):
            found.setdefault(said, {}).setdefault(one.factor, []).append(one.level)
    return [
        f"{', '.join(_named(each, levels) for each, levels in factors.items())}: {said}"
        for said, factors in found.items()
    ]


def _named(of: str, levels: list[str]) -> str:
    return factor(of) if len(levels) > 1 else f"{factor(of)} ({level(of, levels[0])})"


def length(seconds: float) -> str:
    """Such as 30 s, 3 min, 2 h."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def moment(at: float) -> str:
    """Unix seconds as people write them, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def kind(name: str) -> str:
    """Of an incident."""
    return name.replace("_", " ")


def ranked(costs: tuple[Cost, ...]) -> list[Cost]:
    """The dearest first, by what they cost at least: the largest estimates are those that chance helped most."""
    return sorted(costs, key=lambda one: (one.low is None, -(one.low or 0.0), one.start))


def strongest(hazards: tuple[Hazard, ...]) -> Hazard | None:
    """The level whose interval is farthest from 1; None: none is clear of it."""

    def clear(one: Hazard) -> float:
        if one.level == UNKNOWN or one.factor == TENURE or not one.low or not one.high or one.low <= 1 <= one.high:
            return 0.0
        return min(abs(math.log(one.low)), abs(math.log(one.high)))

    best = max(hazards, key=clear, default=None)
    return best if best and clear(best) > 0 else None


def first(exits: Exits) -> str:
    """The sentence that says what matters most."""
    return " ".join(part for part in (_stay(exits), _leave(exits), _cost(exits)) if part)


def _stay(exits: Exits) -> str:
    sessions = f"{exits.sessions:,} session{'s' * (exits.sessions != 1)}"
    mark: Mark | None = next((one for one in exits.retention if one.seconds == 30), None)
    mark = mark or next(iter(exits.retention), None)
    if mark is None:
        return f"{sessions}: how many stay cannot be told."
    return (
        f"Of {sessions} {share(mark.share)} {between(mark.low, mark.high, share)} still watch after "
        f"{length(mark.seconds)}."
    )


def _leave(exits: Exits) -> str:
    one = strongest(exits.hazards)
    if one is None:
        return "No factor is clearly tied to leaving." if exits.hazards else ""
    beside = next((each.level for each in exits.hazards if each.factor == one.factor and reference(each)), None)
    where = _where(one.factor, one.level)
    return (
        f"{where[0].upper()}{where[1:]} viewers leave {ratio(one.hazard_ratio)} times {between(one.low, one.high)} as "
        f"fast as {'at the reference' if beside is None else _where(one.factor, beside)}."
    )


def reference(one: Hazard) -> bool:
    """Whether the others of its factor are compared with it."""
    return one.hazard_ratio == one.low == one.high == 1


def _where(of: str, name: str) -> str:
    if of == "stall":
        return "with no stall yet" if name == "none" else level(of, name)
    if of == "incident":
        return (
            "without an incident" if name == "none" else f"in incidents of the kind {level(of, name)} (to 30 s after)"
        )
    return f"at {factor(of)} {level(of, name)}"


def _cost(exits: Exits) -> str:
    known = [one for one in exits.incidents if one.excess_exits is not None]
    if not exits.incidents:
        return ""
    stand = [one for one in ranked(exits.incidents) if one.discovery and (one.low or 0) > 0]
    said = f"{len(stand)} of {len(exits.incidents)} incidents cost viewers beyond chance"
    if len(known) < len(exits.incidents):
        said += f" ({len(exits.incidents) - len(known)} cannot be told)"
    if not stand:
        return said + "."
    top = stand[0]
    return (
        f"{said}, {kind(top.kind)} {top.id} the dearest: {count(top.excess_exits)} "
        f"{between(top.low, top.high, count)} exits too many."
    )


def _signed(text: str) -> str:
    return text.replace("-", "−")
