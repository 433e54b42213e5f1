"""The ring of keys in its file."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from qoe_agent.viewers import pseudonyms

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_ring_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    made = pseudonyms.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pseudonyms.create(path).of("u") == pseudonyms.read(path).of("u") == made.of("u")


def test_after_a_rotation_a_user_is_found_under_each_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    old = pseudonyms.create(path).of("u")
    with path.open("a") as file:
        file.write("# since spring\n2 " + "ab" * 32 + "\n")
    ring = pseudonyms.read(path)
    assert ring.of("u").key_id == 2
    assert ring.all("u") == (old, ring.of("u"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "keys need an id each"),
        ("1 abcd\n", "secrets of at least 16 bytes"),
        ("1 " + "ab" * 16 + "\n1 " + "cd" * 16, "all different"),
        ("1 " + "ab" * 16 + "\nhunter2\n", "keys:2: expected a whole number and a secret"),
        ("1 hunter2-hunter2\n", "keys:1: expected"),
    ],
)
def test_a_bad_ring_says_where_and_quotes_no_secret(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(pseudonyms.BadRing, match=expected) as caught:
        pseudonyms.read(path)
    assert "hunter2" not in str(caught.value)
    assert "abab" not in str(caught.value)


def test_a_disk_that_was_full_at_the_first_start_leaves_nothing_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "keys"
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            pseudonyms.create(path)
    assert not path.exists()
    assert pseudonyms.create(path).of("u") == pseudonyms.read(path).of("u")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["keys"]


def test_an_empty_file_of_keys_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.touch()
    made = pseudonyms.create(path)
    assert pseudonyms.create(path).of("u") == made.of("u")
