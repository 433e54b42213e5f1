"""Seconds of live outputs: kept in little room, summed as if each were there."""

from __future__ import annotations

import io

import numpy as np
import pytest

from qoe_agent.compare.live.history import History, Second
from qoe_agent.compare.live.seconds import LATE, NAMES, Seconds
from qoe_agent.report.live_csv import Table


def second(number: int, *qps: float, **scored: float) -> Second:
    return Second(number, [{"qp": qp, "bitrate": 1000.0} for qp in qps], [dict(scored) for _ in qps])


def test_a_long_run_becomes_spans_with_the_same_means() -> None:
    kept, qps = History(2, NAMES, most=16), np.random.default_rng(1).normal(30, 3, (150, 2))
    for n, (a, b) in enumerate(qps):
        kept.add(second(7 + n, a, b, **({"vmaf": 80.0 + n} if n % 3 == 0 else {})))
    found = kept.seconds()
    assert kept.span == 16
    assert len(found) <= 16
    assert [each.number % 16 for each in found] == [0] * len(found)
    assert found[1].value(1, "qp") == pytest.approx(qps[9:25, 1].mean())
    assert found[1].value(0, "vmaf") == pytest.approx(np.mean([80 + n for n in range(9, 25) if n % 3 == 0]))
    assert kept.means(0)["qp"] == pytest.approx(qps[:, 0].mean())
    assert "xpsnr_y" not in kept.means(0)


def test_old_seconds_join_the_sums_and_every_one_is_told() -> None:
    seconds, told = Seconds(["A", "B"], [(0, 1)]), []
    seconds.heard = told.append
    for n in range(300):
        seconds.by_number[n] = second(n, 30.0, 31.0 + n % 2)
        seconds._fold(n - LATE)
    assert len(seconds.by_number) <= LATE + 1
    assert len(seconds) == 300
    apart = seconds.summed().known["A", "B"]["qp"].between
    assert (apart.n, apart.total / apart.n) == (300, pytest.approx(1.5))
    assert seconds.means(1)["qp"] == pytest.approx(31.5)
    seconds.finish()
    assert [each.number for each in told] == list(range(300))


def test_rows_are_written_as_they_come() -> None:
    file = io.StringIO()
    table = Table(file, ["A", "B"])
    table.add(second(5, 30.0, 31.5))
    table.add(Second(6, [{}, {"qp": 32.0}], [{}, {}]))
    rows = file.getvalue().splitlines()
    assert len(rows) == 4, "what an output does not have has no row"
    assert rows[2].startswith("5,B,")
    assert "31.5" in rows[2]
