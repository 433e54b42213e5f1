"""Resolution: is the 1080p really 1080p? What the picture was scaled from, and how fine its detail is.

Two different things are said. `basis="scaled"`: the height that the picture was scaled up from, by what scaling
leaves behind (`maths.upscaled`); the coded height where detail up to it was seen and nothing points to scaling;
absent where neither is sure. `basis="detail"`: lines that suffice for the finest detail of the last minute, whatever
the reason: a soft lens, a gentle subject, a starved encoder; defocus only lowers it, so the largest counts.

Key pictures are inspected, where there are any, at most one a second of media time (4 ms each at 1080p), and one in a
quarter of a minute once all say the same; two must agree unless one is very clear. Interlaced pictures are left alone.
Neural scalers, added grain, content scaled again to another size, and scaling by less than a tenth are not found;
pictures of less than 240 lines are not judged.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.maths.following import Following
from qoe_agent.maths.upscaled import Inspection, Suspect
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Picture, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding, Severity

HEIGHT = Metric(
    "qoe_effective_height_pixels", "gauge", "Lines that the picture really has: those it was scaled up from, or the "
    "coded height where it surely was not (scaled); those that the finest detail of the last minute needs (detail).",
    ("basis",),
)  # fmt: skip
CONFIDENCE = Metric(
    "qoe_effective_height_confidence_ratio", "gauge", "How sure the effective height is (basis scaled): 1 - exp(-e), "
    "where e is the evidence in units of what proves it.",
)  # fmt: skip

EVERY = 0.9
"""Least seconds of media time between inspections."""
KEYLESS = 2.2
"""Seconds after which any picture will do."""
LEAST = 240
"""Lines and columns of the smallest picture that is judged."""
SETTLED = 4
"""Pictures that agree, after which one in `REST` seconds is enough."""
REST = 15.0
MINUTE = 60.0
"""Seconds over which the finest detail counts."""
MEMORY = 300.0
"""Seconds for which a picture counts."""
PICTURES = 4
"""Pictures that decide."""
CLEAR = 2.0
"""Evidence (in units of what proves it) with which one picture decides."""
MOST = 2.0
"""What one picture may add."""
SHOWN = 0.5
"""Evidence with which a picture counts as one that shows it."""
CLOSE = 0.5
"""Evidence, on average, below which an incident ends."""
MUCH = 0.6
"""Part of the coded area below which it is a warning."""
NATIVE = 4
"""Pictures with detail up to the coded height that prove that it is real."""


class Inspected(NamedTuple):
    """What the look says of one picture."""

    width: int
    height: int
    pts: float | None
    detail: int
    suspects: tuple[Suspect, ...]
    empty: bool


class Inspect:
    """The look: inspects a picture now and then."""

    def __init__(self) -> None:
        self._due: float | None = None
        """Media time from which a picture is wanted."""
        self._same: tuple[int, int] = 0, 0
        """The lines that the last pictures came from, and how many they were."""

    def __call__(self, view: View) -> Inspected | None:
        now, due = view.pts, self._due
        if now is None or min(view.height, view.width) < LEAST or view.interlaced or view.corrupt:
            return None
        if due is None or not -REST <= now - due <= MEMORY:
            due = self._due = now
        if now < due or (now < due + KEYLESS and not view.key):
            return None
        quantisers = view.qp
        found = Inspection.of(view.luma, None if quantisers is None else float(quantisers.mean()))
        lines = found.suspects[0].height if found.suspects else found.height
        self._same = lines, self._same[1] + 1 if lines == self._same[0] else 1
        self._due = now + (REST if self._same[1] >= SETTLED else EVERY)
        return Inspected(found.width, found.height, now, found.detail, found.suspects, found.empty)


class _Said(NamedTuple):
    at: float
    inspected: Inspected


@probe(
    HEIGHT, CONFIDENCE,
    sees=(Opened, Picture, Tick, Lost),
    incidents={"upscaled": "the picture was scaled up from a smaller one"},
    picture=lambda _: Inspect(),
)  # fmt: skip
@dataclass(slots=True)
class Resolution:
    """Judges the first video track that pictures come from."""

    _said: deque[_Said] = field(default_factory=lambda: deque(maxlen=64), init=False, repr=False)
    """The pictures of one size."""
    _following: Following = field(default_factory=Following, init=False, repr=False)
    _open: Incident | None = field(default=None, init=False, repr=False)
    _closed: float = field(default=0.0, init=False, repr=False)
    """When the last one ended: another begins no earlier."""

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            return self._picture(seen)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Opened | Lost):
            return self._restart(seen)
        return ()

    def _restart(self, seen: Opened | Lost) -> Iterator[Finding]:
        self._said.clear()
        self._following.restart(seen)
        yield from self._close(seen.at, None)

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        told: Any = seen.looks.get("resolution")
        if told is None or not self._following.takes(seen):
            return
        width, height, pts, detail, suspects, empty = told  # lists, out of a recording
        look = Inspected(width, height, pts, detail, tuple(Suspect(*each) for each in suspects), empty)
        if self._said and self._said[-1].inspected[:2] != look[:2]:
            self._said.clear()
            yield from self._close(seen.at, seen.pts)
        if not look.empty:
            self._said.append(_Said(seen.at, look))
            yield from self._judge(seen)

    def _judge(self, seen: Picture) -> Iterator[Finding]:
        best, evidence = self._verdict()
        was = self._open
        size = None if best is None else f"{best.width}x{best.height}"
        if was and was.detail["from_size"] != size:
            held = self._evidence(was.detail["from_size"])
            if size is None and sum(held) >= CLOSE * len(held):
                return
            yield from self._close(seen.at, seen.pts)
        if best is None:
            return
        shows = [said for said, shown in zip(self._recent(), evidence, strict=True) if shown]
        first = next((said for said in shows if said.at >= self._closed), shows[-1])
        facts = _facts(best, self._said[-1].inspected, len(evidence))
        if self._open is None:
            severity: Severity = "warning" if best.height * best.width <= MUCH * seen.height * seen.width else "info"
            self._open = Incident("upscaled", first.at, None, severity, "", first.inspected.pts, detail=facts)
            yield self._open

    def _verdict(self) -> tuple[Suspect | None, list[float]]:
        """What the last pictures agree on, if they do, and its evidence in each."""
        last = [said.inspected for said in self._recent()]
        for best in sorted({s for one in last for s in one.suspects}, key=lambda s: -s.excess):
            evidence = self._evidence(f"{best.width}x{best.height}")
            if len(evidence) == 1 and evidence[0] >= CLEAR and best.sigmas >= 8.0:
                return best, evidence
            shown = sum(each >= SHOWN for each in evidence)
            if shown > 1 and sum(min(each, MOST) for each in evidence) >= len(evidence):
                return best, evidence
        return None, []

    def _recent(self) -> list[_Said]:
        return list(self._said)[-PICTURES:]

    def _evidence(self, size: str) -> list[float]:
        """Decibels over those needed, of one size, in the last pictures."""
        return [
            max((s.evidence for s in said.inspected.suspects if f"{s.width}x{s.height}" == size), default=0.0)
            for said in self._recent()
        ]

    def _close(self, at: float, pts: float | None) -> Iterator[Finding]:
        was, self._open = self._open, None
        if was:
            end = self._closed = max(at, was.start)
            yield Incident(was.kind, was.start, end, was.severity, "", was.start_pts, pts, was.detail)

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        if self._following.dead:
            return
        while self._said and tick.at - self._said[0].at > MEMORY:
            self._said.popleft()
        if not self._said:
            yield from self._close(tick.at, None)
        details = [said.inspected.detail for said in self._said if tick.at - said.at <= MINUTE]
        yield Sample(HEIGHT, max(details) if details else None, ("detail",))
        height, sure = self._height()
        yield Sample(HEIGHT, height, ("scaled",))
        yield Sample(CONFIDENCE, sure)

    def _height(self) -> tuple[float | None, float | None]:
        """The height that the picture was scaled from, or its own, and how sure that is."""
        best, evidence = self._verdict()
        if best is not None:
            return best.height, 1.0 - exp(-sum(evidence))
        last = [said.inspected for said in self._said]
        fine = sum(one.detail == one.height and not one.suspects for one in last)
        if fine >= NATIVE and fine >= 0.8 * len(last):
            return last[-1].height, 1.0 - exp(-fine / 2)
        return None, None


def _facts(best: Suspect, inspected: Inspected, pictures: int) -> dict[str, Any]:
    return {
        "declared": inspected.height,
        "declared_size": f"{inspected.width}x{inspected.height}",
        "from": best.height,
        "from_size": f"{best.width}x{best.height}",
        "kernel": best.kernel,
        "decibels": round(best.decibels, 2),
        "needed_decibels": best.need,
        "pictures": pictures,
    }
