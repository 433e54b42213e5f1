"""The one stream that the fleet benchmarks use (DECISIONS 33), made once and named by the hash of its recipe.

1080p30 H.264 at 4 Mb/s with AAC; a key frame every 2 s, 150±20 KB on the mean; and copies of it that differ in
their parameter sets only, so that as many decoders are told apart as in a real fleet.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
from pathlib import Path

import av

COPIES = 24
SECONDS = 10
GOP = 60
KEY_BYTES = (130_000, 170_000)
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30"]
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
VIDEO = "-vf noise=alls=14:allf=t -c:v libx264 -preset superfast -profile:v high -pix_fmt yuv420p -threads 1"
RATE = f"-b:v 4M -maxrate 4M -bufsize 4M -g {GOP} -keyint_min {GOP} -sc_threshold 0 -c:a aac -b:a 96k"
METADATA = [
    f"h264_metadata=chroma_sample_loc_type={location}:colour_primaries={primaries}"
    for location, primaries in itertools.islice(itertools.product(range(6), (1, 4, 5, 6)), COPIES)
]
RECIPE = [*PICTURE, *SOUND, *VIDEO.split(), *RATE.split(), "-t", str(SECONDS)]


def make() -> list[Path]:
    """The copies, from the cache if they are there."""
    name = hashlib.sha256(json.dumps([RECIPE, METADATA]).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qoe-agent-bench" / name
    copies = [cache / f"{number}.flv" for number in range(COPIES)]
    if all(copy.exists() for copy in copies):
        return copies
    cache.mkdir(parents=True, exist_ok=True)
    first = cache / "first.flv"
    _ffmpeg(*RECIPE, str(first))
    mean = _mean_key(first)
    if not KEY_BYTES[0] <= mean <= KEY_BYTES[1]:
        raise SystemExit(f"the asset's key frames have {mean:.0f} bytes on the mean, not {KEY_BYTES}")
    for copy, metadata in zip(copies, METADATA, strict=True):
        part = copy.with_suffix(".part.flv")
        _ffmpeg("-i", str(first), "-c", "copy", "-bsf:v", metadata, str(part))
        part.rename(copy)
    distinct = {_parameter_sets(copy) for copy in copies}
    if len(distinct) != COPIES:
        raise SystemExit(f"only {len(distinct)} distinct parameter sets")
    return copies


def describe() -> str:
    """The asset in one line."""
    copies = make()
    size = copies[0].stat().st_size
    return (
        f"asset {copies[0].parent.name}: {COPIES} parameter sets, {8 * size / SECONDS / 1e6:.2f} Mb/s, "
        f"key frames of {_mean_key(copies[0]) / 1000:.0f} KB every {GOP / 30:g} s"
    )


def _ffmpeg(*options: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *options], check=True)


def _mean_key(path: Path) -> float:
    with av.open(str(path)) as opened:
        sizes = [packet.size for packet in opened.demux(video=0) if packet.is_keyframe]
    return sum(sizes) / len(sizes)


def _parameter_sets(path: Path) -> bytes:
    with av.open(str(path)) as opened:
        return bytes(opened.streams.video[0].codec_context.extradata or b"")
