"""Numbers beside those who know: SI and TI beside FFmpeg's siti, quantisers beside x264's own log; CPU of looks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.model import Packet, Picture
from tests.accuracy.clips import encode
from tests.accuracy.contents import dice, draw
from tests.accuracy.oracles import siti
from tests.accuracy.rows import Row, watched
from tests.accuracy.rows import number as value
from tests.bench import assets, bench_looks

if TYPE_CHECKING:
    from pathlib import Path

LIMITED = 255 / 219
"""siti stretches limited range to full."""


def information(number: int, folder: Path) -> list[Row]:
    """SI and TI of single pictures, 8 s."""
    random = dice("siti", number)
    make = replace(draw(random, 8.0, sizes=(0.3, 0.5, 0.2)), codec="libx264", preset="veryfast")
    path = make.into(folder / f"siti_{number}.ts")
    theirs = {round(at, 3): told for at, told in siti(path)}
    rows = []
    for one in watched(path, "sharpness", "all").observations:
        look = one.looks.get("sharpness") if isinstance(one, Picture) else None
        if not look or one.pts is None:  # type: ignore[union-attr]
            continue
        truth = theirs.get(round(one.pts, 3))  # type: ignore[union-attr]
        for name, short in (("spatial", "si"), ("temporal", "ti")):
            if truth and look.get(name) is not None:
                facts = {"unit": "codes", "oracle": "siti", "clip": path.name}
                rows.append(value(f"{name} information", look[name] * LIMITED, truth[short], facts))
    return rows


def quantisers(number: int, folder: Path) -> list[Row]:
    """Mean macroblock quantiser of single pictures beside what x264 wrote into its statistics."""
    random = dice("qp", number)
    make = replace(draw(random, 6.0, sizes=(0.5, 0.5, 0.0)), codec="libx264", preset="veryfast")
    path, stats = folder / f"qp_{number}.ts", folder / f"qp_{number}.log"
    if not path.exists():
        part = path.with_suffix(".part.ts")
        options = {"x264-params": f"pass=1:stats={stats}"}
        encode(part, make.frames(), 25.0, "libx264", make.bitrate, 50, options=options).rename(path)
    wrote = {int(n): float(qp) for n, qp in re.findall(r"in:(\d+) .* aq:(\S+)", stats.read_text())}
    rows, origin = [], None
    for one in watched(path, "quality", "all").observations:
        if not isinstance(one, Picture) or one.pts is None:
            continue
        origin = one.pts if origin is None else origin
        told = one.looks.get("quality")
        if told:
            facts = {"unit": "QP", "oracle": "x264", "clip": path.name}
            rows.append(value("mean quantiser of a picture", told[0], wrote[round((one.pts - origin) * 25)], facts))
    return rows


def cost(number: int, folder: Path) -> list[Row]:
    """CPU of every look over 1080p30 at 4 Mb/s, decode policy `all`: the mean over pictures, and the worst calls."""
    seen = bench_looks.stream(str(assets.make()[number % assets.COPIES]), 20.0)
    frames = sum(isinstance(one, Packet) and one.kind == "video" for one in seen)
    rows: list[Row] = []
    for name, took in bench_looks.each(seen).items():
        if took and not name.endswith(".feed"):
            times = np.array(took) * 1e3
            facts = {"mean": times.sum() / frames, "p99": float(np.quantile(times, 0.99)), "worst": float(times.max())}
            rows.append({"row": "cost", "look": name, "calls": len(took), **facts})
    return rows
