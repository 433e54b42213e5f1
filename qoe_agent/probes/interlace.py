"""Interlacing: what the stream declares, and whether its pictures are woven of two fields (combing where they move).

Once a second two pictures in a row are compared (`maths.fields`); a picture that stands still says nothing, so the
verdict is over the last ten that said something. Needs pictures in a row: policy `all`, or the bursts of `adaptive`;
of key frames alone only the declaration is known. Fields that were scaled in height after weaving are not found, nor
is film of which only two pictures in five are woven (3:2 pulldown).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qoe_agent.maths.fields import Weave, middle, weave
from qoe_agent.model import Incident, Lost, Metric, Opened, Picture, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.fields import Plane
    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding, Observation

DECLARED = Metric("qoe_interlaced", "gauge", "1 while the stream declares its pictures to be made of two fields.")
COMBED = Metric(
    "qoe_combed_ratio", "gauge", "Share of the last ten pictures in motion (one a second is looked at) that are woven "
    "of two fields taken at different times. Absent before four of them were seen.",
)  # fmt: skip

EVERY = 1.0
"""Seconds of media between two comparisons."""
PHASE = 0.4
"""Seconds after the first picture: looks that come once a second do not all come with the key frame."""
LAST, LEAST = 10, 4
"""Pictures in motion that the share is over, and how many of them must be known."""
PROOF = 5
"""So many of them woven one way are an incident: a pan may look woven now and then."""
STRAY = 1
"""Of them that may look woven the other way: fields come in one order."""

Said = tuple[bool, Weave]
"""Declared interlaced; how woven."""


class Look:
    """The look: the declaration with every picture, the weave about once a second."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._before: Plane | None = None

    def __call__(self, view: View) -> Said:
        woven: Weave = ""
        if self._before is not None:
            if view.follows:
                woven = weave(self._before, middle(view.luma))
            self._before = None
        elif view.follows and self._now(view.pts):  # key pictures alone have no next one
            self._before = middle(view.luma).copy()
        return view.interlaced, woven

    def _now(self, pts: float | None) -> bool:
        if pts is None:
            return False
        if self._due is None or abs(pts - self._due) > 2 * EVERY:
            self._due = pts + PHASE
        if pts < self._due:
            return False
        self._due = max(self._due + EVERY, pts)
        return True


@probe(
    DECLARED, COMBED,
    sees=(Opened, Picture, Tick, Lost),
    incidents={"interlaced": "pictures are woven of two fields though the stream says that they are whole"},
    picture=lambda _: Look(),
)  # fmt: skip
@dataclass(slots=True)
class Interlace:
    ends: float = 60.0
    """Seconds without a woven picture after which the incident is over, if there was motion."""

    _declared: bool | None = field(default=None, init=False, repr=False)
    _said: deque[Weave] = field(default_factory=lambda: deque(maxlen=LAST), init=False, repr=False)
    _woven: tuple[float, float | None] | None = field(default=None, init=False, repr=False)
    """Arrival and pts of the last woven picture."""
    _whole: float | None = field(default=None, init=False, repr=False)
    """Arrival of the last whole one."""
    _open: Incident | None = field(default=None, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            said = seen.looks.get("interlace")
            return self._picture(seen, *said) if said else ()
        if isinstance(seen, Tick):
            return self._tick(seen.at)
        return self._forget(seen.at)

    def _picture(self, seen: Picture, declared: bool, woven: Weave) -> Iterable[Finding]:
        self._declared = declared
        if not woven:
            return ()
        self._said.append(woven)
        if woven == "whole":
            self._whole = seen.at
            return ()
        self._woven = seen.at, seen.pts
        if self._open is not None or declared:
            return ()
        count = self._said.count(woven)
        others = len(self._said) - count - self._said.count("whole")
        if count < PROOF or others > STRAY:
            return ()
        detail = {"first_field": woven, "woven": count, "in_motion": len(self._said)}
        self._open = Incident("interlaced", seen.at, None, "info", start_pts=seen.pts, detail=detail)
        return (self._open,)

    def _tick(self, at: float) -> list[Finding]:
        found: list[Finding] = []
        if self._open is not None and self._woven is not None:
            over = self._whole is not None and self._whole - self._woven[0] > self.ends
            if over or self._declared:
                found += self._close(self._woven[0])
        if self._declared is not None:
            found.append(Sample(DECLARED, float(self._declared)))
        if len(self._said) >= LEAST:
            combed = sum(woven != "whole" for woven in self._said)
            found.append(Sample(COMBED, combed / len(self._said)))
        return found

    def _close(self, at: float) -> list[Finding]:
        opened, self._open = self._open, None
        if opened is None:
            return []
        pts = self._woven[1] if self._woven else None
        return [replace(opened, end=max(at, opened.start), end_pts=pts)]

    def _forget(self, at: float) -> list[Finding]:
        """Another connection may bring another stream."""
        found = self._close(at)
        self._said.clear()
        self._declared = self._woven = self._whole = None
        return found
