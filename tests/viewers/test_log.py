"""The log: what is acknowledged is on disk, what is torn is cut off, what does not fit may come again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import threading
from typing import TYPE_CHECKING

import pytest

from qoe_agent import clock
from qoe_agent.viewers.facts import compaction, segments
from qoe_agent.viewers.facts.log import Busy, Log
from qoe_agent.viewers.facts.writer import Full, Refused, Taken, Unwritable, Writer
from tests.viewers.made import NOON_MS, heartbeat, record, stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def records(folder: Path) -> list[bytes]:
    found = (segments.scan(segment.path) for segment in segments.listed(folder / "log"))
    return [record for each in found for record in each.records]


def names(folder: Path) -> list[str]:
    return [segment.path.name[-7:] for segment in segments.listed(folder / "log")]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path, 1 << 20, 3600)
    yield writer
    writer.close()


async def test_records_are_on_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (real(file), synced.append(os.fstat(file).st_size)))
    log = Log(tmp_path)
    await log.append([b"one", b"two"])
    (segment,) = segments.listed(tmp_path / "log")
    assert segments.scan(segment.path).records == [b"one", b"two"]
    assert synced[-1] == segment.path.stat().st_size
    await log.close()


async def test_nothing_is_acknowledged_before_the_sync_returns_and_callers_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path)
    await log.append([b"first"])
    may, syncs, real = threading.Event(), [0], os.fdatasync

    def sync(file: int) -> None:
        assert may.wait(60)
        syncs[0] += 1
        real(file)

    monkeypatch.setattr(os, "fdatasync", sync)
    tasks = [asyncio.create_task(log.append([b"%d" % each])) for each in range(100)]
    await asyncio.sleep(0)
    assert not [task for task in tasks if task.done()]
    may.set()
    await asyncio.gather(*tasks)
    assert syncs[0] <= 2
    assert len(records(tmp_path)) == 101
    await log.close()


async def test_a_caller_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    leaver, stayer = (asyncio.create_task(log.append([each])) for each in (b"leaver", b"stayer"))
    await asyncio.sleep(0)
    leaver.cancel()
    await stayer
    assert b"stayer" in records(tmp_path)
    await log.close()


async def test_what_waits_for_the_disk_is_bounded(tmp_path: Path) -> None:
    log = Log(tmp_path, waiting=1000)
    first = asyncio.create_task(log.append([b"x" * 900]))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await log.append([b"y" * 900])
    await first
    await log.append([b"z" * 900])
    assert records(tmp_path) == [b"x" * 900, b"z" * 900]
    await log.close()
    with pytest.raises(Refused, match="closed"):
        await log.append([b"late"])


async def test_whoever_waits_hears_of_a_fault_that_nobody_foresaw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "commit", lambda *_: 1 // 0)
        with pytest.raises(Unwritable, match="ZeroDivisionError"):
            await log.append([b"x"])
    await log.append([b"y"])
    assert records(tmp_path) == [b"y"]
    await log.close()


async def test_a_record_has_a_limit(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for given in (b"", b"x" * (segments.MOST_BYTES + 1)):
        with pytest.raises(ValueError, match="1 to 4194304 bytes"):
            await log.append([given])
    await log.close()


def test_only_one_process_appends(tmp_path: Path, writer: Writer) -> None:
    with pytest.raises(Taken):
        Writer(tmp_path, 1, 1)


@pytest.mark.parametrize("junk", [b"", b"\0" * 40, b"\xff" * 40], ids=["short", "zeros", "ones"])
def test_a_record_torn_at_any_byte_is_cut_off_and_those_before_it_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, junk: bytes
) -> None:
    caplog.set_level(logging.WARNING)
    whole = segments.head(1, NOON_MS) + segments.framed(b"sure") + segments.framed(b"also")
    last = segments.framed(b"torn, perhaps")
    (tmp_path / "log").mkdir()
    for cut in range(len(last)):
        for old in (tmp_path / "log").iterdir():
            old.unlink()
        (tmp_path / "log" / "000000000001.open").write_bytes(whole + last[:cut] + junk[: len(last) - cut])
        caplog.clear()
        Writer(tmp_path, 1, 1).close()
        assert records(tmp_path) == [b"sure", b"also"]
        assert names(tmp_path) == ["001.log"]
        assert (tmp_path / "log" / "000000000001.log").read_bytes() == whole
        assert ("torn bytes" in caplog.text) == bool(cut or junk)


def test_a_bit_that_fell_over_is_noticed(tmp_path: Path) -> None:
    whole = segments.head(1, NOON_MS) + segments.framed(b"first") + segments.framed(b"second")
    path = tmp_path / "1"
    for bit in range(8 * len(whole)):
        spoilt = bytearray(whole)
        spoilt[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoilt)
        assert segments.scan(path).end < len(whole)


def test_a_segment_without_a_whole_head_is_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "log").mkdir()
    head = segments.head(1, NOON_MS)
    for cut in range(len(head)):
        (tmp_path / "log" / "000000000001.open").write_bytes(head[:cut])
        Writer(tmp_path, 1, 1).close()
        assert not segments.listed(tmp_path / "log")
    assert "not even begun" in caplog.text


def test_after_a_restart_numbers_go_on(tmp_path: Path) -> None:
    for each in (b"a", b"b"):
        writer = Writer(tmp_path, 1 << 20, 3600)
        writer.commit([segments.framed(each)])
        writer.close()
    assert names(tmp_path) == ["001.log", "002.log"]
    for segment in segments.listed(tmp_path / "log"):
        segment.path.unlink()
    (tmp_path / "events" / "day=2027-01-15").mkdir(parents=True)
    (tmp_path / "events" / "day=2027-01-15" / "000000000001-000000000009.parquet").touch()
    writer = Writer(tmp_path, 1 << 20, 3600)
    writer.commit([segments.framed(b"c")])
    writer.close()
    assert names(tmp_path) == ["010.log"]


def test_segments_turn_by_size_age_and_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady, wall = [0.0], [NOON_MS / 1000]
    monkeypatch.setattr(clock, "monotonic", lambda: steady[0])
    monkeypatch.setattr(clock, "realtime", lambda: wall[0])
    writer = Writer(tmp_path, 500, 60)
    writer.commit([segments.framed(b"x" * 600)])
    writer.commit([segments.framed(b"by size")])
    assert names(tmp_path) == ["001.log", "002.open"[-7:]]
    writer.turn()
    assert len(names(tmp_path)) == 2
    steady[0] = 61
    writer.turn()
    assert names(tmp_path) == ["001.log", "002.log"]
    writer.turn()
    writer.commit([segments.framed(b"before midnight")])
    wall[0] += 43_200
    writer.commit([segments.framed(b"after midnight")])
    writer.close()
    days = [segments.scan(segment.path).opened_ms // 86_400_000 for segment in segments.listed(tmp_path / "log")]
    assert days[3] == days[2] + 1


def test_folders_are_synced_when_names_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr(segments, "sync_folder", lambda folder: synced.append(sorted(os.listdir(folder))))
    writer = Writer(tmp_path, 1 << 20, 3600)
    writer.commit([segments.framed(b"x")])
    assert "000000000001.open" in synced[-1]
    writer.close()
    assert "000000000001.log" in synced[-1]


async def test_a_full_disk_refuses_and_takes_again_once_there_is_space(tmp_path: Path) -> None:
    """RLIMIT_FSIZE plays the full disk: a write stops in the middle, the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Log(tmp_path)
    await log.append([b"a" * 1000])
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
        with pytest.raises(Full, match="File too large"):
            await log.append([b"b" * 8000])
        await log.append([b"c" * 1000])
        results = await asyncio.gather(*(log.append([b"d" * 4000]) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in results] == [Full] * 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await log.append([b"d" * 4000])
    assert records(tmp_path) == [b"a" * 1000, b"c" * 1000, b"d" * 4000]
    await log.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
async def test_a_really_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    if os.system(f"mount -t tmpfs -o size=200k tmpfs {tmp_path} 2>/dev/null"):
        pytest.skip("a small disk cannot be mounted here")
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(b"x" * 100_000)
        log, sure = Log(tmp_path, size=20_000, reserve=0), []
        with contextlib.suppress(Full):
            for each in range(100):
                await log.append([b"%04d" % each * 500])
                sure.append(b"%04d" % each * 500)
        assert 10 < len(sure) < 100
        with pytest.raises(Full, match="No space left"):
            await log.append([b"again" * 2000])
        assert records(tmp_path) == sure
        ballast.unlink()
        await log.append([b"now"])
        await log.close()
        assert records(tmp_path) == [*sure, b"now"]
    finally:
        assert not os.system(f"umount {tmp_path}")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
async def test_a_log_that_filled_the_disk_leaves_room_for_the_compaction_that_shortens_it(tmp_path: Path) -> None:
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {tmp_path} 2>/dev/null"):
        pytest.skip("a small disk cannot be mounted here")
    try:
        log, sure = Log(tmp_path, size=50_000, reserve=200_000), 0
        with contextlib.suppress(Full):
            for sure in range(2000):
                await log.append([record(heartbeat("s", sure, error="x" * 500))])
        assert 500 < sure < 2000
        with pytest.raises(Full, match="left free"):
            await log.append([record(heartbeat("s", sure, error="x" * 500))])
        with compaction.owning(tmp_path):
            assert compaction.compact(tmp_path).segments > 10
        await log.append([record(heartbeat("s", sure))])
        await log.close()
        assert stored(tmp_path) == [("s", each) for each in range(sure + 1)]
    finally:
        assert not os.system(f"umount {tmp_path}")


def test_after_a_sync_that_failed_a_new_segment_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may have dropped what it could not write, and say so only once."""
    writer = Writer(tmp_path, 1 << 20, 3600)
    writer.commit([segments.framed(b"sure")])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda file: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(Unwritable, match="broken"):
            writer.commit([segments.framed(b"refused")])
    writer.commit([segments.framed(b"next")])
    writer.close()
    assert names(tmp_path) == ["001.log", "002.log"]
    assert records(tmp_path) == [b"sure", b"next"]
