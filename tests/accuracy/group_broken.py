"""Broken pictures: packets cut short or lost on the way, and fields woven into whole pictures."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.model import CORRUPT, Packet
from tests.accuracy.clips import encode
from tests.accuracy.contents import dice, draw, pick
from tests.accuracy.offline import demuxed
from tests.accuracy.rows import Row, first_picture, found, intervals, watched
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.accuracy.clips import Image

HOW = ("cut", "garbled", "marked")


def damaged(number: int, folder: Path) -> list[Row]:
    """30 s with up to three spells of damage: cut short, garbled, or marked by the transport as incomplete; the marks
    are all that is known of a picture that is not decoded."""
    random = dice("damage", number)
    make = draw(random, 30.0, sizes=(0.6, 0.4, 0.0), gops=(50,))
    make = replace(make, codec="libx264", preset="veryfast")
    path = folder / f"damage_{number}.ts"
    if not path.exists():
        part = path.with_suffix(".part.ts")
        encode(
            part, make.frames(), make.fps, make.codec, make.bitrate, make.gop, options={"bf": "0", "sc_threshold": "0"}
        ).rename(path)
    video = [one for one in demuxed(path) if isinstance(one, Packet) and one.kind == "video"]
    keys = [one.pts for one in video if one.key and one.pts is not None]
    times = sorted(random.choice([3.0, 10.0, 17.0, 24.0], int(random.integers(0, 4)), replace=False))
    chosen = [next(n for n, key in enumerate(keys) if key - keys[0] >= time) for time in times]
    hurt: dict[float, str] = {}
    known: list[Span] = []
    unknown: list[Span] = []
    for gop in chosen:
        if gop + 1 >= len(keys):
            continue
        inside = [one.pts for one in video if not one.key and one.pts and keys[gop] < one.pts < keys[gop + 1]]
        pts = inside[int(random.integers(0, len(inside) * 3 // 4))]
        hurt[pts] = pick(random, HOW)
        spoilt = Span(pts - keys[0], keys[gop + 1] - keys[0])
        (known if hurt[pts] == "marked" else unknown).append(spoilt)
    seed = int(random.integers(1 << 30))
    facts = make.facts | {"clip": path.name, "how": list(hurt.values())}
    rows = []
    for decode in ("all", "adaptive"):
        seen = watched(path, "damage", decode, mapped=_Harm(hurt, seed))
        spans = found(seen, "damage", first_picture(seen), make.seconds)
        truth, optional = ([*known, *unknown], []) if decode == "all" else (known, unknown)
        rows.append(intervals("damage", decode, truth, spans, 0.0, facts, optional=optional))
    return rows


class _Harm:
    """Changes the packets that are to be harmed."""

    def __init__(self, hurt: dict[float, str], seed: int) -> None:
        self._hurt, self._random = hurt, np.random.default_rng(seed)

    def __call__(self, packet: Packet) -> Packet:
        how = self._hurt.get(packet.pts or 0.0) if packet.kind == "video" else None
        if how is None:
            return packet
        data = bytearray(packet.data)
        if how == "garbled":
            start = len(data) // 3
            data[start:] = self._random.integers(0, 256, len(data) - start, dtype=np.uint8).tobytes()
        else:
            del data[len(data) // 3 :]
        flags = packet.flags | (CORRUPT if how == "marked" else 0)
        return replace(packet, data=bytes(data), size=len(data), flags=flags)


def woven(number: int, folder: Path) -> list[Row]:
    """30 s of moving pictures, half of the clips woven of two fields from 10 s on, in `all`:
    `adaptive` needs its bursts of two minutes for as many pictures."""
    random = dice("interlaced", number)
    contents = ("pan", "pan", "bunny", "slides") if number % 2 == 0 else ("pan", "pan", "bunny")
    make = draw(random, 30.0, sizes=(0.0, 0.8, 0.2), contents=contents)
    make = replace(make, bitrate=make.bitrate * 2)
    truth = [Span(10.0, 30.0)] if number % 2 else []
    path = folder / f"interlaced_{number}.ts"
    twice = replace(make, seconds=60.0, fps=25.0 if make.content == "bunny" else 50.0)
    frames = _weave(twice.frames(), 250 if truth else 10**6)
    make.into(path, frames=islice(frames, 750))
    seen = watched(path, "interlace", "all")
    spans = found(seen, "interlaced", first_picture(seen), make.seconds)
    return [intervals("interlaced", "all", truth, spans, 0.0, make.facts | {"clip": path.name})]


def _weave(frames: Iterable[Image], since: int) -> Iterator[Image]:
    """Every second picture; from picture `since` on with the lines between from the one that follows."""
    source = iter(frames)
    for n, (first, second) in enumerate(zip(source, source, strict=False)):
        if n < since:
            yield first
            continue
        both = first.copy()
        both[1::2] = second[1::2]
        yield both
