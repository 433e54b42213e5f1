"""What each live output was, second by second of the source: numbers gathered, and those that follow of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from qoe_agent.maths.p1203 import Coded
from qoe_agent.maths.p1203 import video as judged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.compare.live.laying import Laying
    from qoe_agent.compare.live.taking import Taken

SETTLED = 45.0
"""Seconds after which nothing more is taken of a second of the source."""
HALF = 0.5
"""Of a frame: seconds begin so much before, so that rounding of time stamps moves no frame into another."""
SCREEN = 1920 * 1080
"""Pixels of the screen that the picture score is for."""


class Measure(NamedTuple):
    """A number of each second of each output."""

    name: str
    words: str
    unit: str
    better: Literal["more", "less"] | None
    """None: more is neither better nor worse."""
    digits: int
    total: bool = False
    """Summed within a second, and 0 where nothing came; else the mean of what came."""


MEASURES = (
    Measure("vmaf", "VMAF", "", "more", 2),
    Measure("psnr_y", "PSNR of luma", "dB", "more", 2),
    Measure("ssim_y", "SSIM of luma", "", "more", 4),
    Measure("xpsnr_y", "XPSNR of luma", "dB", "more", 2),
    Measure("score", "picture score", "of 5", "more", 2),
    Measure("qp", "quantiser", "", "less", 2),
    Measure("effective_height", "effective height", "lines", "more", 0),
    Measure("blur", "blur", "% of height", "less", 3),
    Measure("blocks", "blockiness", "", "less", 3),
    Measure("noise", "noise", "% of range", None, 3),
    Measure("bitrate", "bitrate", "kb/s", None, 0, total=True),
    Measure("frame_rate", "frame rate", "/s", "more", 2, total=True),
    Measure("stalled", "stalls", "s in 1 s", "less", 3, total=True),
    Measure("latency", "latency (playout)", "s", "less", 3),
    Measure("transport", "latency (transport)", "s", "less", 3),
    Measure("av_offset", "A/V offset (sound late)", "s", None, 3),
)
"""As they are shown. VMAF and those like it are there where an output is named the reference."""
ABSOLUTE = ("stamp", "program date-time")
"""Ways of laying by which latency is that since capture; by content only differences of it mean anything."""
BY_NAME = {one.name: one for one in MEASURES}
SCALES = {"blur": 100.0, "noise": 100.0}
"""From what probes measure to what is shown."""


@dataclass(slots=True)
class Second:
    """A second of the source."""

    number: int
    """Of the source's clock."""
    values: list[dict[str, float]]
    """By output: measure and value; what is not known is not there."""
    scored: list[dict[str, float]]
    """By output: full-reference metrics, where this second was sampled."""
    provisional: bool = True

    def value(self, output: int, name: str) -> float | None:
        """Of one output."""
        return self.values[output].get(name, self.scored[output].get(name))


@dataclass(slots=True)
class Seconds:
    """All seconds that the outputs have in common; `step` about once a second."""

    outputs: int
    by_number: dict[int, Second] = field(default_factory=dict)
    _clock: float | None = None
    """What is added to agent time for the source's clock."""
    _settled: int | None = None
    """Seconds before this are as they will be."""

    def step(self, taken: Sequence[Taken], laying: Laying, unix: float, *, last: bool = False) -> None:
        """Take account of what has come; `unix`: agent time plus this is Unix time; `last`: nothing more will come."""
        if not laying.ready:
            return
        if self._clock is None or laying.method in ABSOLUTE:
            self._clock = unix if laying.method in ABSOLUTE else _relative(taken[0], laying)
        gathered = [_gathered(one, laying, n, self._clock) for n, one in enumerate(taken)]
        first = max(min(one) for one in gathered if one) + 1 if all(gathered) else None
        if first is None:
            return
        whole = [_whole(one, laying, n) for n, one in enumerate(taken)]
        begin = first if self._settled is None else max(self._settled, first)
        for number in range(begin, max(whole)):
            values = [
                _values(one.get(number, {}), taken[n]) if number < whole[n] else {} for n, one in enumerate(gathered)
            ]
            known = self.by_number.get(number)
            if sum(1 for one in values if one) > 1 or known:
                self._keep(number, values)
        settled = int(max(whole) - SETTLED)
        if last:
            settled = max(whole)
        self._settled = max(self._settled or settled, settled)
        for number in range(begin, self._settled):
            if number in self.by_number:
                self.by_number[number].provisional = False

    def _keep(self, number: int, values: list[dict[str, float]]) -> None:
        known = self.by_number.get(number)
        if known is None:
            self.by_number[number] = Second(number, values, [{} for _ in values])
        else:
            known.values = values

    def score(self, number: int, output: int, metrics: Mapping[str, float]) -> None:
        """Full-reference metrics of a second, if it is one that is kept."""
        if number in self.by_number:
            self.by_number[number].scored[output].update(metrics)

    def ordered(self) -> list[Second]:
        """By time; those that more than one output has."""
        return [self.by_number[number] for number in sorted(self.by_number)]


def _frame(taken: Taken) -> float:
    """Seconds of a frame."""
    last = [seen.media for seen in list(taken.shown)[-50:]]
    return float(np.median(np.diff(last))) if len(last) > 2 else 0.04


def _whole(taken: Taken, laying: Laying, n: int) -> int:
    """The first second that is not complete, by pictures."""
    return int(np.floor(laying.laid[n].source(np.array([taken.newest]))[0] + HALF * _frame(taken)))


def _relative(first: Taken, laying: Laying) -> float:
    """What makes the first output's transport latency begin at 0, where nothing says when media was captured."""
    for point in first.points:
        if point.name == "playable":
            return float(laying.laid[0].source(np.array([point.media]))[0]) - point.value
    return 0.0


def _gathered(taken: Taken, laying: Laying, n: int, clock: float) -> dict[int, dict[str, list[float]]]:
    """Values of each second, by what they are of."""
    points = list(taken.points)
    if not points:
        return {}
    media = np.array([point.media for point in points])
    source = laying.laid[n].source(media)
    numbers = np.floor(source + HALF * _frame(taken)).astype(int)
    found: dict[int, dict[str, list[float]]] = {}
    for point, number, place in zip(points, numbers.tolist(), source.tolist(), strict=True):
        value = point.value
        if point.name in ("playable", "playing"):
            value += clock - place
        found.setdefault(number, {}).setdefault(point.name, []).append(value)
    return found


def _values(found: Mapping[str, list[float]], taken: Taken) -> dict[str, float]:
    """What a second comes to."""
    if not found.get("video"):
        return {}
    means = {name: sum(values) / len(values) for name, values in found.items() if values}
    size = sum(found.get("video", ()))
    told = {"bitrate": 8 * size / 1000, "frame_rate": float(len(found["video"])),
            "stalled": sum(found.get("stalled", ()))}  # fmt: skip
    for name, of in (("latency", "playing"), ("transport", "playable"), ("qp", "qp"), ("blur", "blur"),
                     ("blocks", "blocks"), ("noise", "noise"), ("av_offset", "av_offset"),
                     ("effective_height", "effective_height"), ("height", "height")):  # fmt: skip
        if of in means:
            told[name] = means[of] * SCALES.get(name, 1.0)
    video = taken.formats.get("video")
    if video is not None and taken.size is not None and size:
        coded = Coded(video.codec, taken.size[0] * taken.size[1], told["frame_rate"], size, qp=means.get("qp_inter"))
        seen = judged(coded, SCREEN)
        if seen is not None:
            told["score"] = seen.mos
    return told
