"""Sets what the agent saw beside what was injected."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qoe_agent.demo.faults import FaultKind, Injected
    from qoe_agent.demo.studio import Sent
    from qoe_agent.model import Incident

SEEN_AS: Mapping[FaultKind, tuple[str, ...]] = {
    "stall": ("stall", "lost", "freeze", "delivery_gap"),
    "burst": ("stall", "lost", "freeze", "delivery_gap"),
    "resolution_drop": ("resolution_change",),
    "silence": ("silence",),
    "black": ("black",),
    "standing": ("content_freeze",),
}
"""The kinds of incident that tell of a fault, best first."""
BY_MEDIA = {"resolution_drop", "silence", "black", "standing"}
"""Faults that lie in the media: where an incident knows its timestamps, those say when the fault left the origin."""
EARLY = 1.0
"""Seconds by which an incident may seem to start before its fault."""
LATE = 12.0
"""Seconds by which it may start after the fault is over: delivery in segments, and a player behind the live edge."""


@dataclass(frozen=True, slots=True)
class Row:
    """One injected fault and what the agent made of it."""

    kind: FaultKind
    start: float
    """When it was injected (agent clock)."""
    seconds: float | None
    """None while it lasts."""
    seen_as: str = ""
    """The kind of the incident; empty if none was found."""
    seen_start: float | None = None
    seen_seconds: float | None = None
    """None while the incident is open, or if there was none."""
    missed: bool = False
    """Nothing was found, and nothing will be."""

    @property
    def found(self) -> bool:
        """The agent told of it."""
        return self.seen_as != ""

    @property
    def error(self) -> float | None:
        """Seconds that the agent made it too long; None where either end is unknown."""
        if self.seen_seconds is None or self.seconds is None:
            return None
        return self.seen_seconds - self.seconds


@dataclass(frozen=True, slots=True)
class _Told:
    """An incident by the origin's time."""

    kind: str
    key: str
    start: float
    end: float | None


def compare(injected: Iterable[Injected], incidents: Iterable[Incident], sent: Sequence[Sent] = ()) -> list[Row]:
    """Pair each fault with the incidents that begin from `EARLY` before it to `LATE` after its end.

    Several of the best kind count as one, with their times added up. A drop of the resolution is two
    changes, there and back, and lasts from one to the other. `sent` turns media time into the origin's time.
    """
    latest = {(each.kind, each.key, each.start): each for each in incidents}
    ordered = sorted(latest.values(), key=lambda each: each.start)
    now = sent[-1].at if sent else float("inf")
    return [_row(fault, ordered, sent, now) for fault in sorted(injected, key=lambda fault: fault.start)]


def _row(fault: Injected, incidents: list[Incident], sent: Sequence[Sent], now: float) -> Row:
    for kind in SEEN_AS[fault.kind]:
        mine = [_told(each, fault.kind, sent) for each in incidents if each.kind == kind]
        told = [each for each in mine if _belongs(each, fault)]
        if told:
            seconds = _apart(told) if fault.kind == "resolution_drop" else _added(told)
            return Row(fault.kind, fault.start, fault.seconds, kind, told[0].start, seconds)
    missed = fault.end is not None and now > fault.end + LATE
    return Row(fault.kind, fault.start, fault.seconds, missed=missed)


def _told(incident: Incident, fault: FaultKind, sent: Sequence[Sent]) -> _Told:
    start = _left(incident.start_pts, sent) if fault in BY_MEDIA else None
    end = _left(incident.end_pts, sent) if start is not None and incident.end is not None else None
    if start is None or (end is None) != (incident.end is None):
        return _Told(incident.kind, incident.key, incident.start, incident.end)
    return _Told(incident.kind, incident.key, start, end)


def _left(pts: float | None, sent: Sequence[Sent]) -> float | None:
    """When the frame that was on at `pts` left the origin."""
    if pts is None or not sent or not sent[0].pts <= pts <= sent[-1].pts + EARLY:
        return None
    after = bisect_left(sent, pts - 0.001, key=lambda each: each.pts)
    return sent[min(after, len(sent) - 1)].at


def _belongs(told: _Told, fault: Injected) -> bool:
    last = float("inf") if fault.end is None else fault.end + LATE
    return fault.start - EARLY <= told.start <= last


def _apart(told: list[_Told]) -> float | None:
    return told[1].start - told[0].start if len(told) > 1 else None


def _added(told: list[_Told]) -> float | None:
    """The time of all of one key: several definitions may run side by side."""
    mine = [(each.start, each.end) for each in told if each.key == told[0].key]
    spans = [end - start for start, end in mine if end is not None]
    return sum(spans) if len(spans) == len(mine) else None


def table(rows: Iterable[Row], started: float) -> Table:
    """`rows` for a terminal; times count from `started`."""
    drawn = Table(title="What was injected, and what the agent saw", title_justify="left")
    for name in ("fault", "at", "lasted", "seen as", "seen at", "seen for", ""):
        drawn.add_column(name, justify="left" if name in ("fault", "seen as", "") else "right")
    for row in rows:
        drawn.add_row(
            row.kind.replace("_", " "),
            _seconds(row.start - started),
            _seconds(row.seconds, "going on"),
            row.seen_as.replace("_", " ") or ("[red]missed[/red]" if row.missed else "[dim]not yet[/dim]"),
            _seconds(None if row.seen_start is None else row.seen_start - started),
            _seconds(row.seen_seconds, "open" if row.found else ""),
            _remark(row),
        )
    return drawn


def _remark(row: Row) -> str:
    if row.error is None:
        return ""
    if row.kind in ("stall", "burst") and row.error < -0.5:
        return f"buffer hid {-row.error:.2f} s"
    return f"{row.error:+.2f} s"


def _seconds(value: float | None, unknown: str = "") -> str:
    return unknown if value is None else f"{value:.2f} s"
