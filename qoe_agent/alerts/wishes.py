"""What people want to be told: for each kind of incident what suits most, changed by what a stream's options say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.alerts.cases import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qoe_agent.config import Maintenance, Stream, StreamAlerts
    from qoe_agent.model import Severity

DOWN = ("lost", "ended")
"""The stream is not there: whatever else is wrong with it follows from that."""
DOUBT = "agent_overloaded"
"""The agent looked at too little to be sure."""
CONTENT = (*DOWN, DOUBT)
BLANK = (*CONTENT, "black", "solid_colour", "colour_bars")
"""Nothing to be seen, so that what is told of the picture's quality means nothing."""

WHOLE = (*BLANK, "content_freeze", "damage")
"""The whole picture is wrong: that is told, and not its tiles."""

RULES: Mapping[str, tuple[float, float, tuple[str, ...], Severity | None]] = {
    "lost": (0, 10, (), None),
    "ended": (30, 10, (), "warning"),
    "stall": (2, 10, DOWN, None),
    "freeze": (2, 10, (*DOWN, "stall", "video_missing"), None),
    "delivery_gap": (5, 10, (*DOWN, "stall"), None),
    "playlist_stale": (5, 10, DOWN, None),
    "segment_error": (5, 10, DOWN, None),
    "timestamp_jump": (0, 10, DOWN, None),
    "video_missing": (0, 10, DOWN, None),
    "black": (2, 10, CONTENT, None),
    "solid_colour": (5, 10, CONTENT, None),
    "colour_bars": (5, 10, CONTENT, None),
    "content_freeze": (3, 10, BLANK, None),
    "tile_black": (5, 10, WHOLE, None),
    "tile_solid_colour": (10, 10, WHOLE, None),
    "tile_colour_bars": (5, 10, WHOLE, None),
    "tile_content_freeze": (5, 10, WHOLE, None),
    "damage": (3, 15, CONTENT, None),
    "silence": (10, 10, CONTENT, None),
    "audio_missing": (5, 10, DOWN, None),
    "dead_channel": (10, 15, CONTENT, None),
    "out_of_phase": (10, 15, CONTENT, None),
    "clipping": (15, 30, CONTENT, None),
    "dropouts": (2, 15, CONTENT, None),
    "av_out_of_sync": (5, 15, CONTENT, None),
    "blurred": (15, 15, BLANK, None),
    "blocky": (15, 15, BLANK, None),
    "upscaled": (30, 30, BLANK, None),
    "resolution_change": (0, 30, DOWN, None),
    "format_change": (0, 30, DOWN, None),
    "interlaced": (30, 30, CONTENT, None),
    "letterbox": (30, 30, BLANK, None),
    "overexposed": (30, 30, BLANK, None),
    "underexposed": (30, 30, BLANK, None),
    "colour_cast": (30, 30, BLANK, None),
    "monochrome": (30, 30, BLANK, None),
    "flashes": (0, 30, CONTENT, None),
    "flicker": (15, 30, CONTENT, None),
    "no_keyframes": (10, 10, DOWN, None),
    "clock_untrusted": (30, 30, DOWN, None),
    "exits_unexplained": (0, 30, DOWN, None),
    "fault_unnoticed": (0, 30, (), None),
    "agent_overloaded": (30, 30, (), None),
    "decode_suspended": (0, 30, (), None),
}
"""By kind of incident: `for`, `resolve_after` (seconds), `silenced_by`, and `severity` where it is not the incident's
own: a stream that ended in good order, though it is expected to be there, is more than a note."""
MERGE = 60.0
"""Seconds of a break that does not make another case, for all kinds."""


def rule_of(kind: str, options: StreamAlerts) -> Rule:
    """How incidents of that kind are told under these options."""
    lasting, resolve_after, silenced_by, severity = RULES.get(kind, (10.0, 30.0, DOWN, None))
    said: Mapping[str, Any] = options.rules.get(kind, {})
    return Rule(
        lasting=said.get("for", float(lasting)),
        resolve_after=said.get("resolve_after", float(resolve_after)),
        merge=said.get("merge", MERGE),
        severity=said.get("severity", severity),
        minimum=options.minimum_severity,
        silenced_by=frozenset(said.get("silenced_by", silenced_by)),
    )


class Configured:
    """The wishes of a configuration. Streams that it does not know any more are told of by `defaults`."""

    def __init__(
        self, defaults: StreamAlerts, maintenance: Iterable[Maintenance], expected: Callable[[Stream, float], bool]
    ) -> None:
        self._defaults, self._maintenance, self._expected = defaults, tuple(maintenance), expected
        self._streams: dict[str, Stream] = {}
        self._rules: dict[tuple[str, str], Rule] = {}

    def follow(self, streams: Iterable[Stream]) -> None:
        """These are the streams now."""
        self._streams = {stream.name: stream for stream in streams}
        self._rules.clear()

    def rule(self, stream: str, kind: str) -> Rule:
        """Of incidents of that kind on that stream."""
        found = self._rules.get((stream, kind))
        if found is None:
            known = self._streams.get(stream)
            found = self._rules[stream, kind] = rule_of(kind, known.alerts if known else self._defaults)
        return found

    def quiet(self, stream: str, now: float) -> str:
        """Why nothing new is told of the stream now; empty if it is."""
        at = clock.wall(now)
        if any(window.holds(stream, at) for window in self._maintenance):
            return "maintenance"
        known = self._streams.get(stream)
        return "unexpected" if known and not self._expected(known, at) else ""

    def labels(self, stream: str) -> Mapping[str, str]:
        """The stream's own labels."""
        known = self._streams.get(stream)
        return known.labels if known else {}


def table() -> str:
    """The rules as a Markdown table, for the README."""
    lines = ["| Incident | `for` | `resolve_after` | `severity` | `silenced_by` |", "|---|---|---|---|---|"]
    for kind, (lasting, resolve_after, silenced_by, severity) in sorted(RULES.items()):
        silencers = ", ".join(f"`{each}`" for each in silenced_by)
        lines.append(f"| `{kind}` | {lasting:g} s | {resolve_after:g} s | {severity or ''} | {silencers} |")
    return "\n".join(lines) + "\n"
