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


def wanted(design: Design, *, first: bool = False) -> Wanted:
    """The amounts of the design's metrics, the first at all caps, and the products that their variances need.

    `first`: of the first metric alone.
    """
    metrics = design.metrics or (Metric("watch", WATCH),)
    pairs = [(metrics[0].of._replace(cap=cap), metrics[0].over) for cap in design.caps]
    pairs += [(one.of, one.over) for one in metrics[1:] if not first]
    before = [Amount(column, before=True) for column in dict.fromkeys(design.pre)]
    amounts = list(dict.fromkeys([each for pair in pairs for each in pair if each is not None] + before))
    found: set[tuple[int, int]] = set()
    for pair in pairs:
        places = [amounts.index(each) for each in (*pair, *before) if each is not None]
        found |= {(min(one, other), max(one, other)) for one in places for other in places}
    return Wanted(tuple(amounts), tuple(sorted(found)))


def lacking(rows: Rows, design: Design, amounts: Sequence[Amount]) -> str | None:
    """What the rows lack to tell these amounts as the design wants it."""
    whole = rows.columns.user is not None and rows.columns.time is not None
    for one in amounts:
        if one.column in BACK and not whole:
            return f"{one.column}: needs columns of users and times"
        for column in (one.column, one.known):
            if column not in ("", "sessions", *BACK):
                rows.place(column)
    if design.window is not None and rows.columns.time is None:
        return "a window needs a column of times"
    if design.cap_unit == "window" and (design.window is None or not whole):
        return "caps by window need a window, and columns of users and times"
    return None


def columns(rows: Rows, amounts: Sequence[Amount]) -> dict[Amount, tuple[str, float]]:
    """The column of units that each is, and what its sums are divided by."""
    return {one: (f"x{number}", scale(rows, one)) for number, one in enumerate(amounts)}


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

    value = flag(ibis.literal(True))
    if amount.column in BACK:
        return returned(table, int(amount.cap or 1), int(rows.seen()["last"]), known=amount.column == BACK[1])
    if amount.column != "sessions":
        value, size = table[rows.place(amount.column)], rows.scale(amount.column)
        if amount.above is not None:
            value = flag(value > number(amount.above * size))
        elif amount.cap is not None and cap:
            most = number(amount.cap * size)
            value = ibis.ifelse(value > most, most, value)
    if amount.known and amount.known != "sessions":
        value = ibis.ifelse(table[rows.place(amount.known)].notnull(), value, ibis.null("float64"))
    return value


def returned(table: Table, days: int, last: int, *, known: bool) -> Any:
    """Whether a session is on one of so many days after the day of its user's `first`; `known`: whether they are over.

    Days are those of UTC.
    """
    begun = day(table.first)
    over = (begun + (days + 1)) * DAY_MS <= last
    since = day(table.time) - begun
    back = over if known else over & (since >= 1) & (since <= days)
    return flag(back)


def flag(condition: Any) -> Any:
    """1 or 0 as float64; literals would be decimals in engines."""
    return condition.cast("int64").cast("float64")


def day(ms: Any) -> Any:
    """Days since the epoch."""
    return (ms.cast("float64") / float(DAY_MS)).floor().cast("int64")
