"""Experiments with known truth, as files: users in arms that are worked out, who come several times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.lift.assignment import arm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGAN = 1_795_291_200
DAY = 86_400


def experiment(users: int, lifts: Mapping[str, float], seed: int = 1, days: int = 14) -> dict[str, list[Any]]:
    """Columns of sessions; watch times are exponential around what a user likes, longer by the lift of his arm."""
    source = np.random.default_rng(seed)
    shares = [(name, 1.0 / len(lifts)) for name in lifts]
    arms = np.array([arm(f"made-{seed}", f"u{each}", shares) or "" for each in range(users)])
    liking = source.gamma(4.0, 150.0, users)
    often = source.integers(1, 5, users)
    who = np.repeat(np.arange(users), often)
    longer = np.array([1.0 + lifts[name] for name in arms])
    watch = np.round(source.exponential(liking[who]) * longer[who], 3)
    first = source.integers(0, days * DAY, users)
    at = BEGAN + first[who] + source.integers(0, 10 * DAY, len(who)) * (np.diff(who, prepend=-1) == 0)
    return {
        "user": [f"u{each}" for each in who], "arm": arms[who].tolist(), "watch_seconds": watch.tolist(),
        "start": at.tolist(), "country": np.array(["de", "fr", "us"])[who % 3].tolist(),
        "liked": np.round(liking[who], 1).tolist(),
        "stall_seconds": np.round(watch * source.uniform(0.0, 0.01, len(who)), 3).tolist(),
        "orders": source.poisson(watch / 3600.0).tolist(),
    }  # fmt: skip


def written(path: Path, columns: Mapping[str, list[Any]]) -> Path:
    """As CSV, or Parquet by its name."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(dict(columns)), path)
        return path
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path
