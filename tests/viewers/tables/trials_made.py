"""Sessions of an experiment for tests, and slowly what a Trial is to say of them."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.lift.shapes import Amount, Columns, Design, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

DAY = 86400.0
BEGAN = 1_800_014_400.0
COLUMNS = Columns("who", "variant", "watch_seconds", "start", "room")
NUMBERS, WORDS = ("pre", "orders", "stall_seconds"), ("region", "device")
METRICS = (
    Metric("watch", Amount("watch")), Metric("watch_per_session", Amount("watch", cap=3600.0), Amount("sessions")),
    Metric("longer_than_30s", Amount("watch", above=30.0), Amount("sessions")), Metric("orders", Amount("orders")),
    Metric("stall_ratio", Amount("stall_seconds"), Amount("watch", known="stall_seconds")),
    Metric("returned_1d", Amount("returned", cap=1), Amount("returnable", cap=1)),
    Metric("returned_7d", Amount("returned", cap=7), Amount("returnable", cap=7)),
)  # fmt: skip

Row = dict[str, Any]


def rows(seed: int, count: int = 400) -> list[Row]:
    """Sessions of some 100 users over 20 days; now and then something is not known, or a user is in several arms."""
    drawn = random.Random(seed)
    found = []
    for _ in range(count):
        who = f"u{int(100 * drawn.random() ** 2)}"
        steady = random.Random(who + str(seed))
        arm = steady.choice(["hd", "hd", "sd", "sd", "other"])
        found.append({
            "who": who, "variant": drawn.choice(["hd", "sd", None]) if steady.random() < 0.05 else arm,
            "watch_seconds": drawn.choice([0.0, 1.0, 4.0, 30.0, 9000.0, *[round(drawn.lognormvariate(5, 2), 3)] * 20]),
            "start": BEGAN + round(drawn.random() * 20 * DAY, 3), "room": drawn.choice(["a", "b", "c", None]),
            "pre": steady.choice([None, round(steady.gauss(100, 30), 2)]), "orders": drawn.choice([None, 0, 1, 2]),
            "stall_seconds": drawn.choice([None, 0.0, round(drawn.random() * 9, 3)]),
            "region": drawn.choice(["x", "y", "z", None]), "device": steady.choice(["tv", "phone"]),
        })  # fmt: skip
    for name in ("who", "watch_seconds", "start"):
        found[drawn.randrange(count)][name] = None
    return found


def written(path: Path, some: Sequence[Row]) -> Path:
    """As the kind of file that the name says."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    table = pa.Table.from_pylist(list(some))
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)
    return path


class Unit(NamedTuple):
    arm: str
    first: float
    sessions: list[Row]
    """That count."""
    values: list[float | None]
    watched: float


class Expected:
    """What a Trial is to say of `some` rows, by `design`; `columns`: `time` and `user` may be none."""

    def __init__(self, some: Sequence[Row], design: Design, columns: Columns, amounts: Sequence[Amount]) -> None:
        named = [name for name in (columns.watch, columns.user, columns.time) if name]
        known = [row for row in some if all(row[name] is not None for name in named)]
        self.unassigned = sum(row["variant"] is None for row in some)
        self.last = max((row["start"] or 0.0 for row in known), default=0.0)
        known = [row for row in known if row["variant"] is not None]
        self.design, self.columns, self.amounts = design, columns, amounts
        by_user = defaultdict(list)
        for number, row in enumerate(known):
            by_user[row[columns.user] if columns.user else number].append(row)
        self.several = sum(len({row["variant"] for row in mine}) > 1 for mine in by_user.values())
        arms = (design.control, *design.treatments) if design.treatments else ("hd", "other", "sd")
        single = [mine for mine in by_user.values() if len({row["variant"] for row in mine}) == 1]
        self.units = [self._unit(mine) for mine in single if mine[0]["variant"] in arms]
        self.whole = [mine for mine in single if mine[0]["variant"] in arms]
        self.complete = [unit for unit in self.units if self._over(unit)]
        self._fill()

    def _over(self, unit: Unit) -> bool:
        window = self.design.window
        return window is None or self.columns.user is None or round(1000 * (unit.first + window - self.last)) <= 0

    def _unit(self, mine: list[Row]) -> Unit:
        timed = self.columns.time is not None
        first = min(row["start"] for row in mine) if timed else 0.0
        window = self.design.window if timed and self.columns.user else None
        counted = [row for row in mine if window is None or round(1000 * (row["start"] - first - window)) < 0]
        if self.design.cap_unit == "window":
            assert window is not None
            counted = [row | {"watch_seconds": min(row["watch_seconds"], first + window - row["start"])}
                       for row in counted]  # fmt: skip
        values = [self._value(one, counted, mine, first) for one in self.amounts]
        return Unit(mine[0]["variant"], first, counted, values, sum(row["watch_seconds"] for row in counted))

    def _value(self, one: Amount, counted: list[Row], mine: list[Row], first: float) -> float | None:
        name = "watch_seconds" if one.column == "watch" else one.column
        if one.before:
            known = [row[name] for row in mine if row[name] is not None]
            return sum(known) / len(known) if known else None
        if one.column in ("returned", "returnable"):
            days = [row["start"] // DAY - first // DAY for row in mine]
            over = (first // DAY + (one.cap or 0) + 1) * DAY <= self.last
            return float(over and (one.column == "returnable" or any(1 <= day <= (one.cap or 0) for day in days)))
        some = [row for row in counted if not one.known or row[one.known] is not None]
        if one.column == "sessions":
            return len(some)
        each: list[float] = [row[name] for row in some if row[name] is not None]
        if one.above is not None:
            return sum(value > one.above for value in each)
        if one.cap is not None and self.design.cap_unit == "session":
            return sum(min(value, one.cap) for value in each)
        return min(sum(each), one.cap) if one.cap is not None else sum(each)

    def _fill(self) -> None:
        for place in range(len(self.amounts)):
            known = [unit.values[place] for unit in self.complete if unit.values[place] is not None]
            mean = sum(each for each in known if each is not None) / len(known) if known else 0.0
            for unit in self.complete:
                if unit.values[place] is None:
                    unit.values[place] = mean

    def value(self, unit: Unit, column: str) -> str:
        """A word of the unit's first session."""
        order: Callable[[Row], Any] = lambda row: (row["start"] if self.columns.time else 0,  # noqa: E731
                                                   *[row[name] or "~" for name in WORDS])  # fmt: skip
        return min(unit.sessions, key=order)[column] or "unknown"

    def matrix(self, units: Sequence[Unit]) -> np.ndarray[Any, Any]:
        return np.array([unit.values for unit in units], float).reshape(len(units), len(self.amounts))
