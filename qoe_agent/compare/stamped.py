"""The stamps in the pictures of two files: which frame of one carries the stamp of which frame of the other."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.media import opened, picture_track, pictures
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
"""Share of a file's frames whose stamp must be read."""
LEAST = 8
"""Stamps that both files must show."""


def frames(reference: Media, test: Media) -> Numbers | None:
    """The reference's frame of each of the test's, −1 for none; None where not both are stamped from one source."""
    if (here := _spot(test)) is None or (there := _spot(reference)) is None:
        return None
    ours, theirs = _marks(test, here), _marks(reference, there)
    if any(sum(mark is not None for mark in marks) < READ * len(marks) for marks in (ours, theirs)):
        return None
    return matched(ours, theirs)


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
