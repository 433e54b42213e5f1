"""From the log to Parquet: each event once at each moment, days, merging, retention, and forgetting."""

from __future__ import annotations

import errno
import logging
import os
import resource
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qoe_agent import clock
from qoe_agent.viewers.events import FIELDS, ViewerEvent
from qoe_agent.viewers.facts import compaction, erasing, forgotten, parts, reading, rows, segments
from qoe_agent.viewers.facts.writer import Taken, Writer
from qoe_agent.viewers.pseudonyms import Key, Ring
from tests.viewers.made import NOON_MS, RING, heartbeat, record, stored

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock, for tests to set."""
    wall = [NOON_MS / 1000]
    monkeypatch.setattr(clock, "realtime", lambda: wall[0])
    return wall


def log(folder: Path, *batches: list[ViewerEvent]) -> None:
    """A segment for each batch."""
    writer = Writer(folder, 1 << 20, 3600)
    for batch in batches:
        writer.commit([segments.framed(record(*batch))])
        writer.rotate()
    writer.close()


def compact(folder: Path) -> compaction.Compacted:
    with compaction.owning(folder):
        return compaction.compact(folder)


def files(folder: Path) -> list[str]:
    return [str(part.path.relative_to(folder / "events")) for part in parts.listed(folder)]


def test_a_segment_becomes_the_file_of_its_day_with_all_that_was_known(tmp_path: Path, noon: list[float]) -> None:
    one = heartbeat("s", 1, user="u", stream="show", value=1.5, background=False, attributes={"tier": "gold"})
    log(tmp_path, [one])
    noon[0] += 86_400
    log(tmp_path, [heartbeat("s", 2)])
    assert compact(tmp_path) == compaction.Compacted(2, 2, 0)
    assert files(tmp_path) == ["day=2027-01-15/000000000001.parquet", "day=2027-01-16/000000000002.parquet"]
    assert not segments.listed(tmp_path / "log")
    (row,) = pq.ParquetFile(tmp_path / "events" / files(tmp_path)[0]).read().to_pylist()
    row["attributes"] = dict(row["attributes"])
    assert ViewerEvent(**row) == one


def test_columns_are_those_that_engines_read_alike() -> None:
    form = rows.schema()
    assert tuple(form.names) == FIELDS
    allowed = {pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.map_(pa.string(), pa.string())}
    assert {field.type for field in form} <= allowed
    assert not form.field("session").nullable
    assert form.field("at_ms").nullable


def test_the_segment_being_written_is_left_alone_and_read(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 1 << 20, 3600)
    writer.commit([segments.framed(record(heartbeat("s", 1)))])
    assert compact(tmp_path).segments == 0
    assert stored(tmp_path) == [("s", 1)]
    writer.close()


def test_repetitions_of_a_day_are_dropped_within_and_between_segments_and_by_readers(
    tmp_path: Path, noon: list[float]
) -> None:
    log(tmp_path, [heartbeat("s", 1), heartbeat("s", 1), heartbeat("s", 2)], [heartbeat("s", 2), heartbeat("s", 3)])
    assert stored(tmp_path) == [("s", 1), ("s", 2), ("s", 3)]
    assert compact(tmp_path) == compaction.Compacted(2, 3, 2)
    noon[0] += 80_000
    log(tmp_path, [heartbeat("s", 1, received_ms=NOON_MS + 80_000_000), heartbeat("s", 4)])
    assert stored(tmp_path) == [("s", 1), ("s", 2), ("s", 3), ("s", 4)]
    assert compact(tmp_path) == compaction.Compacted(1, 1, 1)
    assert stored(tmp_path) == [("s", 1), ("s", 2), ("s", 3), ("s", 4)]


def test_the_memory_for_repetitions_ends_after_a_day(tmp_path: Path) -> None:
    log(tmp_path, [heartbeat("s", 1)])
    compact(tmp_path)
    keys = rows.pieces(parts.listed(tmp_path)[0].path, ["key"])
    (key,) = [piece["key"].to_numpy() for piece in keys]
    paths = [parts.listed(tmp_path)[0].path]
    assert rows.repeated(key, NOON_MS, paths).all()
    assert not rows.repeated(key, NOON_MS + 1, paths).any()


def test_a_crash_between_the_file_and_the_removal_of_its_segment_counts_nothing_twice(tmp_path: Path) -> None:
    log(tmp_path, [heartbeat("s", 1)])
    (segment,) = segments.listed(tmp_path / "log")
    kept = segment.path.read_bytes()
    compact(tmp_path)
    segment.path.write_bytes(kept)
    assert stored(tmp_path) == [("s", 1)]
    assert compact(tmp_path) == compaction.Compacted()
    assert not segments.listed(tmp_path / "log")
    assert stored(tmp_path) == [("s", 1)]


@pytest.mark.parametrize("step", ["write", "replace", "unlink"])
def test_whatever_step_fails_events_stay_and_the_next_run_ends_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    log(tmp_path, [heartbeat("s", 1)], [heartbeat("s", 2)])

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        owner, name = {"write": (os, "fsync"), "replace": (os, "replace"), "unlink": (Path, "unlink")}[step]
        patch.setattr(owner, name, fail)
        with pytest.raises(OSError, match="full"):
            compact(tmp_path)
    assert stored(tmp_path) == [("s", 1), ("s", 2)]
    compact(tmp_path)
    assert stored(tmp_path) == [("s", 1), ("s", 2)]
    assert len(files(tmp_path)) == 2
    assert not list((tmp_path / "events").glob("*/.*"))


def test_a_full_disk_stops_compaction_and_nothing_is_gone(tmp_path: Path) -> None:
    log(tmp_path, [heartbeat(f"session-{each}", each) for each in range(2000)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        with pytest.raises(OSError, match="File too large"):
            compact(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not files(tmp_path)
    assert len(stored(tmp_path)) == 2000
    assert compact(tmp_path).events == 2000


def test_damage_in_a_closed_segment_is_told_and_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    log(tmp_path, [heartbeat("s", 1)])
    (segment,) = segments.listed(tmp_path / "log")
    with segment.path.open("ab") as file:
        file.write(b"?" * 50)
    assert compact(tmp_path).events == 1
    assert "is damaged: 50 of its" in caplog.text
    assert [path.name for path in (tmp_path / "log").glob("*.damaged")] == ["000000000001.damaged"]
    assert stored(tmp_path) == [("s", 1)]


def test_only_one_process_compacts(tmp_path: Path) -> None:
    with compaction.owning(tmp_path), pytest.raises(Taken), compaction.owning(tmp_path):
        pass


def test_small_files_of_a_day_become_one_and_those_of_another_day_do_not(tmp_path: Path, noon: list[float]) -> None:
    log(tmp_path, *([heartbeat("s", each)] for each in range(3)))
    noon[0] += 86_400
    log(tmp_path, *([heartbeat("s", each)] for each in range(3, 5)))
    compact(tmp_path)
    with compaction.owning(tmp_path):
        assert compaction.merge(tmp_path) == 2
    assert files(tmp_path) == [
        "day=2027-01-15/000000000001-000000000003.parquet", "day=2027-01-16/000000000004-000000000005.parquet",
    ]  # fmt: skip
    assert stored(tmp_path) == [("s", each) for each in range(5)]
    with compaction.owning(tmp_path):
        assert compaction.merge(tmp_path) == 0
        assert compaction.merge(tmp_path, small=1) == 0
    log(tmp_path, [heartbeat("s", 4), heartbeat("s", 5)])
    assert compact(tmp_path) == compaction.Compacted(1, 1, 1)
    assert files(tmp_path)[-1].endswith("000000000006.parquet")


def test_tending_compacts_merges_days_that_are_over_and_lets_old_ones_go(tmp_path: Path, noon: list[float]) -> None:
    for day in range(3):
        log(tmp_path, *([heartbeat("s", 2 * day + each, received_ms=NOON_MS + day * DAY_MS)] for each in range(2)))
        noon[0] += 86_400 if day < 2 else 0
    assert compaction.tend(tmp_path, timedelta(days=1)).segments == 6
    assert files(tmp_path) == [
        "day=2027-01-16/000000000003-000000000004.parquet", "day=2027-01-17/000000000005.parquet",
        "day=2027-01-17/000000000006.parquet",
    ]  # fmt: skip
    assert stored(tmp_path) == [("s", each) for each in range(2, 6)]


def test_a_merge_over_a_segment_that_waits_is_not_made(tmp_path: Path) -> None:
    log(tmp_path, *([heartbeat("s", each)] for each in range(3)))
    middle = segments.listed(tmp_path / "log")[1].path
    kept = middle.read_bytes()
    middle.unlink()
    compact(tmp_path)
    middle.write_bytes(kept)
    with compaction.owning(tmp_path):
        assert compaction.merge(tmp_path) == 0
    compact(tmp_path)
    assert stored(tmp_path) == [("s", 0), ("s", 1), ("s", 2)]


def test_files_stay_while_somebody_reads_and_count_only_once(tmp_path: Path) -> None:
    log(tmp_path, *([heartbeat("s", each)] for each in range(3)))
    compact(tmp_path)
    with reading.snapshot(tmp_path) as facts, compaction.owning(tmp_path):
        compaction.merge(tmp_path)
        assert not compaction.sweep(tmp_path)
        assert not compaction.expire(tmp_path, timedelta(days=-2))
        assert all(path.exists() for path in facts.files)
        assert stored(tmp_path) == [("s", 0), ("s", 1), ("s", 2)]
    with compaction.owning(tmp_path):
        assert compaction.sweep(tmp_path)
    assert len(files(tmp_path)) == 1


def test_days_beyond_retention_go(tmp_path: Path, noon: list[float]) -> None:
    for each in range(4):
        log(tmp_path, [heartbeat("s", each, received_ms=NOON_MS + each * DAY_MS)])
        noon[0] += 86_400
    compact(tmp_path)
    with compaction.owning(tmp_path):
        assert compaction.expire(tmp_path, timedelta(days=2))
    assert stored(tmp_path) == [("s", 2), ("s", 3)]
    assert sorted(path.name for path in (tmp_path / "events").glob("day=*")) == ["day=2027-01-17", "day=2027-01-18"]


def test_a_wall_clock_that_jumps_ahead_deletes_nothing(
    tmp_path: Path, noon: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    steady = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: steady[0])

    def tend(wall_days: float, steady_days: float) -> list[tuple[str, int]]:
        noon[0], steady[0] = NOON_MS / 1000 + wall_days * 86_400, 1000 + steady_days * 86_400
        compaction.tend(tmp_path, timedelta(days=90))
        return stored(tmp_path)

    facts = [("s", 1)]
    log(tmp_path, [heartbeat("s", 1, received_ms=NOON_MS)])
    assert tend(365, 0.01) == facts  # at the first run that notes it
    assert tend(0.1, 0.1) == facts
    assert tend(365.2, 0.2) == facts
    assert "days ahead" in caplog.text
    assert tend(0.3, 0.3) == facts
    assert tend(365.4, 1.4) == facts
    assert tend(365.5, 1.5) == facts
    assert tend(366.3, 2.3) == facts
    assert tend(800, 2.31) == facts  # it jumps again
    assert tend(801, 3.0) == facts
    assert tend(801, 0.5) == facts  # the machine starts anew
    assert tend(802.1, 1.6) == [], "it went on from there for a day"


def test_days_go_while_the_clock_is_steady_and_after_a_start_of_the_machine(
    tmp_path: Path, noon: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: steady[0])
    log(tmp_path, [heartbeat("s", 1, received_ms=NOON_MS)])
    for day in range(4):
        compaction.tend(tmp_path, timedelta(days=2))
        assert bool(stored(tmp_path)) == (day < 3)
        noon[0] += 86_400
        steady[0] = steady[0] + 86_400 if day != 1 else 60.0


def test_a_user_is_forgotten_with_all_sessions_under_each_key_in_files_and_in_the_log(tmp_path: Path) -> None:
    old, new = Key(1, b"1" * 32), Key(2, b"2" * 32)
    before, after = Ring([old]), Ring([old, new])
    log(tmp_path, [heartbeat("a", 1, user="u", ring=before), heartbeat("a", 2), heartbeat("x", 1, user="v")])
    log(tmp_path, [heartbeat("b", 1, user="u", ring=after), heartbeat("b", 1, source="other"), heartbeat("y", 1)])
    compact(tmp_path)
    writer = Writer(tmp_path, 1 << 20, 3600)
    writer.commit([segments.framed(record(heartbeat("b", 2), heartbeat("c", 1, user="u", ring=after)))])
    with compaction.owning(tmp_path):
        assert erasing.forget(tmp_path, after, "u") == erasing.Erased(events=3, files=2, logged=2)
    others = [("b", 1), ("x", 1), ("y", 1)]
    assert stored(tmp_path) == others
    writer.close()
    compact(tmp_path)
    assert stored(tmp_path) == others
    assert not forgotten.read(tmp_path)
    theirs = [pseudonym.user_key for pseudonym in after.all("u")]
    left = [
        key for path in files(tmp_path) for key in pq.read_table(tmp_path / "events" / path)["user_key"].to_pylist()
    ]
    assert not set(theirs) & set(left)
    log(tmp_path, [heartbeat("d", 1, user="u", ring=after)])
    compact(tmp_path)
    assert ("d", 1) in stored(tmp_path), "who comes back is somebody again"


def test_a_deletion_that_ended_halfway_is_ended_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log(tmp_path, [heartbeat("a", 1, user="u"), heartbeat("b", 1), heartbeat("x", 1, user="v")])
    log(tmp_path, [heartbeat("a", 2), heartbeat("b", 2, user="u"), heartbeat("x", 2)])
    compact(tmp_path)
    write = rows.write
    written: list[Path] = []

    def full(path: Path, tables: Iterable[pa.Table]) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        write(path, tables)

    monkeypatch.setattr(rows, "write", full)
    with compaction.owning(tmp_path), pytest.raises(OSError, match="No space"):
        erasing.forget(tmp_path, RING, "u")
    monkeypatch.setattr(rows, "write", write)
    assert ("a", 2) in stored(tmp_path), "of a session that nothing names any more"
    with compaction.owning(tmp_path):
        assert erasing.forget(tmp_path, RING, "nobody") == erasing.Erased(2, 1, 0)
        assert erasing.forget(tmp_path, RING, "nobody") == erasing.Erased(0, 0, 0)
    assert stored(tmp_path) == [("x", 1), ("x", 2)]


def test_forgetting_somebody_unknown_deletes_only_what_nobody_can_read(tmp_path: Path) -> None:
    log(tmp_path, [heartbeat("a", 1, user="u")])
    damaged = tmp_path / "log" / "000000000009.damaged"
    damaged.write_bytes(b"somebody")
    with compaction.owning(tmp_path):
        assert erasing.forget(tmp_path, RING, "nobody") == erasing.Erased(0, 0, 0)
    assert stored(tmp_path) == [("a", 1)]
    assert not damaged.exists()
