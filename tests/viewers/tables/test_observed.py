"""Sessions nobody randomised, out of files into cells: against counting by hand, on every engine."""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers.lift.shapes import Columns
from qoe_agent.viewers.tables import trials
from qoe_agent.viewers.tables.trials.observed import of_rows
from tests.viewers.tables.test_engines import engine, pytestmark  # noqa: F401  a fixture, and what engines warn of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from qoe_agent.viewers.lift.observed import Covered

COLUMNS = Columns("user", "arm", "watch")
BY = ("bandwidth", "device", "stall_seconds")


def row(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """A session; a tenth has no bandwidth, a third stalled."""
    return {
        "user": f"u{number // 3}", "arm": ("hd", "sd", "other", "")[int(rng.choice(4, p=(0.4, 0.4, 0.1, 0.1)))],
        "watch": round(float(rng.lognormal(4, 2)), 3),
        "bandwidth": "" if rng.random() < 0.1 else round(float(rng.lognormal(2, 1)), 2),
        "device": ("phone", "tv", "desktop", "")[int(rng.integers(4))],
        "stall_seconds": float(rng.choice((0.0, 0.5, 2.0))),
    }  # fmt: skip


ROWS = [row(np.random.default_rng(number), number) for number in range(4000)]


def written(path: Path, rows: Iterable[dict[str, Any]] = ROWS) -> Path:
    rows = list(rows)
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


def counted(
    path: Path, by: Sequence[str] = BY, *, cap: float | None = None, columns: Columns = COLUMNS,
    numbers: Sequence[str] = ("bandwidth", "stall_seconds"), counter: str = "duckdb",
) -> Covered:  # fmt: skip
    words = [each for each in by if each not in numbers]
    with trials.open_files([path], columns, [each for each in by if each in numbers], words, counter) as rows:
        return of_rows(rows, by, "hd", "sd", cap)


def level(covered: Covered, place: int, value: object) -> int:
    """Of a value, by the names of levels."""
    names = covered.levels[place]
    if value == "":
        return names.index("unknown")
    if not covered.ordered[place]:
        return names.index(str(value)) if str(value) in names else names.index("other")
    if f"{value:g}" in names:
        return names.index(f"{value:g}")
    lows = [-math.inf] + [float(name.split("–")[0].removeprefix("≥")) for name in names[1:-1]]
    return int(np.searchsorted(lows, float(str(value)), side="right")) - 1


def test_cells_are_what_counting_gives(tmp_path: Path) -> None:
    covered = counted(written(tmp_path / "sessions.csv"), cap=500.0)
    known: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0] * 6)
    for each in ROWS:
        if each["arm"] in ("hd", "sd"):
            where = tuple(level(covered, place, each[name]) for place, name in enumerate(BY))
            seconds, arm = min(each["watch"], 500.0), int(each["arm"] == "hd")
            for place, value in enumerate((1, seconds, seconds**2)):
                known[where][2 * place + arm] += value
    found = {tuple(map(int, cell)): [*covered.count[place], *covered.total[place], *covered.squares[place]]
             for place, cell in enumerate(covered.design)}  # fmt: skip
    assert found.keys() == known.keys()
    for where, sums in found.items():
        assert sums == pytest.approx(known[where]), where
    assert set(covered.levels[1]) == {"desktop", "phone", "tv", "unknown"}
    assert covered.levels[2] == ("0", "0.5", "2", "unknown")
    assert covered.ordered == (True, False, True)
    assert [note for note in covered.notes if note.startswith("stall_seconds is what happened in a session")]


def test_a_numbers_bins_are_filled_alike(tmp_path: Path) -> None:
    covered = counted(written(tmp_path / "sessions.csv"), ("bandwidth",))
    assert len(covered.levels[0]) == 21
    filled = np.bincount(covered.design[:, 0], covered.count.sum(axis=1))[:-1]
    assert filled.max() / filled.min() < 1.2


def test_buckets_and_numbers_add_up_to_the_cells(tmp_path: Path) -> None:
    covered = counted(written(tmp_path / "sessions.csv"))
    assert covered.buckets is not None
    assert covered.numbers is not None
    assert covered.buckets[..., 0].sum(axis=0) == pytest.approx(covered.count)
    assert covered.buckets[..., 1].sum(axis=0) == pytest.approx(covered.total)
    known = sum(each["bandwidth"] for each in ROWS if each["arm"] == "hd" and each["bandwidth"] != "")
    assert covered.numbers[:, 1, 0, 0].sum() == pytest.approx(known)
    stalled = sum(each["stall_seconds"] ** 2 for each in ROWS if each["arm"] == "sd")
    assert covered.numbers[:, 0, 2, 1].sum() == pytest.approx(stalled)


def test_a_user_is_whole_in_a_bucket(tmp_path: Path) -> None:
    """300 sessions of one user, 2 of each other: one bucket holds them all."""
    rows = [each | {"user": "same" if number < 300 else f"u{number // 2}", "arm": "hd"}
            for number, each in enumerate(ROWS)]  # fmt: skip
    covered = counted(written(tmp_path / "sessions.csv", rows), ())
    assert covered.buckets is not None
    assert covered.buckets[:, 0, 1, 0].max() >= 300


def test_pairs_are_one_to_one_within_cells_and_hang_on_no_order_of_rows(tmp_path: Path) -> None:
    covered = counted(written(tmp_path / "sessions.csv"))
    assert sum(covered.wins) == covered.count.min(axis=1).sum()
    turned = counted(written(tmp_path / "turned.csv", reversed(ROWS)))
    assert turned.wins == covered.wins


def test_pairs_are_as_good_as_drawn_at_random(tmp_path: Path) -> None:
    """Treated sessions are as long as the others: as many pairs are won as lost, within four standard errors."""
    longer, shorter, _ = counted(written(tmp_path / "sessions.csv"), ()).wins
    assert abs(longer - shorter) < 4 * math.sqrt(longer + shorter)
    rows = [each | {"watch": each["watch"] + 1e6} if each["arm"] == "hd" else each for each in ROWS]
    assert counted(written(tmp_path / "longer.csv", rows), ()).wins[1:] == (0, 0)
    capped = counted(written(tmp_path / "longer.csv", rows), (), cap=1e-3)
    assert capped.wins[:2] == (0, 0)
    assert capped.wins[2] > 0


def test_rare_words_are_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    places = [f"place{min(int(rng.geometric(0.2)), 40)}" for _ in ROWS]
    rows = [each | {"place": name} for each, name in zip(ROWS, places, strict=True)]
    covered = counted(written(tmp_path / "sessions.csv", rows), ("place",))
    names = covered.levels[0]
    assert names[-2:] == ("other", "unknown")
    common = Counter(each["place"] for each in rows if each["arm"] in ("hd", "sd")).most_common(11)
    assert set(names[:-2]) >= {name for name, count in common[:9]}
    assert covered.count.sum() == sum(each["arm"] in ("hd", "sd") for each in ROWS)


def test_words_that_all_read_as_numbers_are_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "sessions.csv")
    asked, told = (counted(path, ("bandwidth",), numbers=each) for each in (("bandwidth",), ()))
    assert told.ordered == (True,)
    assert told.levels == asked.levels
    assert told.count == pytest.approx(asked.count)


def test_there_are_fewer_levels_where_sessions_are_few(tmp_path: Path) -> None:
    covered = counted(written(tmp_path / "sessions.csv", ROWS[:300]))
    assert len(covered.design) <= 30


def test_without_users_each_session_is_one(tmp_path: Path) -> None:
    rows = [{name: value for name, value in each.items() if name != "user"} for each in ROWS]
    covered = counted(written(tmp_path / "sessions.csv", rows), columns=Columns(None, "arm", "watch"))
    assert covered.buckets is not None
    assert (covered.buckets[..., 0].sum(axis=(1, 2)) > 0).sum() > 150
    assert "too narrow" in " ".join(covered.notes)


@pytest.mark.parametrize("columns", [COLUMNS, Columns(None, "arm", "watch")], ids=["users", "no users"])
def test_engines_agree(engine: str, columns: Columns, tmp_path: Path) -> None:  # noqa: F811
    path = written(tmp_path / "sessions.csv")
    one, other = (counted(path, cap=900.0, columns=columns, counter=by) for by in ("duckdb", engine))
    assert one.levels == other.levels
    assert (one.design == other.design).all()
    assert one.wins == other.wins
    for name in ("count", "total", "squares", "buckets", "numbers"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, err_msg=name)
