"""Frozen content: the held-out half of the matrix of `faults_freeze`, and long freezes for key frames alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import islice
from typing import TYPE_CHECKING

from tests.accuracy.contents import dice, pick
from tests.accuracy.faults_freeze import FPS, MOVING, STANDING, matrix
from tests.accuracy.oracles import freezedetect
from tests.accuracy.rows import Row, first_picture, found, intervals, promised, since, watched
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from pathlib import Path

    from tests.accuracy.faults_freeze import Case

SEED = 4242
LONGER = (1.0, 2.0, 2.0, 2.4, 3.0, 3.0, 4.0, 4.4, 6.0)
"""Of freezes, seconds."""
SMALLER = ((320, 180), (320, 180), (640, 360))


def short(number: int, folder: Path) -> list[Row]:
    """20 s: moving contents with two or three freezes, or standing ones without, in `all` and `adaptive`."""
    (case,) = islice(matrix(number + 1, SEED, 1), number, None)
    return _measured(case, folder, "all", "adaptive")


def many(number: int, folder: Path) -> list[Row]:
    """60 s: moving contents with about nine freezes, most of them as long as `adaptive` promises to find, or (one of
    five) standing ones without, in that policy: a short clip has hardly one such freeze."""
    mixed = matrix(number + 1, SEED + 2, 1, MOVING * 3 + STANDING, seconds=60.0, lengths=LONGER, sizes=SMALLER)
    (case,) = islice(mixed, number, None)
    return _measured(case, folder, "adaptive")


def long(number: int, folder: Path) -> list[Row]:
    """50 s: two freezes of at least two key intervals in moving contents, none in standing ones, in `keyframes`."""
    random = dice("freeze_long", number)
    (case,) = islice(matrix(number + 1, SEED + 1, 1, tuple(_mixed())), number, None)
    first, second = (float(pick(random, (10.0, 10.4, 11.2, 12.0))) for _ in range(2))
    faults = (Span(8.0, 8.0 + first), Span(29.2, 29.2 + second)) if case.content in MOVING else ()
    gop = pick(random, (25, 50, 100))
    return _measured(replace(case, seconds=50.0, size=(320, 180), faults=faults, gop=gop), folder, "keyframes")


def _mixed() -> list[str]:
    """Moving and standing contents in turn."""
    return [name for pair in zip(MOVING, STANDING * 2, strict=False) for name in pair]


def _measured(case: Case, folder: Path, *policies: str) -> list[Row]:
    path, truth = case.build(folder)
    beside = freezedetect(path), freezedetect(path, 0.5 - 1 / FPS)
    facts = asdict(case) | {"clip": path.name, "standing": case.content in STANDING}
    rows = []
    for decode in policies:
        seen = watched(path, "content_freeze", decode)
        origin = first_picture(seen)
        spans = since(beside[0], origin), since(beside[1], origin)
        held = found(seen, "content_freeze", origin, case.seconds)
        least = promised(decode, case.apart)
        rows.append(intervals("content_freeze", decode, truth, held, least, facts, spans))
    return rows
