"""What a measurement leaves in the results file: rows of plain values, from which the tables are made.

An `intervals` row holds what was injected into one clip and what one detector, under one decode policy, found; a
`number` row one value of ours and what it should have been; a `cost` row what a look took; a `speaking` row how often
something spoke, and how often it was wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.model import Packet, Picture, Sound
from tests.accuracy.offline import watch
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.accuracy.offline import Seen

Row = dict[str, Any]
EVERY = 5.0
"""Seconds between the pictures that `keyframes` decodes (the agent's default)."""


def promised(decode: str, gop: float) -> float:
    """Seconds from which on black, freeze and silence are promised to be found (DECISIONS 17); `gop` in seconds."""
    return {"all": 0.5, "adaptive": max(1.0, gop), "keyframes": 2 * max(gop, EVERY)}[decode]


def watched(path: Path, probe: str, decode: str, options: dict[str, dict[str, Any]] | None = None, **more: Any) -> Seen:
    """A file through one probe; freezes are judged with the sound beside the picture."""
    names = (probe, "audio") if probe == "content_freeze" else (probe,)
    return watch(path, *names, decode=decode, every=EVERY, options=options, **more)


def first_picture(seen: Seen) -> tuple[float, float]:
    """Media time of the first picture, and when its packet arrived."""
    packets = [one for one in seen.observations if isinstance(one, Packet) and one.kind == "video"]
    first = min((one for one in packets if one.pts is not None), key=lambda one: one.pts or 0.0)
    return first.pts or 0.0, first.at


def first_sound(seen: Seen) -> tuple[float, float]:
    """Of files with sound alone, whose samples begin at media time 0: 0, and when that arrived."""
    packets = [one for one in seen.observations if isinstance(one, Packet) and one.kind == "audio"]
    return 0.0, packets[0].at - min(packets[0].pts or 0.0, 0.0)


def found(
    seen: Seen, kind: str, origin: tuple[float, float], seconds: float, key: str | None = None
) -> tuple[list[Span], list[float]]:
    """Incidents of a kind (and key) in seconds from `origin`, and when each was first said: up to where media had
    come."""
    pts, at = origin
    spans, said = [], []
    ends = {one.at: one.pts - pts for one in seen.observations if isinstance(one, Picture) and one.pts is not None}
    ends |= {
        one.at: one.pts + one.duration - pts
        for one in seen.observations
        if isinstance(one, Sound) and one.pts is not None
    }
    for incident in seen.of(kind):
        if incident.start_pts is None or key not in (None, incident.key):
            continue
        end = seconds if incident.end_pts is None else incident.end_pts - pts
        spans.append(Span(incident.start_pts - pts, max(end, incident.start_pts - pts)))
        which = (incident.key, incident.start)
        when = min(when for when, one in seen.revisions if one.kind == kind and (one.key, one.start) == which)
        said.append(ends.get(when, when - at))
    return spans, said


def since(spans: Sequence[Span], origin: tuple[float, float]) -> list[Span]:
    """Intervals of media time, in seconds from `origin`."""
    return [Span(span.start - origin[0], span.end - origin[0]) for span in spans]


def intervals(
    detector: str,
    decode: str,
    truth: Sequence[Span],
    spans: tuple[Sequence[Span], Sequence[float]],
    least: float,
    facts: Mapping[str, Any],
    beside: tuple[Sequence[Span], Sequence[Span]] | None = None,
    optional: Sequence[Span] = (),
) -> Row:
    """A row; `least`: seconds from which on a fault must be found; `beside`: FFmpeg's filter at its
    defaults, and for 0.5 s; `optional`: faults that this policy need not see."""
    row: Row = {"row": "intervals", "detector": detector, "decode": decode, "least": least, **facts}
    row |= {"optional": _plain(optional)} if optional else {}
    row |= {"truth": _plain(truth), "found": _plain(spans[0]), "said": [round(t, 4) for t in spans[1]]}
    return row if beside is None else row | {"defaults": _plain(beside[0]), "beside": _plain(beside[1])}


def number(measure: str, ours: float | None, truth: float, facts: Mapping[str, Any]) -> Row:
    """A row of one value; None where nothing was told."""
    return {"row": "number", "measure": measure, "ours": ours, "truth": truth, **facts}


def _plain(spans: Sequence[Span]) -> list[list[float]]:
    return [[round(span.start, 4), round(span.end, 4)] for span in spans]
