"""What was seen against what was injected: found, missed, invented; and whether anything grew."""

from __future__ import annotations

from statistics import mean, median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

DELIVERY = frozenset({
    "stall", "lost", "ended", "delivery_gap", "freeze", "playlist_stale", "segment_error", "timestamp_jump",
    "audio_missing", "video_missing", "damage",
})  # fmt: skip
GONE = frozenset({"stall", "lost", "ended", "playlist_stale", "delivery_gap"})
EXPECTED = {
    "stall": GONE, "vanish": GONE, "flap": GONE, "resolution": frozenset({"resolution_change"}),
    "black": frozenset({"black"}), "silence": frozenset({"silence"}),
}  # fmt: skip
"""Incidents of which one at least must follow, on every stream of the show."""
DECODED = frozenset({"black", "silence"})
"""What is found by decoding: an agent that says that it is overloaded may miss it."""
ALLOWED = {
    "stall": DELIVERY, "vanish": DELIVERY | {"format_change"}, "flap": DELIVERY | {"format_change"},
    "resolution": frozenset({"resolution_change", "format_change"}),
    "black": frozenset({"black", "underexposed", "content_freeze"}), "pause": frozenset(),
    "silence": frozenset({"silence"}), "disk_full": frozenset({"silence"}),
}  # fmt: skip
"""Incidents that are no invention, on streams of the show."""
CLOCK = frozenset({"clock_untrusted"})
"""What may be said of any stream while the machine's clock is wrong."""
EARLY, LATE = 1.0, 3.0
"""Seconds around a fault in which what it causes may be seen; the latter after all should be well again."""
EXCUSED = 6.0
"""Seconds after a publisher was late in which a stall is no invention; by HLS it shows seconds later."""
ECHO = 2.0
"""Seconds for which, in all, a player of segments may stand after a fault in which it ran dry: it goes on with one
segment (of 2 s) ahead, and runs dry again by little and little until it is as late as the latest segment."""
GROWTH = 0.05
"""Share by which memory may be more in the last half than in the first."""
SILENT = 4.0
"""Seconds in which a healthy stream must be seen to have brought packets, and looks are a second apart."""
SILENT_HLS = 8.0


class Injected(NamedTuple):
    """A fault that happened."""

    kind: str
    start: float
    end: float
    until: float
    """When all was to be well again."""
    streams: frozenset[str]
    """Those that it hit: which must show it, or may be without packets."""
    clock: bool = False
    """The clock was wrong meanwhile."""


class Event(NamedTuple):
    """An incident began, or the first look that showed it."""

    at: float
    stream: str
    kind: str


class Late(NamedTuple):
    """A publisher was late by itself, as busy machines are."""

    at: float
    streams: frozenset[str]


class Gap(NamedTuple):
    """No packets of a stream were seen for long."""

    stream: str
    start: float
    end: float


def covers(fault: Injected, at: float) -> bool:
    """Whether what is seen at `at` may be its doing."""
    return fault.start - EARLY <= at <= fault.until + LATE


def missed(fault: Injected, events: Sequence[Event]) -> list[str]:
    """Streams that should have shown it, and did not."""
    wanted = EXPECTED.get(fault.kind)
    if wanted is None:
        return []
    seen = {event.stream for event in events if event.kind in wanted and covers(fault, event.at)}
    return sorted(fault.streams - seen)


def invented(faults: Sequence[Injected], events: Sequence[Event], late: Sequence[Late] = ()) -> list[Event]:
    """Incidents that nothing which was injected explains, nor a publisher that was late by itself."""
    return [
        event
        for event in events
        if not any(_explains(fault, event) for fault in faults) and not any(_excuses(one, event) for one in late)
    ]


def _excuses(late: Late, event: Event) -> bool:
    return event.kind in DELIVERY and event.stream in late.streams and -EARLY <= event.at - late.at <= EXCUSED


def _explains(fault: Injected, event: Event) -> bool:
    if not covers(fault, event.at):
        return False
    if fault.clock and event.kind in CLOCK:
        return True
    return event.stream in fault.streams and event.kind in ALLOWED.get(fault.kind, DELIVERY)


def echoes(
    faults: Sequence[Injected], events: Sequence[Event], stalled: Callable[[str, float, float], float]
) -> list[Event]:
    """Stalls over HLS that follow from the one in a fault before. `stalled`: for how long, since, until."""
    found = []
    for event in events:
        dry = [one for one in faults if event.stream in one.streams and GONE & ALLOWED.get(one.kind, DELIVERY)]
        ends = [one.until + LATE for one in dry if one.until + LATE < event.at]
        hls = event.kind == "stall" and event.stream.startswith("hls")
        if hls and ends and stalled(event.stream, max(ends), event.at + ECHO + LATE) <= ECHO:
            found.append(event)
    return found


def unexplained(faults: Sequence[Injected], gaps: Sequence[Gap], late: Sequence[Late] = ()) -> list[Gap]:
    """Silences of streams to which nothing was done, nor to their publisher by a busy machine."""
    return [
        gap
        for gap in gaps
        if not any(gap.stream in one.streams and gap.start - EXCUSED <= one.at <= gap.end + EARLY for one in late)
        and not any(
            gap.stream in fault.streams and gap.start <= fault.until + LATE and gap.end >= fault.start - EARLY
            for fault in faults
        )
    ]


def recovered(fault: Injected, gaps: Sequence[Gap], among: Collection[str]) -> float | None:
    """Seconds from the fault's end until the last of these streams was measured again; None: there was no gap."""
    ends = [gap.end for gap in gaps if gap.stream in among and gap.end > fault.start and gap.start <= fault.until]
    return max(0.0, max(ends) - fault.end) if ends else None


def halves(samples: Sequence[tuple[float, float]], warm: float) -> tuple[float, float] | None:
    """Means of the first and the last half of (time, value), without the warm-up; None: there is too little."""
    kept = [(at, value) for at, value in samples if at >= warm]
    if len(kept) < 10:
        return None
    middle = (kept[0][0] + kept[-1][0]) / 2
    return mean(v for at, v in kept if at <= middle), mean(v for at, v in kept if at > middle)


def grew(samples: Sequence[tuple[float, float]], warm: float) -> float | None:
    """Share by which the last half exceeds the first (below zero: is less)."""
    found = halves(samples, warm)
    return found[1] / found[0] - 1.0 if found and found[0] else None


def counted(samples: Sequence[tuple[float, float]], warm: float) -> tuple[float, float] | None:
    """Medians of the first and the last quarter, for what is counted in few pieces."""
    kept = [value for at, value in samples if at >= warm]
    if len(kept) < 12:
        return None
    quarter = len(kept) // 4
    return median(kept[:quarter]), median(kept[-quarter:])


def summary(verdicts: Mapping[str, int]) -> str:
    """Counts by kind, for people."""
    return ", ".join(f"{kind} {count}" for kind, count in sorted(verdicts.items())) or "none"
