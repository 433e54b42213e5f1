"""Sessions nobody randomised, counted by cells of their covariates: two arms in one table.

Numbers are cut into equally filled bins, words keep their commonest levels; what is unknown is a level of its own.
Sums by bucket of users, cell and arm are made in the engine, and so are pairs: within a cell both arms are put in an
order by a stable hash, which is as good as at random, and the n-th of one is compared with the n-th of the other
(Krishnan and Sitaraman, "Video stream quality impacts viewer behavior", IMC 2012).
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.lift.observed import Covered
from qoe_agent.viewers.tables.levels import MOST, OTHER, UNKNOWN, spelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Columns
    from qoe_agent.viewers.tables.engines import Column, Engine, Table
    from qoe_agent.viewers.tables.trials.rows import Rows

BINS = 20
"""Into which a number is cut at most."""
BUCKETS = 200
"""Of users."""
CELLS = 10_000
"""That there may be at most: with BUCKETS their sums take 64 MB."""
FILLED = 10
"""Sessions that a cell has on average at least."""
SAMPLE = 200_000
"""Sessions of which a number's bins are learnt."""
PAIRED = 5_000_000
"""Sessions that are paired at most: a sign test of so many sees a thousandth."""
PRIME, OF_USER, OF_LENGTH, OF_ARM = (1 << 31) - 1, 1_103_515_245, 1_664_525, 22_695_477
"""A session's place in an order as good as at random: a user's hash times one number plus milliseconds times another,
modulo a prime. The first is spread evenly, so that the sum is, whatever the length."""
SPREAD = 1 << 20
"""Milliseconds modulo this, so that no product is too great."""
AFTER = frozenset(("end", "exit_high", "exit_low", "height", "last_seen", "latency_seconds", "messages", "orders",
                   "stall_seconds", "stalls", "startup_seconds"))  # fmt: skip
"""Columns of sessions that hold what happened in them."""


class _Levels(NamedTuple):
    """How a covariate becomes a level."""

    names: tuple[str, ...]
    """The last is UNKNOWN."""
    edges: tuple[float, ...] | None
    """Of a number: lower ends of all levels but the first; None: a word."""

    def of(self, column: Column) -> Column:
        """Which level, from 0."""
        import ibis

        if self.edges is None:
            spelt = self.names[:-2] if self.names[-2:-1] == (OTHER,) else self.names[:-1]
            place = spelled(column.cast("string").nullif(""), spelt)
            return place if len(spelt) < len(self.names) - 1 else ibis.least(place, len(spelt))
        number = column.cast("float64")
        steps: list[tuple[Any, int]] = [(number.isnull() | number.isnan(), len(self.names) - 1)]
        steps += [(number < ibis.literal(edge, "float64"), place) for place, edge in enumerate(self.edges)]
        return ibis.cases(*steps, else_=len(self.edges)).cast("int64")


def of_rows(rows: Rows, covariates: Sequence[str], treatment: str, control: str, cap: float | None) -> Covered:
    """The sessions of two arms, by the names that columns have in the file. ValueError: a covariate was not read."""
    import ibis

    own = {name: name for name in ("user", "session", "time") if name in rows.table.columns}
    scaled = {f"by{number}": rows.table[rows.place(each)] / ibis.literal(rows.scale(each), "float64")
              if rows.scale(each) != 1.0 else rows.table[rows.place(each)]
              for number, each in enumerate(covariates)}  # fmt: skip
    watch = rows.table.watch / ibis.literal(rows.scale(rows.columns.watch), "float64")
    table = rows.table.select("arm", **own, watch=watch, **scaled)
    columns = replace(rows.columns, user=own.get("user"), arm="arm", watch="watch")
    named = {each: f"by{number}" for number, each in enumerate(covariates)}
    return covered(table, columns, named, treatment, control, cap, rows.engine)


def covered(
    table: Table, columns: Columns, covariates: Mapping[str, str], treatment: str, control: str, cap: float | None,
    engine: Engine,
) -> Covered:  # fmt: skip
    """The sessions of two arms. `covariates`: columns of the table by their names; watch is in seconds; a column
    `session` tells rows apart, if there is one. Rows without an arm or watch time do not count. Words that all read as
    numbers are numbers.
    """
    rows = engine.keep(_rows(table, columns, list(covariates.values()), treatment, control, cap, engine), "observed")
    rows, there = _typed(rows, len(covariates), engine)
    levels = _levels(rows, len(covariates), there, engine)
    numbers = [place for place, each in enumerate(levels) if each.edges is not None]
    coded = _coded(rows, levels, numbers)
    sums = _sums(coded, numbers, engine)
    cells, place = np.unique(sums["cell"], return_inverse=True)
    at = sums["bucket"] * len(cells) + place
    held = {name: _spread(at, sums["treated"], sums[name], len(cells)) for name in sums if name not in _KEYS}
    whole = {name: each.sum(axis=0) for name, each in held.items()}
    moments = np.zeros((len(cells), 2, len(levels), 2))
    for each in numbers:
        moments[:, :, each, 0], moments[:, :, each, 1] = whole[f"x{each}"], whole[f"s{each}"]
    return Covered(
        covariates=tuple(covariates), levels=tuple(each.names for each in levels), design=_design(cells, levels),
        count=whole["n"], total=whole["t"], squares=whole["q"], wins=_wins(coded, there, engine),
        buckets=np.stack([held["n"], held["t"]], axis=-1), notes=_notes(list(covariates), levels, there, columns),
        numbers=moments, ordered=tuple(each.edges is not None for each in levels),
    )  # fmt: skip


_KEYS = ("bucket", "cell", "treated")


def _rows(
    table: Table, columns: Columns, covariates: Sequence[str], treatment: str, control: str, cap: float | None,
    engine: Engine,
) -> Table:  # fmt: skip
    """treated (1, 0), ms, bucket, draw (the order of pairs), and the covariates as c0, c1, …"""
    import ibis

    there = table.filter(table[columns.arm].isin([treatment, control]) & table[columns.watch].notnull())
    ms = (there[columns.watch].cast("float64") * ibis.literal(1000.0, "float64") + 0.5).floor().cast("int64")
    treated = ibis.ifelse(there[columns.arm] == treatment, 1, 0).cast("int64")
    if columns.user is not None:
        name = ibis.coalesce(there[columns.user].cast("string"), ms.cast("string"))
    elif "session" in there.columns:
        name = there["session"].cast("string")
    else:
        others = [there[each] for each in ("time", *covariates) if each in there.columns]
        whole = [each for each in others if each.type().is_integer() or each.type().is_string()]
        name = reduce(lambda one, other: one + "/" + other,
                      [each.cast("string").coalesce("") for each in (*whole, ms)])  # fmt: skip
        order = [key for each in others for key in (each.isnull().cast("int64"), each)]
        alike = ibis.row_number().over(ibis.window(group_by=[treated, name], order_by=[*order, ms]))
        name = name + "/" + alike.cast("string")
    hashed = engine.hashed(name)
    return there.select(
        treated=treated,
        ms=ms if cap is None else ibis.least(ms, ibis.literal(round(1000 * cap), "int64")),
        bucket=hashed % BUCKETS,
        draw=(hashed * OF_USER + ms % SPREAD * OF_LENGTH + treated * OF_ARM) % PRIME,
        **{f"c{number}": _known(there[each]) for number, each in enumerate(covariates)},
    )


def _typed(rows: Table, covariates: int, engine: Engine) -> tuple[Table, int]:
    """With words that all read as numbers as numbers; and how many rows there are."""
    words = [name for name in (f"c{number}" for number in range(covariates)) if rows[name].type().is_string()]
    read = {name: (rows[name].notnull() & rows[name].try_cast("float64").isnull()).sum() for name in words}
    known = {f"k{name}": rows[name].notnull().sum() for name in words}
    (seen,) = engine.rows(rows.agg(rows=rows.count(), **read, **known)).to_pylist()
    numbers = [name for name in words if seen[name] == 0 and seen[f"k{name}"]]
    return rows.mutate(**{name: rows[name].try_cast("float64") for name in numbers}), seen["rows"]


def _known(column: Column) -> Column:
    """A number as a double that is one, anything else as a text."""
    import ibis

    if not column.type().is_numeric():
        return column.cast("string").nullif("")
    number = column.cast("float64")
    return ibis.ifelse(number.isnan(), ibis.null("float64"), number) if column.type().is_floating() else number


def _levels(rows: Table, covariates: int, there: int, engine: Engine) -> list[_Levels]:
    """Of all covariates; fewer each, if there would be too many cells."""
    few = rows.filter(rows.draw < int(PRIME * SAMPLE / there)) if there > SAMPLE else rows
    numbers = [name for name in (f"c{place}" for place in range(covariates)) if rows[name].type().is_numeric()]
    sample: Any = engine.keep(few.select(*numbers), "sample") if numbers else None
    seen: list[tuple[bool, list[Any], NDArray[np.int64]]] = []
    for number in range(covariates):
        column = f"c{number}"
        source = sample if column in numbers else rows
        known = source.filter(source[column].notnull())
        counts = known.group_by(column).agg(count=known.count())
        if column not in numbers:
            counts = counts.order_by([counts["count"].desc(), column]).limit(MOST + 1)
        found = engine.rows(counts)
        seen.append((column in numbers, found[column].to_pylist(), found["count"].to_numpy().astype(np.int64)))
    sizes = [min(len(values), BINS if number else MOST + 1) for number, values, _ in seen]
    most = min(CELLS, max(there // FILLED, 2))
    while prod(size + 1 for size in sizes) > most and max(sizes) > 2:
        sizes[sizes.index(max(sizes))] -= 1
    return [_binned(values, counts, size) if number else _named(values, size)
            for (number, values, counts), size in zip(seen, sizes, strict=True)]  # fmt: skip


def _named(values: Sequence[str], size: int) -> _Levels:
    """Words, the commonest first."""
    others = () if len(values) <= size and len(values) <= MOST else (OTHER,)
    return _Levels((*values[: size - len(others)], *others, UNKNOWN), None)


def _binned(values: Sequence[float], counts: NDArray[np.int64], size: int) -> _Levels:
    """A number's bins, equally filled; a level for each value, if these are few."""
    order = np.argsort(values)
    sorted_, weights = np.array(values, float)[order], counts[order]
    if len(sorted_) <= size:
        return _Levels((*(f"{each:g}" for each in sorted_), UNKNOWN), tuple(map(float, sorted_[1:])))
    filled = np.cumsum(weights) / weights.sum()
    cuts = np.searchsorted(filled, np.arange(1, size) / size) + 1
    edges = np.unique(sorted_[np.minimum(cuts, len(sorted_) - 1)])
    told = [f"{each:.4g}" if abs(each) < 1e4 else f"{each:.0f}" for each in edges]
    between = [f"{low}–{high}" for low, high in pairwise(told)]
    return _Levels((f"<{told[0]}", *between, f"≥{told[-1]}", UNKNOWN), tuple(map(float, edges)))


def _coded(rows: Table, levels: Sequence[_Levels], numbers: Sequence[int]) -> Table:
    """With `cell`: the levels as digits of one number."""
    import ibis

    cell = ibis.literal(0, "int64")
    for number, each in enumerate(levels):
        cell = cell * len(each.names) + each.of(rows[f"c{number}"])
    raw = {f"c{number}": rows[f"c{number}"] for number in numbers}
    return rows.select("treated", "ms", "bucket", "draw", cell=cell, **raw)


def _sums(coded: Table, numbers: Sequence[int], engine: Engine) -> dict[str, NDArray[Any]]:
    """By bucket, cell and arm: n sessions, t seconds, q their squares, x and s of each number."""
    import ibis

    seconds = coded.ms.cast("float64") / ibis.literal(1000.0, "float64")
    sums = {"n": coded.count(), "t": coded.ms.sum().cast("float64"), "q": (seconds * seconds).sum()}
    for each in numbers:
        value = coded[f"c{each}"].fill_null(0.0)
        sums |= {f"x{each}": value.sum(), f"s{each}": (value * value).sum()}
    found = engine.rows(coded.group_by(["bucket", "cell", "treated"]).agg(**sums))
    held = {name: found[name].to_numpy() for name in found.column_names}
    held["t"] = held["t"] / 1000.0
    return held


def _spread(at: NDArray[np.int64], treated: NDArray[np.int64], values: NDArray[Any], cells: int) -> NDArray[np.float64]:
    """(buckets, cells, 2)"""
    found = np.bincount(2 * at + treated, values.astype(float), 2 * BUCKETS * cells)
    return np.asarray(found.reshape(BUCKETS, cells, 2))


def _design(cells: NDArray[np.int64], levels: Sequence[_Levels]) -> NDArray[np.int32]:
    rest, found = cells.copy(), np.zeros((len(cells), len(levels)), np.int32)
    for number in reversed(range(len(levels))):
        rest, found[:, number] = np.divmod(rest, len(levels[number].names))
    return found


def _wins(coded: Table, there: int, engine: Engine) -> tuple[int, int, int]:
    """Of pairs: the treated one watched longer, shorter, alike."""
    import ibis

    few = coded.filter(coded.draw < int(PRIME * PAIRED / there)) if there > PAIRED else coded
    order = ibis.row_number().over(ibis.window(group_by=["cell", "treated"], order_by=["draw", "ms"]))
    placed = few.select("cell", "treated", "ms", place=order)
    mine = placed.filter(placed.treated == 1).select("cell", "place", mine="ms")
    its = placed.filter(placed.treated == 0).select("cell", "place", its="ms")
    pairs = mine.join(its, ["cell", "place"])
    found = engine.rows(
        pairs.agg(
            longer=ibis.ifelse(pairs.mine > pairs.its, 1, 0).sum(),
            shorter=ibis.ifelse(pairs.mine < pairs.its, 1, 0).sum(),
            pairs=pairs.count(),
        )
    ).to_pylist()[0]
    longer, shorter = found["longer"] or 0, found["shorter"] or 0
    return longer, shorter, found["pairs"] - longer - shorter


def _notes(covariates: Sequence[str], levels: Sequence[_Levels], there: int, columns: Columns) -> tuple[str, ...]:
    told = [f"{name}: {len(each.names) - 1} levels" for name, each in zip(covariates, levels, strict=True)]
    notes = [f"cells by {', '.join(told)}, and unknown" if told else "no covariates: nothing is made alike"]
    notes += [f"{name} is what happened in a session: if the treatment changes it, making arms alike in it hides that"
              for name in covariates if name in AFTER]  # fmt: skip
    if columns.user is None:
        notes.append("no column of users: each session counts as a user by itself, and intervals are too narrow")
    if there > PAIRED:
        notes.append(f"pairs are of about {PAIRED:,} sessions, taken by a hash, of {there:,}")
    return tuple(notes)
