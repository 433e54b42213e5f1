"""`qoe-agent exits` as its users run it: exit statuses, one line for what is wrong, the document, the page."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app
from qoe_agent.report import words
from qoe_agent.viewers import tables
from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.exits import Asked, analyse

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = 1_795_291_000.0
HEADER = "session,user,stream,start,watch_seconds,startup_seconds,height,region\n"
MANY = 2000


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """Viewers of 360 lines leave twice as fast as those of 720: exactly, at every moment."""
    lines = [HEADER]
    for number in range(MANY):
        low = number % 2
        left = -math.log(1 - (number + 0.5) / MANY) / (0.02 if low else 0.01)
        lines.append(f"s{number},u{number},room,{BEGAN + number % 600},{left:.3f},0.5,{360 if low else 720},"
                     f"{'cn' if number % 4 < 2 else '<b>sg</b>'}\n")  # fmt: skip
    path = tmp_path / "sessions.csv"
    path.write_text("".join(lines))
    return path


def run(*arguments: object, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    found = CliRunner().invoke(app, ["exits", *map(str, arguments)], env=env)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.stdout, found.stderr


def wrong(*arguments: object, env: dict[str, str] | None = None) -> str:
    """The one line that says why not."""
    status, out, err = run(*arguments, env=env)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1, err
    return err.rstrip("\n")


def refused(*files: Path, **asked: Any) -> str:
    """The same from within this process."""
    with pytest.raises(Unusable) as told:
        analyse(Asked(files, **asked), lambda _: None)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_the_document_and_the_page_hold_the_same_figures(sessions: Path, tmp_path: Path) -> None:
    page = tmp_path / "exits.html"
    status, out, err = run(sessions, "--json", "--html", page, "--by", "region", "--claims")
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
    assert list(found)[:6] == ["sessions", "retention", "hazards", "incidents", "claims", "notes"]
    assert found["sessions"] == MANY
    low = next(one for one in found["hazards"] if (one["factor"], one["level"]) == ("height", "<480"))
    assert low["low"] < 2.0 < low["high"]
    assert 1.8 < low["hazard_ratio"] < 2.2
    half = next(one for one in found["retention"] if one["seconds"] == 30)
    assert half["low"] < (math.exp(-0.3) + math.exp(-0.6)) / 2 < half["high"]
    text = page.read_text("utf-8")
    assert words.ratio(low["hazard_ratio"]) in text
    assert words.between(low["low"], low["high"]) in text
    assert words.share(half["share"]) in text
    assert "<b>sg" not in text
    assert {one["id"] for one in found["claims"]} >= {"stall_exit", "rhythm"}
    assert any(note.startswith("stall: absent: needs events") for note in found["notes"])


def test_one_way_to_go_can_be_asked_for(tmp_path: Path) -> None:
    lines = [HEADER.replace("region", "cause")]
    for number in range(MANY):
        low = number % 2
        left = -math.log(1 - (number + 0.5) / MANY) / 0.02
        lines.append(f"s{number},u{number},room,{BEGAN},{left:.3f},0.5,{360 if low else 720},"
                     f"{'failed' if number % 8 < (6 if low else 1) else 'left'}\n")  # fmt: skip
    path = tmp_path / "sessions.csv"
    path.write_text("".join(lines) + f"s,u,staff,{BEGAN},1,0.5,360,left\n")
    status, out, _ = run(path, "--json", "--cause", "failed", "--without", "stream=staff")
    assert status == 0
    found = json.loads(out)
    assert (found["sessions"], "sessions left out by stream=staff: 1" in found["notes"]) == (MANY, True)
    high = next(one for one in found["hazards"] if (one["factor"], one["level"]) == ("height", "720–1079"))
    assert found["cause"] == "failed"
    assert high["low"] < 1 / 3 < high["high"]
    assert high["naive"] is None
    assert any("cause failed alone" in note for note in found["notes"])
    assert "Counting the cause failed alone, " in run(path, "--cause", "failed")[1].replace("\n", " ")
    assert "must be one of left, failed" in wrong(path, "--cause", "bored")
    assert "--claims" in wrong(path, "--cause", "left", "--claims")


def test_people_get_a_sentence_first(sessions: Path) -> None:
    status, out, _ = run(sessions)
    assert status == 0
    first, *_ = out.split("\n\n")
    assert first.startswith("Of 2,000 sessions ")
    assert "At picture height <480 lines viewers leave " in first.replace("\n", " ")
    assert "Who still watches" in out
    assert "claim" not in out


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [("watch_seconds", "soon", "sessions.csv:3: watch_seconds"), ("start", "1795291000000", "not milliseconds")],
)
def test_a_bad_value_is_told_by_file_line_and_column(tmp_path: Path, column: str, value: str, expected: str) -> None:
    row = dict(zip(HEADER.strip().split(","), f"s,u,room,{BEGAN},5,0.5,720,cn".split(","), strict=True))
    bad = ",".join({**row, column: value}.values())
    (tmp_path / "sessions.csv").write_text(HEADER + ",".join(row.values()) + "\n" + bad + "\n")
    said = refused(tmp_path / "sessions.csv")
    assert expected in said
    assert column in said
    assert "sessions.csv:3" in said


def test_retention_by_arm_and_by_classes_of_height(tmp_path: Path) -> None:
    rows = [f"s{number},{1 + number % 197},{'hd' if number % 3 else 'sd'},{1080 if number % 2 else 360}"
            for number in range(1200)]  # fmt: skip
    (tmp_path / "s.csv").write_text("\n".join(["session,watch_seconds,arm,height", *rows]) + "\n")
    found = analyse(Asked((tmp_path / "s.csv",), by=("arm", "height", "arm")), lambda _: None)
    counts = {(one["attribute"], one["level"]): one["sessions"] for one in found.breakdowns}
    assert counts == {("arm", "hd"): 800, ("arm", "sd"): 400, ("height", "<480"): 600, ("height", "≥1080"): 600}
    assert [one.level for one in found.hazards if one.factor == "height"] == ["≥1080", "<480"]
    assert "it has arm, height" in refused(tmp_path / "s.csv", by=("startup",))


def test_names_of_columns_and_values_are_no_markup(tmp_path: Path) -> None:
    rows = [f"s{number},{1 + number % 97},{'[/eu]' if number % 2 else '[red]b[/red]'}" for number in range(400)]
    (tmp_path / "m.csv").write_text("\n".join(["session,watch_seconds,[/room]", *rows]) + "\n")
    status, out, err = run(tmp_path / "m.csv", "--by", "[/room]")
    assert (status, err) == (0, "")
    assert all(name in out for name in ("[/room]", "[/eu]", "[red]b[/red]"))
    assert "\\x1b" in wrong(tmp_path / "no\x1b[31mwhere.csv")


def test_lengths_that_are_too_long_are_wondered_at(sessions: Path) -> None:
    path = sessions.with_name("milliseconds.csv")
    lines = (f"{-1e5 * math.log1p(-number / 200):.0f}\n" for number in range(200))
    path.write_text("watch_seconds\n" + "".join(lines))
    assert any("not milliseconds" in note for note in analyse(Asked((path,)), lambda _: None).notes)
    assert not any("not milliseconds" in note for note in analyse(Asked((sessions,)), lambda _: None).notes)


def test_files_that_are_none_are_told_of(tmp_path: Path) -> None:
    assert "nowhere.csv" in wrong(tmp_path / "nowhere.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert "columns of sessions" in refused(tmp_path / "other.csv")
    (tmp_path / "odd.parquet").write_bytes(b"PAR1 but no more")
    assert "odd.parquet" in refused(tmp_path / "odd.parquet")


def test_what_makes_no_sense_is_told(sessions: Path, tmp_path: Path) -> None:
    assert "one of them" in wrong(sessions, "--facts", tmp_path)
    assert "--facts DIR" in wrong()
    assert "no folder of facts" in refused(facts=tmp_path)
    assert not (tmp_path / "events").exists()
    assert "it has region" in refused(sessions, by=("regoin",))
    assert "--without staff: must be NAME=VALUE, or background" in wrong(sessions, "--without", "staff")
    status, out, err = run(sessions, "--html", tmp_path / "nosuch" / "exits.html")
    assert (status, err.count("\n")) == (2, 1)
    assert "nosuch/exits.html" in err
    assert "sessions" in out  # what can be told is told
    status, _, err = run(sessions, "--memory", "lots")
    assert status == 2
    assert "must be a size" in err


def test_a_missing_extra_is_named_with_its_command(sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "missing", lambda: "duckdb")
    said = refused(sessions)
    assert "pip install 'qoe-agent[viewers]'" in said
    assert "duckdb is missing" in said


def test_too_little_memory_is_told(sessions: Path) -> None:
    assert "--memory" in wrong(sessions, "--memory", "60MB")


def test_what_a_probe_measured_is_asked_for_by_name(sessions: Path, tmp_path: Path) -> None:
    rows = [{"stream": "room", "at": BEGAN - BEGAN % 60 + 60 * minute, "effective_height": 360 if minute % 2 else 720}
            for minute in range(60)]  # fmt: skip
    measures = tmp_path / "measures.jsonl"
    measures.write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, out, err = run(sessions, "--json", "--measures", measures)
    assert (status, err) == (0, "")
    found = json.loads(out, parse_constant=pytest.fail)
    low = next(one for one in found["hazards"] if one["factor"] == "effective_height" and one["level"] != "unknown")
    assert low["exits"] > 0
    assert any(note.startswith("av_offset: absent: needs --measures") for note in found["notes"])
    measures.write_text(json.dumps(rows[0] | {"effective_height": 0}) + "\n")
    assert wrong(sessions, "--measures", measures).startswith(f"{measures}:1: effective_height: must be lines")
    assert wrong(sessions, "--measures", tmp_path / "none.jsonl").endswith("no such file")
