"""From the daemon's facts to rows of sessions: whose they were, in which arm, and what they tell in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.lift.shapes import Columns
from qoe_agent.viewers.tables import events, opening
from qoe_agent.viewers.tables.trials.rows import Rows, is_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qoe_agent.viewers.tables.engines import Engine, Table

COLUMNS = Columns("user", "arm", "watch_seconds", "start", "stream")
"""Of facts."""
SESSION = {"stall_seconds": "stall_ms", "startup_seconds": "startup", "latency_seconds": "latency", "height": "height",
           "stalls": "stalls"}  # fmt: skip
"""Numbers of sessions, by the columns of `sessions`."""
KINDS = {"orders": "order", "messages": "message_sent"}
"""Events that are counted; unknown where there is none of the kind at all."""
NUMBERS = (*SESSION, *KINDS, "order_value", "bytes_per_second")
"""All that facts tell in numbers, beside attributes that are numbers."""
MIDDLE = ("a session that fell silent counts until the middle of the time in which it may have ended; half of these "
          "are known to within {:.3g} s or better")  # fmt: skip


def of_facts(folder: Path, experiment: str, numbers: Sequence[str], words: Sequence[str], engine: str) -> Rows:
    """As `trials.open_facts` says."""
    with opening.counting(engine) as counter, opening.reading(counter) as reader:
        with opening.snapshot(folder, counter, reader) as (given, names):
            found = events.of_facts(given, names, ("user_key", "experiment", "bytes_per_second"))
            attributes = [*events.PLACES, *names]
            kept, rows, *_ = opening.of_events(events.timed(found), counter, attributes)
        places = {name: f"a{number}" for number, name in enumerate(attributes)}
        numbers, words = list(dict.fromkeys(numbers)), list(dict.fromkeys(words))
        known = (*NUMBERS, *places, "stream", "watch_seconds", "start")
        for name in (*numbers, *words):
            if name not in known:
                raise ValueError(f"no column {name!r}; the facts have {', '.join(known)}")
        numbers = [each for each in numbers if each not in ("watch_seconds", "start")]
        whole = counter.keep(_whole(kept, rows, _counted(rows, counter), experiment, counter), "whole")
        before, alone = _odd(whole, counter)
        table = whole.select(
            "user", "arm", "time", "stream", "watch", rendition=whole[places["rendition"]],
            **{f"n{place}": _number(whole, name, places) for place, name in enumerate(numbers)},
            **{f"w{place}": whole[places.get(name, name)].cast("string") for place, name in enumerate(words)},
        )  # fmt: skip
        measured = folder / "measures"
        notes = _notes(kept, counter)
        found = Rows(counter, table, COLUMNS, numbers, words, notes, measured if measured.is_dir() else None)
        found.before, found.alone = before, alone
        return found


def _whole(sessions: Table, rows: Table, counted: Mapping[str, Any], experiment: str, counter: Engine) -> Table:
    """Sessions with `user`, `arm`, `time`, `watch` (ms), and what is counted of their events; `known`: whether it is
    known whose they are; `early`: whether they began before their user's arm was first told, and not in them, so that
    it did nothing to them: they have none.

    An arm is the user's, wherever it was told; a user who was in several has his sessions in each of them.
    """
    told = rows.filter(rows.arm.notnull())
    named = counter.rows(told.select("experiment").distinct()).to_pylist()
    names = sorted(row["experiment"] for row in named if row["experiment"] is not None)
    if experiment and experiment not in names:
        raise ValueError(f"no experiment {experiment!r}; the facts have {', '.join(names) or 'none'}")
    if not experiment and len(named) > 1:
        raise ValueError(f"the facts have several experiments, and one must be named: {', '.join(names)}")
    told = told.filter(told.experiment == experiment) if experiment else told
    own = rows.group_by("sid").agg(key=rows.user_key.max(), **counted)
    own = own.mutate(user=own.key.cast("string").coalesce(own.sid), known=own.key.notnull().cast("int64")).drop("key")
    told = told.select("sid", "arm", "time_ms").inner_join(own.select("sid", "user"), "sid")
    arms = told.select(of="user", to="arm").distinct()
    since = told.group_by("user").agg(since=told.time_ms.min(), least=told.arm.min()).rename(since_of="user")
    own = own.rename(of_sid="sid")
    joined = sessions.inner_join(own, sessions.sid == own.of_sid).drop("arm", "of_sid")
    given = joined.columns
    joined = joined.left_join(arms, joined.user == arms.of)
    joined = joined.left_join(since, joined.user == since.since_of)
    here = told.select(here="sid").distinct()
    joined = joined.left_join(here, joined.sid == here.here)
    early = joined.since.notnull() & joined.here.isnull() & (joined.start_ms < joined.since)
    return _armed(joined.mutate(early=early.cast("int64").coalesce(0)), given)


def _armed(joined: Table, given: Sequence[str]) -> Table:
    """A session that is early is there once, whatever arms its user was in later."""
    import ibis

    kept = joined.filter((joined.early == 0) | (joined.to == joined.least))
    middle = (kept.lo_ms + kept.hi_ms).cast("float64") / ibis.literal(2.0, "float64")
    arm = ibis.ifelse(kept.early == 1, ibis.null("string"), kept.to)
    return kept.select(*given, "early", arm=arm, time=kept.start_ms, watch=(middle + 0.5).floor().cast("float64"))


def _odd(whole: Table, counter: Engine) -> tuple[int, int]:
    """Sessions that are early, and those in an arm of which it is not known whose they are."""
    alone = ((whole.known == 0) & whole.arm.notnull()).cast("int64").sum()
    (row,) = counter.rows(whole.agg(before=whole.early.sum(), alone=alone)).to_pylist()
    return int(row["before"] or 0), int(row["alone"] or 0)


def _counted(rows: Table, counter: Engine) -> dict[str, Any]:
    """What is told of a session's events in numbers."""
    import ibis

    kinds = {row["kind"] for row in counter.rows(rows.select("kind").distinct()).to_pylist()}
    found: dict[str, Any] = {"bytes_per_second": rows.bytes_per_second.cast("float64").mean()}
    for name, kind in KINDS.items():
        there = (rows.kind == kind).cast("int64").sum().cast("float64")
        found[name] = there if kind in kinds else ibis.null("float64")
    found["order_value"] = rows["value"].sum(where=rows.kind == "order")
    return found


def _number(whole: Table, name: str, places: Mapping[str, str]) -> Any:
    """As `rows.Rows` holds it."""
    if name in places:
        value = whole[places[name]].try_cast("float64")
        return (value * 1000.0 + 0.5).floor().cast("float64") if is_length(name) else value
    return whole[SESSION.get(name, name)].cast("float64")


def _notes(sessions: Table, counter: Engine) -> list[str]:
    silent = sessions.filter((sessions.cause >= 0) & (sessions.hi_ms > sessions.lo_ms))
    width = (silent.hi_ms - silent.lo_ms).cast("float64")
    (row,) = counter.rows(silent.agg(middle=width.median())).to_pylist()
    return [] if row["middle"] is None else [MIDDLE.format(row["middle"] / 1000.0)]
