"""Hears the mark in the sound: matched filters for its chirps, and the place in its sequence that fits them.

Sound is taken a second at a time. The chirps' start is where their correlations, added up slot by slot, are
largest; what they are together says which of the 1023 slots these are. Nothing is told until two stretches agree on
how media time relates to the mark's time; then every chirp is timed by the peak of its own correlation's envelope,
which neither polarity nor a phase shift moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.tone import CYCLE, HIGH, LENGTH, LOW, SEQUENCE, SHAPES, SLOT, SLOTS, chirp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

HOP = 1.0
"""Seconds of sound looked at together."""
LEAST = 6
"""Slots that must have been heard together to say where in the sequence they are."""
FAITH = 0.02
"""Share of the energy under a chirp that must be the chirp's."""
AGREE = 0.005
"""Seconds by which two stretches may differ on the time."""
NEAR = 0.002
"""Seconds by which a chirp may lie beside its slot."""
STRAY = 0.0005
"""Seconds by which a chirp may lie beside the middle one of its stretch."""
SEAM = 0.003
"""Seconds between stretches that follow one another."""
CALM = 0.1
"""How much of what a stretch's media time differs from the count of samples is believed: FLV rounds to milliseconds."""
CLEAR, LIKELY = 1.4, 1.15
"""The place in the sequence must fit so many times as well as any other: to be sure, and to go on."""
MISSED = 3
"""Stretches without a mark after which nothing is expected of the next."""
QUIET = 1e-10
"""Mean power of sound in which nothing is looked for."""


class Tone(NamedTuple):
    """A chirp that was heard."""

    pts: float
    """Media time at which it starts."""
    time: float
    """When it was made: Unix seconds modulo 102.3."""
    quality: float
    """Its share of the energy of the sound under it, in its band."""


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """Matched filters for one sampling rate."""

    size: int
    """Samples of a transform."""
    bins: int
    """Frequencies that are kept."""
    small: int
    """Samples of the transform back, at a lower rate."""
    rate: float
    """That rate."""
    length: int
    """Samples of a chirp at it."""
    spectra: NDArray[np.complex64]
    """Conjugate spectra of the chirps, of energy 1; then the band itself."""


@lru_cache(maxsize=8)
def filters(rate: int) -> Filters:
    """The matched filters for sound of that rate."""
    size = 1 << int(np.ceil(np.log2((HOP + 3 * LENGTH) * rate)))
    bins = int(1.08 * HIGH / rate * size)
    small = 1 << int(np.ceil(np.log2(2.0 * bins)))
    spectra = np.zeros((SHAPES + 1, bins), np.complex64)
    at = np.arange(int(LENGTH * rate) + 1) / rate
    band = np.arange(bins) * rate / size
    inside = (band > 0.9 * LOW) & (band < 1.04 * HIGH)
    for shape in range(SHAPES):
        spectrum = np.conj(np.fft.rfft(chirp(shape, at), size)[:bins]) * inside
        spectra[shape] = spectrum / np.sqrt((np.abs(spectrum) ** 2).sum() / small)
    spectra[SHAPES] = inside
    lower = rate * small / size
    return Filters(size, bins, small, lower, int(LENGTH * lower), spectra)


class Reader:
    """Sound in, in stream order; chirps out."""

    __slots__ = ("_doubted", "_end", "_kept", "_last", "_missed", "_phase", "_rate", "_start")

    def __init__(self) -> None:
        self._rate = 0
        self._kept: Samples = np.zeros(0, np.float32)
        """Sound not yet looked at, one channel."""
        self._start = 0.0
        """Its media time."""
        self._end = 0.0
        self._phase: float | None = None
        """Mark's time less media time, modulo the cycle, by the stretch before."""
        self._missed = 0
        """Stretches since one held a mark."""
        self._doubted: list[Tone] = []
        """The chirps of the stretch before, which had nothing to agree with."""
        self._last = -1e300
        """Media time of the last chirp told."""

    @property
    def found(self) -> bool:
        """Lately there was a mark."""
        return self._phase is not None

    def feed(self, samples: Samples, rate: int, pts: float | None) -> list[Tone]:
        """Take the next stretch (channels x n); its media time may have jumped."""
        if pts is None or rate < 2 * HIGH or samples.shape[1] == 0:
            self._kept = np.zeros(0, np.float32)
            return []
        follows = len(self._kept) > 0 and rate == self._rate and abs(pts - self._end) <= SEAM
        if follows:
            self._start += CALM * (pts - self._start - len(self._kept) / rate)
        else:
            self._rate, self._start, self._kept = rate, pts, np.zeros(0, np.float32)
        self._end = pts + samples.shape[1] / rate
        sound = np.concatenate([self._kept, samples.mean(axis=0, dtype=np.float32)])
        tones: list[Tone] = []
        whole, tail = int((HOP + LENGTH) * rate), int((LENGTH + NEAR) * rate)
        while len(sound) >= whole:
            tones += self._hear(sound[:whole])
            sound = sound[whole - tail :]
            self._start += (whole - tail) / rate
        self._kept = sound.copy()  # of what was heard, the rest is let go
        return tones

    def _hear(self, sound: Samples) -> list[Tone]:
        """The chirps that begin in a stretch, if it agrees with the one before."""
        starts, sure = heard(sound, filters(self._rate))
        tones = [Tone(self._start + at, slot % SLOTS * SLOT, quality) for at, slot, quality in starts]
        doubted, self._doubted = self._doubted, tones
        self._missed += 1
        if not tones or (self._phase is None and not sure):
            if self._missed > MISSED:
                self._phase = None
            return []
        before, first = self._phase, tones[0].time - tones[0].pts
        off = np.array([apart(t.time - t.pts - first) for t in tones])
        middle = float(np.median(off))
        self._doubted = tones = [t for t, each in zip(tones, off, strict=True) if abs(each - middle) <= STRAY]
        self._phase, self._missed = first + middle, 0
        if before is None or abs(apart(self._phase - before)) > AGREE:
            self._phase = self._phase if sure else None
            return []
        told = [t for t in (*doubted, *tones) if t.pts > self._last + SLOT / 2 or t.pts < self._last - SLOT]
        self._last, self._doubted = tones[-1].pts, []
        return told


def apart(seconds: float) -> float:
    """A difference of times modulo the cycle, between minus and plus half of it."""
    return (seconds + CYCLE / 2) % CYCLE - CYCLE / 2


def heard(sound: Samples, by: Filters) -> tuple[list[tuple[float, int, float]], bool]:
    """Where chirps start (seconds from the start of `sound`), their slots and shares of the energy; and whether these
    can be no other slots."""
    spectrum = np.fft.rfft(sound, by.size)[: by.bins].astype(np.complex64)
    found = np.fft.ifft(by.spectra * spectrum, by.small, axis=1)
    power = found.real**2 + found.imag**2
    count = int(len(sound) / by.size * by.small) - by.length
    sums = np.cumsum(power[SHAPES, : count + by.length], dtype=np.float64)
    under = (sums[by.length :] - sums[: -by.length])[:count]
    share = (power[:SHAPES, :count] / np.maximum(under, QUIET * by.length)).astype(np.float32)
    step = SLOT * by.rate
    offsets = np.round(np.arange(int(count / step)) * step).astype(np.int64)
    if len(offsets) < LEAST:
        return [], False
    best = share.max(axis=0)
    first = int(sum(best[at : at + int(step)] for at in offsets).argmax())
    begins = np.round(np.arange(first, count, step)).astype(np.int64)
    soft = share[:, begins].T
    slot, fit = placed(soft)
    if fit < LIKELY:
        return [], False
    reach = int(NEAR * by.rate)
    tones = []
    for n, begin in enumerate(begins):
        shape = SEQUENCE[(slot + n) % SLOTS]
        at = _peak(power[shape], int(begin), reach)
        if at is not None and at < count - 1 and share[shape, round(at)] >= FAITH:
            tones.append((at / by.rate, slot + n, float(share[shape, round(at)])))
    return tones, fit >= CLEAR


def placed(soft: Samples) -> tuple[int, float]:
    """The slot in the sequence that the first row of slots x shapes must be, and how much better it fits than any
    other (0: there are no chirps)."""
    slots = np.arange(len(soft))
    chosen = SEQUENCE[(slots[:, None] + np.arange(SLOTS)) % SLOTS]
    scores = (soft / (soft.sum(axis=1, keepdims=True) + FAITH))[slots[:, None], chosen].sum(axis=0)
    slot = int(scores.argmax())
    score, scores[slot] = float(scores[slot]), 0.0
    there = float(soft[slots, chosen[:, slot]].mean()) >= FAITH
    return slot, score / float(scores.max()) if there else 0.0


def _peak(power: Samples, near: int, reach: int) -> float | None:
    """Where a correlation is largest, to a fraction of a sample; None if that is at the edge of what was looked at."""
    low = max(1, near - reach)
    part = np.sqrt(power[low - 1 : near + reach + 2])
    top = int(part.argmax())
    if not 0 < top < len(part) - 1:
        return None
    before, at, after = (float(v) for v in part[top - 1 : top + 2])
    return low - 1 + top + (before - after) / (2 * (before - 2 * at + after))
