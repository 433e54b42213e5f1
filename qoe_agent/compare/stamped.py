"""The stamps in the pictures of two files: which frame of one carries the stamp of which frame of the other."""

from __future__ import annotations

import itertools
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare import asides, stills
from qoe_agent.compare.aligning import grids
from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.places import behind
from qoe_agent.compare.thumbs import luma
from qoe_agent.maths import stamp, stamp_search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.shapes import Media
    from qoe_agent.maths.stamp import Mark, Spot

    Numbers = NDArray[np.int64]
    Places = tuple[Spot, Spot]

FIRST = 4
"""Pictures at the beginning in which a stamp is looked for."""
READ = 0.8
"""Share of the frames looked at whose stamp must be read."""
LEAST = 8
"""Stamps that both files must show."""
SOME, COVERED = 8, 0.7
"""Frames at either end whose stamps tell all where they run on evenly; the later come after this share of all."""
HALF = 0.5
"""Counts by which two files' stamps may differ in time where they agree in counters."""
DEAR = 32
"""Frames that may be decoded only to reach the later ones."""
ROUGH = 0.01
"""Share by which the distance of two frames may be misjudged from few stamps."""


class Begun(NamedTuple):
    """The reference's frame of each of the test's, by few stamps, and what tells whether that holds."""

    frames: Numbers
    asides: tuple[Aside, ...]
    """Wanted of the test and of the reference."""
    proof: Callable[[], Numbers | None]
    """By all that was wanted: the frames, or None."""


class _Line(NamedTuple):
    """Stamps that run on evenly: what they say at each place of the file's grid."""

    counter: int
    """At place 0; never starts over."""
    step: int
    """Counts from one place to the next."""
    ms: float
    each: float
    """Milliseconds of a count."""
    places: Numbers
    """On the grid, of every frame."""


def places(reference: Media, test: Media) -> Places | None:
    """Where the stamp lies in the test's pictures and in the reference's; None where not both have one."""
    if (here := _spot(test)) is None or (there := _spot(reference)) is None:
        return None
    return here, there


def frames(reference: Media, test: Media, *, every: bool = False, found: Places | None = None) -> Numbers | None:
    """The reference's frame of each of the test's, −1 for none; None where not both are stamped from one source.

    `every`: all stamps are read, where otherwise a few at both ends tell the rest; `found`: where they lie.
    """
    if (where := found or places(reference, test)) is None:
        return None
    sides = (test, where[0]), (reference, where[1])
    with ThreadPoolExecutor(2) as pool:
        if not every:
            ours, theirs = pool.map(lambda side: _line(*side), sides)
            if ours and theirs and (met := _met(ours, theirs)) is not None:
                return met
        marks = list(pool.map(lambda side: _marks(*side), sides))
    if any(sum(mark is not None for mark in each) < READ * len(each) for each in marks):
        return None
    return matched(*marks)


def _line(media: Media, spot: Spot) -> _Line | None:
    """Of a file with constant rate, if the stamps at both of its ends lie on one line."""
    if (late := _late(media)) is None:
        return None
    read = {n: mark for first in (0, late) for n, mark in _few(media, spot, range(first, first + SOME)).items()}
    return _lined(media, read) if len(read) >= READ * 2 * SOME else None


def _late(media: Media) -> int | None:
    """From which frame the later stamps are had cheapest; None where no line can be told."""
    video = media.video
    starts = np.arange(int(COVERED * len(video.times)), len(video.times) - SOME + 1)
    if not video.constant or not len(starts) or starts[0] < SOME:
        return None
    return int(starts[behind(media, starts).argmin()])


def _lined(media: Media, read: dict[int, Mark]) -> _Line | None:
    """By some stamps, if they lie on one line."""
    video = media.video
    at = grids.numbers(video.times, video.rate)
    numbers = np.array(sorted(read))
    apart = at[numbers] - at[numbers[0]]
    counted = np.array([read[n].counter - read[numbers[0]].counter for n in numbers]) % stamp.COUNTERS
    step = int(np.median(np.diff(counted) % stamp.COUNTERS // np.diff(apart)))
    if step < 1 or ((counted - step * apart) % stamp.COUNTERS).any():
        return None
    first, last = read[numbers[0]], read[numbers[-1]]
    each = (last.ms - first.ms) / float(step * apart[-1])
    begin = int(at[numbers[0]])
    return _Line(first.counter - step * begin, step, first.ms - each * step * begin, each, at)


def begun(reference: Media, test: Media, found: Places) -> Begun | None:
    """By the stamps at the beginning alone, where those at the end are dear; None where they are not, or tell nothing.

    The later ones are to come out of the decoding that scores.
    """
    sides = (test, found[0]), (reference, found[1])
    late = [at for media, _ in sides if (at := _late(media)) is not None]
    if len(late) < len(sides) or not all(_taken(*side) for side in sides):
        return None
    if all(behind(media, np.array([at]))[0] <= DEAR for (media, _), at in zip(sides, late, strict=True)):
        return None
    with ThreadPoolExecutor(2) as pool:
        read = list(pool.map(lambda side: _few(side[0], side[1], range(SOME)), sides))
    if any(len(each) < READ * SOME for each in read):
        return None
    ours, theirs = (_lined(media, each) for (media, _), each in zip(sides, read, strict=True))
    met = _met(ours, theirs, ROUGH) if ours and theirs else None
    if met is None:
        return None
    boxes = [_box(*side) for side in sides]
    pieces = tuple(asides.part(at, SOME, box) for at, box in zip(late, boxes, strict=True))

    def proof() -> Numbers | None:
        lines = []
        for (media, spot), first, at, box, piece in zip(sides, read, late, boxes, pieces, strict=True):
            marks = first | _marked(media, spot, at, box, piece)
            lines.append(_lined(media, marks) if len(marks) >= READ * 2 * SOME else None)
        return _met(lines[0], lines[1]) if lines[0] and lines[1] else None

    return Begun(met, pieces, proof)


def _taken(media: Media, spot: Spot) -> bool:
    """Whether the part of a picture that holds the stamp is read as the whole would be."""
    corners = np.array(spot.corners)
    inside = bool(corners.min() >= 0 and corners.max() <= 1)
    return asides.possible(media) and media.video.bits == 8 and spot.upright and inside


def _box(media: Media, spot: Spot) -> asides.Box:
    """Width, height, x and y of the part of the picture that holds the stamp."""
    size = np.array([media.video.width, media.video.height])
    low = np.floor(np.min(spot.corners, axis=0) * size).astype(int)
    high = np.minimum(np.ceil(np.max(spot.corners, axis=0) * size).astype(int) + 1, size)
    return int(high[0] - low[0]), int(high[1] - low[1]), int(low[0]), int(low[1])


def _marked(media: Media, spot: Spot, first: int, box: asides.Box, piece: Aside) -> dict[int, Mark]:
    """What the stamps say in those parts of pictures."""
    picture = np.zeros((media.video.height, media.video.width), np.uint8)
    found = {}
    for number, part in enumerate(piece.pictures(), first):
        picture[box[3] : box[3] + box[1], box[2] : box[2] + box[0]] = part
        if mark := stamp.read(picture, spot):
            found[number] = mark
    return found


def _met(ours: _Line, theirs: _Line, rough: float = 0.0) -> Numbers | None:
    """The reference's frames where the two lines meet in counter and time; None where they do not.

    `rough`: share of their distance by which their times may be off.
    """
    counts = (theirs.ms - ours.ms) / ours.each if ours.each > 0 else np.inf
    apart = (theirs.counter - ours.counter) % stamp.COUNTERS
    rounds = (counts - apart) / stamp.COUNTERS
    most = HALF + rough * abs(counts)
    if not np.isfinite(rounds) or abs(counts - apart - stamp.COUNTERS * round(rounds)) > most:
        return None
    ahead = ours.places * ours.step - (apart + stamp.COUNTERS * round(rounds))
    place, off = np.divmod(ahead, theirs.step)
    at = np.minimum(np.searchsorted(theirs.places, place), len(theirs.places) - 1)
    found = np.where((theirs.places[at] == place) & (off == 0), at, -1)
    return found.astype(np.int64) if (found >= 0).sum() >= LEAST else None


def matched(ours: Sequence[Mark | None], theirs: Sequence[Mark | None]) -> Numbers | None:
    """By equal time and counter; of a stamp that either shows several times, the first with the first and so on."""
    where: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, mark in enumerate(theirs):
        if mark:
            where[mark.ms, mark.counter].append(number)
    seen: dict[tuple[int, int], int] = defaultdict(int)
    found = np.full(len(ours), -1, np.int64)
    for number, mark in enumerate(ours):
        if mark and (shown := where.get((mark.ms, mark.counter))):
            again = seen[mark.ms, mark.counter]
            found[number] = shown[min(again, len(shown) - 1)]
            seen[mark.ms, mark.counter] += 1
    known = np.flatnonzero(found >= 0)
    if len(known) < LEAST or (np.diff(found[known]) < 0).any():
        return None
    for before, after in itertools.pairwise(known):
        if found[after] - found[before] == after - before:
            found[before:after] = found[before] + np.arange(after - before)
    return found


def _spot(media: Media) -> Spot | None:
    """Where the stamp lies, by the first pictures."""
    for (plane,) in stills.runs(media, [0], 1):
        if found := stamp_search.find(plane):
            return found[0]
    with opened(media.path) as container:
        for number, picture in enumerate(pictures(container, picture_track(container, media.path))):
            if number == FIRST:
                break
            if found := stamp_search.find(np.ascontiguousarray(luma(picture))):
                return found[0]
    return None


def _marks(media: Media, spot: Spot) -> list[Mark | None]:
    """What every picture's stamp says."""
    with opened(media.path) as container:
        return [stamp.read(luma(each), spot) for each in pictures(container, picture_track(container, media.path))]


def _few(media: Media, spot: Spot, numbers: range) -> dict[int, Mark]:
    """What the stamps of these frames say, as far as they can be read."""
    with opened(media.path) as container:
        found = stills.following(container, picture_track(container, media.path), media, numbers)
    marks = {number: stamp.read(luma(picture), spot) for number, picture in found.items()}
    return {number: mark for number, mark in marks.items() if mark}
