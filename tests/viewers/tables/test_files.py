"""Files of sessions: what they may lack, what they must not say, and what is counted of them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from qoe_agent.viewers.tables import BadTable, open_files, opening
from tests.viewers.tables import told
from tests.viewers.tables.told import T

if TYPE_CHECKING:
    from pathlib import Path

ROWS = """session,user,watch_seconds,startup_seconds,region,arm
a,u1,4,0.5,x,hd
b,u2,12.5,1.5,"y, z",sd
c,u2,700,,x,hd
d,u4,1,3,,
"""


def given(folder: Path, text: str, name: str = "s.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(path: Path) -> tuple[int | None, str | None, str]:
    with pytest.raises(BadTable) as caught:
        open_files([path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value.line, caught.value.column, caught.value.expected


def test_person_time_and_exits_by_tenure(tmp_path: Path) -> None:
    with open_files([given(tmp_path, ROWS)]) as audience:
        cells = audience.cells([])
        assert audience.sessions() == 4
        assert audience.has == {"startup", "arm"}
        assert audience.attributes() == ("region",)
        assert audience.arms() == {"hd": 2, "sd": 1}
    assert told.time(cells) == {(0,): 4, (1,): 6, (3,): 5, (5,): 10, (10,): 12.5, (20,): 10, (30,): 30, (60,): 60,
                                (120,): 60, (180,): 120, (300,): 300, (600,): 100}  # fmt: skip
    assert told.exits(cells) == [("left", 1, [(bin_, 0.0)]) for bin_ in (0, 3, 10, 600)]


def test_an_exit_at_a_bins_end_is_in_the_bin_in_which_it_was_seen(tmp_path: Path) -> None:
    with open_files([given(tmp_path, "watch_seconds\n3\n0\n")]) as audience:
        assert told.exits(audience.cells([])) == [("left", 1, [(0, 0.0)]), ("left", 1, [(1, 0.0)])]


def test_levels_begin_with_the_reference_and_end_with_what_is_unknown(tmp_path: Path) -> None:
    with open_files([given(tmp_path, ROWS)]) as audience:
        cells = audience.cells(["startup", "region"])
    assert cells.levels == (("1–2", "<0.6", "2–4", "unknown"), ("x", "y, z", "unknown"))
    assert told.spent(cells) == {
        ("<0.6", "x"): 3.5, ("1–2", "y, z"): 11, ("unknown", "x"): 700.5, ("unknown", "y, z"): 1.5,
        ("unknown", "unknown"): 1,
    }, "a startup is known from the first picture on"  # fmt: skip


def test_one_user_is_in_one_bucket(tmp_path: Path) -> None:
    with open_files([given(tmp_path, ROWS)]) as audience:
        buckets = audience.cells([]).exit_bucket
    assert len(set(buckets.tolist())) == 3


def test_a_bucket_that_is_not_given_is_the_sessions(tmp_path: Path) -> None:
    found = []
    for name, text in (
        ("a.csv", "session,watch_seconds,bucket\na,1,\nb,2,7\n"),
        ("b.csv", "session,watch_seconds\na,1\n"),
    ):
        with open_files([given(tmp_path, text, name)]) as audience:
            found.append(audience.cells([]).exit_bucket.tolist())
    assert sorted(found[0]) == sorted([7, *found[1]])


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_rows_that_are_alike_count_once(tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "AT_ONCE", at_once)
    row = f"a,{T},5\n"
    with open_files([given(tmp_path, "session,start,watch_seconds\n" + row * 3 + f"a,{T},6\nb,{T},5\n")]) as audience:
        assert audience.sessions() == 3
        assert audience.notes == ["2 rows are there twice, alike in all columns: each counts once"]
    with open_files([given(tmp_path, "watch_seconds\n5\n5\n")]) as audience:
        assert audience.sessions() == 2, "rows without a name are sessions of their own"
        assert audience.notes == []


def test_every_format_gives_the_same(tmp_path: Path) -> None:
    source = given(tmp_path, ROWS)
    others = [tmp_path / "s.jsonl", tmp_path / "s.parquet", tmp_path / "s.json", tmp_path / "zipped.csv.gz"]
    for path, form in zip(others[:3], ("format json", "format parquet", "format json, array true"), strict=True):
        duckdb.execute(f"copy (select * from read_csv('{source}')) to '{path}' ({form})")
    others[3].write_bytes(gzip.compress(ROWS.encode()))
    found = []
    for path in (source, *others):
        with open_files([path]) as audience:
            cells = audience.cells(["startup", "region"])
        found.append((told.time(cells), told.exits(cells)))
    assert found == [found[0]] * 5


def test_several_files_are_one_audience(tmp_path: Path) -> None:
    one, other = given(tmp_path, ROWS), given(tmp_path, "watch_seconds,tier\n5,gold\n", "other.csv")
    with open_files([one, other]) as audience:
        assert audience.sessions() == 5
        assert audience.attributes() == ("region", "tier")
        assert told.spent(audience.cells(["tier"])) == {("gold",): 5, ("unknown",): 717.5}


def test_exits_between_two_times_pass_through_cells(tmp_path: Path) -> None:
    text = f"start,exit_low,exit_high\n{T},{T + 4},{T + 14}\n{T},{T + 8},\n"
    with open_files([given(tmp_path, text)]) as audience:
        cells = audience.cells([])
    assert told.exits(cells) == [("left", 1, [(3, 1.0), (5, 5.0), (10, 4.0)])]
    assert told.time(cells) == {(0,): 2, (1,): 4, (3,): 3, (5,): 3}


def test_alike_intervals_count_as_one_with_their_mean(tmp_path: Path) -> None:
    rows = "".join(f"u,{T},{T + at},{T + at + 10}\n" for at in (38, 38.2, 38.4))
    with open_files([given(tmp_path, "user,start,exit_low,exit_high\n" + rows)]) as audience:
        assert told.exits(audience.cells([])) == [("left", 3, [(30, 10.0)])]


def test_who_has_no_end_is_still_there(tmp_path: Path) -> None:
    text = f"start,watch_seconds,end,cause\n{T},20,,\n{T},5,{T + 5},failed\n{T},6,{T + 6},ended\n"
    with open_files([given(tmp_path, text)]) as audience:
        cells = audience.cells([])
        assert "causes" in audience.has
    assert told.exits(cells) == [("failed", 1, [(3, 0.0)])]
    assert sum(told.time(cells).values()) == 31


def test_rare_levels_are_others(tmp_path: Path) -> None:
    rows = "".join(f"{1 + number},r{number}\n" for number in range(14)) + "1,r0\n"
    with open_files([given(tmp_path, "watch_seconds,region\n" + rows)]) as audience:
        levels = audience.cells(["region"]).levels[0]
    assert len(levels) == 13
    assert levels[-1] == "other"


def test_what_is_absent_is_said_so(tmp_path: Path) -> None:
    with open_files([given(tmp_path, ROWS)]) as audience:
        with pytest.raises(ValueError, match="stall: absent from these data: needs events"):
            audience.cells(["stall"])
        assert audience.after_stall(30) is None
        assert audience.timelines([], 1, 1, 1) == {}


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("watch_seconds\n1\nlong\n", 3, "watch_seconds", "a number"),
        ("watch_seconds\n1\n-1\n", 3, "watch_seconds", "0 or more"),
        ("watch_seconds\n1\nnan\n", 3, "watch_seconds", "0 or more"),
        ("watch_seconds,height\n1,720\n2,0\n", 3, "height", "1 or more"),
        ("watch_seconds,a\n1,2\n1\n", 3, "a", "2 columns"),
        ("watch_seconds,watch_seconds\n1,2\n", 1, "header", "once"),
        ("seconds\n1\n", 1, "header", "watch_seconds"),
        ("start,last_seen\n1700000000000,1700000000001\n", 2, "last_seen", "milliseconds"),
        ("end\n1700000000\n", 1, "start", "no watch_seconds"),
        (f"start,end\n{T},{T - 1}\n", 2, "end", "before start"),
        (f"start,end\n{T},{T + 1}\n,{T}\n", 3, "start", "required"),
        (f"start,exit_low,exit_high\n{T},{T + 2},{T + 1}\n", 2, "exit_high", "before exit_low"),
        ("watch_seconds,cause\n1,bored\n", 2, "cause", "quit or ended"),
        ("watch_seconds,last_seen,start\n,,\n", 2, "watch_seconds", "is required"),
        ("session,watch_seconds\na,1\n,2\n", 3, "session", "required"),
        ("", 1, "header", "the file is empty"),
        ("\n\n", 1, "header", "the file has none"),
        ("watch_seconds,file_row_number\n1,2\n", 1, "file_row_number", "called otherwise"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, line: int, column: str, expected: str) -> None:
    found = refused(given(tmp_path, text))
    assert found[:2] == (line, column)
    assert expected in found[2]


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ('{"watch_seconds": 1}\n{"watch_seconds": "x"}\n', 2, "watch_seconds", "a number"),
        ('{"watch_seconds": 1}\n\n{"watch_seconds": -1}\n', 3, "watch_seconds", "0 or more"),
        ('{"watch_seconds": 1}\n{"watch_seconds": 1,\n', 2, None, "JSON object"),
        ('{"watch_seconds": 1}\n[1]\n', 2, None, "JSON object"),
    ],
)
def test_what_is_wrong_in_json_is_named(
    tmp_path: Path, text: str, line: int, column: str | None, expected: str
) -> None:
    found = refused(given(tmp_path, text, "s.jsonl"))
    assert found[:2] == (line, column)
    assert expected in found[2]


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    assert "name that ends" in refused(given(tmp_path, "", "s.xlsx"))[2]
    assert "no such file" in refused(tmp_path / "none.csv")[2]
    assert "Parquet" in refused(given(tmp_path, "watch_seconds\n1\n", "s.parquet"))[2]
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00watch")
    assert "UTF-8" in refused(tmp_path / "bytes.csv")[2]
    duckdb.execute(f"copy (select '5' as watch_seconds) to '{tmp_path}/text.parquet'")
    assert refused(tmp_path / "text.parquet")[1:] == ("watch_seconds", "must be a column of numbers, not VARCHAR")


@pytest.mark.parametrize("engine", ["sqlite", "duckdb=x", ""])
def test_an_engine_that_is_none_is_refused(tmp_path: Path, engine: str) -> None:
    with pytest.raises(ValueError, match="must be duckdb, spark, spark=MASTER or clickhouse"):
        open_files([given(tmp_path, ROWS)], engine)


def test_names_of_files_are_meant_literally(tmp_path: Path) -> None:
    odd = tmp_path / "a'[b]*"
    odd.mkdir()
    with open_files([given(odd, ROWS)]) as audience:
        assert audience.sessions() == 4


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    odd: list[Any] = ['de"vice type', "key", "sid", "bucket_", "a0"]
    text = ",".join(["watch_seconds", '"de""vice type"', *odd[1:]]) + "\n1,tv,k,s,b,z\n"
    with open_files([given(tmp_path, text)]) as audience:
        assert set(audience.attributes()) == set(odd)
        for name in odd:
            assert len(audience.cells([name]).levels[0]) == 1
