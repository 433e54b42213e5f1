"""What claims are tested with: the pace of exits, arms, quick starts, against an audience whose hazards are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers import estimates, exits, material
from qoe_agent.viewers.shapes import TENURE, Cells, Hazard, Naive
from qoe_agent.viewers.tables import AfterStall, open_files
from tests.viewers.crowd import PUFFER, cells, crowd

if TYPE_CHECKING:
    from pathlib import Path

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
    watched = study.seconds[:, : len(TENURE)].sum()
    assert sum(one.person_seconds for one in found if one.factor == "stall") == pytest.approx(watched)
    assert reference.person_seconds > recent.person_seconds > 0


def test_who_left_before_the_first_picture_has_no_ratio() -> None:
    made = exits.sensible(Hazard("startup", "unknown", 222.0, 200.0, 247.0, 9.0, 3548.0))
    assert (made.hazard_ratio, made.low, made.high, made.naive) == (None,) * 4
    assert "before the first picture" in made.note
    height = exits.sensible(Hazard("height", "unknown", 0.001, 0.0, 0.002, 1.0))
    assert height.hazard_ratio is None
    assert "not told" in height.note
    known = Hazard("height", "<480", 1.1, 1.0, 1.2, 1.0)
    assert exits.sensible(known) is known


def armed(hd: float, sd: float, seed: int = 5, people: int = 8000) -> Cells:
    """Sessions of two arms that leave at constant hazards, watched for 1,200 s at most."""
    random = np.random.default_rng(seed)
    edges = np.array([*TENURE, 1e9])
    time, exits = [], []
    for arm, hazard in enumerate((hd, sd)):
        for number, left in enumerate(random.exponential(1 / hazard, people)):
            seen, group = min(left, 1200.0), (2 * number + arm) % 200
            spent = np.clip(np.minimum(seen, edges[1:]) - edges[:-1], 0, None)
            time += [(bin_ + len(TENURE) * arm, group, spent[bin_]) for bin_ in np.flatnonzero(spent)]
            if left < 1200.0:
                exits.append((int(np.searchsorted(edges, left)) - 1 + len(TENURE) * arm, group))
    cell, bucket, seconds = (np.array(each) for each in zip(*time, strict=True))
    gone, whose = np.array(exits).T
    nowhere = np.full((len(gone), 8), -1)
    nowhere[:, 0] = gone
    return Cells(
        ("arm",), (("HD", "sd"),), np.tile(np.arange(len(TENURE)), 2).astype(np.int32),
        np.repeat([0, 1], len(TENURE))[:, None].astype(np.int32), cell.astype(np.int64), bucket.astype(np.int32),
        seconds,
        whose.astype(np.int32), np.zeros(len(gone), np.int32), np.ones(len(gone)), nowhere, np.zeros((len(gone), 8)),
    )  # fmt: skip


def test_arms_are_compared_by_their_restricted_means() -> None:
    hd, sd = 1 / 420, 1 / 300
    found = material.longer(armed(hd, sd))
    assert found is not None
    assert found.cap == 600.0
    means = [(1 - np.exp(-each * found.cap)) / each for each in (hd, sd)]
    assert found.ratio.low < means[0] / means[1] - 1 < found.ratio.high
    assert found.ratio.value < sd / hd - 1 - 0.1, "which is one over the hazard ratio, less 1"
    assert found.ratio.high - found.ratio.low < 0.1
    assert material.longer(armed(hd, sd, people=20), "hd", "uhd") is None


def test_who_is_lost_from_sight_after_a_stall_does_not_count_as_one_who_stays() -> None:
    stalls, gone, lost = np.full(20, 20.0), np.zeros((20, 300)), np.zeros((20, 300))
    lost[:, 40] = 10.0
    gone[:, 50] = 10.0
    found = material.stalled(AfterStall(stalls, gone, lost))
    assert [each.gone.value for each in found] == [0.0, 1.0, 1.0]
    assert found[0].gone.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert found[2].gone.low == pytest.approx(0.025 ** (1 / 20))
    assert found[2].excess is None
    unseen = material.stalled(AfterStall(stalls, gone * 0, lost * 2))
    assert [each.seconds for each in unseen] == [3.0], "later nobody is in sight"


def test_stalls_that_change_nothing_add_nothing() -> None:
    random = np.random.default_rng(8)
    gone, lost, stalls = np.zeros((100, 300)), np.zeros((100, 300)), np.full(100, 60.0)
    for bucket in range(100):
        left = random.exponential(20.0, 60)
        gone[bucket] = np.bincount((left[left < 30] / 0.1).astype(int), minlength=300)
    none = material.Recent(1.0, np.ones(1000), 90.0)
    threefold = material.Recent(3.0, np.full(1000, 3.0), 90.0)
    last = material.stalled(AfterStall(stalls, gone, lost), none)[-1]
    assert last.gone.value == pytest.approx(1 - np.exp(-1.5), abs=0.02)
    assert last.excess is not None
    assert abs(last.excess.value) < 0.01
    last = material.stalled(AfterStall(stalls, gone, lost), threefold)[-1]
    assert last.usual == pytest.approx(1 - np.exp(-0.5), abs=0.02)
    assert last.excess is not None
    assert last.excess.low < np.exp(-0.5) - np.exp(-1.5) < last.excess.high


def test_what_would_have_been_without_a_stall_needs_some_who_left_without(study: Study) -> None:
    found = exits.hazards(study, ())
    known = material.recent(study, found)
    assert known is not None
    assert known.copies.std() > 0
    few = [one._replace(exits=3.0) if one.level == "none" else one for one in found]
    assert material.recent(study, few) is None
    assert material.recent(None, found) is None


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


def test_replays_are_told_beside_all_else(tmp_path: Path) -> None:
    """Of replays half begin late, of others a tenth; as many replays as others are of few lines."""
    rows = ["session,user,watch_seconds,startup_seconds,height,scenario\n"]
    for n in range(400):
        replay = n % 2
        late = n % 4 < 2 if replay else n % 20 == 0
        scenario = "replay" if replay else ("single", "pk", "")[n % 3]
        rows.append(f"s{n},u{n},100,{3 if late else 1},{360 if n % 8 < 2 else 720},{scenario}\n")
    path = tmp_path / "sessions.csv"
    path.write_text("".join(rows))
    with open_files([path]) as found:
        told = material.replays(found)
    assert told["startup"].share.value == pytest.approx(0.5)
    assert told["startup"].more.low < 0.4 < told["startup"].more.high
    assert told["startup"].more.low > 0.25
    assert told["height"].more.low < 0.0 < told["height"].more.high
    path.write_text("".join(row.replace("replay", "again") for row in rows))
    with open_files([path]) as found:
        assert material.replays(found) == {}


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
