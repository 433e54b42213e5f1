"""Damage: pictures that a viewer sees broken, because packets are incomplete or the decoder had to conceal something.

A damaged picture spoils what is predicted from it, so damage lasts from the first such picture to the next whole key
frame, and every picture in between counts. Known in every policy: packets that the transport marked as incomplete
and key frames that do not decode. Where everything is decoded, the decoder's own marks as well, which are surer: a
transport may mark the picture beside the one that lost bytes. `basis` in the detail says what there was.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qoe_agent.model import CORRUPT, Damage, Format, Incident, Lost, Metric, Opened, Packet, Picture, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding, Observation

PICTURES = Metric(
    "qoe_damaged_pictures_total", "counter", "Pictures that are broken or predicted from broken ones: from an "
    "incomplete or undecodable picture to the next whole key frame.",
)  # fmt: skip
SECONDS = Metric("qoe_damaged_seconds_total", "counter", "Media time of the damaged pictures.")

LASTS = 10.0
"""Seconds that damage goes on without a key frame: streams without any refresh their pictures piece by piece."""
AGO, KNOWN = 20.0, 1024
"""Seconds, and packets, that are remembered, to count from a picture that the decoder tells of later."""
LONGEST = 1.0
"""Seconds that one picture counts at most."""


class _Coded:
    """A picture that came."""

    __slots__ = ("at", "counted", "key", "pts", "seconds")

    def __init__(self, seen: Packet, seconds: float) -> None:
        self.at, self.pts, self.key, self.seconds = seen.at, seen.pts, seen.key, seconds
        self.counted = False


@dataclass(slots=True)
class _Spell:
    """Damage, merged over short gaps."""

    incident: Incident
    last: float
    """Arrival of the last damaged picture."""
    end_pts: float | None
    pictures: int = 0
    seconds: float = 0.0
    why: dict[str, int] = field(default_factory=dict)
    """How often what was seen of it."""

    def revised(self, end: float | None) -> Incident:
        """As it is known now."""
        detail: dict[str, Any] = {"pictures": self.pictures, "seconds": round(self.seconds, 3), **self.why}
        told = "concealed_pictures" in self.why or "decode_errors" in self.why
        detail["basis"] = "decoder" if told else "transport"
        return replace(self.incident, end=end, end_pts=None if end is None else self.end_pts, detail=detail)


@probe(
    PICTURES, SECONDS,
    sees=(Opened, Format, Packet, Damage, Picture, Tick, Lost),
    incidents={"damage": "pictures are broken: bytes are missing, or the decoder concealed errors"},
    picture=lambda _: _corrupt,
)  # fmt: skip
@dataclass(slots=True)
class Damages:
    """Follows the first video track."""

    merge: float = 2.0
    """Seconds without damage that end an incident."""

    _track: int | None = field(default=None, init=False, repr=False)
    _recent: deque[_Coded] = field(default_factory=lambda: deque(maxlen=KNOWN), init=False, repr=False)
    _media: float | None = field(default=None, init=False, repr=False)
    """Decoding time of the last packet."""
    _spreads: float | None = field(default=None, init=False, repr=False)
    """When the damage arrived that spreads to whatever comes now."""
    _beside: bool = field(default=False, init=False, repr=False)
    """The last packet was incomplete: the mark may be meant for the next (a demuxer tells them apart by guessing)."""
    _spell: _Spell | None = field(default=None, init=False, repr=False)
    _failed: Damage | None = field(default=None, init=False, repr=False)
    """A packet that could not be decoded, until it is known whether a picture came of it."""
    _pictures: int = field(default=0, init=False, repr=False)
    _seconds: float = field(default=0.0, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            return self._packet(seen) if seen.kind == "video" else ()
        failed, self._failed = self._failed, None
        if isinstance(seen, Picture):
            if seen.looks.get("damage"):
                return self._decoded(seen)  # of which the Damage before it told as well
            if seen.key:
                self._fine(seen)
        found = [] if failed is None else self._undecoded(failed)
        if isinstance(seen, Tick):
            found += self._tick(seen.at)
        elif isinstance(seen, Damage):
            self._failed = seen if seen.kind == "decode" else None
        elif isinstance(seen, Opened | Lost):
            found += self._begin(seen)
        return found

    def _packet(self, seen: Packet) -> Iterable[Finding]:
        if self._track is None:
            self._track = seen.track
        if seen.track != self._track:
            return ()
        media = seen.pts if seen.dts is None else seen.dts
        step = 0.0 if media is None or self._media is None else media - self._media
        self._media = media
        coded = _Coded(seen, min(max(step, 0.0), LONGEST))
        while self._recent and seen.key and seen.at - self._recent[0].at > AGO:
            self._recent.popleft()
        self._recent.append(coded)
        broken = seen.flags & CORRUPT != 0
        beside, self._beside = self._beside, broken
        if self._spreads is not None and ((seen.key and not broken) or seen.at - self._spreads > LASTS):
            self._spreads = seen.at if seen.key and beside else None
        if broken:
            self._spreads = seen.at
        if self._spreads is None:
            return ()
        return self._count([coded], "incomplete_packets" if broken else "")

    def _fine(self, seen: Picture) -> None:
        """The decoder has nothing to say against this key picture: the mark beside it was not meant for it."""
        recent = self._recent
        if self._spreads is None or not recent:
            return
        for coded in reversed(recent):
            if coded.key:
                if coded.pts == seen.pts and coded.at == self._spreads:
                    self._spreads = None
                return

    def _decoded(self, seen: Picture) -> list[Finding]:
        """The decoder says that the picture is broken: so are those after it, to the next key frame."""
        if seen.track == self._track and seen.pts is not None:
            for place in range(len(self._recent) - 1, -1, -1):
                if self._recent[place].pts == seen.pts:
                    return self._from(place, "concealed_pictures")
        return []

    def _undecoded(self, seen: Damage) -> list[Finding]:
        """A packet could not be decoded."""
        if seen.track == self._track:
            for place in range(len(self._recent) - 1, -1, -1):
                if self._recent[place].at == seen.at:
                    return self._from(place, "decode_errors")
        return []

    def _from(self, place: int, why: str) -> list[Finding]:
        spoilt = [self._recent[place]]
        for n in range(place + 1, len(self._recent)):
            if self._recent[n].key:
                break
            spoilt.append(self._recent[n])
        else:
            self._spreads = self._recent[-1].at if self._spreads is None else self._spreads
        return self._count(spoilt, why)

    def _count(self, spoilt: list[_Coded], why: str) -> list[Finding]:
        """These pictures are damaged; `why`: what was seen of it, if anything new was."""
        first, last = spoilt[0], spoilt[-1]
        spell = self._spell
        if spell is None:
            incident = Incident("damage", first.at, None, "warning", start_pts=first.pts)
            spell = _Spell(incident, first.at, first.pts)
        if why:
            spell.why[why] = spell.why.get(why, 0) + 1
        for coded in spoilt:
            if not coded.counted:
                coded.counted = True
                self._pictures += 1
                self._seconds += coded.seconds
                spell.pictures += 1
                spell.seconds += coded.seconds
        spell.last = max(spell.last, last.at)
        if last.pts is not None and (spell.end_pts is None or last.pts > spell.end_pts):
            spell.end_pts = last.pts
        if self._spell is not None:
            return []
        self._spell = spell
        return [spell.revised(None)]

    def _tick(self, at: float) -> list[Finding]:
        found: list[Finding] = []
        if self._spell is not None and at - self._spell.last > self.merge:
            found += self._close()
        return found + self._counters()

    def _close(self) -> list[Finding]:
        spell, self._spell = self._spell, None
        return [] if spell is None else [spell.revised(max(spell.last, spell.incident.start))]

    def _counters(self) -> list[Finding]:
        found: list[Finding] = [Sample(PICTURES, self._pictures), Sample(SECONDS, self._seconds)]
        self._pictures, self._seconds = 0, 0.0
        return found

    def _begin(self, seen: Opened | Lost) -> list[Finding]:
        found = self._close() + (self._counters() if isinstance(seen, Lost) else [])
        self._track = self._media = self._spreads = self._failed = None
        self._recent.clear()
        self._beside = False
        return found


def _corrupt(view: View) -> bool:
    """The look: whether the decoder marked the picture."""
    return view.corrupt
