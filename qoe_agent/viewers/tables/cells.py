"""Person-time and exits by tenure, factors and bucket: counted in the engine, one scan for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.shapes import TENURE
from qoe_agent.viewers.tables.levels import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.tables.engines import Table

EDGES = tuple(1000 * edge for edge in TENURE)
"""Of the tenure bins, in milliseconds."""
CHANGES = 2
"""Changes of state inside the interval of one exit that are told apart; later ones count as the last of these."""
WIDTHS = (1, 500, 1000, 2000, 3000, 5000, 8000, 12_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 300_000)
"""Classes of intervals' lengths, in milliseconds. Exits of one class count as one, with their mean lengths."""
PARTS = 8
"""Into how many parts the place of a cut in an interval is rounded."""


def person_time(spans: Table, codes: Sequence[str]) -> Table:
    """`spans`: bucket, codes, a_ms, b_ms: of a session, in one state from a to b.

    Gives by bucket and codes t0, t1, …: milliseconds in each tenure bin.
    """
    import ibis

    zero = ibis.literal(0, "int64")
    ends = (*EDGES[1:], None)
    inside = {}
    for number, (low, high) in enumerate(zip(EDGES, ends, strict=True)):
        until = spans.b_ms if high is None else ibis.least(spans.b_ms, high)
        length = ibis.greatest(until - ibis.greatest(spans.a_ms, low), zero)
        inside[f"t{number}"] = length.cast("float64").sum()
    return spans.group_by(["bucket", *codes]).agg(**inside)


def exits(gone: Table, codes: Sequence[str], *, changes: int) -> Table:
    """`gone`: an exit a row: bucket, cause, lo_ms, hi_ms, codes; c1, c2, …: when the codes change, in order.

    A change that is none lies at hi_ms. Gives by bucket, cause, codes and the bins b0, b1, … of the cuts: how many, and
    the sums of the cuts c0 (begin), c1 (first change), …, the last one the end. Cuts that lie in one bin and in about
    one place of an interval of about one length are alike.
    """
    import ibis

    cuts = [gone.lo_ms, *[gone[f"c{number}"] for number in range(1, changes + 1)], gone.hi_ms]
    keys: dict[str, Any] = {"bucket": gone.bucket, "cause": gone.cause}
    keys |= {each: gone[each] for each in codes}
    width = gone.hi_ms - gone.lo_ms
    keys["wide"] = place(width, (0, *WIDTHS))
    exact = width == 0
    last = place(gone.hi_ms, EDGES, upper=True)
    for number, cut in enumerate(cuts):
        at = last if number == len(cuts) - 1 else ibis.ifelse(exact, last, place(cut, EDGES))
        keys[f"b{number}"] = at
    edge = ibis.cases(*[(keys["b0"] == number, high) for number, high in enumerate(EDGES[1:])], else_=EDGES[-1])
    for number, cut in enumerate((edge, *cuts[1:-1])):
        part = ((cut - gone.lo_ms) * PARTS).cast("float64") / ibis.greatest(width, 1).cast("float64")
        keys[f"p{number}"] = ibis.ifelse((cut <= gone.lo_ms) | (cut >= gone.hi_ms), -1, part.floor().cast("int64"))
    marked = gone.select(**keys, **{f"x{number}": cut for number, cut in enumerate(cuts)})
    sums = {f"c{number}": marked[f"x{number}"].cast("float64").sum() for number in range(len(cuts))}
    return marked.group_by(list(keys)).agg(count=marked.count(), **sums)
