"""Amounts: which ones a design needs, and what they are of a session and of a unit, as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.lift.shapes import Amount, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Design
    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.rows import Rows

WATCH = Amount("watch")
BACK = ("returned", "returnable")
DAY_MS = 86_400_000


class Wanted(NamedTuple):
    """What moments are to tell."""

    amounts: tuple[Amount, ...]
    products: tuple[tuple[int, int], ...]
    """Indices of amounts of which products are summed, the lower first."""


def wanted(design: Design) -> Wanted:
    """The amounts of the design's metrics, the first at all caps, and the products that their variances need."""
    metrics = design.metrics or (Metric("watch", WATCH),)
    pairs = [(metrics[0].of._replace(cap=cap), metrics[0].over) for cap in design.caps]
    pairs += [(one.of, one.over) for one in metrics[1:]]
    before = [Amount(column, before=True) for column in dict.fromkeys(design.pre)]
    amounts = list(dict.fromkeys([each for pair in pairs for each in pair if each is not None] + before))
    found: set[tuple[int, int]] = set()
    for pair in pairs:
        places = [amounts.index(each) for each in (*pair, *before) if each is not None]
        found |= {(min(one, other), max(one, other)) for one in places for other in places}
    return Wanted(tuple(amounts), tuple(sorted(found)))


def lacking(rows: Rows, amounts: Sequence[Amount]) -> str | None:
    """What the rows lack to tell these amounts."""
    for one in amounts:
        if one.column in BACK and not (rows.columns.user and rows.columns.time):
            return f"{one.column}: needs columns of users and times"
        if one.column not in (*BACK, "sessions"):
            rows.place(one.column)
        if one.known and one.known != "sessions":
            rows.place(one.known)
    return None


def scale(rows: Rows, amount: Amount) -> float:
    """What sums of an amount in the engine are divided by."""
    if amount.above is not None or amount.column in (*BACK, "sessions"):
        return 1.0
    return rows.scale(amount.column)


def of_session(rows: Rows, table: Table, amount: Amount, *, cap: bool = True) -> Any:
    """What a session adds, as float64; null: not known."""
    import ibis

    def number(value: float) -> Any:
        return ibis.literal(value, "float64")

    value = number(1.0)
    if amount.column != "sessions":
        value, size = table[rows.place(amount.column)], rows.scale(amount.column)
        if amount.above is not None:
            over = ibis.ifelse(value > number(amount.above * size), number(1.0), number(0.0))
            value = ibis.ifelse(value.isnull(), ibis.null("float64"), over)
        elif amount.cap is not None and cap:
            most = number(amount.cap * size)
            value = ibis.ifelse(value > most, most, value)
    if amount.known and amount.known != "sessions":
        value = ibis.ifelse(table[rows.place(amount.known)].notnull(), value, ibis.null("float64"))
    return value
