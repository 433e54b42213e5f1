"""Scores that are kept: what comes back, what is not believed, what is thrown away."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare import cache
from qoe_agent.compare.cache import Kept
from qoe_agent.compare.shapes import Heard, Space
from tests.compare.scored import candidate

if TYPE_CHECKING:
    from pathlib import Path

HEARD = Heard(None, 0.0, -23.0, None, 2.0, ((1.0, 3.0),), None, 16000.0, None, ("it is silent",))


def kept(seed: int = 1, frames: int = 100) -> Kept:
    values = {"vmaf[v1]": np.random.default_rng(seed).normal(80, 3, frames), "psnr_y": np.full(frames, np.inf)}
    found = candidate("a", values, cuts=(40,))
    assert found.alignment is not None
    assert found.scores is not None
    space = Space(320, 180, "null", "null", "bicubic", (320, 160, 0, 10), ("bars",))
    return Kept(found.alignment, space, found.scores, found.scenes, HEARD, ("a note",))


def test_what_was_put_comes_back_bit_by_bit(tmp_path: Path) -> None:
    whole = kept()
    cache.put(str(tmp_path / "new" / "folder"), "k", whole)
    found = cache.get(str(tmp_path / "new" / "folder"), "k")
    assert found is not None
    for name, values in whole.scores.frames.items():
        assert np.array_equal(found.scores.frames[name], values)
    assert np.array_equal(found.scores.reference, whole.scores.reference)
    assert (found.alignment, found.space, found.scenes) == (whole.alignment, whole.space, whole.scenes)
    assert (found.heard, found.notes) == (whole.heard, whole.notes)
    assert (found.scores.command, found.scores.versions) == (whole.scores.command, whole.scores.versions)
    assert cache.get(str(tmp_path), "other") is None


def test_no_sound_is_kept_as_none(tmp_path: Path) -> None:
    cache.put(str(tmp_path), "k", replace(kept(), heard=None))
    found = cache.get(str(tmp_path), "k")
    assert found is not None
    assert found.heard is None


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "text"])
def test_a_damaged_entry_is_as_if_it_were_not_there(tmp_path: Path, harm: str) -> None:
    cache.put(str(tmp_path), "k", kept(frames=4000))
    (path,) = tmp_path.iterdir()
    bytes_ = bytearray(path.read_bytes())
    bytes_[len(bytes_) // 3] ^= 0x55
    path.write_bytes({"cut": bytes_[: len(bytes_) // 2], "flipped": bytes_, "empty": b"", "text": b"no"}[harm])
    assert cache.get(str(tmp_path), "k") is None
    assert not path.exists()


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    folder = str(tmp_path)
    for age, name in enumerate("abc"):
        cache.put(folder, name, kept(age))
        os.utime(tmp_path / f"{name}.npz", (1e9 + age, 1e9 + age))
    assert cache.get(folder, "a") is not None, "and so a is the newest"
    size = max(each.stat().st_size for each in tmp_path.iterdir())
    cache.put(folder, "d", kept(4), room=round(3.5 * size))
    assert {each.name for each in tmp_path.iterdir()} == {"a.npz", "c.npz", "d.npz"}
    cache.put(folder, "e", kept(5), room=1)
    assert [each.name for each in tmp_path.iterdir()] == ["e.npz"], "what was just put stays, however large"


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        cache.put(str(tmp_path), "k", kept())
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_of_all_parts_in_any_order() -> None:
    one = cache.key({"a": 1, "b": [1, 2]})
    assert one == cache.key({"b": [1, 2], "a": 1})
    assert len({one, cache.key({"a": 1, "b": [2, 1]}), cache.key({"a": 1}), cache.key({"a": "1", "b": [1, 2]})}) == 4
    assert cache.code() == cache.code()
