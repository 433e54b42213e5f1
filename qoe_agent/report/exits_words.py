"""What `qoe-agent exits` found, in words: numbers as people read them, and the sentence that comes first. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qoe_agent.report.words import between, count, kind, length, ratio, share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.viewers.shapes import Cost, Exits, Hazard, Mark

FACTORS = {
    "startup": ("startup time", " s"), "stall": ("stalls", ""), "height": ("picture height", " lines"),
    "latency": ("latency", " s"), "incident": ("incidents of the probe", ""),
    "effective_height": ("effective height, measured", " lines"), "av_offset": ("sound against picture, measured", ""),
    "tenure": ("time watched", " s"),
}  # fmt: skip
"""Of each factor: what it is called, and the unit of its levels."""
LEVELS = {
    ("stall", "recent"): "in the 30 s after a stall began", ("stall", "earlier"): "later after a stall",
    ("stall", "none"): "no stall yet", ("incident", "none"): "none",
    ("av_offset", "sound early"): "early by over 90 ms", ("av_offset", "sound late"): "late by over 185 ms",
}  # fmt: skip
TENURE = "tenure"
"""The factor that is the baseline of all others: when, not why."""
UNKNOWN = "unknown"
"""The level of those of whom it is not known."""
REASON = (
    "The naive figure compares sessions that ever met a level with those that never did. Whoever watches long has time "
    "to meet everything, so it makes harm look like a blessing; it also leaves out all other factors."
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
    where = f"{f'counting the cause {exits.cause} alone, ' if exits.cause else ''}{_where(one.factor, one.level)}"
    return (
        f"{where[0].upper()}{where[1:]} viewers leave {ratio(one.hazard_ratio)} times {between(one.low, one.high)} as "
        f"fast as {'at the reference' if beside is None else _where(one.factor, beside)}."
    )


def going(exits: Exits) -> str:
    """Over what goes with leaving."""
    return "What goes with leaving" + (f" by the cause {exits.cause}" if exits.cause else "")


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
    if of == "av_offset":
        return "with sound in tolerance" if name == "in tolerance" else f"with sound {level(of, name)}"
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
