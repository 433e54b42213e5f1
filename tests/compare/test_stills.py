"""Luma of single frames, found by their number, and decoded once where several ask for a key frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from qoe_agent.compare import stills
from qoe_agent.compare.media import inspect
from qoe_agent.compare.thumbs import luma
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media


@pytest.fixture
def shown(tmp_path: Path) -> tuple[Media, list[NDArray[np.uint8]]]:
    """A file with a key frame every 10 frames, and all of its frames."""
    media = inspect(clip(tmp_path / "a.mp4", moving(30), options={"g": "10", "sc_threshold": "0"}))
    with av.open(media.path) as container:
        return media, [luma(each).copy() for each in container.decode(video=0)]


def test_frames_are_those_of_their_number(shown: tuple[Media, list[NDArray[np.uint8]]]) -> None:
    media, all_of_them = shown
    for number in (0, 10, 13, 29, 10):
        found = stills.plane(media, number)
        assert found is not None
        assert np.array_equal(found, all_of_them[number])
    for first, pair in zip((0, 20), stills.runs(media, (0, 20), 2), strict=True):
        assert np.array_equal(pair, all_of_them[first : first + 2])


def test_a_key_frame_is_decoded_once_and_no_one_may_change_it(
    shown: tuple[Media, list[NDArray[np.uint8]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    media, all_of_them = shown
    ((first, _),) = stills.runs(media, [20], 2)
    monkeypatch.setattr(stills, "opened", lambda path: pytest.fail(f"{path} is opened again"))
    again = stills.plane(media, 20)
    assert again is not None
    assert again is first
    assert np.array_equal(again, all_of_them[20])
    with pytest.raises(ValueError, match="read-only"):
        again[0, 0] = 0


def test_no_more_is_kept_than_there_is_room_for(
    shown: tuple[Media, list[NDArray[np.uint8]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    media, all_of_them = shown
    monkeypatch.setattr(stills, "KEPT", 2 * all_of_them[0].nbytes)
    kept = stills._Kept()
    for number in (0, 10, 20):
        kept.put(media, number, all_of_them[number])
    assert [kept.get(media, number) is not None for number in (0, 10, 20)] == [False, True, True]
