"""Person-time and exits by tenure, factors and bucket: counted in the engine, one scan for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.shapes import TENURE
from qoe_agent.viewers.tables.levels import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from qoe_agent.viewers.tables.engines import Table

EDGES = tuple(1000 * edge for edge in TENURE)
"""Of the tenure bins, in milliseconds."""
CHANGES = 2
"""Changes of state inside the interval of one exit that are told apart; later ones count as the last of these."""
WIDTHS = (1, 500, 1000, 2000, 3000, 5000, 8000, 12_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 300_000)
"""Classes of intervals' lengths, in milliseconds. Exits of one class count as one, with their mean lengths."""
PARTS = ((16, 8), (64, 4))
"""Into how many parts the place of a cut in an interval is rounded, up to so many states; beyond: 2."""


def person_time(spans: Table, codes: Sequence[str]) -> Table:
    """`spans`: bucket, codes, a_ms, b_ms: of a session, in one state from a to b.

    Gives by bucket, codes and the bins `from` and `until`, in which a and b lie: how many, and the sums of a and b.
    """
    marked = spans.mutate(**{"from": place(spans.a_ms, EDGES), "until": place(spans.b_ms, EDGES)})
    sums = {"a": marked.a_ms.cast("float64").sum(), "b": marked.b_ms.cast("float64").sum()}
    return marked.group_by(["bucket", *codes, "from", "until"]).agg(count=marked.count(), **sums)


def exits(gone: Table, codes: Sequence[str], *, changes: int, states: int) -> Table:
    """`gone`: an exit a row: bucket, cause, lo_ms, hi_ms, codes; c1, c2, …: when the codes change, in order.

    A change that is none lies at hi_ms. Gives by bucket, cause, codes and the bins b0, b1, … of the cuts: how many, and
    the sums of the cuts c0 (begin), c1 (first change), …, the last one the end. Cuts that lie in one bin and in about
    one place of an interval of about one length are alike: how nearly, hangs on how many `states` there may be.
    """
    import ibis

    parts = next((parts for most, parts in PARTS if states <= most), 2)
    cuts = [gone.lo_ms, *[gone[f"c{number}"] for number in range(1, changes + 1)], gone.hi_ms]
    keys: dict[str, Any] = {each: gone[each] for each in ("bucket", "cause", *codes)}
    width = gone.hi_ms - gone.lo_ms
    keys["wide"] = place(width, (0, *WIDTHS))
    for number, cut in enumerate(cuts):
        keys[f"b{number}"] = place(cut, EDGES, upper=number == len(cuts) - 1)
    first = place(gone.lo_ms, EDGES)
    edge = ibis.cases(*[(first == number, high) for number, high in enumerate(EDGES[1:])], else_=gone.hi_ms)
    for number, cut in enumerate((edge, *cuts[1:-1])):
        part = ((cut - gone.lo_ms) * parts).cast("float64") / width.cast("float64")
        inside = (cut > gone.lo_ms) & (cut < gone.hi_ms)
        keys[f"p{number}"] = ibis.ifelse(inside, part.floor().cast("int64"), -1)
    marked = gone.select(**keys, **{f"x{number}": cut for number, cut in enumerate(cuts)})
    sums = {f"c{number}": marked[f"x{number}"].cast("float64").sum() for number in range(len(cuts))}
    return marked.group_by(list(keys)).agg(count=marked.count(), **sums)


def from_start(ended: pa.Table, factors: int) -> pa.Table:
    """Person-time of sessions in one state from their start, out of what `exits` gave for all of them."""
    import numpy as np
    import pyarrow as pa

    nothing = pa.array(np.zeros(ended.num_rows, np.int64))
    columns = {f"f{number}": ended[f"f{number}s0"] for number in range(factors)}
    columns |= {"bucket": ended["bucket"], "from": nothing, "until": ended["b0"]}
    return pa.table({**columns, "count": ended["count"], "a": nothing, "b": ended["c0"]})


def waits(sessions: Table, codes: Sequence[str]) -> Table:
    """`sessions`: bucket, codes, lo_ms, startup (null: unknown). How long they waited for the first picture, by bin."""
    import ibis

    known = sessions.filter(sessions.startup.notnull())
    wait = ibis.least(known.startup, known.lo_ms)
    marked = known.select("bucket", *codes, wait=wait, until=place(wait, EDGES))
    return marked.group_by(["bucket", *codes, "until"]).agg(count=marked.count(), b=marked.wait.cast("float64").sum())


def moved(time: pa.Table, waited: pa.Table, code: str, unknown: int) -> pa.Table:
    """`time` of `from_start` with what was `waited` for the first picture moved to the level `unknown`: a session has
    a level of startup from then on, else nobody of a slow start could have left early."""
    import numpy as np
    import pyarrow as pa

    parts = [time]
    for sign, level in ((-1, None), (1, unknown)):
        columns = {name: waited[name] for name in time.column_names if name not in ("from", "count", "a", "b")}
        nothing = pa.array(np.zeros(waited.num_rows, np.int64))
        columns |= {"from": nothing, "a": nothing}
        columns["count"] = pa.array(sign * waited["count"].to_numpy())
        columns["b"] = pa.array(sign * waited["b"].to_numpy())
        if level is not None:
            columns[code] = pa.array(np.full(waited.num_rows, level, np.int64))
        parts.append(pa.table({name: columns[name] for name in time.column_names}))
    return pa.concat_tables(parts, promote_options="permissive")


def from_picture(spans: Table, code: str, unknown: int) -> Table:
    """`spans` for `person_time`, with startup: cut where the first picture came; until then `code` is `unknown`."""
    import ibis

    known = ibis.coalesce(spans.startup, spans.a_ms)
    cut = ibis.greatest(ibis.least(known, spans.b_ms), spans.a_ms)
    names = [name for name in spans.columns if name != "startup"]
    marked = spans.mutate(cut=cut)
    waiting = marked.mutate(**{"b_ms": marked.cut, code: ibis.literal(unknown, "int64")})
    playing = marked.mutate(a_ms=marked.cut)
    parts = [part.filter(part.b_ms > part.a_ms).select(*names) for part in (waiting, playing)]
    return parts[0].union(parts[1])
