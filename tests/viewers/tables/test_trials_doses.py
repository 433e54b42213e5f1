"""What arms were delivered: as sessions tell, and as the agent measured, against a loop over seconds."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.lift.shapes import Amount, Columns, Design, Metric
from qoe_agent.viewers.tables import BadTable
from qoe_agent.viewers.tables.trials import open_files
from tests.viewers.tables.trials_made import written

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Dose

BEGAN = 1_800_014_400
COLUMNS = Columns("user", "arm", "watch_seconds", "start", "stream")
DESIGN = Design("sd", metrics=(Metric("watch", Amount("watch")),))


def sessions(seed: int, count: int = 120) -> list[dict[str, Any]]:
    drawn = random.Random(seed)
    return [
        {
            "user": f"u{number % 40}", "arm": ["hd", "sd"][number % 40 % 2],
            "stream": drawn.choice(["a", "b", "c", None]),
            "watch_seconds": float(drawn.randrange(0, 900)), "start": float(BEGAN + drawn.randrange(-300, 3600)),
            "rendition": drawn.choice(["1080p", "360p", None]), "height": drawn.choice([360, 720, 1080, None]),
            "stall_seconds": drawn.choice([None, 0.0, 2.5]),
        } for number in range(count)
    ]  # fmt: skip


def minutes(seed: int) -> list[dict[str, Any]]:
    """Of stream a as a whole, of b by rendition and as a whole, of c nothing; some minutes are missing."""
    drawn = random.Random(seed)
    found = []
    for stream, rendition in (("a", None), ("b", None), ("b", "1080p")):
        for minute in range(50):
            if drawn.random() < 0.8:
                line: dict[str, Any] = {"stream": stream, "at": BEGAN + 60 * minute, "seconds": 60}
                line |= {"rendition": rendition} if rendition else {}
                line |= {"effective_height": drawn.choice([480, 720, 1000])} if drawn.random() < 0.9 else {}
                line |= {"mos": round(drawn.uniform(1, 5), 2)} if drawn.random() < 0.5 else {}
                found.append(line | {"stalled_seconds": drawn.choice([0, 10]), "watched_seconds": 60})
    return found


def slowly(rows: list[dict[str, Any]], lines: list[dict[str, Any]], arm: str, name: str) -> tuple[float, float, float]:
    """Mean, share at 720 lines or more, share known, second by second."""
    seen = {(line["stream"], line.get("rendition"), line["at"]): line for line in lines}
    measured = {key[:2] for key in seen}
    above = high = below = whole = 0.0
    for row in rows:
        if row["arm"] == arm:
            key = row["stream"], row["rendition"]
            key = key if key in measured else (row["stream"], None)
            for second in range(int(row["start"]), int(row["start"] + row["watch_seconds"])):
                line = seen.get((*key, second // 60 * 60), {})
                value: Any = line.get(name)
                if name == "stall_ratio" and line:
                    value = line["stalled_seconds"] / 60
                whole += 1
                if line and value is not None:
                    above, below, high = above + value, below + 1, high + (value >= 720)
    return above / below, high / below, below / whole


def delivered(folder: Path, rows: list[dict[str, Any]], lines: list[dict[str, Any]] | None) -> dict[Any, Dose]:
    (folder / "measures").mkdir(exist_ok=True)
    if lines is not None:
        (folder / "measures" / "day.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with open_files([written(folder / "s.parquet", rows)], COLUMNS, ["height", "stall_seconds"]) as opened:
        return {(each.source, each.measure, each.arm): each for each in opened.doses(DESIGN, folder / "measures")}


def test_what_was_measured_is_weighed_by_what_was_watched(tmp_path: Path) -> None:
    rows, lines = sessions(1), minutes(2)
    found = delivered(tmp_path, rows, lines)
    for arm in ("hd", "sd"):
        for name in ("effective_height", "mos", "stall_ratio"):
            mean, high, known = slowly(rows, lines, arm, name)
            dose = found["measured", name, arm]
            assert dose.mean == pytest.approx(mean)
            assert dose.known == pytest.approx(known)
            assert dose.hd == (pytest.approx(high) if name == "effective_height" else None)
            assert dose.low is not None
            assert dose.high is not None
            assert dose.low < mean < dose.high


def test_what_sessions_tell_is_weighed_by_what_was_watched(tmp_path: Path) -> None:
    rows = sessions(3)
    found = delivered(tmp_path, rows, None)
    assert {source for source, _, _ in found} == {"told"}
    for arm in ("hd", "sd"):
        ours = [row for row in rows if row["arm"] == arm]
        known = [row for row in ours if row["height"] is not None]
        weight = sum(row["watch_seconds"] for row in known)
        dose = found["told", "height", arm]
        assert dose.mean == pytest.approx(sum(row["height"] * row["watch_seconds"] for row in known) / weight)
        assert dose.hd == pytest.approx(sum(row["watch_seconds"] for row in known if row["height"] >= 720) / weight)
        assert dose.known == pytest.approx(weight / sum(row["watch_seconds"] for row in ours))
        told = [row for row in ours if row["stall_seconds"] is not None]
        ratio = sum(row["stall_seconds"] for row in told) / sum(row["watch_seconds"] for row in told)
        assert found["told", "stall_ratio", arm].mean == pytest.approx(ratio)


def test_nothing_measured_is_no_dose(tmp_path: Path) -> None:
    rows = sessions(4)
    elsewhere = [{"stream": "elsewhere", "at": BEGAN, "mos": 3.0}]
    found = delivered(tmp_path, rows, elsewhere)
    assert found["measured", "mos", "hd"].mean is None
    assert found["measured", "mos", "hd"].known == 0.0
    with open_files([written(tmp_path / "s.parquet", rows)], replace(COLUMNS, time=None)) as opened:
        assert opened.doses(DESIGN, tmp_path / "measures") == ()


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"day.jsonl:2: mos: must be 0 or more"):
        delivered(
            tmp_path, sessions(5), [{"stream": "a", "at": BEGAN, "mos": 1}, {"stream": "a", "at": BEGAN, "mos": -1}]
        )
