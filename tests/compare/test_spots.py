"""Whether pairs hold: by one spot, while they are scored, and where they are read from."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.compare import places, readings
from qoe_agent.compare.aligning import spots
from qoe_agent.compare.glances import EVERY, Contradicted, Glances
from qoe_agent.compare.shapes import Alignment, Run
from qoe_agent.compare.thumbs import shrunk
from tests.compare.laid import moving
from tests.compare.scored import media

NUMBERS = np.arange(15)


def prints(count: int = 40, kind: str = "handheld") -> np.ndarray:
    return np.stack([shrunk(each) for each in moving(count, kind=kind)])


def noisy(luma: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1.5, luma.shape)
    return np.clip(luma + noise, 0, 255).astype(np.uint8)


def test_one_spot_tells_where_pictures_move() -> None:
    own = prints()
    assert spots.alone(noisy(own[:12]), np.arange(12), own[:15], NUMBERS) is True
    for late in (1, 2, 3, 6):
        assert spots.alone(noisy(own[late : late + 12]), np.arange(12), own[:15], NUMBERS) is False
    assert spots.alone(noisy(own[:6]), np.arange(6), own[:15], NUMBERS) is None


def test_one_spot_tells_nothing_of_what_stands_still_or_only_fades() -> None:
    still = np.repeat(prints(1), 20, axis=0)
    assert spots.alone(noisy(still[:12]), np.arange(12), still[:15], NUMBERS) is None
    fading = (still * np.linspace(0.3, 1.0, 20)[:, None, None]).astype(np.uint8)
    for late in (0, 2):
        assert spots.alone(noisy(fading[late : late + 12]), np.arange(12), fading[:15], NUMBERS) is None


def poured(test: np.ndarray, reference: np.ndarray) -> bytearray:
    return bytearray(np.concatenate([test, reference], axis=2).tobytes())


def test_scoring_ends_where_pairs_come_that_are_plainly_wrong() -> None:
    own = np.concatenate([prints(150), prints(150)[::-1], prints(150)])
    alignment = Alignment("timestamps", 0, 0.0, 1.0, (Run(5, 5, len(own)),), 0, 0)
    right, wrong = poured(noisy(own), own), poured(noisy(own[[*range(250), 250, *range(250, 449)]]), own)
    assert readings.thumbs(right)[1].tolist() == own.tolist()
    looks = Glances(alignment)
    for count in range(0, 450, 10):
        looks(right[: count * readings.PAIR + 7])
    looks = Glances(alignment)
    looks(wrong[: (EVERY + 10) * readings.PAIR])
    with pytest.raises(Contradicted, match=r"frames 25\d to 4\d\d of the test fit the reference better 1 pair earlier"):
        looks(wrong[: 420 * readings.PAIR])


def test_pairs_are_looked_at_where_they_take_the_least_decoding() -> None:
    reference, test = (media(frames=200, keys=np.array(each)) for each in ((0, 60, 150), (0, 63, 110, 153)))
    frames = np.arange(200)
    assert places.within((reference, test), frames, (0.2, 0.5), 12, 3) == 63
    assert places.within((reference, test), frames, (0.7, 1.0), 12, 3) == 153
    assert places.within((reference, test), frames[:20], (0.7, 1.0), 12, 3) is None
    unknown = media(frames=200)
    assert places.within((unknown, unknown), np.where(frames < 170, frames, -1), (0.9, 1.0), 12, 3) is None
    assert places.cheap((reference, test), (frames, frames), (0.0, 0.3))[:2] == [0, 63]
    assert places.cheap((unknown, unknown), (frames, frames), (0.0, 0.5, 1.0)) == [0, 100, 199]
