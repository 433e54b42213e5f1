"""The close look: edges that are held, what brightness tells, and which of two paths by it is the better."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from qoe_agent.compare.aligning import content, likeness
from qoe_agent.compare.aligning.close import Close
from qoe_agent.compare.aligning.likeness import WHOLE, Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS, COLUMNS = 36, 64
FRAMES, FADE = 60, 16


def look(test: NDArray[np.uint8], reference: NDArray[np.uint8], barred: tuple[bool, bool] = (False, False)) -> Close:
    """At twice the size of a broad one."""
    broad = (np.asarray(np.rint(each.reshape(-1, 18, 2, 32, 2).mean(axis=(2, 4))), np.uint8)
             for each in (test, reference))  # fmt: skip
    fit = likeness.fitted(*broad, frames=False)
    return Close(test, reference, np.zeros(len(test), bool), fit, ((0.0, 0.0), (0.0, 0.0)), barred)


def faded() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture that comes out of black, then moves; the test shows what it should, but as weakly as the one before."""
    dice = np.random.default_rng(5)
    noise = dice.normal(0, 16, (ROWS, COLUMNS))
    part = np.minimum(np.arange(1.0, FRAMES + 1) / FADE, 1)[:, None, None]
    weak = np.where(part < 1, part - 1 / FADE, 1)
    moved = np.stack([np.roll(noise, max(0, n - FADE), axis=1) for n in range(FRAMES)])
    coding = dice.normal(0, 4, moved.shape)
    shown = 16 + 110 * part + weak * moved + coding, 16 + 110 * part + part * moved
    ours, theirs = (np.clip(each, 0, 255).astype(np.uint8) for each in shown)
    return ours, theirs


def test_in_a_fade_brightness_tells_against_an_older_picture_that_is_as_weak() -> None:
    test, reference = faded()
    close, every = look(test, reference), np.arange(FRAMES)

    fit = close.fitted(every, every)
    some = np.arange(2, FADE - 1)
    shown, older = (close.apart(some, some - by, fit) for by in (0, 1))

    assert (older > shown).all()


@pytest.mark.parametrize(
    ("frame", "error", "barred", "held", "free"),
    [pytest.param((0.006, 0.956, 0.006, 0.97), 1.4, False, None, (0, 1, 2, 3), id="the other side was cut"),
     pytest.param((0.0, 1.0, 0.006, 0.97), 1.4, False, WHOLE, (), id="neither was, as far as one can see"),
     pytest.param((0.0, 1.0, 0.015, 0.985), 0.05, False, None, (2, 3), id="cut"),
     pytest.param((0.0, 1.0, 0.015, 0.985), 0.05, True, None, (), id="bars that were cut too wide"),
     pytest.param((0.0, 1.0, 0.015, 0.97), 0.05, True, None, (2, 3), id="bars, and cut elsewhere")],
)  # fmt: skip
def test_edges_are_held_where_it_is_known_where_they_are(
    frame: tuple[float, ...], error: float, barred: bool, held: Frame | None, free: tuple[int, ...]
) -> None:
    pictures = np.random.default_rng(5).integers(0, 255, (8, ROWS, COLUMNS)).astype(np.uint8)
    close: Any = look(pictures, pictures, (False, barred))
    close._edges = lambda *_: (Frame(*frame), np.full(4, error))
    waves = close.ours

    found, loose = close._whole(waves, close._pictures(np.arange(8), WHOLE), Frame(*frame), np.zeros(8, bool))

    assert loose == free
    assert found == pytest.approx(held or frame, abs=1e-6)


def cropped() -> tuple[NDArray[np.uint8], NDArray[np.uint8], Frame]:
    """A camera that runs over a texture; the test shows a part of it, and a logo; and which part that is."""
    dice = np.random.default_rng(5)
    texture = cv2.GaussianBlur(dice.normal(0, 300, (4 * ROWS + FRAMES, 4 * COLUMNS + FRAMES * 5)), (0, 0), 5) + 128
    reference = np.stack([texture[n:, 5 * n :][: 4 * ROWS, : 4 * COLUMNS] for n in range(FRAMES)])
    test = reference[:, 8:136, 24:244].copy()
    test[:, 10:30, 20:60] = 225
    ours, theirs = (
        np.stack([cv2.resize(np.clip(each, 0, 255), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) for each in side])
        for side in (test, reference)
    )
    return ours.astype(np.uint8), theirs.astype(np.uint8), Frame(24 / 256, 244 / 256, 8 / 144, 136 / 144)


def test_a_logo_lies_over_the_reference_where_the_edges_are_that_were_found() -> None:
    test, reference, truth = cropped()
    close, every = look(test, reference), np.arange(FRAMES)
    assert close.open is not None
    close.start = truth
    right = close.fitted(every, every)
    away = Frame(*(edge + 1.5 / COLUMNS for edge in truth))

    found = close.fitted(every, every, right._replace(frame=away))

    assert np.allclose(found.frame, right.frame, atol=0.1 / COLUMNS)
    assert close.apart(every, every, found).mean() < 1.1 * close.apart(every, every, right).mean()


def test_of_two_readings_only_the_frames_tell_that_they_lay_elsewhere() -> None:
    def lain(frames: list[int], left: list[float]) -> Any:
        laid = SimpleNamespace(frames=np.array(frames), left=np.array(left), lags=np.zeros(4), fit=None,
                               look=SimpleNamespace(pixels=20.0))  # fmt: skip
        return SimpleNamespace(laid=laid)

    one, other = lain([0, 1, 2, 3], [1.0, 1.0, 1.0, 1.0]), lain([0, 1, 3, 4], [3.0, 3.0, 1.0, 1.0])

    assert content._price(one, other) == content._price(other, one)
