"""Experiments out of files, against what a slow loop says of the same rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers.lift.shapes import LENGTHS, Amount, Columns, Design, Metric
from qoe_agent.viewers.tables import BadTable
from qoe_agent.viewers.tables.trials import open_files
from tests.viewers.tables import trials_made as made

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Moments, Trial

PLAIN = Design("sd", metrics=made.METRICS, pre=("pre",), segments=made.WORDS, strata=made.WORDS)
UNTIMED = replace(PLAIN, metrics=made.METRICS[:5], segments=("device",), strata=("device",))
"""Without times, values must not vary within users."""


def counted(path: Path, design: Design, columns: Columns = made.COLUMNS) -> Trial:
    with open_files([path], columns, made.NUMBERS, made.WORDS) as rows:
        return rows.trial(design)


def alike(moments: Moments, expected: made.Expected, units: Sequence[made.Unit]) -> None:
    """The same sums and products, as far as they are told."""
    places = [expected.amounts.index(one) for one in moments.amounts]
    values = expected.matrix(units)[:, places]
    assert moments.units == len(units)
    np.testing.assert_allclose(moments.sums, values.sum(axis=0), rtol=1e-9, atol=1e-6)
    told = ~np.isnan(moments.products)
    np.testing.assert_allclose(moments.products[told], (values.T @ values)[told], rtol=1e-9, atol=1e-6)
    assert told.diagonal().all()


def bins(lengths: Sequence[float]) -> np.ndarray:
    return np.bincount(np.searchsorted(LENGTHS, lengths, side="right"), minlength=len(LENGTHS) + 1)


CASES = {
    "sessions are capped": (PLAIN, made.COLUMNS),
    "users are capped": (replace(PLAIN, cap_unit="user"), made.COLUMNS),
    "in a window": (replace(PLAIN, window=5 * made.DAY), made.COLUMNS),
    "windows are capped": (replace(PLAIN, window=3 * made.DAY, cap_unit="window"), made.COLUMNS),
    "two of the arms": (replace(PLAIN, treatments=("hd",), window=2 * made.DAY), made.COLUMNS),
    "without times": (UNTIMED, replace(made.COLUMNS, time=None)),
    "without users": (UNTIMED, replace(made.COLUMNS, user=None)),
    "users are capped without times": (replace(UNTIMED, cap_unit="user"), replace(made.COLUMNS, time=None)),
}  # fmt: skip


@pytest.mark.parametrize(("seed", "case"), list(enumerate(CASES)))
def test_sums_are_those_of_a_loop(seed: int, case: str, tmp_path: Path) -> None:
    design, columns = CASES[case]
    some = made.rows(seed)
    trial = counted(made.written(tmp_path / "some.parquet", some), design, columns)
    amounts = next(iter(trial.arms.values())).amounts
    expected = made.Expected(some, design, columns, amounts)
    by_arm = {arm: [unit for unit in expected.complete if unit.arm == arm] for arm in trial.assigned}
    assert trial.unit == ("user" if columns.user else "session")
    assert trial.several == expected.several
    assert trial.unassigned == expected.unassigned
    assert trial.assigned == Counter(unit.arm for unit in expected.units)
    for arm, units in by_arm.items():
        alike(trial.arms[arm], expected, units)
        assert trial.pending[arm] == trial.assigned[arm] - len(units)
        assert trial.sessions[arm] == sum(len(unit.sessions) for unit in units)
        lengths = [row["watch_seconds"] for unit in units for row in unit.sessions]
        assert (trial.lengths[arm] == bins(lengths)).all()
        assert trial.watched[arm].sum() == pytest.approx(sum(lengths))
        assert (trial.units[arm] == bins([round(unit.watched, 6) for unit in units])).all()
    for key, groups in trial.groups.items():
        told = {(values, arm) for values, arms in groups.items() for arm in arms}
        names = {(tuple(expected.value(unit, column) for column in key), unit.arm) for unit in expected.complete}
        assert told == names
        for values, arm in told:
            ours = [unit for unit in by_arm[arm] if tuple(expected.value(unit, column) for column in key) == values]
            alike(groups[values][arm], expected, ours)


def test_units_enter_and_stay_as_a_loop_says(tmp_path: Path) -> None:
    some, design = made.rows(3), replace(PLAIN, window=4 * made.DAY)
    trial = counted(made.written(tmp_path / "some.parquet", some), design)
    amounts = trial.arms["hd"].amounts
    expected = made.Expected(some, design, made.COLUMNS, amounts)
    assert len(trial.entered) <= 60
    since = 0.0
    for until, arms in trial.entered:
        for arm, moments in arms.items():
            ours = [unit for unit in expected.complete
                    if unit.arm == arm and since <= unit.first + 4 * made.DAY < until - 1e-6]  # fmt: skip
            alike(moments, expected, ours)
        since = until - 1e-6
    assert sum(each.units for _, arms in trial.entered for each in arms.values()) == len(expected.complete)
    assert [day for day, _ in trial.tenure] == list(range(len(trial.tenure)))
    for day, arms in trial.tenure:
        for arm, moments in arms.items():
            known = [(unit, mine) for unit, mine in zip(expected.units, expected.whole, strict=True)
                     if unit.arm == arm and unit.first + (day + 1) * made.DAY <= expected.last]  # fmt: skip
            watched = [sum(min(row["watch_seconds"], 3600.0) for row in mine
                           if (row["start"] - unit.first) // made.DAY == day) for unit, mine in known]  # fmt: skip
            hour = Amount("watch", cap=3600.0)
            assert moments.units == len(known)
            assert moments.mean(hour) * len(known) == pytest.approx(sum(watched))
            place = moments.amounts.index(hour)
            assert moments.products[place, place] == pytest.approx(sum(each * each for each in watched))


def test_arms_that_share_streams_are_counted_by_period(tmp_path: Path) -> None:
    some = made.rows(4)
    trial = counted(made.written(tmp_path / "some.parquet", some), PLAIN)
    periods = sorted({each.at for each in trial.shared})
    width = min(late - early for early, late in pairwise(periods))
    assert width % 3600 == 0
    assert len(periods) <= 101
    known = [row for row in some if None not in (row["who"], row["watch_seconds"], row["start"], row["variant"])]
    for each in trial.shared:
        ours = [row for row in known if row["room"] == each.stream and each.at <= row["start"] < each.at + width]
        assert each.sessions == Counter(row["variant"] for row in ours)
        for arm, watched in each.watched.items():
            assert watched == pytest.approx(sum(row["watch_seconds"] for row in ours if row["variant"] == arm))
    assert sum(sum(each.sessions.values()) for each in trial.shared) == sum(row["room"] is not None for row in known)


HOUR, LATE = 3600.0, 600.0
BLOCKS = Design("sd", metrics=made.METRICS[:4], pre=("pre",), switchback=HOUR, washout=LATE)


def switched(seed: int) -> list[made.Row]:
    """Every hour of every stream has one arm, but one that has two."""
    found = made.rows(seed)
    known = [row for row in found if row["variant"] is not None and row["start"] is not None]
    for row in known:
        row["start"] = made.BEGAN + (row["start"] - made.BEGAN) / 40
        row["variant"] = "hd" if hash_of(row) % 2 else "sd"
    known[0]["variant"] = "hd"
    known.append({**known[0], "variant": "sd"})
    return known


def hash_of(row: made.Row) -> int:
    return int(row["start"] // HOUR) * 31 + sum(map(ord, row["room"] or "")) * 7


@pytest.mark.parametrize("by", ["time", "column"])
def test_blocks_of_a_switchback(by: str, tmp_path: Path) -> None:
    some = switched(5)
    some = [row | {"number": f"{row['start'] // HOUR:g}"} for row in some]
    design = BLOCKS if by == "time" else replace(BLOCKS, switchback=None, washout=0.0)
    columns = made.COLUMNS if by == "time" else replace(made.COLUMNS, block="number")
    trial = counted(made.written(tmp_path / "some.parquet", some), design, columns)
    blocks: dict[tuple[str, float], list[made.Row]] = {}
    for row in some:
        if None not in (row["who"], row["watch_seconds"]):
            blocks.setdefault((row["room"] or "", row["start"] // HOUR * HOUR), []).append(row)
    single = {key: rows for key, rows in blocks.items() if len({row["variant"] for row in rows}) == 1}
    late = {key: [row for row in rows if row["start"] - key[1] >= design.washout] for key, rows in single.items()}
    late = {key: rows for key, rows in late.items() if rows}
    assert trial.unit == "block"
    assert trial.assigned == Counter(rows[0]["variant"] for rows in single.values())
    assert len(trial.blocks) == len(late)
    assert any(note.startswith("1 blocks are left out") for note in trial.notes)
    assert any("began within 600 s" in note for note in trial.notes) == (by == "time")
    place = {one: number for number, one in enumerate(trial.arms["hd"].amounts)}
    for (stream, began, arm, sums), (key, rows) in zip(trial.blocks, sorted(late.items()), strict=True):
        begin = key[1] if by == "time" else min(row["start"] for row in single[key])
        assert (stream, arm) == (key[0], rows[0]["variant"])
        assert began == pytest.approx(begin, abs=1e-3)
        watched = [row["watch_seconds"] for row in rows]
        assert sums[place[Amount("watch", cap=HOUR)]] == pytest.approx(sum(min(each, HOUR) for each in watched))
        assert sums[place[Amount("sessions")]] == len(rows)
        pre = [row["pre"] for row in rows if row["pre"] is not None]
        assert sums[place[Amount("pre", before=True)]] == pytest.approx(np.mean(pre) if pre else 0.0)
    for arm, moments in trial.arms.items():
        each = np.array([sums for _, _, mine, sums in trial.blocks if mine == arm])
        assert trial.sessions[arm] == sum(len(rows) for rows in late.values() if rows[0]["variant"] == arm)
        np.testing.assert_allclose(moments.products, each.T @ each)


ROWS = "user,arm,watch_seconds\na,hd,10\nb,sd,20\na,hd,\nc,,5\n,hd,3\n"
SMALL = Design("sd", metrics=(Metric("watch", Amount("watch")),))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.csv", ROWS),
        ("s.tsv", ROWS.replace(",", "\t")),
        (
            "s.jsonl",
            '{"user": "a", "arm": "hd", "watch_seconds": 10}\n{"user": "b", "arm": "sd", "watch_seconds": 20}\n'
            '{"user": "a", "arm": "hd"}\n{"user": "c", "watch_seconds": 5}\n{"arm": "hd", "watch_seconds": 3}\n',
        ),
    ],
)
def test_what_is_not_known_is_left_out_and_said(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    trial = counted_plain(tmp_path / name)
    assert trial.assigned == {"hd": 1, "sd": 1}
    assert trial.unassigned == 1
    assert trial.arms["hd"].mean(Amount("watch")) == 10
    assert trial.notes == ("1 of 5 rows are left out: no length", "1 of 5 rows are left out: no user")


def counted_plain(path: Path, mapping: Path | None = None) -> Trial:
    with open_files([path], Columns("user", "arm", "watch_seconds"), mapping=mapping) as rows:
        return rows.trial(SMALL)


def test_arms_out_of_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("user,watch_seconds\na,10\nb,20\nb,30\nc,40\nd,50\n")
    (tmp_path / "arms.jsonl").write_text(
        '{"user": "a", "arm": "hd"}\n{"user": "b", "arm": "sd"}\n{"user": "b", "arm": "sd"}\n'
        '{"user": "c", "arm": "sd"}\n{"user": "c", "arm": "hd"}\n'
    )
    trial = counted_plain(tmp_path / "s.csv", tmp_path / "arms.jsonl")
    assert trial.assigned == {"hd": 1, "sd": 1}
    assert trial.arms["sd"].mean(Amount("watch")) == 50
    assert (trial.several, trial.unassigned) == (1, 1)


def test_rows_of_a_named_session_that_are_alike_count_once(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("session,user,arm,watch_seconds\n1,a,hd,10\n1,a,hd,10\n2,a,hd,10\n3,b,sd,5\n")
    trial = counted_plain(tmp_path / "s.csv")
    assert trial.arms["hd"].mean(Amount("watch")) == 20
    assert trial.notes == ("1 rows are there twice, alike in all columns: each counts once",)


def test_the_past_is_one_arm(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("user,watch_seconds\na,10\nb,20\n")
    with open_files([tmp_path / "s.csv"], Columns("user", "", "watch_seconds")) as rows:
        trial = rows.past(SMALL)
    assert trial.arms[""].mean(Amount("watch")) == 15


YEAR = "must be seconds, 0 or more and at most 31,622,400 (a year)"


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("user,group,watch_seconds\na,hd,1\n", 1, "header",
         "no column 'arm' (--arm names it); the file has group, user, watch_seconds"),
        ("user,arm,watch_seconds\na,hd,1\na,hd,-2\n", 3, "watch_seconds", YEAR),
        ("user,arm,watch_seconds\na,hd,inf\n", 2, "watch_seconds", YEAR),
        ("user,arm,watch_seconds\na,hd,1e9\n", 2, "watch_seconds", YEAR),
        ("user,arm,watch_seconds\na,hd,long\n", 2, "watch_seconds", "must be a number, or empty, not 'long'"),
        ("user;arm;watch_seconds\na;hd;5,25\n", 2, "watch_seconds",
         "must be a number, or empty, not '5,25': decimals follow a point"),
        ("user,arm,watch_seconds,pre,start\na,hd,1,nan,1800000000\n", 2, "pre", "must be a finite number, or empty"),
        ("user,arm,watch_seconds,pre,start\na,hd,1,2,1800000000000\n", 2, "start",
         "must be a time in Unix seconds (2001 to 2100), not milliseconds"),
        ("user,arm,watch_seconds,pre,start\na,hd,1,2,now\n", 2, "start",
         "must be a time in Unix seconds, or empty, not 'now'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, line: int, column: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(text)
    whole = "pre" in text
    columns = Columns("user", "arm", "watch_seconds", time="start" if whole else None)
    with pytest.raises(BadTable) as caught:
        open_files([tmp_path / "s.csv"], columns, ["pre"] if whole else [])
    assert (caught.value.line, caught.value.column, caught.value.expected) == (line, column, expected)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (replace(SMALL, control="SD"), "no arm 'SD' in column 'arm'; it has hd, sd"),
        (replace(SMALL, window=3600.0), "a window needs a column of times"),
        (replace(SMALL, switchback=3600.0), "need a column of times"),
        (replace(SMALL, metrics=made.METRICS[5:6]), "returned: needs columns of users and times"),
        (replace(SMALL, pre=("age",)), "no column 'age'"),
    ],
)
def test_designs_that_rows_do_not_carry(design: Design, message: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(ROWS)
    with (
        open_files([tmp_path / "s.csv"], Columns("user", "arm", "watch_seconds")) as rows,
        pytest.raises(ValueError, match=message),
    ):
        rows.trial(design)


def test_parquet_is_read_where_it_lies(tmp_path: Path) -> None:
    with open_files([made.written(tmp_path / "some.parquet", made.rows(6))], made.COLUMNS) as rows:
        rows.arms()
        assert not list(rows.engine.folder.rglob("*.parquet"))
