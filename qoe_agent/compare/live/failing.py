"""Conditions on which a live comparison fails, such as `vmaf[B] < 92` or `qp[B-A] > 1`. Pure.

    condition = measure, ["[", output, ["-", output], "]"], operator, number
    measure   = a name of the table (vmaf, score, qp, bitrate, latency, stalled, …), or startup
    operator  = "<" | "<=" | ">" | ">=" | "==" | "!="

Of an output it is the mean over all seconds; of two, the mean of the one less the other over seconds that both have.
Without brackets it is that of every output in turn, the reference left out. What has no value fails.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.live.seconds import BY_NAME
from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.live.paired import LiveCompared

OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt,
             ">": operator.gt}  # fmt: skip
STARTUP = "startup"
_FORM = re.compile(
    r"\s*(?P<measure>[a-z_0-9]+)\s*(?:\[\s*(?P<one>\w+)\s*(?:-\s*(?P<other>\w+)\s*)?\])?\s*"
    r"(?P<sign><=|>=|==|!=|<|>)\s*(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)


class Condition(NamedTuple):
    """What must not hold."""

    text: str
    """As it was written."""
    measure: str
    one: str
    """Output; "": every one."""
    other: str
    """What is taken off; "": nothing."""
    sign: str
    number: float


class Outcome(NamedTuple):
    """Of a condition, for an output or two."""

    condition: Condition
    what: str
    value: float | None
    fails: bool


def condition(text: str, outputs: Sequence[str]) -> Condition:
    """As written. Raises Unfit."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise Unfit(f"--fail-if {text}: expected such as 'vmaf[B] < 92' or 'qp[B-A] > 1'")
    measure, one, other = found["measure"], found["one"] or "", found["other"] or ""
    if measure not in (*BY_NAME, STARTUP):
        raise Unfit(f"--fail-if {text}: no measure {measure}; there are {', '.join((*BY_NAME, STARTUP))}")
    for name in (one, other):
        if name and name not in outputs:
            raise Unfit(f"--fail-if {text}: no output {name}; there are {', '.join(outputs)}")
    return Condition(text.strip(), measure, one, other, found["sign"], float(found["number"]))


def outcomes(found: Condition, compared: LiveCompared) -> list[Outcome]:
    """Whether it holds, of each output that it is about."""
    tests = [side.name for side in compared.sides if side.name != compared.reference]
    return [_outcome(found, name, compared) for name in ([found.one] if found.one else tests)]


def _outcome(found: Condition, name: str, compared: LiveCompared) -> Outcome:
    value = _apart(found, compared) if found.other else _mean(found.measure, name, compared)
    what = f"{found.measure}[{name}-{found.other}]" if found.other else f"{found.measure}[{name}]"
    return Outcome(found, what, value, value is None or bool(OPERATORS[found.sign](value, found.number)))


def _mean(measure: str, name: str, compared: LiveCompared) -> float | None:
    side = next(one for one in compared.sides if one.name == name)
    return side.startup if measure == STARTUP else side.means.get(measure)


def _apart(found: Condition, compared: LiveCompared) -> float | None:
    if found.measure == STARTUP:
        ours, theirs = (_mean(STARTUP, name, compared) for name in (found.one, found.other))
        return None if ours is None or theirs is None else ours - theirs
    for sign, couple in ((-1.0, (found.one, found.other)), (1.0, (found.other, found.one))):
        apart = compared.sums.known.get(couple, {}).get(found.measure)
        if apart is not None:
            return sign * apart.between.total / apart.between.n
    return None
