"""Tiles: a guest who is frozen or black beside a host who moves, and guests with whom nothing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.accuracy.contents import dice, pick
from tests.accuracy.faults_tiles import GUESTS, Layout
from tests.accuracy.rows import EVERY, Row, first_picture, found, intervals, promised, watched
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

KINDS = {"tile_content_freeze": "frozen", "tile_black": "black"}
RATES = {360: (6e5, 1.2e6, 2.5e6), 720: (1.5e6, 3e6)}


def short(number: int, folder: Path) -> list[Row]:
    """40 s with some faults of the guest, or none, in `all` and `adaptive`."""
    random = dice("tiles", number)
    return _measured(_drawn(random, number, 40.0, 16.0, (2.2, 3.0, 5.2, 8.2), (8.0, 12.0)), folder, "all", "adaptive")


def long(number: int, folder: Path) -> list[Row]:
    """100 s with two faults of at least 15 s, the first after half a minute, in `keyframes`."""
    random = dice("tiles_long", number)
    return _measured(_drawn(random, number, 100.0, 32.0, (15.0, 16.0, 18.0), (12.0, 16.0)), folder, "keyframes")


def _drawn(
    random: np.random.Generator,
    number: int,
    seconds: float,
    first: float,
    lengths: tuple[float, ...],
    gaps: tuple[float, float],
) -> Layout:
    size = pick(random, ((640, 360), (1280, 720)), (0.9, 0.1)) if seconds < 60 else (640, 360)
    spans, at = [], first
    while True:
        length = float(pick(random, lengths))
        if at + length > seconds - 2.0:
            break
        begin = round(at * 25) / 25
        spans.append(Span(begin, begin + length))
        at += length + float(random.uniform(*gaps))
    return Layout(
        pick(random, ("pair", "four")), GUESTS[number % len(GUESTS)], int(random.integers(1 << 30)), size, seconds,
        float(pick(random, RATES[size[1]])), pick(random, (25, 50, 100)), bool(random.random() < 0.5), tuple(spans),
    )  # fmt: skip


def _promised(decode: str, gop: float) -> float:
    """Seconds from which on a frozen tile is promised to be found: packets do not help."""
    return {"all": 2.0, "adaptive": 4.0 + gop, "keyframes": 3 * max(gop, EVERY)}[decode]


def _measured(made: Layout, folder: Path, *policies: str) -> list[Row]:
    path, rows = made.build(folder), []
    guest = made.tiles[1].name
    for decode in policies:
        seen = watched(path, "tiles", decode, {"tiles": {"tiles": made.tiles}})
        origin = first_picture(seen)
        for kind, fault in KINDS.items():
            least = promised(decode, made.gop / 25) if fault == "black" else _promised(decode, made.gop / 25)
            for tile in made.tiles:
                spans = found(seen, kind, origin, made.seconds, tile.name)
                truth = made.truth(fault) if tile.name == guest else []
                facts = {"guest": made.guest, "layout": made.layout, "tile": tile.name, "clip": path.name}
                rows.append(intervals(kind, decode, truth, spans, least, facts))
    return rows
