"""The setting that just meets a target: the highest CRF or QP, or the lowest rate, by as few encodes as it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.figures import failing
from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.sweep.encoders import CONTROLS, ENCODERS
from qoe_agent.compare.sweep.jobs import job_of, rate_of
from qoe_agent.compare.sweep.shapes import Searched
from qoe_agent.compare.sweep.working import setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qoe_agent.compare.shapes import Media
    from qoe_agent.compare.sweep.encoders import Control
    from qoe_agent.compare.sweep.jobs import Job
    from qoe_agent.compare.sweep.kept import Result
    from qoe_agent.compare.sweep.plan import Encode, Plan

FINE = 1.02
"""Between neighbouring rates that a search tells apart."""
RATES = (10_000, 500_000_000)
"""Bits per second between which it looks."""


class Target(NamedTuple):
    """A value that a statistic of a metric must reach."""

    text: str
    metric: str
    """As scores name it: vmaf[v1], ssim."""
    statistic: str
    value: float


def target(text: str, models: tuple[str, ...], metrics: tuple[str, ...]) -> Target:
    """As written: `vmaf[v1].mean >= 93`. Raises Unfit."""
    try:
        found = failing.condition(text)
        failing.measured(found, models, metrics)
    except Unfit as error:
        raise Unfit(str(error).replace("--fail-if ", "--target  ").replace("--metric", "metrics:")) from None
    if found.sign != ">=" or not found.statistic or not math.isfinite(found.number):
        raise Unfit(f"--target {text}: must be a metric that reaches a number, such as 'vmaf[v1].mean >= 93'")
    if found.name == "cambi":
        raise Unfit(f"--target {text}: of cambi less is better, so no more of it can be asked for")
    metric = f"vmaf[{found.model or models[0]}]" if found.name == "vmaf" else found.name
    return Target(text, metric, found.statistic, found.number)


@dataclass(frozen=True, slots=True)
class Grid:
    """Settings in order, each no better than the one before it, numbered."""

    control: Control
    first: int
    last: int

    def value(self, index: int) -> float:
        """CRF or QP, or bits per second: whole kilobits."""
        if self.control in ("crf", "qp"):
            return float(index)
        return round(RATES[1] / FINE**index / 1000) * 1000.0

    def near(self, value: float) -> tuple[int, int]:
        """The numbers around a value: the one that is surely no worse, and the one that is surely no better."""
        if self.control in ("crf", "qp"):
            return math.floor(value), math.ceil(value)
        place = math.log(RATES[1] / value, FINE)
        # One further on either side: values are rounded.
        return math.floor(place) - 1, math.ceil(place) + 1


def grid(encoder: str, control: Control) -> Grid:
    """All settings of an encoder that a search may try."""
    if control in ("abr", "cbr"):
        return Grid(control, 0, math.floor(math.log(RATES[1] / RATES[0], FINE)))
    limits = ENCODERS[encoder].crf if control == "crf" else ENCODERS[encoder].qp
    first, last = limits or (0, 0)
    return Grid(control, first, last)


def search(
    over: Grid, known: Mapping[float, float], aim: float, probe: Callable[[float], float | None]
) -> tuple[float | None, int]:
    """The last setting of the grid whose score is at least `aim`, and how many were tried for it.

    `known`: scores by setting, from which it starts; `probe` measures another, None where it fails. None: no setting
    reaches it, or a probe failed. Regula falsi between the nearest known on either side, and a bisection after each
    step of it that did not halve the bracket: at most about twice the steps of bisection alone.
    """
    scores: dict[int, float] = {}
    good, bad, tried = over.first - 1, over.last + 1, 0
    for value, was in known.items():
        better, worse = over.near(value)
        if was >= aim and over.first <= better <= over.last:
            good, scores[better] = max(good, better), was
        elif was < aim and over.first <= worse <= over.last:
            bad, scores[worse] = min(bad, worse), was
    if good >= bad:  # not monotone: start from the worse evidence
        good = max((at for at in scores if scores[at] >= aim and at < bad), default=over.first - 1)
    halve = False
    while bad - good > 1:
        at = _guess(over, good, bad, scores, aim, halve)
        width, score = bad - good, probe(over.value(at))
        tried += 1
        if score is None:
            return None, tried
        scores[at] = score
        good, bad = (at, bad) if score >= aim else (good, at)
        halve = (bad - good) * 2 > width
    return (over.value(good), tried) if good >= over.first else (None, tried)


def _guess(over: Grid, good: int, bad: int, scores: Mapping[int, float], aim: float, halve: bool) -> int:
    """Where to look next, strictly between both."""
    middle = (good + bad) // 2
    if halve or good not in scores or bad not in scores or scores[good] <= scores[bad]:
        return min(max(middle, over.first, good + 1), over.last, bad - 1)
    share = (scores[good] - aim) / (scores[good] - scores[bad])
    return min(max(round(good + share * (bad - good)), good + 1), bad - 1)


@dataclass(frozen=True, slots=True)
class Searcher:
    """Searches for each curve of a plan."""

    plan: Plan
    run: Callable[[list[Job]], None]
    of: Callable[[Job], Result | None]
    clips: Mapping[str, str]
    """Names of references, by digest."""

    def all(self, sought: Target, references: tuple[Media, ...]) -> Iterator[Searched]:
        """One for each clip, encoder, preset, resolution and kind of rate control in the plan."""
        for media in references:
            for encode in self.plan.encodes:
                for control in CONTROLS:
                    if getattr(encode, control):
                        yield from self._of(sought, media, encode, control)

    def _of(self, sought: Target, media: Media, encode: Encode, control: Control) -> Iterator[Searched]:
        for preset in encode.presets or (ENCODERS[encode.encoder].default,):
            for size in encode.resolutions or self.plan.resolutions:

                def job(value: float, preset: str = preset, size: str = size) -> Job:
                    return job_of(self.plan, encode, media, preset, size, rate_of(encode, control, value))

                found = self._one(sought, job, encode, control)
                if found is not None:
                    yield found

    def _one(self, sought: Target, job: Callable[[float], Job], encode: Encode, control: Control) -> Searched | None:
        """None: the encoder is not here, or nothing of this curve could be made."""
        planned = {float(value): self._score(job(value), sought) for value in getattr(encode, control)}
        known = {value: score for value, score in planned.items() if score is not None}
        if not known:
            return None

        def probe(value: float) -> float | None:
            self.run([job(value)])
            score = self._score(job(value), sought)
            if score is not None:
                known[value] = score
            return score

        value, tried = search(grid(encode.encoder, control), dict(known), sought.value, probe)
        fits = [each for each in known if known[each] >= sought.value]
        best = value if value is not None else max(known, key=lambda each: known[each])
        if fits and control not in ("crf", "qp"):
            best = min([best, *fits])
        if self.of(job(best)) is None:
            probe(best)
            tried += 1
        result, score = self.of(job(best)), self._score(job(best), sought)
        if result is None or score is None:
            return None
        note = "" if score >= sought.value else "no setting that was tried reaches it: this is the nearest"
        return Searched(
            self.clips[job(best).digest], setting(job(best)), f"{sought.metric}.{sought.statistic}", sought.value,
            score, result.encoded.bits_per_second, tried, score >= sought.value, note,
        )  # fmt: skip

    def _score(self, job: Job, sought: Target) -> float | None:
        result = self.of(job)
        return result.scores.get(sought.metric, {}).get(sought.statistic) if result else None
