"""Incidents: out of files, whom they reached when, and who was there and left around them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers.shapes import Incident
from qoe_agent.viewers.tables import Audience, BadTable, incidents, open_files
from tests.viewers.tables import told
from tests.viewers.tables.told import T, event, lines

if TYPE_CHECKING:
    from pathlib import Path

FREEZE = {"id": "i", "kind": "freeze", "stream": "s", "start": T + 100, "end": T + 110}


def session(start: float, low: float, high: float | None = None, **more: Any) -> dict[str, Any]:
    return {"stream": "s", "start": T + start, "exit_low": T + low, "exit_high": T + (low if high is None else high),
            **more}  # fmt: skip


def audience(folder: Path, rows: list[dict[str, Any]], *found: dict[str, Any]) -> Audience:
    return open_files([lines(folder / "rows.jsonl", rows)], incidents=lines(folder / "incidents.jsonl", found))


def test_time_and_exits_within_an_incident_and_half_a_minute_after(tmp_path: Path) -> None:
    rows = [session(0, 200), session(95, 105), session(150, 160), session(0, 130, 150)]
    with audience(tmp_path, rows, FREEZE) as found:
        cells = found.cells(["incident"])
        assert "incidents" in found.has
    assert cells.levels == (("none", "freeze"),)
    assert told.spent(cells) == {("none",): 160 + 5 + 10 + 100, ("freeze",): 40 + 10 - 5 + 30}
    pieces = [pieces for _, _, pieces in told.exits(cells)]
    assert [("freeze", 120, 10.0), ("none", 120, 10.0)] in pieces
    assert sum(1 for each in pieces if each[0][0] == "none") == 2


def test_what_is_in_the_media_comes_as_late_as_the_viewer_is_behind(tmp_path: Path) -> None:
    rows = [session(0, 1000, latency_seconds=60), session(0, 1000, latency_seconds=600)]
    media = FREEZE | {"content": [T + 90, T + 100]}
    with audience(tmp_path, rows, media) as found:
        late = told.time(found.cells(["incident"]))
    assert late["freeze", 120] == 30 + 0
    assert late["freeze", 600] == 40
    with audience(tmp_path, rows, FREEZE) as found:
        assert told.spent(found.cells(["incident"]))["freeze",] == 80


def test_only_those_in_scope_are_reached(tmp_path: Path) -> None:
    rows = [session(0, 200, region="x"), session(0, 200, region="y"), session(0, 200) | {"stream": "other"}]
    with audience(tmp_path, rows, FREEZE | {"scope": {"region": "x"}}) as found:
        assert told.spent(found.cells(["incident"])) == {("none",): 560, ("freeze",): 40}
        timeline = found.timeline(found.incidents()[0], 50, 50, 10)
    np.testing.assert_allclose(timeline.watching, np.full((2, 11), 10.0))


def test_rows_of_one_name_are_sessions_of_their_own(tmp_path: Path) -> None:
    rows = [session(0, 200, session="a"), session(90, 105, session="a")]
    with audience(tmp_path, rows, FREEZE) as found:
        assert told.spent(found.cells(["incident"])) == {("none",): 160 + 10, ("freeze",): 40 + 5}


def test_incidents_that_overlap(tmp_path: Path) -> None:
    black = FREEZE | {"id": "j", "kind": "black", "start": T + 105, "end": T + 120}
    with audience(tmp_path, [session(0, 200)], FREEZE, black) as found:
        assert told.spent(found.cells(["incident"])) == {("none",): 150, ("freeze",): 5, ("black",): 45}


def test_states_of_several_factors_change_one_by_one(tmp_path: Path) -> None:
    rows = [event("a", 0, stream="s"), event("a", 90, "stall", stall_seconds=1), event("a", 125, "leave")]
    with audience(tmp_path, rows, FREEZE) as found:
        cells = found.cells(["stall", "incident"])
    assert told.spent(cells) == {("none", "none"): 90, ("recent", "none"): 10, ("recent", "freeze"): 20,
                                 ("earlier", "freeze"): 5}  # fmt: skip


def test_who_was_there_and_who_left(tmp_path: Path) -> None:
    rows = [session(0, 200), session(95, 103), session(0, 110, 130), session(120, 170)]
    with audience(tmp_path, rows, FREEZE) as found:
        timeline = found.timeline(found.incidents()[0], 20, 40, 10)
    assert (timeline.stream, timeline.start, timeline.step, timeline.clock) == ("s", T + 80, 10, "wall")
    assert timeline.watching[0].tolist() == [20, 25, 23, 20, 20, 20, 20]
    assert timeline.exits[0].tolist() == [0, 0, 1, 0.5, 0.5, 0, 0]
    assert timeline.watching[1].sum() == 0
    assert timeline.heartbeat == 20


def test_many_incidents_are_counted_as_each_alone(tmp_path: Path) -> None:
    source = np.random.default_rng(4)
    rows = [session(float(start), float(start + watched), float(start + watched + 10), latency_seconds=float(behind))
            for start, watched, behind in zip(source.uniform(0, 2000, 300), source.exponential(200, 300),
                                              source.uniform(1, 9, 300), strict=True)]  # fmt: skip
    several = [FREEZE | {"id": f"i{number}", "start": T + 150 * number, "end": T + 150 * number + 10,
                         **({"content": [T + 150 * number - 3, T + 150 * number + 7]} if number % 2 else {})}
               for number in range(1, 12)]  # fmt: skip
    with audience(tmp_path, rows, *several) as found:
        together = found.timelines(found.incidents(), 300, 100, 1)
        for one in found.incidents():
            alone = found.timeline(one, 300, 100, 1)
            assert alone.start == together[one.id].start
            assert alone.clock == ("content" if one.content else "wall")
            np.testing.assert_allclose(alone.watching, together[one.id].watching, atol=1e-6)
            np.testing.assert_allclose(alone.exits, together[one.id].exits, atol=1e-9)


def test_the_medias_clock_puts_everybody_at_the_same_picture(tmp_path: Path) -> None:
    rows = [session(0, 120, latency_seconds=20), session(0, 160, latency_seconds=60)]
    with audience(tmp_path, rows, FREEZE | {"content": [T + 100, T + 110]}) as found:
        timeline = found.timeline(found.incidents()[0], 10, 20, 10)
    assert timeline.clock == "content"
    assert timeline.exits[0].tolist() == [0, 2, 0, 0]


def test_orders_are_counted_when_they_were_given(tmp_path: Path) -> None:
    rows = [event("a", 0, stream="s"), event("a", 104, "order", value=5.0, currency="EUR"), event("a", 200)]
    with audience(tmp_path, rows, FREEZE) as found:
        assert "orders" in found.has
        timeline = found.timeline(found.incidents()[0], 10, 10, 5)
    assert timeline.orders.tolist() == [[0, 0, 1, 0, 0, 0], [0] * 6]


def test_expected_exits_follow_how_long_viewers_have_watched(tmp_path: Path) -> None:
    rows = [session(0, 1000), session(95, 1000)]
    with audience(tmp_path, rows, FREEZE) as found:
        timeline = found.timelines(found.incidents(), 20, 10, 10, [(0, 0.5), (10, 0.01)])["i"]
    assert timeline.risk is not None
    np.testing.assert_allclose(timeline.risk[0], [0.1, 0.1 + 2.5, 0.1 + 2.5 + 0.05, 0.2], atol=1e-9)


def test_incidents_of_which_nothing_can_be_told_say_why(tmp_path: Path) -> None:
    odd = [FREEZE | {"id": "j", "stream": "other"}, FREEZE | {"id": "k", "stream": None},
           FREEZE | {"id": "l", "scope": {"rendition": "720p"}}]  # fmt: skip
    rows = [session(0, 200), session(0, 200) | {"stream": "t"}]
    with audience(tmp_path, rows, FREEZE, *odd) as found:
        assert [one.id for one in found.incidents()] == ["i", "j", "k", "l"]
        assert set(found.timelines(found.incidents(), 50, 50, 10)) == {"i"}
        assert found.reasons == {
            "j": "cannot be known: nobody watched other",
            "k": "cannot be known: it names no stream, and 2 were watched",
            "l": "cannot be known: it is confined by rendition, which the data do not have",
        }
        later = Incident("k", "freeze", "s", T + 90_000, T + 90_001)
        assert found.timelines([later], 10, 10, 1) == {}


def test_an_incident_on_the_only_stream_need_not_name_it(tmp_path: Path) -> None:
    rows = [session(0, 200), session(0, 200) | {"stream": None}]
    with audience(tmp_path, rows, FREEZE | {"stream": None}) as found:
        assert [one.stream for one in found.incidents()] == ["s"]
        assert found.reasons == {}


def test_whose_place_is_not_known_is_not_taken_for_not_struck(tmp_path: Path) -> None:
    rows = [session(0, 200, region="x"), session(0, 200, region="y"), session(0, 200, region=None),
            session(0, 200, region="x", cdn="b")]  # fmt: skip
    with audience(tmp_path, rows, FREEZE | {"scope": {"region": "x", "cdn": "a"}}) as found:
        cells = found.cells(["incident"])
        timeline = found.timeline(found.incidents()[0], 50, 50, 10)
    assert cells.levels == (("none", "unknown"),)
    assert told.spent(cells) == {("none",): 720, ("unknown",): 80}
    np.testing.assert_allclose(timeline.watching, [[0.0] * 11, [20.0] * 11])


def test_an_incident_without_an_end_counts_for_an_hour_everywhere(tmp_path: Path) -> None:
    rows = [session(0, 9000, latency_seconds=10)]
    for more in ({}, {"content": [T + 90, T + 90]}):
        with audience(tmp_path, rows, FREEZE | {"end": None} | more) as found:
            assert [one.end for one in found.incidents()] == [None]
            assert told.spent(found.cells(["incident"]))["freeze",] == 3600
            timeline = found.timeline(found.incidents()[0], 100, 3600, 100)
        assert timeline.watching.shape == (2, 37)


def test_viewers_of_a_rendition_are_told_apart_if_they_kept_it(tmp_path: Path) -> None:
    rows = [event(name, after, stream="s", interval_seconds=10, rendition="low" if name == "low" else "high")
            for name in ("low", "high", "both") for after in range(0, 301, 10)]  # fmt: skip
    rows.append(event("both", 295, stream="s", rendition="low"))
    with audience(tmp_path, rows, FREEZE | {"scope": {"rendition": "low"}}) as found:
        spent = told.spent(found.cells(["incident"]))
        timeline = found.timeline(found.incidents()[0], 50, 50, 10)
    assert spent == {("none",): 300 + 260 + 260, ("freeze",): 40, ("unknown",): 40}
    np.testing.assert_allclose(timeline.watching, np.full((2, 11), 10.0))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("i.jsonl", json.dumps(FREEZE | {"scope": {"cdn": "b"}}) + "\n"),
        ("i.json", json.dumps([FREEZE | {"scope": {"cdn": "b"}}], indent=1)),
        ("i.json", json.dumps({"stream": "s", "incidents": [FREEZE | {"scope": {"cdn": "b"}}]}, indent=1)),
        ("i.csv", f'id,kind,stream,start,end,cdn\ni,freeze,s,{T + 100},{T + 110},b\n'),
    ],
)  # fmt: skip
def test_incidents_in_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    expected = Incident("i", "freeze", "s", T + 100, T + 110, "warning", {"cdn": "b"})
    assert incidents.read(tmp_path / name) == [expected]


@pytest.mark.parametrize(
    ("row", "key"),
    [({"kind": None}, "kind"), ({"start": "soon"}, "start"), ({"start": 1e12}, "start"), ({"end": T}, "end"),
     ({"scope": {"planet": "x"}}, "scope"), ({"content": [1, 2]}, "content"), ({"content": [T]}, "content"),
     ({"end": None, "seconds": float("nan")}, "seconds"), ({"end": None, "seconds": 1e300}, "seconds"),
     ({"end": None, "seconds": -1}, "seconds"), ({"start": float("nan")}, "start")],
)  # fmt: skip
def test_what_is_wrong_with_an_incident_is_named(tmp_path: Path, row: dict[str, Any], key: str) -> None:
    path = lines(tmp_path / "i.jsonl", [FREEZE, FREEZE | row])
    with pytest.raises(BadTable) as caught:
        incidents.read(path)
    assert (caught.value.line, caught.value.column) == (2, key)


def test_a_single_incident_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "i.jsonl").write_text("\n" + json.dumps(FREEZE | {"end": "never"}) + "\n")
    with pytest.raises(BadTable, match=r"i\.jsonl:2: end: must be a number"):
        incidents.read(tmp_path / "i.jsonl")


def test_incidents_of_one_id_are_told_apart_and_the_last_line_of_one_holds(tmp_path: Path) -> None:
    rows = [session(0, 200), session(0, 300) | {"stream": "t"}, session(0, 300) | {"stream": "t"}]
    twice = [FREEZE | {"end": None}, FREEZE | {"stream": "t"}, FREEZE | {"id": "i#2", "start": T + 101}, FREEZE]
    with audience(tmp_path, rows, *twice) as found:
        assert [(one.id, one.stream, one.end) for one in found.incidents()] == [
            ("i", "s", T + 110), ("i#3", "t", T + 110), ("i#2", "s", T + 110)]  # fmt: skip
        assert found.notes == ["several incidents have one id: all but the first are called i#3"]
        around = found.timelines(found.incidents(), 50, 50, 10)
    assert {name: one.watching[0, 0] for name, one in around.items()} == {"i": 10, "i#2": 10, "i#3": 20}
