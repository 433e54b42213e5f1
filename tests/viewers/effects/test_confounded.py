"""The demonstration of arms nobody randomised: watch times like Puffer's, files, and truth."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures import confounded

if TYPE_CHECKING:
    from pathlib import Path

PUFFER = {3: 0.046, 10: 0.113, 30: 0.241, 60: 0.368, 120: 0.471, 600: 0.663, 3600: 0.859}
"""Share of 226,265 sessions that had left after so many seconds (Yan et al., NSDI 2020)."""


def test_watch_times_are_shaped_like_puffers() -> None:
    watch = confounded.sessions(300_000, 2).watch
    for seconds, share in PUFFER.items():
        assert (watch <= seconds).mean() == pytest.approx(share, abs=0.015)
    assert watch.std() / watch.mean() == pytest.approx(2.7, abs=0.15)


@pytest.mark.parametrize("cap", confounded.CAPS)
def test_what_is_expected_is_what_is_seen(cap: float | None) -> None:
    found = confounded.sessions(400_000, 2, effect=0.2)
    for hd in (True, False):
        mine = found.hd == hd
        seen = np.minimum(found.watch[mine], cap or np.inf)
        error = seen.std() / np.sqrt(mine.sum())
        assert abs(seen.mean() - confounded.expected(found, cap, hd=hd)[mine].mean()) < 4 * error


def test_who_gets_hd_differs_and_what_it_does_is_one_per_cent_at_every_cap() -> None:
    for hidden in (False, True):
        told = confounded.truth(confounded.sessions(50_000, 3, hidden=hidden), hidden=hidden)
        assert [round(each["lift"], 3) for each in told["caps"]] == [0.010] * 3
        assert all(each["naive"] > 0.08 for each in told["caps"])
        assert ("confounder" in told) == hidden


def test_files_hold_what_the_truth_is_about(tmp_path: Path) -> None:
    assert confounded.main([str(tmp_path), "--sessions", "2000", "--seed", "4"]) == 0
    told = json.loads((tmp_path / "truth.json").read_text())
    lines = (tmp_path / "sessions.csv").read_text().splitlines()
    assert next(csv.reader(lines)) == ["session", "user", "arm", "watch_seconds", "bandwidth_mbps", "device", "geo"]
    assert sum(",hd," in line for line in lines) == told["hd_sessions"]
    assert len(lines) == told["sessions"] + 1
    again = tmp_path / "again"
    confounded.main([str(again), "--sessions", "2000", "--seed", "4"])
    assert (again / "sessions.parquet").read_bytes() == (tmp_path / "sessions.parquet").read_bytes()
