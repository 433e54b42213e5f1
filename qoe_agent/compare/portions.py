"""Many pairs on many cores: portions of an alignment are scored side by side, each by an FFmpeg of its own.

One FFmpeg keeps some five cores busy: PSNR, SSIM and XPSNR of a picture are a fifth of the work, and one thread's.
"""

from __future__ import annotations

import threading
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare import measuring, readings
from qoe_agent.compare.aligning import pairing
from qoe_agent.compare.measuring import Measured
from qoe_agent.compare.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.measuring import Plan
    from qoe_agent.compare.shapes import Run

THREADS = 4
"""For each portion, at least."""
PAIRS = 250
"""In each portion, at least: each decodes its files from their beginning."""
EDGE = 8
"""Pairs before and behind a portion that are scored with it and left out: VMAF's motion and XPSNR's weights are of
neighbouring pictures (one to either side in the models that we know, two before in XPSNR above 32 frames a second)."""


class Portion(NamedTuple):
    """Some pairs, with what surrounds them."""

    runs: tuple[Run, ...]
    before: int
    """Pairs at the beginning of `runs` that are not its own."""
    pairs: int
    """Its own."""


def portions(runs: tuple[Run, ...], threads: int) -> list[Portion]:
    """The pairs of `runs` in equal portions, as many as threads and pairs allow."""
    pairs = sum(run.frames for run in runs)
    count = min(threads // THREADS, pairs // PAIRS)
    if count < 2:
        return [Portion(runs, 0, pairs)]
    test, reference = pairing.pairs(runs)
    ends = [pairs * n // count for n in range(count + 1)]
    found = []
    for first, end in pairwise(ends):
        begin, until = max(0, first - EDGE), min(pairs, end + EDGE)
        part = pairing.runs(test[begin:until], reference[begin:until])
        found.append(Portion(part, first - begin, end - first))
    return found


def measured(
    plan: Plan,
    runs: tuple[Run, ...],
    told: Callable[[int], None],
    stop: threading.Event | None = None,
    looks: Callable[[bytearray], None] | None = None,
    aside: Sequence[Aside] = (),
) -> Measured:
    """Score the pairs of `runs`; what comes aside comes of the first portion's files."""
    rate, parts = measuring.rate(plan.reference, runs), portions(runs, plan.threads)
    if len(parts) == 1:
        return measuring.measured(plan, runs, rate, told, stop, looks, aside)
    each, joined, ended = plan._replace(threads=plan.threads // len(parts)), Joined(parts, told, looks), _Ended(stop)
    jobs = [
        partial(
            measuring.measured, each, part.runs, rate, partial(joined.told, number), ended,
            partial(joined.looked, number), () if number else aside,
        )
        for number, part in enumerate(parts)
    ]  # fmt: skip
    return _whole(together(jobs, len(jobs), ended.set), parts)


def _whole(found: Sequence[Measured], parts: Sequence[Portion]) -> Measured:
    own = [slice(part.before, part.before + part.pairs) for part in parts]
    frames = {
        name: np.concatenate([one.frames[name][place] for one, place in zip(found, own, strict=True)])
        for name in found[0].frames
    }
    ours, theirs = (
        np.concatenate([one.thumbs[side][place] for one, place in zip(found, own, strict=True) if one.thumbs])
        for side in (0, 1)
    )
    return Measured(frames, {}, (ours, theirs), tuple(line for one in found for line in one.command))


class _Ended(threading.Event):
    """Set by itself, or with another."""

    def __init__(self, other: threading.Event | None) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or (self._other is not None and self._other.is_set())


class Joined:
    """What portions tell while they are scored, as if it came of the whole."""

    def __init__(
        self, parts: Sequence[Portion], told: Callable[[int], None], looks: Callable[[bytearray], None] | None
    ) -> None:
        self._parts, self._tell, self._looks = parts, told, looks
        self._lock, self._done = threading.Lock(), [0] * len(parts)
        self._came, self._whole = [bytearray() for _ in parts], bytearray()

    def told(self, number: int, done: int) -> None:
        """So many pairs of that portion are done."""
        part = self._parts[number]
        with self._lock:
            self._done[number] = min(max(done - part.before, 0), part.pairs)
            self._tell(sum(self._done))

    def looked(self, number: int, output: bytearray) -> None:
        """So many fingerprints of that portion have come; what is whole from the beginning on is shown."""
        if self._looks is None:
            return
        with self._lock:
            self._came[number] = output
            first = 0
            for part, came in zip(self._parts, self._came, strict=True):
                before, own = part.before * readings.PAIR, part.pairs * readings.PAIR
                self._whole += came[before + len(self._whole) - first : before + own]
                first += own
                if len(self._whole) < first:
                    break
            self._looks(self._whole)
