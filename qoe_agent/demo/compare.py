"""Sets what the agent saw beside what was injected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.demo.faults import FaultKind, Injected
    from qoe_agent.model import Incident

SEEN_AS: Mapping[FaultKind, tuple[str, ...]] = {
    "stall": ("stall", "lost", "freeze", "delivery_gap"),
    "burst": ("stall", "lost", "freeze", "delivery_gap"),
    "resolution_drop": ("resolution_change",),
    "silence": ("silence",),
}
"""The kinds of incident that tell of a fault, best first."""
EARLY = 1.0
"""Seconds by which an incident may seem to start before its fault."""


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


def compare(injected: Iterable[Injected], incidents: Iterable[Incident], late: float = 8.0) -> list[Row]:
    """Pair each fault with the incidents that begin from `EARLY` before it to `late` after its end.

    Several of the best kind count as one, with their times added up. A drop of the resolution is two
    changes, there and back, and lasts from one to the other.
    """
    latest = {(each.kind, each.key, each.start): each for each in incidents}
    ordered = sorted(latest.values(), key=lambda each: each.start)
    return [_row(fault, ordered, late) for fault in sorted(injected, key=lambda fault: fault.start)]


def _row(fault: Injected, incidents: list[Incident], late: float) -> Row:
    for kind in SEEN_AS[fault.kind]:
        told = [each for each in incidents if each.kind == kind and _belongs(each, fault, late)]
        if not told:
            continue
        seconds = _apart(told) if fault.kind == "resolution_drop" else _added(told)
        return Row(fault.kind, fault.start, fault.seconds, kind, told[0].start, seconds)
    return Row(fault.kind, fault.start, fault.seconds)


def _belongs(incident: Incident, fault: Injected, late: float) -> bool:
    last = float("inf") if fault.end is None else fault.end + late
    return fault.start - EARLY <= incident.start <= last


def _apart(told: list[Incident]) -> float | None:
    return told[1].start - told[0].start if len(told) > 1 else None


def _added(told: list[Incident]) -> float | None:
    """The time of all of one definition: several run side by side under different keys."""
    mine = [each for each in told if each.key == told[0].key]
    if any(each.end is None for each in mine):
        return None
    return sum((each.end or each.start) - each.start for each in mine)


def table(rows: Iterable[Row], started: float) -> Table:
    """`rows` for a terminal; times count from `started`."""
    drawn = Table(title="What was injected, and what the agent saw", title_justify="left")
    for name in ("fault", "at", "lasted", "seen as", "seen at", "seen for", "error"):
        drawn.add_column(name, justify="left" if name in ("fault", "seen as") else "right")
    for row in rows:
        drawn.add_row(
            row.kind.replace("_", " "),
            _seconds(row.start - started),
            _seconds(row.seconds, "going on"),
            row.seen_as.replace("_", " ") or "[red]not yet[/red]",
            _seconds(None if row.seen_start is None else row.seen_start - started, ""),
            _seconds(row.seen_seconds, "open" if row.found else ""),
            "" if row.error is None else f"{row.error:+.2f} s",
        )
    return drawn


def _seconds(value: float | None, unknown: str = "") -> str:
    return unknown if value is None else f"{value:.2f} s"
