"""A/V offset by stamp and by events, capture times by stamp; av-drift-detector beside ours at the same settings."""

from __future__ import annotations

import os
import shutil
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from qoe_agent.maths.lipsync import within
from qoe_agent.maths.marks import Marks
from qoe_agent.model import Picture
from qoe_agent.stamp import Coding, Place, Plan, run
from tests.accuracy import faults_sound
from tests.accuracy.clips import RATE, encode, photo_pan, photos
from tests.accuracy.contents import dice, pick
from tests.accuracy.offline import START, watch
from tests.accuracy.rows import Row, first_picture, found, intervals
from tests.accuracy.rows import number as value
from tests.accuracy.score import Span
from tests.stamped import T0, stream, transcode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.accuracy.clips import Image, Samples

RUNGS = ((1080, 4e6, 96_000), (720, 2e6, 64_000), (360, 4e5, 48_000), (240, 2e5, 32_000))
"""Lines, bits a second of pictures and of sound."""
LATE = (-0.4, -0.2, -0.12, -0.06, -0.03, 0.0, 0.03, 0.1, 0.15, 0.25, 0.4)
SECONDS = 8.0
WINDOW = 10.0
WRONG = 0.04
"""Seconds by which what is said of events may be off (DECISIONS 17)."""


def offsets(number: int, folder: Path) -> list[Row]:
    """Every rung with every offset in turn: ours through `qoe_agent.stamp`, then theirs."""
    height, bitrate, sound = RUNGS[number % len(RUNGS)]
    late = LATE[number // len(RUNGS) % len(LATE)]
    facts = {"late": late, "height": height, "bitrate": bitrate, "sound": sound, "unit": "ms"}
    ours, theirs = folder / f"av_{height}_{late}.ts", folder / f"avd_{height}_{late}.mp4"
    if not ours.exists():
        shifted(stamped(folder.parent, 40.0 if height < 360 else 24.0), ours, height, bitrate, sound, late)
    seen = watch(ours, "stamp", "av_offset")
    told = [t for _, t in seen.history.get(("qoe_av_offset_seconds", "stamp"), []) if t is not None]
    name = f"A/V offset by stamp, {height}p, {sound // 1000} kb/s"
    rows = [value(name, t * 1e3, late * 1e3, facts) for t in told] or [value(name, None, late * 1e3, facts)]
    truth = [] if within(late, "bt1359_detectability") else [Span(0.0, SECONDS)]
    spans = found(seen, "av_out_of_sync", first_picture(seen), SECONDS)
    rows.append(intervals("av_out_of_sync", "all", truth, spans, 0.0, facts))
    return rows + _beside(theirs, height, bitrate, sound, late, facts)


def _beside(path: Path, height: int, bitrate: float, sound: int, late: float, facts: dict[str, Any]) -> list[Row]:
    """av-drift-detector's own pattern, generated with the same offset, coded as ours, and read by its own reader."""
    try:
        import av_drift_detector
    except ImportError:
        return []
    if shutil.which("ffmpeg") is None:
        return []
    if not path.exists():
        source = path.parent.parent / f"avd_source_{late}.mp4"
        if not source.exists():
            part = source.with_suffix(f".{os.getpid()}.mp4")
            av_drift_detector.generate(str(part), fps="25", duration=SECONDS, audio_offset=late)
            part.rename(source)
        shifted(source, path, height, bitrate, sound, 0.0)
    name = f"A/V offset, {height}p, {sound // 1000} kb/s: av-drift-detector"
    summary = av_drift_detector.analyze(str(path))
    every: list[Any] = [one for one in summary["frames"] if one["status"] == "ok"]
    told = [one["drift_ms"] for one in every if one["drift_ms"] is not None]
    return [value(name, float(np.mean(told)) if told else None, late * 1e3, facts)]


def stamped(folder: Path, cell: float, seconds: float = SECONDS) -> Path:
    """The built-in programme under our stamps, as `qoe-agent stamp` writes it."""
    path = folder / f"stamped_{cell:.0f}.ts"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.ts")
        plan = Plan("test", str(part), Place(cell=cell), Coding(), seconds=seconds, realtime=False)
        run(plan, threading.Event())
        part.rename(path)
    return path


def shifted(
    source: Path, path: Path, height: int, bitrate: float, sound: int, late: float, seconds: float = SECONDS
) -> None:
    """A transcode with the sound moved by whole samples against the pictures."""
    with av.open(str(source)) as container:
        start = next(container.decode(video=0)).time or 0.0
    resampler = av.AudioResampler("fltp", "stereo", RATE)
    heard: Any = np.zeros((2, round(seconds * RATE)), np.float32)
    with av.open(str(source)) as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                _lay(
                    heard,
                    np.asarray(piece.to_ndarray(), np.float32),
                    round(((piece.time or 0.0) - start + late) * RATE),
                )
    size = round(height * 16 / 9 / 2) * 2, height
    part = path.with_suffix(f".part{path.suffix}")
    with av.open(str(source)) as container:
        frames = (np.asarray(f.to_ndarray(format="rgb24", width=size[0], height=size[1]), np.uint8)
                  for f in container.decode(video=0))  # fmt: skip
        encode(part, frames, 25.0, bitrate=bitrate, audio=heard, sound_bitrate=sound)
    part.rename(path)


def _lay(into: Samples, piece: Samples, at: int) -> None:
    first, last = max(at, 0), min(at + piece.shape[1], into.shape[1])
    if last > first:
        into[:, first:last] = piece[:, first - at : last - at]


def events(number: int, folder: Path) -> list[Row]:
    """120 s of photographs with cuts; sound with a knock at every cut, so much late, or that has nothing to do with
    them: how often it speaks in windows of 10 s, and how often wrongly."""
    random = dice("av_events", number)
    bound = number % 3 == 0
    late = float(random.uniform(-0.4, 0.4)) if bound else None
    path, seconds = folder / f"av_events_{number}.ts", 120.0
    cuts = np.cumsum(random.uniform(1.2, 4.0, 100)).round(2) // 0.04 * 0.04
    cuts = cuts[cuts < seconds - 1]
    name = pick(random, ("talk", "music", "film"))
    seed = int(random.integers(1 << 30))
    if not path.exists():
        samples = {"talk": faults_sound.talk, "music": faults_sound.music}.get(name, lambda s, _: faults_sound.film(s))
        sound = samples(seconds, seed) * np.float32(0.15 if bound else 1.0)
        if late is not None:
            _knock(sound, cuts + late, random)
        part = path.with_suffix(".part.ts")
        encode(part, _cut(random, cuts, seconds), 25.0, bitrate=4e5, audio=np.clip(sound, -1, 1)).rename(path)
    seen = watch(path, "stamp", "av_offset")
    told = [(at - START, t) for at, t in seen.history.get(("qoe_av_offset_seconds", "events"), []) if t is not None]
    errors = []
    for begin in np.arange(0.0, seconds, WINDOW):
        inside = [t for at, t in told if begin <= at < begin + WINDOW]
        if inside:
            errors.append(None if late is None else (inside[-1] - late) * 1e3)
    facts = {"clip": path.name, "sound": name, "late": late, "windows": int(seconds / WINDOW)}
    return [{"row": "speaking", "measure": "A/V offset by events", "errors": errors, "limit": WRONG * 1e3, **facts}]


def _cut(random: np.random.Generator, cuts: Any, seconds: float) -> Iterator[Image]:
    """Another photograph from every cut on."""
    of, before = photos(), 0.0
    for cut in [*cuts, seconds]:
        frames = photo_pan(pick(random, of), (320, 180), cut - before + 1, int(random.integers(1 << 30)))
        yield from islice(frames, round(cut * 25) - round(before * 25))
        before = float(cut)


def _knock(sound: Samples, times: Any, random: np.random.Generator) -> None:
    for at in times:
        first = round(float(at) * RATE)
        length = min(RATE // 5, sound.shape[1] - first)
        if first >= 0 and length > 0:
            ring = np.exp(-np.arange(length) / RATE * 25) * random.normal(0.0, 0.25, length)
            sound[:, first : first + length] += ring.astype(np.float32)


def captured(number: int, folder: Path) -> list[Row]:
    """Capture times by the line through stamps, of a stamped stream and of transcodes down to 360p/300 kb/s."""
    path = folder.parent / "captured_source.mp4"
    if not path.exists():
        stream(path.with_suffix(f".{os.getpid()}.mp4"), (1280, 720), 30.0, 12.0, bitrate=5e6).rename(path)
    height, bitrate, fps = ((720, 2e6, 30), (480, 8e5, 25), (360, 3e5, 30), (360, 3e5, 15))[number % 4]
    to = folder / f"captured_{height}_{fps}.ts"
    if not to.exists():
        transcode(path, to.with_suffix(".part.ts"), (height * 16 // 9 // 2 * 2, height), bitrate, fps).rename(to)
    seen = watch(to, "stamp")
    origin, marks = first_picture(seen)[0], Marks()
    rows, due = [], 1.0
    for one in seen.observations:
        if not isinstance(one, Picture) or one.pts is None:
            continue
        marks.see(one.pts, one.looks.get("stamp"))
        if one.pts - origin < due:
            continue
        due += 1.0
        told = marks.captured(one.pts)
        ours = None if told is None else (told.at - (T0 + one.pts - origin)) * 1e3
        facts = {"unit": "ms", "height": height, "fps": fps}
        rows.append(value(f"capture time by stamp, {height}p, {bitrate / 1e3:.0f} kb/s", ours, 0.0, facts))
    return rows
