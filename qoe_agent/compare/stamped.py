"""The stamps in the pictures of two files: which frame of one carries the stamp of which frame of the other."""

from __future__ import annotations

import itertools
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare import stills
from qoe_agent.compare.aligning import grids
from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.places import behind
from qoe_agent.compare.thumbs import luma
from qoe_agent.maths import stamp, stamp_search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media
    from qoe_agent.maths.stamp import Mark, Spot

    Numbers = NDArray[np.int64]

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


def frames(reference: Media, test: Media, *, every: bool = False) -> Numbers | None:
    """The reference's frame of each of the test's, −1 for none; None where not both are stamped from one source.

    `every`: all stamps are read, where otherwise a few at both ends tell the rest.
    """
    if (here := _spot(test)) is None or (there := _spot(reference)) is None:
        return None
    sides = (test, here), (reference, there)
    with ThreadPoolExecutor(2) as pool:
        if not every:
            ours, theirs = pool.map(lambda side: _line(*side), sides)
            if ours and theirs and (found := _met(ours, theirs)) is not None:
                return found
        marks = list(pool.map(lambda side: _marks(*side), sides))
    if any(sum(mark is not None for mark in each) < READ * len(each) for each in marks):
        return None
    return matched(*marks)


def _line(media: Media, spot: Spot) -> _Line | None:
    """Of a file with constant rate, if the stamps at both of its ends lie on one line."""
    video = media.video
    starts = np.arange(int(COVERED * len(video.times)), len(video.times) - SOME + 1)
    if not video.constant or not len(starts) or starts[0] < SOME:
        return None
    late = int(starts[behind(media, starts).argmin()])
    read = {n: mark for first in (0, late) for n, mark in _few(media, spot, range(first, first + SOME)).items()}
    if len(read) < READ * 2 * SOME:
        return None
    places = grids.numbers(video.times, video.rate)
    numbers = np.array(sorted(read))
    apart = places[numbers] - places[numbers[0]]
    counted = np.array([read[n].counter - read[numbers[0]].counter for n in numbers]) % stamp.COUNTERS
    step = int(np.median(np.diff(counted) % stamp.COUNTERS // np.diff(apart)))
    if step < 1 or ((counted - step * apart) % stamp.COUNTERS).any():
        return None
    first, last = read[numbers[0]], read[numbers[-1]]
    each = (last.ms - first.ms) / float(step * apart[-1])
    begin = int(places[numbers[0]])
    return _Line(first.counter - step * begin, step, first.ms - each * step * begin, each, places)


def _met(ours: _Line, theirs: _Line) -> Numbers | None:
    """The reference's frames where the two lines meet in counter and time; None where they do not."""
    counts = (theirs.ms - ours.ms) / ours.each if ours.each > 0 else np.inf
    apart = (theirs.counter - ours.counter) % stamp.COUNTERS
    rounds = (counts - apart) / stamp.COUNTERS
    if not np.isfinite(rounds) or abs(counts - apart - stamp.COUNTERS * round(rounds)) > HALF:
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
