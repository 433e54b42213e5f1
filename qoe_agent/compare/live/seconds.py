"""What each live output was, second by second of the source: numbers gathered, and those that follow of them."""

from __future__ import annotations

from itertools import combinations
from math import floor, inf, isfinite
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from qoe_agent.compare.figures.paired import Sums
from qoe_agent.compare.live.history import History, Second
from qoe_agent.maths.p1203 import Coded
from qoe_agent.maths.p1203 import video as judged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.live.laying import Laying
    from qoe_agent.compare.live.taking import Taken
    from qoe_agent.compare.shapes import Floats

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


NAMES = tuple(one.name for one in MEASURES)
COMPUTED = (*NAMES, "height")
"""What is told of a second."""
LATE = 30.0
"""Seconds after it settled for which a second waits for full-reference metrics, before it joins the sums."""


class Seconds:
    """All seconds that the outputs have in common; `step` about once a second.

    The latest are kept one by one; older ones in sums that do not grow with time.
    """

    def __init__(self, names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> None:
        """Names of the outputs, and those that are told of against each other."""
        self.names = tuple(names)
        told = [(names[a], names[b]) for a, b in pairs]
        others = [each for each in combinations(names, 2) if each not in told and each[::-1] not in told]
        self.by_number: dict[int, Second] = {}
        """The latest."""
        self.history = History(len(names), COMPUTED)
        self.sums = Sums([*told, *others], NAMES)
        self.count = 0
        """Seconds that are no longer kept one by one."""
        self.heard: Callable[[Second], None] = _nobody
        """Called with every second as it will be, in order."""
        self._clock: float | None = None
        """What is added to agent time for the source's clock."""
        self._settled: int | None = None
        """Seconds before this are as they will be, but for full reference."""
        self._rounds = 0
        """How often the outputs had been laid anew."""

    def __len__(self) -> int:
        """Seconds in common."""
        return self.count + len(self.by_number)

    def step(self, taken: Sequence[Taken], laying: Laying, unix: float, *, last: bool = False) -> None:
        """Take account of what has come; `unix`: agent time plus this is Unix time; `last`: nothing more will come."""
        if self._rounds != laying.rounds:  # another round of a loop: none of it was so
            self._rounds, self._clock, self._settled = laying.rounds, None, None
            self.by_number.clear()
        if not laying.ready:
            return
        if self._clock is None or laying.method in ABSOLUTE:
            self._clock = unix if laying.method in ABSOLUTE else _relative(taken[0], laying)
        gathered = [_gathered(one, laying, n, self._clock) for n, one in enumerate(taken)]
        begun = [min(one) for one in gathered if one]
        if len(begun) < 2:
            return
        first = max(begun) + 1
        whole = [_whole(one, laying, n) for n, one in enumerate(taken)]
        end = max(whole)
        if not isfinite(end):
            return
        begin = first if self._settled is None else max(self._settled, first)
        for number in range(begin, int(end)):
            self._keep(number, [
                {} if -inf < whole[n] <= number else _values(one.get(number, {}), taken[n])
                for n, one in enumerate(gathered)
            ])  # fmt: skip
        settled = int(end) if last else int(end - SETTLED)
        self._settled = max(self._settled or settled, settled)
        for number, second in self.by_number.items():
            second.provisional = number >= self._settled
        self._fold(self._settled - LATE)

    def finish(self) -> None:
        """Nothing more will come, of full reference either."""
        self._fold(inf)

    def _keep(self, number: int, values: list[dict[str, float]]) -> None:
        known = self.by_number.get(number)
        if sum(1 for one in values if one) < 2:
            self.by_number.pop(number, None)
        elif known is None:
            self.by_number[number] = Second(number, values, [{} for _ in values])
        else:
            known.values = values

    def _fold(self, before: float) -> None:
        """Seconds that are as they will be join the sums."""
        for number in sorted(each for each in self.by_number if each < before):
            second = self.by_number.pop(number)
            self.count += 1
            self.history.add(second)
            self.sums.add(number, self._named(second))
            self.heard(second)

    def _named(self, second: Second) -> dict[str, dict[str, float]]:
        return {name: {**second.values[n], **second.scored[n]} for n, name in enumerate(self.names)}

    def score(self, number: int, output: int, metrics: Mapping[str, float]) -> None:
        """Full-reference metrics of a second, if it is still kept."""
        if number in self.by_number:
            self.by_number[number].scored[output].update(metrics)

    def latest(self) -> list[Second]:
        """Those that are kept one by one, by time."""
        return [self.by_number[number] for number in sorted(self.by_number)]

    def ordered(self) -> list[Second]:
        """By time; those that more than one output has. Of a long run the older ones are spans of several."""
        return [*self.history.seconds(), *self.latest()]

    def summed(self, couples: Sequence[tuple[str, str]] | None = None) -> Sums:
        """All seconds' differences, of all couples of outputs or some."""
        found = self.sums.copy(couples)
        for each in self.latest():
            found.add(each.number, self._named(each))
        return found

    def means(self, output: int) -> dict[str, float]:
        """Of each measure, over all its seconds."""
        found = self.history.means(output, self.latest())
        return {name: found[name] for name in NAMES if name in found}


def _nobody(_: Second) -> None:
    """Nobody listens."""


def _frame(taken: Taken) -> float:
    """Seconds of a frame."""
    last = [seen.media for seen in list(taken.shown)[-50:]]
    return float(np.median(np.diff(last))) if len(last) > 2 else 0.04


def _whole(taken: Taken, laying: Laying, n: int) -> float:
    """The first second that is not complete, by pictures; -inf: where the latest one lies is not known."""
    newest = float(laying.laid[n].source(np.array([taken.newest]))[0])
    return floor(newest + HALF * _frame(taken)) if isfinite(newest) else -inf


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
    known = np.isfinite(source)
    numbers = np.floor(np.where(known, source, 0.0) + HALF * _frame(taken)).astype(int)
    found: dict[int, dict[str, list[float]]] = {}
    broken = _broken(media, known, numbers)
    for point, number, place, here in zip(points, numbers.tolist(), source.tolist(), known.tolist(), strict=True):
        if not here or number in broken:
            continue
        value = point.value
        if point.name in ("playable", "playing"):
            value += clock - place
        found.setdefault(number, {}).setdefault(point.name, []).append(value)
    return found


def _broken(media: Floats, known: NDArray[np.bool_], numbers: NDArray[np.int_]) -> set[int]:
    """Seconds that are known in part."""
    order = np.argsort(media, kind="stable")
    told, second = known[order], numbers[order]
    edges = np.flatnonzero(told[1:] != told[:-1])
    return {int(second[n] if told[n] else second[n + 1]) for n in edges.tolist()}


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
