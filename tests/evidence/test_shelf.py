"""The folder of evidence: whole cases, within a budget of bytes and days, and nothing but cases."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from qoe_agent.evidence.mark import mark, name
from qoe_agent.evidence.shelf import Shelf, TooLarge

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
BLOCK = 4096


def called(n: int, stream: str = "show") -> str:
    return name(stream, "black", mark(stream, "", "black", "", NOW + n), NOW + n)


def files(n: int = 0, stream: str = "show", size: int = 100) -> dict[str, bytes]:
    said = {"stream": stream, "incidents": [{"mark": mark(stream, "", "black", "", NOW + n)}]}
    return {"case.json": json.dumps(said).encode(), "at.jpg": bytes(size)}


def taken(folder: Path) -> int:
    return sum(-(-each.stat().st_size // BLOCK) * BLOCK for each in folder.rglob("*.*") if each.name != ".lock")


def test_cases_are_listed_newest_first_by_stream_and_incident(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "kept"), 1 << 20, 1e9)
    assert shelf.names() == []
    for n, stream in enumerate(("a", "b", "a")):
        shelf.put(called(n, stream), files(n, stream), NOW)
    assert [each["name"] for each in shelf.cases("", "", 10)] == [called(2, "a"), called(1, "b"), called(0, "a")]
    assert [each["name"] for each in shelf.cases("a", "", 1)] == [called(2, "a")]
    (found,) = shelf.cases("", mark("b", "", "black", "", NOW + 1), 10)
    assert (found["name"], found["files"]) == (called(1, "b"), ["case.json", "at.jpg"])


def test_a_case_is_read_once_and_gone_when_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(str(tmp_path), 1 << 20, 1e9)
    for n, stream in enumerate(("a", "b", "a")):
        shelf.put(called(n, stream), files(n, stream), NOW)
    first = shelf.cases("", "", 10)
    with monkeypatch.context() as patch:
        patch.setattr(json, "loads", lambda text: pytest.fail("read again"))
        assert shelf.cases("", "", 10) == first
        assert [each["name"] for each in shelf.cases("b", "", 10)] == [called(1, "b")]
        assert shelf.cases("", mark("b", "", "black", "", NOW + 1), 10) == shelf.cases("b", "", 10)
    os.utime(tmp_path / called(1, "b"), (NOW - 2e9, NOW - 2e9))
    shelf.sweep(NOW)
    assert shelf.cases("b", "", 10) == []
    assert shelf.case(called(1, "b")) is None


def test_cases_of_private_streams_are_kept_but_not_shown(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path), 1 << 20, 1e9)
    for n, stream in enumerate(("a", "b")):
        shelf.put(called(n, stream), files(n, stream), NOW)
    assert shelf.file(called(0, "a"), "at.jpg")
    shelf.private = frozenset({"a"})
    assert [each["name"] for each in shelf.cases("", "", 10)] == [called(1, "b")]
    assert shelf.cases("a", "", 10) == []
    assert shelf.case(called(0, "a")) is None
    assert shelf.file(called(0, "a"), "at.jpg") is None
    assert shelf.file(called(1, "b"), "at.jpg")
    shelf.private = frozenset()
    assert shelf.file(called(0, "a"), "at.jpg")


def test_a_case_that_cannot_be_read_is_none_and_hides_no_other(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path), 1 << 20, 1e9)
    for n, text in enumerate((b"", b"[]", b"{}", b'{"stream": "a", "incidents": [1]}', None)):
        shelf.put(called(n), files(n) if text is None else {"case.json": text}, NOW)
    assert [each["name"] for each in shelf.cases("", "", 10)] == [called(4)]


def test_the_oldest_go_so_that_the_budget_is_never_passed(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path), 10 * BLOCK, 1e9)
    for n in range(8):
        shelf.put(called(n), files(n, size=BLOCK + 1), NOW)
        assert taken(tmp_path) <= 10 * BLOCK
    assert shelf.names() == [called(n) for n in (7, 6, 5)]
    with pytest.raises(TooLarge):
        shelf.put(called(9), files(9, size=10 * BLOCK), NOW)
    assert shelf.names() == [called(n) for n in (7, 6, 5)]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    for n in (0, 1):
        Shelf(str(tmp_path), 1 << 20, 1e9).put(called(n), files(n), NOW)
    shelf = Shelf(str(tmp_path), 1 << 20, 3600.0)
    os.utime(tmp_path / called(0), (NOW - 4000, NOW - 4000))
    os.utime(tmp_path / called(1), (NOW - 3000, NOW - 3000))
    assert shelf.sweep(NOW) == 2 * BLOCK
    assert shelf.names() == [called(1)]


def test_a_case_that_could_not_be_written_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(str(tmp_path), 1 << 20, 1e9)

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        shelf.put(called(0), files(0), NOW)
    assert shelf.names() == []
    assert os.listdir(tmp_path) == [".lock"]


def test_what_a_crash_left_goes_with_the_next_case(tmp_path: Path) -> None:
    (tmp_path / ".new-half").mkdir()
    (tmp_path / ".new-half" / "clip.mp4").write_bytes(b"half")
    Shelf(str(tmp_path), 1 << 20, 1e9).put(called(0), files(0), NOW)
    assert sorted(os.listdir(tmp_path)) == [".lock", called(0)]


def test_only_files_of_cases_are_given_out(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "kept"), 1 << 20, 1e9)
    shelf.put(called(0), files(0), NOW)
    (tmp_path / "kept" / called(0) / "other.txt").write_text("secret")
    (tmp_path / "case.json").write_text("{}")
    assert shelf.file(called(0), "at.jpg") == tmp_path / "kept" / called(0) / "at.jpg"
    for asked in ((called(0), "other.txt"), (called(0), "clip.mp4"), ("..", "case.json"), (called(1), "at.jpg")):
        assert shelf.file(*asked) is None
    assert shelf.case("..") is None


def test_only_the_agents_user_may_read(tmp_path: Path) -> None:
    Shelf(str(tmp_path / "kept"), 1 << 20, 1e9).put(called(0), files(0), NOW)
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0
    assert (tmp_path / "kept" / called(0)).stat().st_mode & 0o077 == 0


def test_names_hold_nothing_that_a_path_could_misread() -> None:
    made = name("../a b/连麦", "black", mark("x", "", "black", "", NOW), NOW)
    assert "/" not in made
    assert " " not in made
    assert made.startswith("20270115T080000Z-")
