"""Minutes of streams held against each other: crowded ones and others, long after a highlight and before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers import exits, minutes
from qoe_agent.viewers.shapes import Incident
from qoe_agent.viewers.tables.courses import Course

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Claim

BEGINS, HOURS = 1_700_000_400.0, 12
HALF = 1800.0


def course(stream: str, watching: NDArray[np.float64], exits: NDArray[np.float64]) -> Course:
    return Course(stream, BEGINS, 60.0, watching, watching * 0.001, exits)


def test_streams_are_compared_with_themselves() -> None:
    draw = np.random.default_rng(1)
    courses, marks = [], []
    for number, usual in enumerate((1.0, 5.0)):  # the second stream is left five times as fast, and crowded more often
        mark = (np.arange(720) % 60 < (10, 50)[number]).astype(np.int64)
        watching = np.full(720, 60_000.0)
        found = course(f"s{number}", watching, draw.poisson(watching * 0.001 * usual * np.where(mark, 1.5, 1.0)))
        courses.append(found)
        marks.append(mark)
    found = minutes.ratio(courses, marks)
    assert found is not None
    assert found.low < 1.5 < found.high
    assert found.high / found.low < 1.1


def test_half_hours_are_the_witnesses() -> None:
    draw, covered = np.random.default_rng(2), 0
    mark = (np.arange(720) // 30 % 2).astype(np.int64)
    for _ in range(100):
        waves = np.repeat(np.exp(draw.normal(0, 0.3, 24)), 30)
        found = minutes.ratio([course("s", np.full(720, 60_000.0), draw.poisson(60.0 * waves))], [mark])
        assert found is not None
        covered += found.low < 1 < found.high
    assert covered >= 90


def test_too_little_is_not_told() -> None:
    quiet = course("s", np.full(60, 60_000.0), np.full(60, 60.0))
    assert minutes.ratio([quiet], [np.zeros(60, np.int64)]) is None
    assert minutes.ratio([quiet], [np.arange(60) % 2]) is None
    assert minutes.ratio([], []) is None


def test_a_minute_is_crowded_beside_the_usual_one_of_its_stream() -> None:
    found = minutes.busy(course("s", np.array([0.0, 60.0, 60.0, 70.0, 120.0, 600.0, 60.0]), np.zeros(7)))
    assert found.tolist() == [-1, 0, 0, 0, 0, 1, 0]


def test_before_the_first_highlight_nothing_is_known() -> None:
    lights = [Incident("h", "highlight", stream, BEGINS + at, None) for stream, at in (("s", 120), ("other", 0))]
    found = minutes.long_after(course("s", np.ones(12), np.zeros(12)), lights)
    assert found.tolist() == [-1, -1, *[0] * 8, 1, 1]


def sessions(path: Path, many: NDArray[np.float64], haste: NDArray[np.float64], failing: NDArray[np.float64]) -> Path:
    """A file of sessions of a stream: by second how many come, how fast they leave, which share of these fails."""
    draw = np.random.default_rng(5)
    came = np.repeat(np.arange(len(many)), draw.poisson(many)) + 0.0
    hazard = np.append(0.0, np.cumsum(haste))
    left = np.interp(np.interp(came, np.arange(len(hazard)), hazard) + draw.exponential(1.0, len(came)), hazard,
                     np.arange(len(hazard)), right=np.inf)  # fmt: skip
    inside = left < len(many)
    came, left = came[inside], left[inside]
    cause = np.where(draw.random(len(left)) < failing[left.astype(int)], "failed", "quit")
    rows = [f"{BEGINS + a:.2f},{b - a:.2f},show,{why}" for a, b, why in zip(came, left, cause, strict=True)]
    path.write_text("\n".join(["start,watch_seconds,stream,cause", *rows]) + "\n")
    return path


def told(name: str, file: Path) -> Claim:
    found = exits.analyse(exits.Asked(files=(file,), claims=True), lambda step: None)
    return next(one for one in found.claims if one.id == name)


@pytest.mark.parametrize(("times", "verdict"), [(4.0, "agrees"), (1.0, "unclear")])
def test_rooms_that_break_when_many_come_are_found_in_a_file(tmp_path: Path, times: float, verdict: str) -> None:
    at = np.arange(HOURS * 3600)
    peak = at // HALF % 4 == 3
    file = sessions(tmp_path / "s.csv", np.where(peak, 0.6, 0.1), np.full(len(at), 0.005),
                    np.where(peak, 0.05 * times, 0.05))  # fmt: skip
    found = told("peak_crash", file)
    assert found.verdict == verdict
    assert found.low is not None
    assert found.low < times < (found.high or 0)


def test_highlights_that_hold_viewers_are_found_in_a_file(tmp_path: Path) -> None:
    at = np.arange(HOURS * 3600)
    late = (at % 1500) > 480
    file = sessions(tmp_path / "s.csv", np.full(len(at), 0.2), np.where(late, 0.006, 0.003), np.zeros(len(at)))
    lights = tmp_path / "highlights.jsonl"
    lights.write_text("".join(
        json.dumps({"kind": "highlight", "stream": "show", "start": BEGINS + each, "seconds": 20}) + "\n"
        for each in range(0, HOURS * 3600, 1500)))  # fmt: skip
    whole = exits.analyse(exits.Asked(files=(file,), incidents=lights, claims=True), lambda step: None)
    assert not whole.incidents
    found = next(one for one in whole.claims if one.id == "rhythm")
    assert found.verdict == "agrees"
    assert found.low is not None
    assert found.low < 2.0 < (found.high or 0)
    assert told("rhythm", file).verdict == "not testable"
