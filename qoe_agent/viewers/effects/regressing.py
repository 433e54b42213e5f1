"""Rates of blocks by what they were subject to, with a level of its own for each stream.

A block has an amount and what it is a rate of (sessions). Amounts are a level of their stream times the exponential of
effects (quasi-Poisson: Wooldridge 1999), or that level plus effects, times what they are a rate of. Errors are robust:
each block counts with what it would move if it were left out (HC3: MacKinnon and White 1985).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Floats

ROUNDS, CLOSE = 50, 1e-10


class Blocks(NamedTuple):
    """In order of stream and time."""

    amount: Floats
    of: Floats
    stream: NDArray[np.int64]
    """Number of the stream, from 0."""
    together: NDArray[np.int64]
    """Which blocks are one unit of chance: each by itself, or all of a time."""
    columns: Floats
    """(blocks, effects)"""


class Fit(NamedTuple):
    """Effects, on the scale of logarithms or differences."""

    theta: Floats
    covariance: Floats
    freedom: float


def fit(blocks: Blocks, logarithms: bool) -> Fit | None:
    """None: these blocks cannot tell the effects apart."""
    theta = np.zeros(blocks.columns.shape[1])
    for _ in range(ROUNDS if logarithms else 1):
        weight, left, columns = _at(blocks, theta, logarithms)
        information = columns.T @ (weight[:, None] * columns)
        scale = np.sqrt(np.diag(information))
        if not (scale > 0.0).all() or np.linalg.cond(information / np.outer(scale, scale)) > 1e9:
            return None
        step = np.linalg.solve(information, columns.T @ left)
        theta = theta + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < CLOSE:
            break
    weight, left, columns = _at(blocks, theta, logarithms)
    return _judged(blocks, theta, weight, left, columns)


def _at(blocks: Blocks, theta: Floats, logarithms: bool) -> tuple[Floats, Floats, Floats]:
    """Weights, what is left of the amounts, and columns less their weighted mean in the stream."""
    effects = blocks.columns @ theta
    if logarithms:
        raw = blocks.of * np.exp(effects - effects.max())
        weight = raw * (_sums(blocks, blocks.amount) / _sums(blocks, raw))[blocks.stream]
        left = blocks.amount - weight
    else:
        weight = blocks.of
        level = _sums(blocks, blocks.amount - weight * effects) / _sums(blocks, weight)
        left = blocks.amount - weight * (effects + level[blocks.stream])
    total = _sums(blocks, weight)[blocks.stream]
    means = [_sums(blocks, weight * each)[blocks.stream] / total for each in blocks.columns.T]
    return weight, left, blocks.columns - np.array(means).T


def _sums(blocks: Blocks, values: Floats) -> Floats:
    return np.asarray(np.bincount(blocks.stream, values), float)


def _judged(blocks: Blocks, theta: Floats, weight: Floats, left: Floats, columns: Floats) -> Fit | None:
    inverse = np.linalg.inv(columns.T @ (weight[:, None] * columns))
    own = weight * (1.0 / _sums(blocks, weight)[blocks.stream] + np.einsum("bi,ij,bj->b", columns, inverse, columns))
    pulls = (columns * (left / np.maximum(1.0 - own, 0.1))[:, None]) @ inverse
    usual = (columns * weight[:, None]) @ inverse
    held = np.bincount(blocks.together, usual[:, 0] ** 2)
    freedom = held.sum() ** 2 / (held**2).sum() * (1.0 - (blocks.stream.max() + 1.0 + len(theta)) / (len(left) + 1.0))
    count = len(held)
    if count < len(left):
        pulls = np.array([np.bincount(blocks.together, each) for each in pulls.T]).T * sqrt(count / max(1, count - 1))
        freedom = min(freedom, count - 1.0)
    return Fit(theta, pulls.T @ pulls, float(freedom)) if freedom >= 1.0 else None
