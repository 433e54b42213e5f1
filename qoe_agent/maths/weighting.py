"""K-weighting of ITU-R BS.1770-5: sound as loud as it is heard, its power ten times a second.

With numpy alone, a filter with feedback must not go by sample: it goes by blocks, each a product with matrices, and
its state from block to block, exact to rounding at any sample rate and over any cut into stretches.
"""

from __future__ import annotations

import functools
from math import pi, tan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

HOPS = 10
"""Powers a second."""
ALONE = 250_000
"""Multiplications in a product of matrices, up to which OpenBLAS does not wake threads (they would cost more)."""


def biquads(rate: float) -> tuple[tuple[Reals, Reals], ...]:
    """The two filters of K-weighting as (numerator, denominator), for any sample rate.

    BS.1770 prints them for 48 kHz; these are the analogue filters behind them, transformed bilinearly, which give
    back the printed ones (as in FFmpeg's f_ebur128.c and libebur128).
    """
    k, q = tan(pi * 1681.974450955533 / rate), 0.7071752369554196
    gain = 10 ** (3.999843853973347 / 20)
    bent, norm = gain**0.4996667741545416, 1 + k / q + k * k
    shelf = np.array([gain + bent * k / q + k * k, 2 * (k * k - gain), gain - bent * k / q + k * k]) / norm
    poles = np.array([1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm])
    k, q = tan(pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1 + k / q + k * k
    return (shelf, poles), (
        np.array([1.0, -2.0, 1.0]),
        np.array([1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm]),
    )


class _Steps(NamedTuple):
    """K-weighting of a hop (100 ms) by blocks, as matrices."""

    blocks: int
    """Blocks in a hop."""
    size: int
    """Samples in a block."""
    forward: NDArray[np.float32]
    """Block to its output, from rest."""
    inject: Reals
    """Block to the state that it leaves."""
    ring: Reals
    """State before a block to the output that it causes."""
    powers: Reals
    """State to that 0, 1, 2, … blocks later, when nothing comes."""


@functools.lru_cache(maxsize=8)
def _steps(rate: int) -> _Steps:
    hop = max(round(rate / HOPS), 1)
    size = max(n for n in range(1, hop + 1) if hop % n == 0 and (n == 1 or n * hop <= ALONE))
    forward, inject = _filter(rate, np.eye(size), np.zeros((size, 4)))
    ring, step = _filter(rate, np.zeros((4, size)), np.eye(4))
    powers = [np.eye(4)]
    for _ in range(hop // size):
        powers.append(powers[-1] @ step)
    return _Steps(hop // size, size, forward.astype(np.float32), inject, ring, np.array(powers))


def _filter(rate: float, inputs: Reals, states: Reals) -> tuple[Reals, Reals]:
    """K-weight each row, sample by sample from its state (direct form II transposed); outputs and states after."""
    outputs, states = inputs.copy(), states.copy()
    for at, (b, a) in zip((0, 2), biquads(rate), strict=True):
        for n in range(outputs.shape[1]):
            x = outputs[:, n].copy()
            y = outputs[:, n] = b[0] * x + states[:, at]
            states[:, at] = b[1] * x - a[1] * y + states[:, at + 1]
            states[:, at + 1] = b[2] * x - a[2] * y
    return outputs, states


class Hops:
    """K-weighted power of sound, every 100 ms; keeps what is left of a stretch for the next."""

    __slots__ = ("_left", "_state", "_steps")

    def __init__(self, rate: int, channels: int) -> None:
        self._steps = _steps(rate)
        self._left = np.zeros((channels, 0), np.float32)
        self._state = np.zeros((channels, 4))

    def add(self, samples: NDArray[np.float32]) -> Reals:
        """Mean square of each channel (columns) in each hop that is now whole (rows)."""
        steps, samples = self._steps, np.concatenate([self._left, samples], axis=1)
        channels, length = len(samples), steps.blocks * steps.size
        whole = samples.shape[1] // length
        if not whole:
            self._left = samples
            return np.zeros((0, channels))
        self._left = samples[:, whole * length :].copy()
        blocks = samples[:, : whole * length].reshape(channels * whole, steps.blocks, steps.size)
        before = self._before(blocks @ steps.inject, whole)
        heard = blocks @ steps.forward
        heard += before @ steps.ring
        heard = heard.reshape(channels, whole, length)
        powers: Reals = np.einsum("chn,chn->hc", heard, heard, dtype=np.float64) / length
        return powers

    def _before(self, left: Reals, whole: int) -> Reals:
        """The filter's state before each block, of what each block alone leaves: sums over ever longer pasts."""
        steps, reach = self._steps, 1
        while reach < steps.blocks:
            left[:, reach:] += left[:, :-reach] @ steps.powers[reach]
            reach *= 2
        ends = left[:, -1].reshape(-1, whole, 4)
        before = np.zeros_like(left).reshape(-1, whole, steps.blocks, 4)
        before[:, :, 1:] = left.reshape(before.shape)[:, :, :-1]
        fading = steps.powers[:-1].transpose(1, 0, 2).reshape(4, -1)
        for hop in range(whole):
            before[:, hop] += (self._state @ fading).reshape(-1, steps.blocks, 4)
            self._state = self._state @ steps.powers[-1] + ends[:, hop]
        self._state[np.abs(self._state) < 1e-30] = 0.0  # denormal numbers are slow
        return before.reshape(left.shape)
