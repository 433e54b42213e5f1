"""Black, one colour, colour bars: short ones for policies that see every picture where it matters, and long ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.accuracy import faults_picture as faults
from tests.accuracy.contents import dice, draw, pick
from tests.accuracy.oracles import blackdetect
from tests.accuracy.rows import Row, first_picture, found, intervals, promised, since, watched

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from tests.accuracy.contents import Make
    from tests.accuracy.faults_picture import Change, Fault

KINDS = ("black", "solid_colour", "colour_bars")
LENGTHS = (0.52, 0.52, 0.8, 1.0, 1.2, 2.0, 2.0, 3.0, 4.0)
"""Of faults, seconds."""
SOLID = 1.0
"""Seconds from which on one colour is a fault (the probe's default)."""


def short(number: int, folder: Path) -> list[Row]:
    """24 s with about six faults, and what is like them, in `all` and `adaptive`."""
    random = dice("blank", number)
    make = draw(random, 24.0)
    return _measured(make, _injected(random, make, LENGTHS, 1.4, 3.0), folder / f"blank_{number}.ts", "all", "adaptive")


def long(number: int, folder: Path) -> list[Row]:
    """75 s with four faults of at least 10 s, in `keyframes`."""
    random = dice("blank_long", number)
    make = draw(random, 75.0, sizes=(1.0, 0.0, 0.0), gops=(25, 50, 100))
    faulty = _injected(random, make, (10.0, 10.5, 11.0, 12.0, 13.0), 5.5, 8.0)
    return _measured(make, faulty, folder / f"blank_long_{number}.ts", "keyframes")


def _injected(
    random: np.random.Generator, make: Make, lengths: tuple[float, ...], least: float, most: float
) -> list[tuple[str, Fault]]:
    """Faults one after another, `least` to `most` seconds apart; kind "" for what only looks like one."""
    injected: list[tuple[str, Fault]] = []
    at = float(random.uniform(1.5, 3.0))
    while True:
        kind = pick(random, (*KINDS, ""), (0.62, 0.14, 0.14, 0.1))
        length = max(pick(random, lengths), SOLID if kind == "solid_colour" else 0.0)
        if at + length > make.seconds - 1.0:
            return injected
        injected.append((kind, faults.Fault(at, at + length, _change(random, kind, length, make), make.fps)))
        at += length + float(random.uniform(least, most))


def _change(random: np.random.Generator, kind: str, length: float, make: Make) -> Change:
    seed = int(random.integers(1 << 30))
    if kind == "black":
        level, noise = int(random.integers(0, 13)), float(pick(random, (0.0, 0.0, 1.0, 3.0, 5.0)))
        noise *= make.size[1] / 720  # scaling down averages a camera's noise
        return faults.black(level, noise, bool(random.random() < 0.3), seed)
    if kind == "solid_colour":
        colour = pick(random, ((0, 0, 255), (0, 160, 0), (255, 255, 255), (128, 128, 128), (200, 30, 30)))
        return faults.solid(colour, float(pick(random, (0.0, 2.0))), bool(random.random() < 0.3), seed)
    if kind == "colour_bars":
        return faults.bars(pick(random, ("ebu", "smpte", "hd")), 0.75, bool(random.random() < 0.5))
    return faults.titles if random.random() < 0.6 else faults.fade(min(length, 1.2), make.fps)


def _measured(make: Make, faulty: list[tuple[str, Fault]], path: Path, *policies: str) -> list[Row]:
    make.into(path, *(fault for _, fault in faulty))
    rows: list[Row] = []
    beside = blackdetect(path), blackdetect(path, 0.5)
    for decode in policies:
        seen = watched(path, "black", decode)
        origin = first_picture(seen)
        least = promised(decode, make.gop / make.fps)
        ffmpeg = since(beside[0], origin), since(beside[1], origin)
        for kind in KINDS:
            truth = [fault.truth for what, fault in faulty if what == kind]
            held = found(seen, kind, origin, make.seconds)
            needed = max(least, SOLID) if kind == "solid_colour" else least
            facts = make.facts | {"clip": path.name}
            rows.append(intervals(kind, decode, truth, held, needed, facts, ffmpeg if kind == "black" else None))
    return rows
