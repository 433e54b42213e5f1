"""Whether arms share streams at the same time, and switchbacks, where a block of stream and time has one arm."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.lift.shapes import Moments, Shared, Trial
from qoe_agent.viewers.tables.trials import amounts, moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Design, Floats
    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.amounts import Wanted
    from qoe_agent.viewers.tables.trials.rows import Rows

PERIOD_MS = 3_600_000
"""In which arms that watch the same stream share what carries it; longer if that would be more than STEPS periods."""
STEPS, STREAMS = 100, 200
"""Periods and streams that are told at most; of the streams, those with most sessions."""


def shared(rows: Rows, sessions: Table, names: Mapping[int, str]) -> tuple[Shared, ...]:
    """Who watched which stream when, by arm."""
    if rows.columns.stream is None:
        return ()
    import ibis

    table = sessions.filter(sessions.stream.notnull() & sessions.code.isin(list(names)))
    timed = "time" in table.columns
    width = -(-(rows.seen()["last"] - rows.seen()["first"] + 1) // (STEPS * PERIOD_MS)) * PERIOD_MS if timed else 1
    period = (table.time.cast("float64") / float(width)).floor().cast("int64") if timed else ibis.literal(0, "int64")
    given = table.select("stream", "code", "watch", period=period)
    counted = given.group_by("stream").agg(count=given.count())
    largest = counted.order_by(ibis.desc("count"), "stream").limit(STREAMS)
    given = given.semi_join(largest, "stream")
    found = given.group_by("stream", "period", "code").agg(count=given.count(), watched=given.watch.sum())
    cells: dict[tuple[str, int], dict[str, tuple[int, float]]] = {}
    for row in sorted(rows.engine.rows(found).to_pylist(), key=lambda row: (row["stream"], row["period"], row["code"])):
        cell = cells.setdefault((row["stream"], row["period"]), {})
        cell[names[row["code"]]] = row["count"], row["watched"] / 1000.0
    return tuple(Shared(stream, at * width / 1000.0 if timed else 0.0,
                        {arm: count for arm, (count, _) in cell.items()},
                        {arm: watched for arm, (_, watched) in cell.items()})
                 for (stream, at), cell in cells.items())  # fmt: skip


def trial(rows: Rows, sessions: Table, design: Design, wanted: Wanted, names: Mapping[int, str]) -> Trial:
    """A switchback: sessions are in the block in which they began, without those that began in its washout."""
    timed = "time" in sessions.columns
    if not timed and (design.switchback is not None or design.washout):
        raise ValueError("blocks of time, and a washout, need a column of times")
    placed = _placed(sessions, design.switchback)
    ends = {"begin": placed.begin.min()} if timed else {}
    found = placed.group_by("place", "block").agg(low=placed.code.min(), high=placed.code.max(), **ends)
    kept = rows.engine.keep(found, "blocks")
    notes = rows.lost()
    mixed = kept.filter(kept.low < kept.high)
    several = int(rows.engine.rows(mixed.count().name("count").as_table()).to_pylist()[0]["count"])
    if several:
        notes.append(f"{several:,} blocks are left out: sessions of several arms are in them")
    ours = kept.filter(kept.low == kept.high, kept.low.isin(list(names)))
    ours = ours.select("low", *ends, of="place", number="block")
    joined = placed.drop("begin") if timed else placed
    joined = joined.inner_join(ours, (joined.place == ours.of) & (joined.block == ours.number))
    if design.washout:
        late = joined.time - joined.begin >= round(1000 * design.washout)
        dropped = rows.engine.rows(joined.filter(~late).count().name("count").as_table()).to_pylist()[0]["count"]
        notes.append(
            f"{dropped:,} sessions are left out: they began within {design.washout:g} s of a block's beginning"
        )
        joined = joined.filter(late)
    if any(one.column in amounts.BACK for one in wanted.amounts):
        notes.append("who returns is not told where arms change by blocks")
    return replace(_counted(rows, joined, ours, wanted, names, notes), several=several)


def _placed(sessions: Table, seconds: float | None) -> Table:
    """With `place` (the stream), `block`, and where times are known `begin`, when the block or its sessions began."""
    import ibis

    place = sessions.stream.coalesce("") if "stream" in sessions.columns else ibis.literal("", "string")
    if seconds is None:
        known = sessions.filter(sessions.block.notnull())
        begin = {"begin": known.time} if "time" in known.columns else {}
        return known.mutate(place=place, **begin)
    width = round(1000 * seconds)
    block = (sessions.time.cast("float64") / float(width)).floor().cast("int64")
    return sessions.mutate(place=place, block=block, begin=block * width)


def _counted(rows: Rows, sessions: Table, ours: Table, wanted: Wanted, names: Mapping[int, str],
             notes: Sequence[str]) -> Trial:  # fmt: skip
    """`sessions` that count, with `low`, the code of their block's arm."""
    import ibis

    values = {f"x{number}": amounts.flag(ibis.literal(False)) if one.column in amounts.BACK else
              amounts.of_session(rows, sessions, one) for number, one in enumerate(wanted.amounts)}  # fmt: skip
    begin = [each for each in ("begin",) if each in sessions.columns]
    given = sessions.select("place", "block", "low", "watch", *begin, **values)
    sums = {f"x{number}": given[f"x{number}"].mean() if one.before else given[f"x{number}"].sum()
            for number, one in enumerate(wanted.amounts)}  # fmt: skip
    found = given.group_by("place", "block", "low", *begin).agg(
        sessions=given.count(), watched=given.watch.sum(), **sums
    )
    kept = rows.engine.keep(found, "counted")
    scales = np.array([amounts.scale(rows, one) for one in wanted.amounts])
    each = sorted(rows.engine.rows(kept).to_pylist(), key=lambda row: (row["place"], row.get("begin", 0), row["block"]))
    blocks = tuple((row["place"], _began(row), names[row["low"]], _sums(row, len(scales)) / scales) for row in each)
    assigned = {row["low"]: row["count"] for row in rows.engine.rows(
        ours.group_by("low").agg(count=ours.count())).to_pylist()}  # fmt: skip
    lengths, watched = moments.histogram(rows.engine, sessions, "low", "watch", names)
    by_arm = {name: [sums for _, _, arm, sums in blocks if arm == name] for name in names.values()}
    return Trial(
        unit="block", arms={name: _moments(wanted, some) for name, some in by_arm.items() if some},
        assigned={name: int(assigned.get(code, 0)) for code, name in names.items()},
        pending=dict.fromkeys(names.values(), 0),
        sessions={name: sum(row["sessions"] for row in each if row["low"] == code) for code, name in names.items()},
        lengths=lengths, watched=watched, units=moments.histogram(rows.engine, kept, "low", "watched", names)[0],
        unassigned=rows.unassigned(), blocks=blocks, notes=tuple(notes),
    )  # fmt: skip


def _began(row: Mapping[str, Any]) -> float:
    return row["begin"] / 1000.0 if "begin" in row else 0.0


def _sums(row: Mapping[str, Any], size: int) -> Floats:
    return np.array([row[f"x{number}"] or 0.0 for number in range(size)], np.float64)


def _moments(wanted: Wanted, sums: Sequence[Floats]) -> Moments:
    each = np.array(sums)
    return Moments(wanted.amounts, len(each), each.sum(axis=0), each.T @ each)
