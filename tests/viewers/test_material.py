"""What claims are tested with: the pace of exits, arms, quick starts, against an audience whose hazards are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers import estimates, exits, material
from qoe_agent.viewers.shapes import TENURE, Cells, Hazard, Naive
from tests.viewers.crowd import PUFFER, cells, crowd

if TYPE_CHECKING:
    from qoe_agent.viewers.estimates import Study


@pytest.fixture(scope="module")
def study() -> Study:
    people = crowd(np.random.default_rng(3), 40_000, stalls=1 / 60)
    found = estimates.study(cells(people, buckets=200))
    assert found is not None
    return found


def mean(low: float, high: float) -> float:
    """Of Puffer's hazard between two moments."""
    ends = (*TENURE[1:], np.inf)
    lengths = [max(0.0, min(end, high) - max(begin, low)) for begin, end in zip(TENURE, ends, strict=True)]
    return float(np.dot(PUFFER, lengths) / (high - low))


def test_pace_is_the_ratio_of_the_hazards_of_two_spans() -> None:
    people = crowd(np.random.default_rng(4), 40_000, stalls=0.0)
    found = estimates.study(cells(people, buckets=200, by_state=False))
    assert found is not None
    early = material.pace(found, (0, 3), (3, 30))
    assert early is not None
    assert early.low < mean(0, 3) / mean(3, 30) < early.high
    assert early.high / early.low < 1.25


def test_hazards_name_each_reference_first(study: Study) -> None:
    naive = [Naive("stall", "recent", 0.23, "whoever watches long meets stalls")]
    found = exits.hazards(study, naive)
    assert [one.level for one in found if one.factor == "stall"] == ["none", "recent", "earlier"]
    reference, recent, _ = (one for one in found if one.factor == "stall")
    assert (reference.hazard_ratio, reference.low, reference.high, reference.naive) == (1.0, 1.0, 1.0, None)
    assert recent.naive == 0.23
    assert recent.low is not None
    assert recent.low > 1
    total = study.model.cells.exit_count.sum()
    assert sum(one.exits for one in found if one.factor == "stall") == pytest.approx(total, rel=1e-3)


def test_who_left_before_the_first_picture_has_no_ratio() -> None:
    made = exits.sensible(Hazard("startup", "unknown", 222.0, 200.0, 247.0, 9.0, 3548.0))
    assert (made.hazard_ratio, made.low, made.high, made.naive) == (None,) * 4
    assert "before the first picture" in made.note
    height = exits.sensible(Hazard("height", "unknown", 0.001, 0.0, 0.002, 1.0))
    assert height.hazard_ratio is None
    assert "not told" in height.note
    known = Hazard("height", "<480", 1.1, 1.0, 1.2, 1.0)
    assert exits.sensible(known) is known


def test_arms_need_a_figure_each() -> None:
    hd = Hazard("arm", "hd", 0.9, 0.85, 0.95, None)
    assert material.arms([hd], "sd") == {"sd": None, "hd": material.Figure(0.9, 0.85, 0.95)}
    assert material.arms([hd, Hazard("arm", "uhd", None, None, None, None)], "sd") == {}


def test_quick_starts_are_counted_once_all_have_begun() -> None:
    at = TENURE.index(material.SETTLED)
    counts = np.array([300.0, 600.0, 100.0])
    rows = np.repeat(np.arange(3), 20)
    made = Cells(
        ("startup",), (("1–2", "<0.6", "unknown"),), np.array([at, at, at, 0], np.int32),
        np.array([[0], [1], [2], [1]], np.int32), np.append(rows, 3),
        np.append(np.tile(np.arange(20), 3), 0).astype(np.int32),
        np.append(counts[rows] / 20, 5e6), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0),
        np.zeros((0, 4), np.int64), np.zeros((0, 4)),
    )  # fmt: skip
    found = material.quick(made)
    assert found is not None
    assert found.value == pytest.approx(2 / 3)
    assert found.high - found.low < 1e-9


def test_what_is_absent_is_said() -> None:
    empty = Cells(
        (), (), np.zeros(0, np.int32), np.zeros((0, 0), np.int32), np.zeros(0, np.int64), np.zeros(0, np.int32),
        np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0), np.zeros((0, 4), np.int64),
        np.zeros((0, 4)),
    )  # fmt: skip
    said = exits.notes(frozenset({"startup", "height", "latency"}), empty)
    assert "stall: absent: needs events with stalls" in said
    assert said[-1].startswith("nobody was seen to leave")
    assert not any(each.startswith("startup") for each in said)
