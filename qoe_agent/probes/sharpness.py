"""Sharpness: blur and blocking once a second of media time, spatial and temporal information and noise every other.

Temporal information needs two pictures that follow one another: in `keyframes` there is none. Where pictures are rare,
blur and blocking are measured in each, by which faults are told, the others in one of some. What the numbers mean is
in `maths.detail`. A camera out of focus, or a soft feed, is told by the sharpest tenth of the edges, so that a shallow
depth of field is none; a sharp caption over a blurred picture hides it. Blocking in H.264, HEVC and AV1 is smoothed in
the loop: only gross starvation shows, and older codecs or a transcode of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.detail import blocks, edge_width, noise, spatial, temporal
from qoe_agent.maths.following import Following
from qoe_agent.maths.lasting import Lasting
from qoe_agent.model import Lost, Metric, Observation, Opened, Picture, Sample, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

SPATIAL = Metric(
    "qoe_spatial_information", "gauge", "SI of ITU-T P.910: standard deviation of the Sobel magnitude of luma, in "
    "8-bit codes as coded (of limited range: FFmpeg's siti shows 255/219 of it).",
)  # fmt: skip
TEMPORAL = Metric(
    "qoe_temporal_information", "gauge", "TI of ITU-T P.910: standard deviation of the difference of luma between two "
    "pictures that follow one another, in 8-bit codes as coded.",
)  # fmt: skip
BLUR = Metric(
    "qoe_blur_ratio", "gauge", "Width of the sharpest tenth of the edges over the picture's height: 0.001 to 0.004 is "
    "sharp, from about 0.005 nothing is in focus. Absent where there are no edges.",
)  # fmt: skip
BLOCKINESS = Metric(
    "qoe_blockiness_ratio", "gauge", "Steps on the most visible block grid over steps elsewhere: 1 is none, from about "
    "1.3 it shows.",
)  # fmt: skip
NOISE = Metric(
    "qoe_noise_ratio", "gauge", "Standard deviation of the grain where the picture is flat, over black to white."
)
GAUGES = {"spatial": SPATIAL, "temporal": TEMPORAL, "blur": BLUR, "blocks": BLOCKINESS, "noise": NOISE}

EVERY = {"spatial": 2.0, "blur": 1.0, "blocks": 1.0, "noise": 2.0}
"""Seconds of media time between two of each."""
PHASES = {"spatial": 0.0, "blur": 0.2, "blocks": 0.4, "noise": 0.6}
"""When in that time each is due, so that no picture pays for all."""
FIRST = ("blur", "blocks")
"""Those by which faults are told."""
WAITS = 12.0
"""Seconds for which the others wait where all are due at once, for pictures are rare; then one of them is taken."""
LEAST = 64
"""Lines and columns of the smallest picture that is measured."""
JUMP = 60.0
"""Seconds by which media time may step."""
STALE = 30.0
"""Seconds for which a measure is worth showing."""
WIDE, WIDEST = 0.0047, 3.0
"""An edge is wide from so much of the height, but at least so many pixels: calibrated on photographs in focus with
shallow depth of field (at most 0.0040) and Gaussian blur of 2 pixels at 720p (at least 0.0050)."""
BLOCKED = 1.3
"""Blockiness that shows: photographs at 2 Mb/s and 720p, sharp or blurred, stay under 1.1."""
EASED = 0.9
"""Part of a threshold below which it no longer holds."""
USUAL = 300
"""Measures of blur that make the stream's own past."""
KNOWN = 5
"""Of them needed."""
TOGETHER = 3
"""Measures whose median is judged."""


class Measure:
    """The look: what is due, by name."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._before: NDArray[np.uint8] | None = None
        """The picture before, if the next one is to be compared with it."""

    def __call__(self, view: View) -> Mapping[str, float | None] | None:
        now, luma = view.pts, view.luma
        if now is None or min(luma.shape) < LEAST or view.corrupt:
            self._before = None
            return None
        found: dict[str, float | None] = {}
        before, self._before = self._before, None
        if before is not None and view.follows and before.shape == luma.shape:
            found["temporal"] = temporal(before, luma)
        for what in self._taken(now):
            found |= self._measured(what, view)
        return found or None

    def _measured(self, what: str, view: View) -> dict[str, float | None]:
        luma = view.luma
        if what == "spatial":
            self._before = luma.copy() if view.follows else None  # key pictures alone have no next one
            return {"spatial": spatial(luma)}
        if what == "blur":
            return {"blur": edge_width(luma, 0.1)}
        if what == "blocks":
            grid = blocks(luma)
            return {"blocks": grid.ratio, "period": grid.period}
        grain = noise(luma, view.black, view.white)
        return {"noise": None if grain is None else grain / (view.white - view.black)}

    def _taken(self, now: float) -> list[str]:
        """What is measured in this picture: at first everything."""
        late = {what: now - self._due.get(what, float("-inf")) for what in EVERY}
        taken = [what for what in EVERY if not -JUMP < late[what] < 0.0]
        if self._due and len(taken) > len(FIRST):
            others = (what for what in taken if what not in FIRST and not 0.0 <= late[what] < WAITS)
            longest = max(others, key=lambda what: late[what], default="")
            taken = [what for what in taken if what in FIRST or what == longest]
        for what in taken:
            every = EVERY[what]
            if what not in self._due:
                self._due[what] = now + every + PHASES[what]
            else:
                self._due[what] += every if 0.0 <= late[what] < every else late[what] + every
        return taken


@probe(
    *GAUGES.values(),
    sees=(Opened, Segment, Picture, Tick, Lost),
    incidents={
        "blurred": "nothing in the picture is sharp any more",
        "blocky": "the picture falls into blocks",
    },
    picture=lambda _: Measure(),
)  # fmt: skip
@dataclass(slots=True)
class Sharpness:
    """Measures the first video track that pictures come from."""

    blurred: float = 4.0
    """Seconds without anything sharp, in a stream that was sharp, that make an incident."""
    blocky: float | None = None
    """Seconds of visible blocks that make an incident; null: none, as test patterns and graphics have their own grids
    (4s suits camera pictures)."""
    softer: float = 1.5
    """By how much wider than the stream's usual ones edges must be to count as blurred."""

    _following: Following = field(default_factory=Following, init=False, repr=False)
    _lasting: dict[str, Lasting] = field(default_factory=dict, init=False, repr=False)
    _last: dict[str, deque[float]] = field(default_factory=dict, init=False, repr=False)
    """The last values of what is judged."""
    _usual: deque[float] = field(default_factory=lambda: deque(maxlen=USUAL), init=False, repr=False)
    """Edges' widths while nothing was wrong."""
    _shown: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    """When each measure was last taken."""
    _values: dict[str, float | None] = field(default_factory=dict, init=False, repr=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False, repr=False)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._lasting = {"blurred": Lasting({"blurred": self.blurred})}
        if self.blocky is not None:
            self._lasting["blocky"] = Lasting({"blocky": self.blocky})
        self._last = {what: deque(maxlen=TOGETHER) for what in self._lasting}
        self._usual.clear()

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            return self._picture(seen)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Segment):
            self._following.segment(seen)
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen)
        return ()

    def _restart(self, seen: Opened | Lost) -> Iterator[Finding]:
        yield from self._stop()
        self._begin()
        self._following.restart(seen)
        self._shown.clear()
        self._values.clear()

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        look: Any = seen.looks.get("sharpness")
        if not self._following.takes(seen):
            return
        if self._following.broken(seen) or self._size != (seen.width, seen.height):
            yield from self._stop()
            self._begin()
            self._size = seen.width, seen.height
        at = self._following.when(seen)
        if not look:
            return
        for what in GAUGES:
            if what in look:
                scale = seen.height if what == "blur" else 1
                value = look[what]
                self._values[what], self._shown[what] = (None if value is None else value / max(1, scale)), seen.at
        if look.get("blur") is not None:
            yield from self._blur(look["blur"], seen.height, at, seen.pts)
        if "blocks" in look and "blocky" in self._lasting:
            yield from self._see("blocky", look["blocks"], BLOCKED, at, seen.pts, {"period": look["period"]})

    def _blur(self, width: float, height: int, at: float, pts: float | None) -> Iterator[Finding]:
        """`width`: of the sharpest edges, in pixels."""
        usual = median(self._usual) if len(self._usual) >= KNOWN else None
        limit = max(WIDEST, WIDE * height, self.softer * usual) if usual is not None else float("inf")
        facts = {"usual": None if usual is None else round(usual / max(1, height), 5)}
        yield from self._see("blurred", width, limit, at, pts, facts, height)
        if self._lasting["blurred"].now is None:
            self._usual.append(width)

    def _see(
        self, what: str, value: float, limit: float, at: float, pts: float | None, facts: dict[str, Any], scale: int = 1
    ) -> Iterator[Finding]:
        last, lasting = self._last[what], self._lasting[what]
        last.append(value)
        middle = median(last)
        holds = middle >= limit * (EASED if lasting.now else 1.0)
        found = list(lasting.see(what if holds else "", at, pts))
        if lasting.now:
            worst = max(lasting.now.facts.get("worst", 0.0), round(middle / max(1, scale), 5))
            lasting.now.facts |= {"worst": worst, "limit": round(limit / max(1, scale), 5), **facts}
        for each in found:
            yield each.incident()

    def _stop(self) -> Iterator[Finding]:
        for lasting in self._lasting.values():
            for each in lasting.stop():
                yield each.incident()

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        if self._following.dead:
            return
        if self._shown and tick.at - max(self._shown.values()) > STALE:
            yield from self._stop()
        for what, metric in GAUGES.items():
            fresh = what in self._shown and tick.at - self._shown[what] <= STALE
            yield Sample(metric, self._values[what] if fresh else None)
