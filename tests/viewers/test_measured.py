"""The picture and the sound that a probe measured, beside those who left: what was put in is found again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers.audience import files
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import Plan
from qoe_agent.viewers.audience.sent import measures, sent
from qoe_agent.viewers.exits import Asked, analyse
from qoe_agent.viewers.shapes import Hazard
from qoe_agent.viewers.sharing import widened
from qoe_agent.viewers.tables import open_facts, open_files
from tests.viewers.made import NOON_MS
from tests.viewers.tables import told
from tests.viewers.tables.test_facts import stored

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.shapes import Exits

PLAN = Plan(sessions=20_000, seed=5, streams=10, bursts=0.0, frailty=0.0, incidents=(), measures=True)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Exits:
    folder = tmp_path_factory.mktemp("measured")
    files.write(fates(PLAN), folder, ("parquet",))
    asked = Asked((folder / "sessions.parquet",), measures=folder / "measures.jsonl")
    return analyse(asked, lambda _: None)


@pytest.mark.parametrize(
    ("factor", "level", "true"),
    [
        ("effective_height", "<480", 1.3), ("effective_height", "480–719", 1.1), ("av_offset", "sound early", 1.2),
        ("av_offset", "sound late", 1.4),
    ],
)  # fmt: skip
def test_what_was_put_in_is_found_where_the_naive_figure_has_it_upside_down(
    report: Exits, factor: str, level: str, true: float
) -> None:
    one = next(one for one in report.hazards if (one.factor, one.level) == (factor, level))
    assert one.low is not None
    assert one.high is not None
    assert one.low <= true <= one.high
    assert one.high / one.low < 1.2, "an interval that says something"
    assert one.naive is not None
    assert one.naive < 0.5, "who stays for long meets all levels"


def test_what_was_not_measured_is_a_level_without_a_figure(report: Exits) -> None:
    for factor in ("effective_height", "av_offset"):
        first, *others = (one for one in report.hazards if one.factor == factor)
        assert first.hazard_ratio == first.low == first.high == 1.0
        unknown = next(one for one in others if one.level == "unknown")
        assert unknown.hazard_ratio is None
        assert unknown.exits > 0
        assert unknown.note.startswith("not measured")
    assert any(note.startswith("effective_height, av_offset: all who watch") for note in report.notes)


def test_what_is_sent_changes_now_and_then_and_is_mostly_measured() -> None:
    found, rows = sent(PLAN), list(measures(PLAN))
    assert set(np.unique(found.height)) == {360, 540, 720, 1080}
    assert np.mean(found.height[:, 1:] != found.height[:, :-1]) < 0.2
    assert 0.9 < len(rows) / found.height.size < 0.98
    assert {row["at"] % 60 for row in rows} == {0}


def test_facts_bring_what_agents_measured(tmp_path: Path) -> None:
    stored(tmp_path)
    folder, at = tmp_path / "measures", NOON_MS // 60_000 * 60
    folder.mkdir()
    one = {"stream": "s", "at": at, "seconds": 60, "effective_height": 360, "av_offset": 0.3}
    (folder / "2030-01-01.one.jsonl").write_text(json.dumps(one) + "\n" + json.dumps(one)[:30] + "\n")
    (folder / "2030-01-01.two.jsonl").write_text(json.dumps(one | {"effective_height": 540, "mos": 4.1}) + "\n")
    with open_facts(tmp_path) as audience:
        assert {"effective_height", "av_offset"} <= audience.has
        height = told.spent(audience.cells(["effective_height"]))
        sound = told.spent(audience.cells(["av_offset"]))
    assert height.keys() == {("<480",), ("unknown",)}, "the mean of 360 and 540 lines; one session tells no stream"
    assert sound == {("sound late",): height["<480",], ("unknown",): height["unknown",]}


def test_stretches_hold_what_happened_in_them_whenever_a_session_began(tmp_path: Path) -> None:
    noon = NOON_MS / 1000
    sessions = [{"session": "a", "stream": "s", "start": noon + 1200, "end": noon + 2400},
                {"session": "b", "stream": "s", "start": noon + 1900, "end": noon + 2000}]  # fmt: skip
    lines = [{"stream": "s", "at": noon + 60 * minute, "effective_height": 720} for minute in range(60)]
    for name, rows in (("sessions", sessions), ("measures", lines)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with open_files([tmp_path / "sessions.jsonl"], measures=tmp_path / "measures.jsonl") as audience:
        cells = audience.cells(["effective_height"], stretches=True)
    spent = np.bincount(cells.time_bucket, cells.time_seconds)
    assert spent[spent > 0].tolist() == [600.0, 700.0], "before half past twelve, and after"
    assert set(cells.exit_bucket.tolist()) == {int(np.flatnonzero(spent)[1])}, "both left after it"
    assert cells.factors == ("effective_height",)


def test_intervals_know_that_a_stream_s_viewers_share_its_minutes() -> None:
    """By users alone, content that drives everybody away for a while would be taken for an effect of the picture."""
    users = (Hazard("effective_height", "<480", 1.2, 1.15, 1.25, 0.2),)
    stretches = (Hazard("effective_height", "<480", 1.21, 1.0, 1.4641, None),)
    [wide] = widened(users, stretches)
    assert (wide.hazard_ratio, wide.naive) == (1.2, 0.2)
    assert wide.low == pytest.approx(1.2 / 1.21)
    assert wide.high == pytest.approx(1.2 * 1.21)
    assert widened(users, (stretches[0]._replace(low=1.205, high=1.215),)) == users
    [few] = widened(users, ())
    assert few.low is None
    assert few.note.startswith("too few stretches of streams")
