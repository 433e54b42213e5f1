"""Where tests look worst: the same part of the same frame of the reference and of each test, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import av
import cv2
import numpy as np

from qoe_agent.compare.stills import stills

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Compared, Media, Tested
    from qoe_agent.compare.stills import Picture

    Place = tuple[int, int, int, int]
    """Left, top, width and height."""

WIDEST, NARROWEST = 480, 160
"""Pixels of a part's width, which is else a quarter of the picture's."""
BYTES = 2_000_000
"""All pictures together: what would go beyond is left out, but for the first place."""
LOSSLESS = 101
"""What OpenCV takes for WebP without loss."""
FLAT = 6.0
"""Standard deviation of luma about a pixel at which an error is half as visible as in a flat area."""
DOWNWARDS = ("cambi",)
"""Metrics of which less is better."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a frame of the reference or of a test."""

    name: str
    frame: int | None
    """In the order shown; None where no frame of the test shows this one."""
    picture: bytes | None
    """WebP without loss."""
    scores: Mapping[str, float]
    """Of the whole frame."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Crop:
    """A place at which a test is worst, side by side: the reference first."""

    metric: str
    worst_of: str
    """The test whose worst second this is from, and whose largest error the part shows."""
    seconds: float
    """Of the reference."""
    mean: float
    """Of the second."""
    place: Place
    """Left, top, width and height within the pictures compared."""
    size: tuple[int, int]
    """Width and height of those."""
    pieces: tuple[Piece, ...]
    note: str = ""


class _Worst(NamedTuple):
    """A frame in one of a test's worst seconds."""

    test: int
    reference: int
    mean: float


def worst(compared: Compared, metric: str, most: int) -> tuple[Crop, ...]:
    """Parts of frames from the worst seconds by `metric`, at most so many, each test's worst before any's next.

    Fewer where videos are short, or where the pictures would be beyond BYTES; none where nothing can be decoded.
    """
    tests = [one for one in compared.tests if one.space and one.scores and metric in one.scores.frames]
    rate = float(compared.reference.video.rate)
    chosen = _chosen([seconds(one, metric, rate, most) for one in tests], rate, most)
    if not chosen:
        return ()
    mine = [[each.reference for each in chosen if each.test == number] for number in range(len(tests))]
    original: dict[int, Picture] = {}
    places: dict[int, Place] = {}
    cut: list[dict[int, Picture]] = []
    for one, own in zip(tests, mine, strict=True):
        original |= _read(compared.reference, own, one.space.reference_filters) if one.space and own else {}
        cut.append(_own(one, own, original, places))
    origins = {each.reference: _origin(tests[each.test]) for each in chosen}
    for one, own, parts in zip(tests, mine, cut, strict=True):
        others = {each: _test_frame(one, each) for each in origins if each not in own}
        parts |= _cut(one, others, places, origins)
    found: list[Crop] = []
    spent = 0
    for each in chosen:
        if each.reference not in places or each.reference not in original:
            continue
        pieces = [_piece("reference", each.reference, _within(original[each.reference], places[each.reference]), {})]
        pieces += [_of(one, each.reference, parts) for one, parts in zip(tests, cut, strict=True)]
        spent += sum(len(piece.picture) for piece in pieces if piece.picture)
        if found and spent > BYTES:
            break
        height, width = original[each.reference].shape[:2]
        found.append(Crop(metric, tests[each.test].name, each.reference / rate, each.mean, places[each.reference],
                          (width, height), tuple(pieces), _warning(compared)))  # fmt: skip
    return tuple(found)


def seconds(one: Tested, metric: str, rate: float, most: int) -> list[tuple[float, int]]:
    """A test's worst seconds that do not overlap, worst first: their means, and the frame of each that is worst."""
    if one.scores is None:
        return []
    values = np.array(one.scores.frames[metric], np.float64)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return []
    values = np.where(np.isfinite(values), values, finite.max()) * (-1.0 if metric in DOWNWARDS else 1.0)
    shown = one.scores.reference
    ends = np.searchsorted(shown, shown + max(1, round(rate)))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    begins = np.arange(len(shown))
    means = (sums[ends] - sums[begins]) / (ends - begins)
    means[shown + round(rate) > shown[-1] + 1] = np.inf
    if not np.isfinite(means).any():
        means[0] = float(values.mean())
    found: list[tuple[float, int]] = []
    while len(found) < most and np.isfinite(means).any():
        begin = int(np.argmin(means))
        lowest = begin + int(np.argmin(values[begin : ends[begin]]))
        found.append((float(means[begin]) * (-1.0 if metric in DOWNWARDS else 1.0), int(shown[lowest])))
        means[np.abs(shown - shown[begin]) < rate] = np.inf
    return found


def _chosen(lists: Sequence[Sequence[tuple[float, int]]], rate: float, most: int) -> list[_Worst]:
    """In turn from each test, none within a second of one before."""
    taken: list[_Worst] = []
    for turn in range(most):
        for test, each in enumerate(lists):
            if turn < len(each) and len(taken) < most:
                mean, frame = each[turn]
                if all(abs(frame - other.reference) >= rate for other in taken):
                    taken.append(_Worst(test, frame, mean))
    return taken


def _own(
    one: Tested, wanted: Iterable[int], original: Mapping[int, Picture], places: dict[int, Place]
) -> dict[int, Picture]:
    """The parts of a test, by the reference's frames for which it was chosen, where it is most unlike: in `places`."""
    frames = {each: frame for each in wanted if each in original and (frame := _test_frame(one, each)) is not None}
    read = _read(one.media, frames.values(), one.space.test_filters) if one.space and frames else {}
    found = {}
    for reference, frame in frames.items():
        if frame in read:
            places[reference] = place(original[reference], read[frame])
            found[reference] = _within(read[frame], places[reference])
    return found


def place(reference: Picture, test: Picture) -> Place:
    """Left, top, width and height of the part with the largest visible error.

    An error counts less where the reference is busy (masking), and what single pixels differ in hardly counts.
    """
    height, width = reference.shape[:2]
    wide = min(width, WIDEST, max(NARROWEST, width // 4))
    high = min(height, max(2, round(wide * 9 / 16)))
    ours, theirs = (cv2.blur(_luma(each), (3, 3)) for each in (reference, test))
    deviation = np.sqrt(np.maximum(cv2.blur(ours * ours, (9, 9)) - cv2.blur(ours, (9, 9)) ** 2, 0.0))
    error = ((ours - theirs) / (1.0 + deviation / FLAT)) ** 2
    sums = cv2.integral(error.astype(np.float32), sdepth=cv2.CV_64F)
    parts = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    top, left = np.unravel_index(int(np.argmax(parts)), parts.shape)
    return int(left), int(top), wide, high


def _luma(picture: Picture) -> NDArray[np.float32]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _test_frame(one: Tested, reference: int) -> int | None:
    """The frame of a test that lies on one of the reference."""
    if one.scores is None:
        return None
    pair = _pair(one, reference)
    return None if pair is None else int(one.scores.test[pair])


def _pair(one: Tested, reference: int) -> int | None:
    if one.scores is None:
        return None
    pair = int(np.searchsorted(one.scores.reference, reference))
    return pair if pair < len(one.scores.reference) and one.scores.reference[pair] == reference else None


def _origin(one: Tested) -> tuple[int, int]:
    """Left and top, in the reference, of the part of it that is compared with a test."""
    return one.space.part[2:] if one.space and one.space.part else (0, 0)


def _cut(
    one: Tested, frames: Mapping[int, int | None], places: Mapping[int, Place], origins: Mapping[int, tuple[int, int]]
) -> dict[int, Picture]:
    """The parts of a test, by the reference's frames, of those that it shows whole."""
    wanted = {reference: frame for reference, frame in frames.items() if frame is not None and reference in places}
    read = _read(one.media, wanted.values(), one.space.test_filters) if one.space else {}
    found = {}
    for reference, frame in wanted.items():
        if frame in read:
            (left, top, width, height), other, own = places[reference], origins[reference], _origin(one)
            left, top = left + other[0] - own[0], top + other[1] - own[1]
            if min(left, top) >= 0 and left + width <= read[frame].shape[1] and top + height <= read[frame].shape[0]:
                found[reference] = _within(read[frame], (left, top, width, height))
    return found


def _read(media: Media, numbers: Iterable[int], filters: str) -> dict[int, Picture]:
    """What can be read; nothing where decoding fails, as a report goes on without pictures."""
    try:
        return stills(media, numbers, filters)
    except (av.error.FFmpegError, OSError):
        return {}


def _within(picture: Picture, where: Place) -> Picture:
    left, top, width, height = where
    return picture[top : top + height, left : left + width].copy()


def _of(one: Tested, reference: int, parts: Mapping[int, Picture]) -> Piece:
    pair = _pair(one, reference)
    if pair is None or one.scores is None:
        return Piece(one.name, None, None, {}, "no frame of it shows this one")
    scores = {name: float(values[pair]) for name, values in one.scores.frames.items()}
    frame = int(one.scores.test[pair])
    if reference not in parts:
        return Piece(one.name, frame, None, scores, "cannot be decoded by itself, or does not show this part")
    return _piece(one.name, frame, parts[reference], scores)


def _piece(name: str, frame: int, part: Picture, scores: Mapping[str, float]) -> Piece:
    _, packed = cv2.imencode(".webp", cv2.cvtColor(part, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, LOSSLESS])
    return Piece(name, frame, packed.tobytes(), scores)


def _warning(compared: Compared) -> str:
    transfer = compared.reference.video.transfer
    if transfer == "sdr":
        return ""
    return (f"HDR ({transfer.upper()}): shown as coded, without mapping tones, so paler and duller than on a display "
            "for it")  # fmt: skip
