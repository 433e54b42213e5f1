"""Units summed as the tables do it, and Puffer's watch times."""

from __future__ import annotations

import gzip
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers.lift.shapes import LENGTHS, Amount, Metric, Moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "puffer"
FILES = {"fugu": "puffer_ttp_cl_bbr", "bba": "linear_bba_bbr", "mpc": "mpc_bbr"}
WATCH = Amount("watch")
MEAN = Metric("watch", WATCH)
NEEDS_PUFFER = pytest.mark.skipif(
    not DATA.exists() and "CI" not in os.environ, reason="the watch times are missing from ../shared/data/puffer"
)


@cache
def puffer(arm: str) -> NDArray[np.float64]:
    """Seconds watched in each session (Yan et al., NSDI 2020)."""
    with gzip.open(DATA / f"{FILES[arm]}.cdf.gz") as lines:
        return np.loadtxt(lines, usecols=0)


def moments(columns: Mapping[Amount, NDArray[np.float64]]) -> Moments:
    """Of units by what each has."""
    table = np.array(list(columns.values()), float)
    return Moments(tuple(columns), table.shape[1], table.sum(axis=1), table @ table.T)


def watched(seconds: NDArray[np.float64], *caps: float) -> Moments:
    """Of sessions as units."""
    return moments({WATCH: seconds, **{WATCH._replace(cap=cap): np.minimum(seconds, cap) for cap in caps}})


def binned(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Units by length."""
    return np.bincount(np.searchsorted(LENGTHS, seconds, side="right"), minlength=len(LENGTHS) + 1)
