"""One case while it is gathered, and the files that are made of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.decode import clips
from qoe_agent.decode.pictures import describe
from qoe_agent.evidence.mark import mark, name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.model import Answer, Format, Incident, Packet
    from qoe_agent.sink import Key

VERSION = 1
"""Of what `case.json` holds."""
PLAYLISTS = ("master", "playlist")
"""Kinds of answers that have a file of their own."""
EARLIER = 1.0
"""Seconds before the incident of which the picture before it is."""
LEAP = 2.0
"""Seconds between the times of two packets from which on they belong to different timelines."""
LATER = 0.1
"""Seconds after its beginning of which the picture at it is."""


@dataclass(slots=True)
class Case:
    """What is known of an incident that began lately, and of those that began while it was gathered."""

    key: Key
    opened: float
    """When the first one was told, by the agent's clock."""
    incidents: dict[str, Incident]
    """By their marks."""
    formats: Mapping[int, Format]
    packets: list[Packet]
    """From a key frame on."""
    clip: bool = True
    """Whether it may show more than stills."""
    bare: bool = False
    """Nothing of the stream is to be decoded: there are no stills."""
    facts: dict[str, Any] = field(default_factory=dict)
    """How the stream was pulled, the log."""
    answers: list[Answer] = field(default_factory=list)
    """What the server said beside media, when the case was opened and when it was complete."""
    size: int = 0
    """Bytes of packets that came since it was opened."""
    changed: bool = False
    """A track has become another one: what comes from then on does not go with what is there."""

    def gather(self, seen: Packet, most: int) -> None:
        """Another packet, unless it is too much or goes with other formats."""
        if self.size < most and not self.changed:
            self.packets.append(seen)
            self.size += seen.size

    def format(self, seen: Format) -> None:
        """A track was announced."""
        known = self.formats.get(seen.track)
        self.changed = self.changed or known is None or replace(known, at=seen.at) != seen

    def take(self, incident: Incident) -> None:
        """Another incident, or more of one."""
        self.incidents[self.marked(incident)] = incident

    def marked(self, incident: Incident) -> str:
        """The mark of an incident of this stream."""
        return mark(self.key.stream, self.key.rendition, incident.kind, incident.key, incident.start)

    @property
    def name(self) -> str:
        """Its folder, after the first incident."""
        marked, first = next(iter(self.incidents.items()))
        return name(self.key.shown, first.kind, marked, clock.wall(first.start))

    def files(self) -> dict[str, bytes]:
        """Everything, ready to be written. Decodes: takes a fraction of a second."""
        files: dict[str, bytes] = {}
        notes: list[str] = []
        if not self.packets:
            notes.append("no packets were there to cut from")
        self._stills(files, notes)
        if texts := [_dated(seen) for seen in self.answers if seen.kind in PLAYLISTS]:
            files["playlist.m3u8"] = "\n".join(texts).encode()
        if self.clip and self.packets:
            try:
                made = clips.clip(self.formats, self.packets)
            except Exception as error:  # damaged media may break the muxer in any way; the rest is worth keeping
                notes.append(f"no clip: {describe(error)}")
            else:
                notes += [f"not in the clip: {codec}" for codec in made.left_out]
                if made.data:
                    files["clip.mp4"] = made.data
        return {"case.json": json.dumps(self._said(notes), indent=1).encode(), **files}

    def _stills(self, files: dict[str, bytes], notes: list[str]) -> None:
        there = {seen.track for seen in self.packets}
        form = next((form for form in self.formats.values() if form.kind == "video" and form.track in there), None)
        if form is None or self.bare:
            return
        first = next(iter(self.incidents.values()))
        own = _together(
            [seen for seen in self.packets if seen.track == form.track and seen.pts is not None], first.start
        )
        if not own:
            return
        begins = self._begins(own)
        for called, pts in (("before.jpg", begins - EARLIER), ("at.jpg", begins + LATER)):
            if pts < (own[0].pts or 0.0):
                notes.append(f"no {called}: the packets do not reach so far back")
                continue
            try:
                found = clips.still(form, _from_key(own, pts), pts)
            except Exception as error:  # as above
                notes.append(f"no {called}: {describe(error)}")
                continue
            if found:
                files[called] = found

    def _begins(self, own: list[Packet]) -> float:
        """When the first incident began, in media time: as the probe says, or by the packets that came before it."""
        first = next(iter(self.incidents.values()))
        times = [seen.pts for seen in own if seen.pts is not None]
        if first.start_pts is not None and min(times) - EARLIER <= first.start_pts <= max(times) + EARLIER:
            return first.start_pts
        return max((seen.pts for seen in own if seen.at <= first.start and seen.pts is not None), default=times[0])

    def _said(self, notes: list[str]) -> dict[str, Any]:
        return {
            "schema_version": VERSION,
            "stream": self.key.stream,
            "rendition": self.key.rendition,
            "incidents": [
                {"mark": marked, **asdict(each), "start": clock.wall(each.start), "end": _wall(each.end)}
                for marked, each in self.incidents.items()
            ],
            "opened": clock.wall(self.opened),
            "packets": len(self.packets),
            "first_packet": clock.wall(self.packets[0].at) if self.packets else None,
            "last_packet": clock.wall(self.packets[-1].at) if self.packets else None,
            "formats": [_format(form) for form in self.formats.values()],
            "answers": [
                {"at": clock.wall(seen.at), "kind": seen.kind, "track": seen.track, "lines": seen.text.splitlines()}
                for seen in self.answers
                if seen.kind not in PLAYLISTS
            ],
            **self.facts,
            "notes": notes,
        }


def _dated(seen: Answer) -> str:
    """A playlist under a line that says when it came; to players it is a comment."""
    when = datetime.fromtimestamp(clock.wall(seen.at), UTC).isoformat(timespec="milliseconds")
    which = "the master playlist" if seen.kind == "master" else f"the playlist of the tracks from {seen.track} on"
    return f"# {when}: {which}\n{seen.text}\n"


def _wall(at: float | None) -> float | None:
    return None if at is None else clock.wall(at)


def _together(own: list[Packet], at: float) -> list[Packet]:
    """Of a track's packets, those of the timeline that was there at the agent's time `at`, from a key frame on."""
    runs: list[list[Packet]] = []
    for seen in own:
        last = runs[-1][-1] if runs else None
        if last is None or abs((seen.pts or 0.0) - (last.pts or 0.0)) > LEAP:
            runs.append([])
        runs[-1].append(seen)
    chosen = next((run for run in reversed(runs) if run[0].at <= at), runs[0] if runs else [])
    first = next((n for n, seen in enumerate(chosen) if seen.key), len(chosen))
    return chosen[first:]


def _from_key(own: list[Packet], pts: float) -> list[Packet]:
    """From the last key frame that is shown by then on; from the first if there is none."""
    start = max((n for n, seen in enumerate(own) if seen.key and (seen.pts or 0.0) <= pts), default=0)
    return own[start:]


def _format(form: Format) -> dict[str, Any]:
    said = asdict(form)
    del said["extradata"], said["at"]
    return {name: value for name, value in said.items() if value is not None}
