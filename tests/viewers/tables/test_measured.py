"""What a probe measured of streams and minutes, beside the sessions that watched them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.tables import BadTable, open_files
from tests.viewers.tables import told
from tests.viewers.tables.told import T, event, lines

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.tables import Audience

M = T - T % 60
"""A minute begins."""


def minute(number: int, height: float | None = None, **more: Any) -> dict[str, Any]:
    said = {"stream": "s", "at": M + 60 * number, "seconds": 60, **more}
    return said if height is None else said | {"effective_height": height}


def session(begin: float, end: float, **more: Any) -> dict[str, Any]:
    row = {"session": f"v{begin}-{end}-{len(more)}", "stream": "s", "start": M + begin, "exit_low": M + end}
    return {**row, "exit_high": M + end, **more}


def audience(folder: Path, rows: list[dict[str, Any]], measures: list[dict[str, Any]]) -> Audience:
    given = lines(folder / "given.jsonl", rows)
    return open_files([given], measures=lines(folder / "measures.jsonl", measures))


def spent(folder: Path, rows: list[dict[str, Any]], measures: list[dict[str, Any]],
          factor: str = "effective_height") -> dict[str, float]:  # fmt: skip
    with audience(folder, rows, measures) as found:
        assert factor in found.has
        return {name: seconds for (name,), seconds in told.spent(found.cells([factor])).items()}


def test_time_is_at_the_level_that_was_measured_of_the_minute(tmp_path: Path) -> None:
    measures = [minute(0, 360), minute(1, 720), minute(2, 900), minute(4, 1080)]
    assert spent(tmp_path, [session(30, 270)], measures) == {
        "<480": 30, "720–1079": 120, "unknown": 60, "≥1080": 30,
    }  # fmt: skip


def test_exits_are_at_the_level_in_which_they_lie(tmp_path: Path) -> None:
    rows = [session(0, 50), session(0, 100, exit_high=M + 130)]
    with audience(tmp_path, rows, [minute(0, 360), minute(1, 720), minute(2, 360)]) as found:
        pieces = [pieces for _, _, pieces in told.exits(found.cells(["effective_height"]))]
    assert sorted([(level, seconds) for level, _, seconds in each] for each in pieces) == [
        [("720–1079", 20.0), ("<480", 10.0)], [("<480", 0.0)],
    ]  # fmt: skip


def test_several_agents_count_by_their_mean(tmp_path: Path) -> None:
    assert spent(tmp_path, [session(0, 60)], [minute(0, 360), minute(0, 540), minute(0, 720)]) == {"480–719": 60}


def test_a_level_at_its_edge_is_told_by_the_standard(tmp_path: Path) -> None:
    offsets = [minute(number, av_offset=offset) for number, offset in enumerate((-0.091, -0.090, 0.185, 0.186))]
    assert spent(tmp_path, [session(0, 240)], offsets, "av_offset") == {
        "in tolerance": 120, "sound early": 60, "sound late": 60,
    }  # fmt: skip


def test_a_rendition_counts_for_those_who_play_it(tmp_path: Path) -> None:
    measures = [minute(0, 720), minute(1, 720), minute(0, 360, rendition="low"), minute(0, 900, rendition="other")]
    rows = [session(0, 120, rendition="low"), session(0, 90), session(0, 80, rendition="unmeasured")]
    assert spent(tmp_path, rows, measures) == {"<480": 60, "720–1079": 60 + 90 + 80}
    assert spent(tmp_path, rows[1:2], measures) == {"720–1079": 90}


def test_a_rendition_says_nothing_of_who_plays_another(tmp_path: Path) -> None:
    rows = [session(0, 60, rendition="low"), session(0, 50, rendition="high"), session(0, 40)]
    assert spent(tmp_path, rows, [minute(0, 360, rendition="low")]) == {"<480": 60, "unknown": 90}


def test_other_streams_and_hours_are_not_met(tmp_path: Path) -> None:
    rows = [session(0, 3 * 3600.0), session(0, 60) | {"stream": "t"}]
    measures = [minute(0, 360), minute(60, 720), minute(119, 720), minute(180, 1080), minute(-1, 1080)]
    assert spent(tmp_path, rows, measures) == {"<480": 60, "720–1079": 120, "unknown": 3 * 3600 - 180 + 60}


def test_viewers_further_behind_than_the_agent_see_it_later(tmp_path: Path) -> None:
    measures = [minute(0, 360, latency=2), minute(1, 720, latency=2)]
    rows = [session(10, 100, latency_seconds=22)]
    assert spent(tmp_path, rows, measures) == {"unknown": 10, "<480": 60, "720–1079": 20}


def test_it_changes_beside_other_factors(tmp_path: Path) -> None:
    shift = T - M
    rows = [event("a", 0, stream="s", state="playing"), event("a", 90, "stall", stall_seconds=1),
            event("a", 130, "leave")]  # fmt: skip
    measures = [minute(number, 360 if number < 2 else 720) for number in range(5)]
    with audience(tmp_path, rows, measures) as found:
        cells = told.spent(found.cells(["stall", "effective_height"]))
    low = 120 - shift
    assert cells == {("none", "<480"): pytest.approx(min(90, low)), **(
        {("none", "720–1079"): pytest.approx(90 - low)} if low < 90 else {("recent", "<480"): pytest.approx(low - 90)}),
        **({("recent", "720–1079"): pytest.approx(min(30, 120 - low))}),
        ("earlier", "720–1079"): pytest.approx(10)}  # fmt: skip


def test_the_naive_figure_is_of_sessions_that_ever_met_a_level(tmp_path: Path) -> None:
    rows = [session(0, 100), session(0, 50), session(70, 110), session(70, 90)]
    with audience(tmp_path, rows, [minute(0, 360), minute(1, 720)]) as found:
        naive = {one.level: one.ratio for one in found.naive(["effective_height"])}
    assert naive["<480"] == pytest.approx((2 / 150) / (2 / 60))
    assert naive["720–1079"] == pytest.approx((3 / 160) / (1 / 50))


def test_without_measures_there_is_no_such_factor(tmp_path: Path) -> None:
    with open_files([lines(tmp_path / "given.jsonl", [session(0, 60)])]) as found:
        assert not {"effective_height", "av_offset"} & found.has
        with pytest.raises(ValueError, match="effective_height"):
            found.cells(["effective_height"])
    with audience(tmp_path, [session(0, 60)], [minute(500, 360)]) as found:
        assert "effective_height" not in found.has, "nobody watched then"
    with audience(tmp_path, [{"session": "a", "watch_seconds": 5}], [minute(0, 360)]) as found:
        assert any("no start" in note for note in found.notes)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ('{"stream": "s", "at": 1700000000000, "effective_height": 360}', "at: must be a time in Unix seconds"),
        ('{"stream": "s", "at": 1700000000, "effective_height": 0}', "effective_height: must be lines, from 1"),
        ('{"stream": "s", "at": 1700000000, "effective_height": "x"}', "effective_height: must be a number"),
        ('{"stream": "s", "at": 1700000000, "av_offset": 90}', "av_offset: must be seconds, above 0 where sound"),
        ('{"stream": "s", "at": 1700000000, "effective_height": 360, "seconds": 600}', "seconds: must be from 1 to 60"),
        ('{"stream": null, "at": 1700000000, "effective_height": 360}', "stream: required"),
        ('{"stream": "s"', "must be a JSON object"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(tmp_path: Path, row: str, wrong: str) -> None:
    given, path = lines(tmp_path / "given.jsonl", [session(0, 60)]), tmp_path / "measures.jsonl"
    path.write_text(json.dumps(minute(0, 360)) + "\n\n" + row + "\n")
    with pytest.raises(BadTable) as found:
        open_files([given], measures=path)
    assert str(found.value).startswith(f"{path}:3: {wrong}")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    given = lines(tmp_path / "given.jsonl", [session(0, 60)])
    with pytest.raises(BadTable, match="effective_height: one of effective_height, av_offset is required"):
        open_files([given], measures=lines(tmp_path / "measures.jsonl", [{"stream": "s", "at": T}]))
    with pytest.raises(BadTable, match="at: required"):
        open_files([given], measures=lines(tmp_path / "measures.jsonl", [{"stream": "s", "effective_height": 5}]))


def test_rows_of_one_name_are_sessions_of_their_own(tmp_path: Path) -> None:
    rows = [session(0, 100, session="a"), session(70, 130, session="a")]
    measures = [minute(0, 360), minute(1, 720), minute(2, 720)]
    assert spent(tmp_path, rows, measures) == {"<480": 60, "720–1079": 40 + 60}
