"""The last hour of one stream, or of two on the same axes: measures, and incidents across them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.alerts.words import duration, phrase
from qoe_agent.evidence.mark import mark
from qoe_agent.sink import Key
from qoe_agent.web.chart import HOUR, Band, Row, Span, timeline
from qoe_agent.web.html import Safe, html
from qoe_agent.web.words import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.model import Incident
    from qoe_agent.web.stand import Scene
    from qoe_agent.web.words import Reader

ROWS = ("bytes_per_second", "stalled", "latency", "av_offset", "height", "frame_rate", "mos", "loudness", "startup",
        "viewers", "leaving")  # fmt: skip
"""Measures in the order in which they are shown."""
REACH: dict[str, tuple[float | None, float | None]] = {
    "bytes_per_second": (0.0, None), "stalled": (0.0, 1.0), "latency": (0.0, None), "av_offset": (-50.0, 50.0),
    "height": (0.0, None), "frame_rate": (0.0, None), "mos": (1.0, 5.0), "startup": (0.0, None),
    "viewers": (0.0, None), "leaving": (0.0, None),
}  # fmt: skip
"""What the axes hold at least, as shown."""
OF_ALL = ("viewers", "leaving")
"""Measures of a stream, whichever of its renditions is meant."""
LEAST = 600.0
"""Seconds that the axis holds at least; an agent that began lately does not know an hour yet."""
BETWEEN = (60.0, 120.0, 300.0, 600.0)
"""Seconds between two marks of the axis."""
MARKS = 7
"""Marks at most."""
MOST = 100
"""Incidents that are drawn, the latest."""


def recent(scene: Scene, key: Key, since: float) -> list[Incident]:
    """What was open since then, by its start."""
    found = [known.incident for known in scene.incidents(key)]
    return [one for one in found if one.end is None or one.end >= since][-MOST:]


def incident_id(key: Key, one: Incident) -> str:
    """The id of an incident's row."""
    return f"i-{mark(key.stream, key.rendition, one.kind, one.key, one.start)}"


def drawn(scene: Scene, keys: Sequence[Key], said: Reader, now: float) -> Safe:
    """All of it; a sentence where nothing is known."""
    start, history = now - HOUR, scene.source.history
    rows = []
    for name in ROWS:
        called, factor, unit = said.measure(name)
        whose = [Key(key.stream) if name in OF_ALL else key for key in keys]
        lines = [[(at, value * factor) for at, value in history.of(key, name) if at >= start] for key in whose]
        if any(lines):
            texts = [_text(key, called, line, unit, said, len(keys) > 1) for key, line in zip(keys, lines, strict=True)]
            low, high = REACH.get(name, (None, None))
            rows.append(Row(called, unit, lines, low, high, name == "stalled", "; ".join(filter(None, texts))))
    bands = [_band(key, one, n, now, said) for n, key in enumerate(keys) for one in recent(scene, key, start)]
    if not rows and not bands:
        return html("<p>{}</p>", said("no_history"))
    bands.sort(key=lambda band: band.start)
    known = [line[0][0] for row in rows for line in row.lines if line] + [band.start for band in bands]
    start = max(start, min(now - LEAST, *known))
    span = Span(start, now - start)
    return timeline(rows, bands, span, said("timeline_of"), _ticks(span, said))


def _text(key: Key, called: str, line: list[tuple[float, float]], unit: str, said: Reader, named: bool) -> str:
    if not line:
        return ""
    values = [value for _, value in line]
    text = said("reached", called, number(min(values)), number(max(values)), unit).strip()
    return f"{key.shown}: {text}" if named else text


def _band(key: Key, one: Incident, line: int, now: float, said: Reader) -> Band:
    end = now if one.end is None else one.end
    lasted = said("open") if one.end is None else duration(one.end - one.start, said.language)
    label = said("happened", phrase(one.kind, said.language, one.key), said.clock(one.start), lasted)
    return Band(one.start, end, one.severity, label, f"#{incident_id(key, one)}", line)


def _ticks(span: Span, said: Reader) -> list[Band]:
    """Round minutes of the wall clock."""
    between = next((each for each in BETWEEN if span.seconds / each <= MARKS), BETWEEN[-1])
    shift = clock.wall(span.start) - span.start
    first = -(-(span.start + shift) // between) * between - shift
    times = [first + n * between for n in range(int((span.start + span.seconds - first) / between) + 1)]
    return [Band(at, at, "", said.clock(at, seconds=False), "") for at in times]
