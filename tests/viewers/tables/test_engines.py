"""Every engine gives the same figures. DuckDB is always here, the others where they are installed: tests/engines.sh."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers.audience import files
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import Plan, Reporting
from qoe_agent.viewers.lift.shapes import Design, Moments, Trial
from qoe_agent.viewers.shapes import Without
from qoe_agent.viewers.tables import Audience, open_facts, open_files, trials
from tests.viewers.tables import test_trials_facts, told, trials_made
from tests.viewers.tables.test_events import LONG
from tests.viewers.tables.test_facts import stored
from tests.viewers.tables.test_leaving_out import OUT_OF_SIGHT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Columns

ENGINES = {"spark=local[2]": "pyspark", "clickhouse": "chdb"}
SESSIONS, WATCHED = (20_000, 400) if os.environ.get("QOE_ENGINES") else (2000, 50)
"""Sessions as sessions, and as events, of which each has a hundred."""

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of pyspark's and chdb's own
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    files.write(fates(Plan(sessions=SESSIONS, streams=2)), folder, ("csv", "parquet"))
    plan = Plan(sessions=WATCHED, reporting=Reporting(lost=0.02, twice=0.1, late=0.1, skew=3.0), messages_per_hour=60.0)
    files.write(fates(plan), folder / "events", ("events",))
    return folder


def figures(opened: Callable[[], Audience], factors: list[str]) -> dict[str, Any]:
    """All that an audience tells."""
    with opened() as audience:
        found: dict[str, Any] = {"sessions": audience.sessions(), "has": audience.has, "arms": audience.arms()}
        for each in ([], factors, factors[:1], ["region"]):
            cells = audience.cells(each)
            time = told.time(cells)
            found[f"levels {each}"] = cells.levels
            found[f"time {each}"] = sorted(time), np.array([time[name] for name in sorted(time)])
            exits = told.exits(cells)
            found[f"exits {each}"] = [
                (cause, count, [piece[:-1] for piece in pieces]) for cause, count, pieces in exits
            ]
            found[f"within {each}"] = np.array([piece[-1] for _, _, pieces in exits for piece in pieces])
        naive = audience.naive(factors)
        found["naive"] = [(one.factor, one.level) for one in naive], np.array([one.ratio for one in naive])
        after = audience.after_stall(30)
        found["after"] = np.concatenate([values.ravel() for values in after or [np.zeros(0)]])
        if delivery := audience.delivery():
            found["delivery"] = np.concatenate(delivery[:-1])
            time = told.time(audience.cells(["message"]))
            found["after messages"] = sorted(time), np.array([time[name] for name in sorted(time)])
        if "height" in audience.has:
            found["begun"] = audience.counts(audience.first("height"))
        lines = audience.timelines(audience.incidents(), 300, 300, 5, [(0, 0.01), (30, 0.001)])
        found["timelines"] = [
            (name, one.start, one.clock, one.heartbeat) for name, one in sorted(lines.items())
        ], np.concatenate([np.stack([one.watching, one.exits, one.orders, one.risk]).ravel()
                           for _, one in sorted(lines.items()) if one.risk is not None] or [np.zeros(0)])  # fmt: skip
    return found


def same(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        pair = value if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.ndarray) else (value,)
        theirs = other[name] if len(pair) == 2 else (other[name],)
        for mine, its in zip(pair, theirs, strict=True):
            if isinstance(mine, np.ndarray):
                np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-6, err_msg=name)
            else:
                assert mine == its, name


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    if importlib.util.find_spec(ENGINES[request.param]) is None:
        if os.environ.get("QOE_ENGINES"):
            pytest.fail(f"{ENGINES[request.param]} is not installed")
        pytest.skip(f"{ENGINES[request.param]} is not installed: see tests/engines.sh")
    return str(request.param)


def test_sessions(engine: str, simulated: Path) -> None:
    def opened(by: str) -> Callable[[], Audience]:
        return lambda: open_files([simulated / "sessions.csv"], by, simulated / "incidents.jsonl")

    factors = ["startup", "height", "latency", "incident"]
    same(figures(opened("duckdb"), factors), figures(opened(engine), factors))


def test_events(engine: str, simulated: Path) -> None:
    def opened(by: str) -> Callable[[], Audience]:
        folder = simulated / "events"
        return lambda: open_files([folder / "events.jsonl"], by, folder / "incidents.jsonl")

    factors = ["stall", "height", "startup", "incident"]
    same(figures(opened("duckdb"), factors), figures(opened(engine), factors))


def test_whom_to_leave_out(engine: str, tmp_path: Path) -> None:
    path = told.lines(tmp_path / "events.jsonl", OUT_OF_SIGHT + [row | {"region": "x"} for row in LONG])

    def opened(by: str) -> Callable[[], Audience]:
        return lambda: open_files([path], by, without=Without((("region", "y"), ("arm", "z")), hidden=True))

    same(figures(opened("duckdb"), []), figures(opened(engine), []))


def test_measures(engine: str, simulated: Path) -> None:
    begins = Plan().begins
    measures = told.lines(simulated / "measures.jsonl", (
        {"stream": f"live-{1 + number % 2}", "at": begins + 60 * minute, "latency": 2.5,
         "av_offset": 0.1 * (minute % 4), "effective_height": (360, 540, 720, 1080)[minute // 7 % 4] + 7 * number}
        for minute in range(10, 80) for number in range(3) if (minute + number) % 11
    ))  # fmt: skip

    def opened(by: str) -> Callable[[], Audience]:
        return lambda: open_files([simulated / "sessions.csv"], by, None, measures)

    factors = ["height", "effective_height", "av_offset"]
    same(figures(opened("duckdb"), factors), figures(opened(engine), factors))


def test_facts(engine: str, tmp_path: Path) -> None:
    stored(tmp_path)
    factors = ["stall"]
    same(figures(lambda: open_facts(tmp_path), factors), figures(lambda: open_facts(tmp_path, engine), factors))


def counted(path: Path, engine: str, design: Design, columns: Columns) -> Trial:
    with trials.open_files([path], columns, trials_made.NUMBERS, trials_made.WORDS, engine) as rows:
        return rows.trial(design)


@pytest.mark.parametrize("case", ["users", "window", "blocks"])
def test_experiments(engine: str, case: str, tmp_path: Path) -> None:
    design = Design(
        "sd", metrics=trials_made.METRICS, pre=("pre",), segments=trials_made.WORDS, strata=trials_made.WORDS
    )
    columns = trials_made.COLUMNS
    if case == "users":
        steady = ("device",)
        design = replace(design, metrics=design.metrics[:5], cap_unit="user", segments=steady, strata=steady)
        columns = replace(columns, time=None)
    elif case == "window":
        design = replace(design, window=4 * trials_made.DAY, cap_unit="window")
    else:
        design = replace(design, metrics=design.metrics[:4], switchback=600.0, washout=60.0)
    path = trials_made.written(tmp_path / "some.parquet", trials_made.rows(7, SESSIONS))
    all_alike(*(counted(path, each, design, columns) for each in ("duckdb", engine)))


def test_experiments_of_facts(engine: str, tmp_path: Path) -> None:
    test_trials_facts.stored(tmp_path)
    design = Design("sd", metrics=test_trials_facts.METRICS, segments=("region",), window=60.0)

    def of_facts(by: str) -> Trial:
        with trials.open_facts(tmp_path, "ladder", None, ["stall_seconds", "orders"], ["region"], by) as rows:
            return rows.trial(design)

    all_alike(of_facts("duckdb"), of_facts(engine))


def all_alike(mine: Trial, its: Trial) -> None:
    for field in fields(Trial):
        alike(getattr(mine, field.name), getattr(its, field.name), field.name)


def alike(mine: Any, its: Any, where: str) -> None:
    """The same, but for the last digits of sums of what is not whole."""
    if isinstance(mine, Moments):
        mine, its = (
            (mine.amounts, mine.units, mine.sums, mine.products),
            (its.amounts, its.units, its.sums, its.products),
        )
    if isinstance(mine, np.ndarray):
        np.testing.assert_allclose(mine, its, rtol=1e-9, atol=1e-6, err_msg=where)
    elif isinstance(mine, Mapping):
        assert list(mine) == list(its), where
        for key, value in mine.items():
            alike(value, its[key], f"{where} {key}")
    elif isinstance(mine, tuple):
        assert len(mine) == len(its), where
        for number, (one, other) in enumerate(zip(mine, its, strict=True)):
            alike(one, other, f"{where} {number}")
    else:
        assert mine == (pytest.approx(its) if isinstance(its, float) else its), where


def test_files_of_one_audience_agree(simulated: Path) -> None:
    """Sessions as CSV and as Parquet, on the engine that is always here."""
    factors = ["startup", "incident"]
    found = [figures(lambda name=name: open_files([simulated / name], incidents=simulated / "incidents.jsonl"), factors)
             for name in ("sessions.csv", "sessions.parquet")]  # fmt: skip
    same(*found)
