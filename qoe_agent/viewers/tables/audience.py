"""An audience: sessions, and what can be counted of them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.tables import comparisons, firsts, incidents, levels, measured, messages, segments, surroundings
from qoe_agent.viewers.tables.assembly import Factor, assembled, witnessed
from qoe_agent.viewers.tables.courses import courses
from qoe_agent.viewers.tables.scans import Wanted, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qoe_agent.viewers.shapes import Cells, Incident, Naive, Timeline
    from qoe_agent.viewers.tables.comparisons import AfterStall
    from qoe_agent.viewers.tables.courses import Course
    from qoe_agent.viewers.tables.engines import Engine, Table
    from qoe_agent.viewers.tables.messages import Delivery

KNOWN_BY = {
    "startup": "startup", "height": "height", "latency": "latency", "arm": "arm", "stalls": "stalls",
    "stall_seconds": "stall_ms", "start": "start_ms", "stream": "stream", "content_time": "behind_ms",
}  # fmt: skip
"""What the data carries, by the column of `sessions` that tells."""


class Told(NamedTuple):
    """What events tell beside their sessions."""

    events: Table
    stalls: Table
    kinds: frozenset[str]
    """Kinds of events that occur."""
    silent: Table | None = None
    """Of whom stalls are not known, or not from the start on: `sessionising.silent`."""


class Audience:
    """Sessions in an engine. Close it when done: it holds files."""

    def __init__(self, engine: Engine, sessions: Table, attributes: Sequence[str], told: Told | None = None) -> None:
        self._engine, self._table, self._told = engine, sessions, told
        self._places = {name: f"a{number}" for number, name in enumerate(attributes)}
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._segments: dict[tuple[str, ...], Table] = {}
        self._incidents: list[Incident] = []
        self._met: list[Incident] = []
        self.highlights: list[Incident] = []
        """Of content, among incidents: nothing that costs viewers."""
        self.reasons: dict[str, str] = {}
        """Why nothing can be told of an incident, by its id."""
        self.notes: list[str] = []
        """What was made of odd rows."""
        self._exposed: Table | None = None
        self._measured: Mapping[str, Table] = {}
        self._talk: messages.Talk | None = None
        self._count, self.has = self._looked()

    def __enter__(self) -> Audience:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all that was kept."""
        self._engine.close()

    def sessions(self) -> int:
        """How many."""
        return self._count

    def attributes(self) -> tuple[str, ...]:
        """Names of the columns beside the known ones; each can be a factor."""
        return tuple(self._places)

    def arms(self) -> dict[str, int]:
        """Sessions by experiment arm."""
        table = self._table.select("arm").drop_null()
        found = self._engine.rows(table.group_by("arm").agg(count=table.count())).to_pylist()
        return {row["arm"]: row["count"] for row in sorted(found, key=lambda row: str(row["arm"]))}

    def counts(self, name: str) -> dict[str, int]:
        """Sessions by level of a factor that does not change within them."""
        factor = self._factor(name)
        rows = self._table.select(level=self._code(factor))
        found = self._engine.rows(rows.group_by("level").agg(count=rows.count())).to_pylist()
        return {factor.levels[row["level"]]: row["count"] for row in found}

    def first(self, name: str) -> str:
        """The factor itself, if it does not change within sessions, else an attribute: at what level they began."""
        if self._told is None or not self._varies(name):
            return name
        if (known := f"first {name}") not in self._places:
            column = f"first_{name}"
            table = firsts.with_first(self._table, self._told.events, name, column)
            self._table = self._engine.keep(table, "sessions_from")
            self._places[known] = column
        return known

    def incidents(self) -> list[Incident]:
        """What the probe saw, by time; `reasons` says of which nothing can be told."""
        return list(self._incidents)

    def meet(self, found: Sequence[Incident]) -> None:
        """Join these incidents. One that names no stream was on the only one that was watched."""
        found, notes = incidents.apart(found)
        self.notes += notes
        streams = {row["stream"] for row in self._engine.rows(self._table.select("stream").distinct()).to_pylist()}
        streams.discard(None)
        only = next(iter(streams)) if len(streams) == 1 else ""
        placed = [one if one.stream else one._replace(stream=only) for one in found]
        self._incidents = [one for one in placed if one.kind != incidents.HIGHLIGHT]
        self.highlights = [one for one in placed if one.kind == incidents.HIGHLIGHT]
        told = {one.id: incidents.reason(one, streams, self.has, self._places) for one in self._incidents}
        self.reasons = {name: reason for name, reason in told.items() if reason}
        self._met = [one for one in self._incidents if one.stream in streams]
        if self._met and "start" in self.has:
            places = {key: self._places[key] for key in incidents.SCOPES if key in self._places}
            table = incidents.table(self._met, self._kinds(), self._engine)
            exposed = incidents.exposures(self._table, table, places, self._typical())
            self._exposed = self._engine.keep(exposed, "exposed")
            self.has |= {"incidents"}

    def measure(self, paths: Sequence[Path]) -> None:
        """Join what probes measured, in Parquet files (`measured.of_file`, `measured.of_facts`)."""
        if not paths:
            return
        if not {"start", "stream"} <= self.has:
            self.notes.append("measures are not joined: the data have no start or no stream")
            return
        found = measured.measured(paths, self._table, self._engine, self._places.get("rendition"))
        self._table, self._measured = found.sessions, found.changed
        codes = {name: found.sessions[f"m_{name}"] for name in levels.MEASURED}
        counts = {name: (code < len(levels.SCALES[name].names)).sum() for name, code in codes.items()}
        begun = self._engine.rows(found.sessions.agg(**counts)).to_pylist()[0]
        later = {name: self._engine.rows(each.count().name("rows").as_table()).to_pylist()[0]["rows"]
                 for name, each in found.changed.items()}  # fmt: skip
        self.has |= {name for name in levels.MEASURED if begun[name] or later[name]}

    def cells(self, factors: Sequence[str], *, stretches: bool = False) -> Cells:
        """Person-time and exits by tenure and `factors`. ValueError: the data does not carry one of them.

        `stretches`: these, of streams that were measured, are witnesses in place of users.
        """
        table = self._table.mutate(bucket=self._table.bucket * 0) if stretches else self._table
        known = [self._factor(name) for name in (*factors, *[levels.STRETCH] * stretches)]
        static = {f"f{number}": self._code(one) for number, one in enumerate(known) if not self._varies(one.name)}
        varying = {f"f{number}": one.name for number, one in enumerate(known) if self._varies(one.name)}
        begin = {code: f"m_{name}" if name in self._measured else segments.initial(name)
                 for code, name in varying.items()}  # fmt: skip
        known_at = [each for each in begin.values() if isinstance(each, str)]
        people = table.select("sid", "bucket", "cause", "lo_ms", "hi_ms", "startup", *known_at, **static)
        pieces = None
        if varying:
            pieces = self._states(tuple(varying.values()))
            pieces = pieces.select("sid", "a_ms", "b_ms", **{code: pieces[name] for code, name in varying.items()})
        begun = {f"f{number}": len(one.levels) - 1 for number, one in enumerate(known) if one.name == "startup"}
        wanted = Wanted(tuple(static), begin, begun, prod(len(each.levels) for each in known if each.name in factors))
        found = assembled(known, *counted(self._engine, people, pieces, wanted))
        return witnessed(found, levels.STRETCH) if stretches else found

    def naive(self, factors: Sequence[str]) -> list[Naive]:
        """What comparing sessions that ever met a level with the others would say."""
        found: list[Naive] = []
        for factor in map(self._factor, factors):
            varies = self._varies(factor.name)
            pieces = self._met_levels(factor.name) if varies else None
            code = None if varies else self._code(factor)
            found += comparisons.naive(self._engine, self._table, factor, code, pieces)
        return found

    def after_stall(self, seconds: float) -> AfterStall | None:
        """Who left in the seconds after each stall, by tenths; None: stalls' times are not known."""
        if "stall_times" not in self.has or self._told is None:
            return None
        return comparisons.after_stall(self._engine, self._table, self._told.stalls, round(seconds * 1000))

    def delivery(self) -> Delivery | None:
        """What became of messages; gives the factor `message`. None: none was sent, or none shown."""
        if self._talk is None and self._told is not None and "messages" in self.has:
            self._talk = messages.talk(self._told.events, self._table, self._engine)
        return self._talk and self._talk.delivery

    def timeline(self, incident: Incident, before: float, after: float, step: float) -> Timeline:
        """Around one incident, from so many seconds before it to so many after. KeyError: nobody was there."""
        return self.timelines([incident], before, after, step)[incident.id]

    def timelines(self, found: Sequence[Incident], before: float, after: float, step: float,
                  hazards: Sequence[tuple[float, float]] = ()) -> dict[str, Timeline]:  # fmt: skip
        """Around each incident, by its id; those of streams that nobody watched then, or of which nothing can be told
        (`reasons`), are left out.

        `hazards`: exits a second by time watched, each from so many seconds on: gives timelines their `risk`.
        """
        found = [one for one in found if one.id not in self.reasons]
        if not found or "start" not in self.has or "stream" not in self.has:
            return {}
        bought = self._told.events if self._told is not None and "orders" in self.has else None
        around = surroundings.Around(self._engine, self._table, self._places, bought, self._typical(), hazards)
        return around.timelines(found, before, after, step)

    def courses(self, hazards: Sequence[tuple[float, float]], step: float, cause: int | None = None) -> list[Course]:
        """Each stream from its beginning to its end; `hazards` as in `timelines`, `cause`: exits of this one alone."""
        return courses(self._engine, self._table, self._count, hazards, cause, step)

    def _looked(self) -> tuple[int, frozenset[str]]:
        table = self._table
        counts = {name: table[column].count() for name, column in KNOWN_BY.items()}
        counts |= {column: table[column].count() for column in self._places.values()}
        row = self._engine.rows(table.agg(sessions=table.count(), causes=(table.cause > 0).sum(), **counts))
        known = row.to_pylist()[0]
        self._places = {name: column for name, column in self._places.items() if known[column]}
        has = {name for name in (*KNOWN_BY, "causes") if known[name]}
        if self._told is not None:
            has |= {"stall_times", "stalls"} if self._told.kinds & {"stall", "state"} else set()
            has |= {"orders"} & {f"{kind}s" for kind in self._told.kinds}
            has |= {"messages"} if {"message_sent", "message_shown"} <= self._told.kinds else set()
        return known["sessions"], frozenset(has)

    def _met_levels(self, name: str) -> Table:
        """Which levels of a factor that changes within sessions each session met, and since when."""
        if name not in levels.MEASURED:
            return self._states((name,))
        table, changed = self._table, self._measured[name]
        begun = table.select("sid", a_ms=table.lo_ms * 0, **{name: table[f"m_{name}"]})
        return begun.union(changed.select("sid", a_ms=changed.t_ms, **{name: changed[name]}))

    def _varies(self, name: str) -> bool:
        told = self._told is not None and name in ("height", "latency")
        return told or name in ("stall", "incident", "message", *self._measured)

    def _kinds(self) -> tuple[str, ...]:
        return tuple(sorted({one.kind for one in self._met}))

    def _typical(self) -> int | None:
        """How far behind viewers are, on average, in milliseconds."""
        if not self.has & {"latency", "content_time"}:
            return None
        table = self._table
        behind = table.select(behind=table.behind_ms.coalesce(table.latency)).behind
        mean = self._engine.rows(behind.cast("float64").mean().name("mean").as_table()).to_pylist()[0]["mean"]
        return None if mean is None else int(mean)

    def _states(self, names: tuple[str, ...]) -> Table:
        """Segments by these factors."""
        if names not in self._segments:
            changes: dict[str, list[Table]] = {}
            for name in names:
                if name == "incident" and self._exposed is not None:
                    changes[name] = segments.of_exposures(self._exposed)
                elif name == "stall" and self._told is not None:
                    changes[name] = segments.of_stalls(self._told.stalls, self._told.silent)
                elif name == "message" and self._talk is not None:
                    changes[name] = [self._talk.changed]
                elif name in self._measured:
                    changes[name] = [self._measured[name]]
                elif self._told is not None:
                    changes[name] = segments.of_numbers(self._told.events, name)
            found = segments.segments(changes)
            self._segments[names] = self._engine.keep(found, "segments_" + "_".join(names))
        return self._segments[names]

    def _factor(self, name: str) -> Factor:
        if name == levels.STRETCH and name in self._measured:
            return Factor(name, tuple(map(str, range(1000))))
        if name in levels.SCALES and name in self.has:
            scale = levels.SCALES[name]
            return Factor(name, (*scale.names, levels.UNKNOWN), scale.reference)
        if name == "stall" and "stall_times" in self.has:
            some = self._told is not None and self._told.silent is not None
            return Factor(name, levels.STALL if some else levels.STALL[:-1], levels.STALL[0])
        if name == "message" and self._talk is not None:
            return Factor(name, levels.MESSAGES, "in time")
        if name == "incident" and "incidents" in self.has:
            return Factor(name, ("none", levels.UNKNOWN, *self._kinds()), "none")
        if name in self._places or (name in ("arm", "stream") and name in self.has):
            return Factor(name, (*self._spelled(name), levels.OTHER, levels.UNKNOWN))
        raise ValueError(f"{name}: absent from these data" + (": needs events" if name == "stall" else ""))

    def _spelled(self, name: str) -> tuple[str, ...]:
        """The commonest values of an attribute."""
        if name not in self._spellings:
            values = self._table.select(value=self._places.get(name, name)).drop_null()
            grouped = values.group_by("value").agg(count=values.count())
            most = grouped.order_by([grouped["count"].desc(), grouped.value]).limit(levels.MOST)
            self._spellings[name] = tuple(str(row["value"]) for row in self._engine.rows(most).to_pylist())
        return self._spellings[name]

    def _code(self, factor: Factor) -> Any:
        if factor.name in levels.SCALES:
            return levels.coded(self._table[factor.name], levels.SCALES[factor.name])
        return levels.spelled(self._table[self._places.get(factor.name, factor.name)], factor.levels[:-2])
