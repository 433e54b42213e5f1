"""The stamp's grid: what is drawn is read, in any size and after the errors that players and encoders make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.stamp import (
    BLACK,
    COLUMNS,
    ROWS,
    WHITE,
    Corner,
    Place,
    Spot,
    bits,
    code,
    decoded,
    draw,
    read,
    sampled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MS, COUNTER = 1_760_000_000_123, 4711
PLACE = Place()


def crc16(message: bytes) -> int:
    """CRC-16/CCITT-FALSE written out (its check value is in the catalogue of CRC algorithms: 0x29B1)."""
    register = 0xFFFF
    for byte in message:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (0x1021 if register & 0x8000 else 0)) & 0xFFFF
    return register


def stamped(height: int = 1080, width: int = 1920, place: Place = PLACE, seed: int = 0, **made: Any) -> Any:
    """Noise with a stamp on it."""
    luma = np.random.default_rng(seed).integers(16, 236, (height, width), dtype=np.uint8)
    draw(luma, None, made.get("ms", MS), made.get("counter", COUNTER), place, made.get("full_range", False))
    return luma


def said(luma: Any, place: Place = PLACE) -> tuple[int, int] | None:
    mark = read(luma, place.spot(luma.shape[1], luma.shape[0]))
    return (mark.ms, mark.counter) if mark else None


def test_the_code_is_as_documented() -> None:
    assert crc16(b"123456789") == 0x29B1
    gray = COUNTER ^ COUNTER >> 1
    value = MS << 16 | gray
    assert code(MS, COUNTER) == value << 16 | crc16(value.to_bytes(8, "big")) == 0x199C82CC07B1B54AFEB
    cells = bits(MS, COUNTER)
    free = [cells[r, c] for r in range(ROWS) for c in range(COLUMNS) if (r, c) not in (*WHITE, *BLACK)]
    assert int("".join("1" if cell else "0" for cell in free), 2) == code(MS, COUNTER)
    assert all(cells[at] for at in WHITE)
    assert not any(cells[at] for at in BLACK)


@given(
    st.integers(0, 2**42 - 1), st.integers(0, 2**16 - 1), st.sampled_from(get_args(Corner)), st.sampled_from([16, 24])
)
def test_what_is_drawn_is_read(ms: int, counter: int, corner: Any, cell: float) -> None:
    place = Place(corner, cell)
    assert said(stamped(360, 640, place, ms=ms, counter=counter), place) == (ms, counter)


@pytest.mark.parametrize(
    "size", [(1080, 1920), (720, 1280), (540, 960), (480, 854), (360, 640), (240, 426), (1280, 720)]
)
@pytest.mark.parametrize("corner", ["top-left", "bottom-right", "centre"])
def test_a_rendition_is_read_where_the_source_was_stamped(size: tuple[int, int], corner: Any) -> None:
    source = stamped(1920, 1080, Place(corner)) if size[0] > size[1] else stamped(1080, 1920, Place(corner))
    for method in (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC):
        small = cv2.resize(source, size[::-1], interpolation=method)
        assert said(small, Place(corner)) == (MS, COUNTER)


def gamma(power: float) -> Callable[[Any], Any]:
    return lambda luma: (255 * (luma / 255.0) ** power).astype(np.uint8)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda luma: np.clip((luma.astype(int) - 16) * 255 // 219, 0, 255).astype(np.uint8),
        lambda luma: (16 + luma.astype(int) * 219 // 255).astype(np.uint8),
        gamma(0.45),
        gamma(2.2),
        lambda luma: cv2.GaussianBlur(luma, (0, 0), 8.0),
        lambda luma: (luma * 0.25 + 30).astype(np.uint8),
        lambda luma: (luma * np.linspace(0.5, 1.0, luma.shape[1])).astype(np.uint8),
        lambda luma: np.clip(luma + np.random.default_rng(1).normal(0, 40, luma.shape), 0, 255).astype(np.uint8),
        lambda luma: cv2.imdecode(cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, 5])[1], cv2.IMREAD_GRAYSCALE),
        lambda luma: np.roll(luma, (4, -5), axis=(0, 1)),
    ],
    ids=["limited as full", "full as limited", "gamma .45", "gamma 2.2", "blur", "washed out", "shaded", "noise",
         "jpeg 5", "shifted"],
)  # fmt: skip
def test_read_through_errors(spoil: Callable[[Any], Any]) -> None:
    assert said(spoil(stamped())) == (MS, COUNTER)


def test_draws_in_place_and_nowhere_else() -> None:
    luma, blue = np.full((1080, 1920), 99, np.uint8), np.full((540, 960), 77, np.uint8)
    draw(luma, (blue, blue.copy()), MS, COUNTER)
    changed, neutral = np.argwhere(luma != 99), np.argwhere(blue != 77)
    assert changed.min(axis=0).tolist() == [24, 24]
    assert changed.max(axis=0).tolist() == [24 + 9 * 24 - 1, 24 + 14 * 24 - 1]
    assert neutral.min(axis=0).tolist() == [12, 12]
    assert neutral.max(axis=0).tolist() == [119, 179]
    assert set(luma[24:240, 24:360].ravel().tolist()) == {16, 235}
    assert set(blue[12:120, 12:180].ravel().tolist()) == {128}
    draw(luma, None, MS, COUNTER, full_range=True)
    assert set(luma[24:240, 24:360].ravel().tolist()) == {0, 255}


def test_two_blended_pictures_are_not_read() -> None:
    """What a frame-rate conversion by blending shows between two pictures 1/30 s apart."""
    for counter in range(300):
        one, two = (bits(MS + round(n * 1000 / 30), n) * 200.0 for n in (counter, counter + 1))
        for share in (0.5, 0.4, 0.6):
            mark = decoded((20 + share * one + (1 - share) * two).astype(np.float32))
            assert mark is None or (mark.ms, mark.counter) in (
                (MS + round(n * 1000 / 30), n) for n in (counter, counter + 1)
            )
        assert decoded((20 + 0.5 * one + 0.5 * two).astype(np.float32)) is None


def test_random_cells_and_broken_cells_are_not_read() -> None:
    """10,000 of each: random cells, random cells with right guards, stamps with one to eight cells turned over,
    and mixtures of two stamps block by block. A CRC of 16 bits lets one in 65,536 of these pass."""
    random = np.random.default_rng(7)
    guards = bits(0, 0)
    fixed = np.zeros((ROWS, COLUMNS), bool)
    for at in (*WHITE, *BLACK):
        fixed[at] = True
    read_as: dict[str, int] = {"random": 0, "guarded": 0, "turned": 0, "mixed": 0}
    for n in range(10_000):
        cells = random.random((ROWS, COLUMNS)) < 0.5
        right, next_one = bits(MS + 33 * n, n), bits(MS + 33 * n + 33, n + 1)
        turned = right.copy()
        turned.ravel()[random.choice(np.flatnonzero(~fixed), 1 + n % 8, replace=False)] ^= True
        mixed = np.where(np.kron(random.random((4, 6)) < 0.5, np.ones((2, 2), bool))[:ROWS], right, next_one)
        for kind, one in (
            ("random", cells),
            ("guarded", np.where(fixed, guards, cells)),
            ("turned", turned),
            ("mixed", mixed),
        ):
            mark = decoded(np.where(one, np.float32(235), np.float32(16)))
            wrong = mark and (mark.ms, mark.counter) not in ((MS + 33 * n, n), (MS + 33 * n + 33, n + 1))
            read_as[kind] += bool(wrong)
    assert read_as["random"] == read_as["turned"] == 0
    assert read_as["guarded"] + read_as["mixed"] <= 3


def test_no_picture_without_a_stamp_is_read() -> None:
    random = np.random.default_rng(3)
    flat, noise = np.full((360, 640), 128, np.uint8), random.integers(0, 256, (360, 640), dtype=np.uint8)
    for corner in get_args(Corner):
        assert said(flat, Place(corner)) is None
        assert said(noise, Place(corner)) is None


@pytest.mark.parametrize("corners", [
    ((-0.1, 0.1), (0.2, 0.1), (0.2, 0.3), (-0.1, 0.3)),
    ((0.9, 0.1), (1.2, 0.1), (1.2, 0.3), (0.9, 0.31)),
    ((0.1, 0.1), (0.1001, 0.1), (0.1001, 0.1001), (0.1, 0.1001)),
    ((0.1, 0.1), (0.1001, 0.1), (0.1001, 0.1001), (0.1, 0.10012)),
])  # fmt: skip
def test_spots_off_the_frame_or_too_small_hold_nothing(corners: Any) -> None:
    assert sampled(stamped(360, 640), Spot(corners)) is None


def test_perspective_makes_no_difference_where_there_is_none() -> None:
    """The same spot read by rows and columns and through a homography."""
    luma = stamped(720, 1280)
    straight = PLACE.spot(1280, 720)
    (ax, ay), *others = straight.corners
    bent = Spot(((ax + 1e-7, ay), *others))
    assert straight.upright
    assert not bent.upright
    one, two = sampled(luma, straight), sampled(luma, bent)
    assert one is not None
    assert two is not None
    assert np.abs(one - two).max() < 2.0
