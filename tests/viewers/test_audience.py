"""The simulated audience is what its truth says."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers import cmcd, cmcd_events, plain
from qoe_agent.viewers.audience import files, tell
from qoe_agent.viewers.audience.fates import Fates, fates
from qoe_agent.viewers.audience.hazards import Curve
from qoe_agent.viewers.audience.plan import Effects, Injected, Plan, Reporting
from qoe_agent.viewers.audience.reports import reports
from qoe_agent.viewers.audience.seen import columns, seen
from qoe_agent.viewers.audience.truth import truth
from qoe_agent.viewers.pseudonyms import Key, Ring

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NONE = Effects(
    1.0, 1.0, (1.0,) * 5, (1.0,) * 4, (1.0,) * 4,
    *(dict.fromkeys(ratios, 1.0) for ratios in
      (Effects().arms, Effects().device, Effects().region, Effects().stage, Effects().tier)),
)  # fmt: skip
CALM = Plan(sessions=100_000, frailty=0.0, bursts=0.0, effects=NONE, incidents=())
RING = Ring([Key(1, b"sixteen bytes ok")])


def test_without_effects_it_leaves_as_the_puffer_audience_did() -> None:
    found = fates(CALM)
    for seconds, gone in ((3, 0.046), (10, 0.113), (30, 0.241), (60, 0.368), (120, 0.471), (600, 0.663)):
        assert np.mean(found.exit <= seconds) == pytest.approx(gone, abs=0.006), f"{seconds} s"


def test_frailty_leaves_the_whole_audience_s_curve_where_it_was() -> None:
    found = fates(replace(CALM, frailty=0.5))
    for seconds, gone in ((3, 0.046), (30, 0.241), (120, 0.471), (600, 0.663)):
        assert np.mean(found.exit <= seconds) == pytest.approx(gone, abs=0.008), f"{seconds} s"


def expected(found: Fates, who: NDArray[np.int64], begins: NDArray[np.float64], ends: NDArray[np.float64]) -> float:
    """Exits that the baseline alone would give in parts of sessions."""
    curve, ends = Curve(), np.minimum(ends, found.end[who])
    gathered = np.where(ends > begins, curve.at(ends) - curve.at(begins), 0.0)
    return float(np.sum(gathered * found.people.pull[who]))


def test_stalls_drive_away_as_much_as_they_should_and_for_as_long() -> None:
    found = fates(replace(CALM, effects=replace(NONE, recent=3.0, earlier=1.3), stalls_per_hour=20))
    stalls = found.stalls
    last = np.append(stalls.session[1:] != stalls.session[:-1], True)
    until = np.where(last, np.inf, np.append(stalls.at[1:], np.inf))
    left = np.where(found.left, found.exit, np.inf)[stalls.session]
    recent = np.minimum(stalls.at + 30, until)
    exits = np.sum((left >= stalls.at) & (left < recent))
    assert exits / expected(found, stalls.session, stalls.at, recent) == pytest.approx(3.0, rel=0.04)
    exits = np.sum((left >= recent) & (left < until))
    assert exits / expected(found, stalls.session, recent, until) == pytest.approx(1.3, rel=0.04)


def test_slow_starts_drive_away_once_they_are_over() -> None:
    found = fates(replace(CALM, effects=replace(NONE, startup=(1.0, 1.0, 1.0, 1.0, 2.0))))
    slow = np.flatnonzero(found.people.startup >= 4)
    startup, left = found.people.startup[slow], np.where(found.left, found.exit, np.inf)[slow]
    before, after = left < startup, (left >= startup) & np.isfinite(left)
    zero, ever = np.zeros(len(slow)), np.full(len(slow), np.inf)
    assert before.sum() / expected(found, slow, zero, startup) == pytest.approx(1.0, rel=0.15)
    assert after.sum() / expected(found, slow, startup, ever) == pytest.approx(2.0, rel=0.08)


def test_patient_viewers_wait_for_the_first_picture() -> None:
    fault = Injected("freeze", 1800.0, 8.0, 50.0)
    found = fates(Plan(sessions=5000, patient=True, incidents=(fault,)))
    assert np.all(found.exit >= found.people.startup)
    assert np.any(found.exit < found.without[0])


def test_a_fault_costs_what_differs_from_the_same_audience_without_it() -> None:
    freeze = Injected("freeze", 1800.0, 8.0, 6.0)
    null = Injected("black", 3000.0, 8.0, 1.0)
    plan = Plan(sessions=40_000, incidents=(freeze, null))
    struck, spared = fates(plan), fates(replace(plan, incidents=()))
    cost, nothing = truth(struck)["incidents"]
    assert np.array_equal(struck.without[0], spared.exit)
    who, begins, ends = struck.windows[0]
    inside = [int(np.sum((each[who] >= begins) & (each[who] < ends))) for each in (struck.exit, spared.exit)]
    assert cost["excess_exits"] == inside[0] - inside[1] > 100
    assert cost["exits"] / cost["expected"] == pytest.approx(5.0, rel=0.2), "6, less those who are gone by then"
    minutes = (spared.end - struck.end).sum() / 60
    assert cost["viewer_minutes"] == pytest.approx(minutes, abs=0.01)
    assert minutes > 0
    assert cost["fewer_after_1800"] < cost["fewer_after_600"] < cost["excess_exits"]
    assert nothing["excess_exits"] == nothing["viewer_minutes"] == nothing["orders"] == 0


def test_a_fault_strikes_whom_it_is_meant_for_and_when_its_media_is_on_the_screen() -> None:
    fault = Injected("freeze", 1800.0, 8.0, 50.0, scope={"cdn": "b"})
    found = fates(Plan(sessions=20_000, incidents=(fault,)))
    sooner = found.exit < found.without[0]
    assert set(found.people.word("cdn")[sooner]) == {"b"}
    since = (found.people.start + found.exit - found.people.latency)[sooner] - 1800.0
    assert since.min() >= -1e-6
    assert since.max() < 38.0


def test_the_same_seed_gives_the_same_audience_and_another_one_another() -> None:
    plan = Plan(sessions=500)
    first, again, other = fates(plan), fates(plan), fates(replace(plan, seed=2))
    assert np.array_equal(first.exit, again.exit)
    assert not np.array_equal(first.exit, other.exit)


def test_exits_lie_where_the_sessions_table_says() -> None:
    found = fates(Plan(sessions=5000, reporting=Reporting(lost=0.0)))
    table, left, told = columns(found), found.left, seen(found).tells
    moment = found.plan.begins + found.people.start + found.exit
    assert np.all(table["exit_low"][left] <= moment[left] + 0.001)
    assert np.all(moment[left] <= table["exit_high"][left] + 0.001)
    assert np.array_equal(np.isfinite(table["end"]), left & told)
    width = (table["exit_high"] - table["exit_low"])[left & ~told]
    assert np.all((width >= 0) & (width <= 30.001))
    assert np.all(np.isnan(table["exit_low"][~left]))
    assert set(table["cause"][~left]) == {"ended"}


def test_reports_come_late_twice_and_not_at_all_as_planned() -> None:
    found = fates(Plan(sessions=2000, reporting=Reporting(lost=0.05, twice=0.1, late=0.2, skew=2.0)))
    told = reports(found)
    numbers = told.session * 100_000 + told.sn
    unique = len(np.unique(numbers))
    everything = reports(replace_reporting(found, lost=0.0, twice=0.0))
    assert unique / len(everything) == pytest.approx(0.95, abs=0.01)
    assert len(numbers) / unique == pytest.approx(1.1, abs=0.01)
    assert np.all(np.diff(told.arrival) >= 0)
    assert np.any(np.diff(told.true) < 0)
    off = told.at - found.plan.begins - told.true
    assert np.std(off) > 1.5
    same = [np.ptp(off[told.session == who]) for who in range(20)]
    assert max(same) < 1e-6


def replace_reporting(found: Fates, **changes: float) -> Fates:
    """The same audience seen otherwise."""
    reporting = replace(found.plan.reporting, **changes)  # type: ignore[arg-type]  # by name
    return replace(found, plan=replace(found.plan, reporting=reporting))


def test_events_and_records_keep_to_their_schemas_and_say_the_same() -> None:
    told = reports(fates(Plan(sessions=300)))
    events = [event for _, _, event in tell.plain(told)]
    kinds, keys = [], set()
    for low in range(0, len(events), plain.MOST):
        good, faults = plain.read(events[low : low + plain.MOST], "test", 0, RING)
        assert not faults
        kinds += [event.kind for event in good]
        keys |= {event.key for event in good}
    assert len(keys) == len({(event["session"], event["sn"]) for event in events}) < len(events)
    records = []
    for _, _, text in tell.cmcd(told):
        reading = cmcd.from_body(text)
        assert not reading.dropped
        assert not reading.records[0].missing
        records.append(cmcd_events.said(reading.records[0], 0))
    assert [record and record["kind"] for record in records] == kinds
    assert {"join", "leave", "heartbeat", "stall", "order", "message_sent", "message_shown"} == set(kinds)
    for record, event in zip(records, events, strict=True):
        assert record is not None
        assert (record["sn"], record["user"], record.get("state")) == (event["sn"], event["user"], event.get("state")) \
            or event["kind"] == "leave"  # fmt: skip


def test_files_hold_every_session_the_probe_s_incidents_and_the_truth(tmp_path: Path) -> None:
    unseen = replace(Plan().incidents[0], seen=False, at=100.0)
    found = fates(Plan(sessions=200, incidents=(*Plan().incidents, unseen)))
    files.write(found, tmp_path, ("jsonl", "csv", "events"))
    lines = [json.loads(line) for line in (tmp_path / "sessions.jsonl").read_text().splitlines()]
    with (tmp_path / "sessions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [line["session"] for line in lines] == [row["session"] for row in rows]
    assert all(str(line.get("exit_low", "")) == row["exit_low"] for line, row in zip(lines, rows, strict=True))
    said = json.loads((tmp_path / "truth.json").read_text())
    assert said["sessions"] == len(lines) == 200
    incidents = [json.loads(line) for line in (tmp_path / "incidents.jsonl").read_text().splitlines()]
    assert [one["id"] for one in incidents] == ["i1", "i2", "i3", "i4", "i5"]
    assert [one["id"] for one in said["incidents"]] == ["i1", "i2", "i3", "i4", "i5", "i6"]


def test_parquet_says_the_same_as_json(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra viewers")
    files.write(fates(Plan(sessions=300)), tmp_path, ("jsonl", "parquet"))
    rows = parquet.read_table(tmp_path / "sessions.parquet").to_pylist()
    known = [{name: value for name, value in row.items() if value is not None} for row in rows]
    assert known == [json.loads(line) for line in (tmp_path / "sessions.jsonl").read_text().splitlines()]
