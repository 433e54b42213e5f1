"""One job's encodes: run, timed, weighed, decoded for what that costs; and whether an encoder is here at all."""

from __future__ import annotations

import functools
import os
import re
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av

from qoe_agent.compare.media import opened, picture_track
from qoe_agent.compare.sweep import measuring
from qoe_agent.compare.sweep.encoders import ENCODERS, Gop, Rate, arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qoe_agent.compare.sweep.jobs import Job
    from qoe_agent.compare.sweep.measuring import Usage

QUIET = ("-hide_banner", "-nostdin", "-y", "-loglevel", "warning")
PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.25", "-nostats")
_PLACE = re.compile(r"^\[[^]]*\] *(?:\[[^]]*\] *)?")
TRIAL = 60.0
"""Seconds that a trial may take."""
SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.2")
"""Of a trial."""
TOLD = {"svt-av1": ("svt-av1", r"SVT-AV1 Encoder Lib v?(\S+)"), "vp9": ("libvpx", r"\[libvpx-vp9 [^]]*\] v(\d\S*)")}
"""Encoders that write their version into their log, not into the stream: its name, and how it is said."""


@dataclass(frozen=True, slots=True)
class Packets:
    """What an encode is made of, in the order decoded."""

    times: tuple[float, ...]
    """Seconds at which each is decoded, from the first."""
    shown: tuple[float, ...]
    """Seconds at which each is shown, from the first shown."""
    sizes: tuple[int, ...]
    keys: tuple[bool, ...]
    rate: float
    """Frames a second."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a job made."""

    path: str
    runs: tuple[Usage, ...]
    """Of each repeat, both passes together."""
    command: tuple[str, ...]
    packets: Packets
    decode: Usage | None


@functools.cache
def absent(ffmpeg: str, name: str, pixel_format: str = "yuv420p") -> str | None:
    """Why an encoder cannot work here, by a trial of a few frames; None: it can."""
    encoder = ENCODERS[name]
    control, value = ("abr", 500_000.0) if encoder.qp is None else ("qp", 30.0)
    told = arguments(name, encoder.default, Rate(control, value), Gop(None), {}, 0)  # type: ignore[arg-type]
    filters = encoder.upload or f"format={pixel_format}"
    with tempfile.TemporaryDirectory(prefix="qoe-sweep-") as folder:
        command = [
            ffmpeg, *QUIET, *PROGRESS, *encoder.before, *SOURCE, "-vf", filters, *told,
            os.path.join(folder, "trial.mp4"),
        ]  # fmt: skip
        try:
            measuring.run(command, folder, lambda _: None, TRIAL)
        except measuring.Failed as error:
            return _reason(str(error))
    return None


def _reason(said: str) -> str:
    """What an encoder complained of first: all that follows is of FFmpeg's own making."""
    lines = [_PLACE.sub("", line) for line in said.splitlines()]
    return next((line for line in lines[1:] if line), lines[0])


@functools.cache
def version(ffmpeg: str, name: str) -> dict[str, str]:
    """That of an encoder which says it in its log alone, by what it is called; empty where none is said."""
    if name not in TOLD:
        return {}
    called, pattern = TOLD[name]
    said = measuring.said([ffmpeg, "-hide_banner", "-nostdin", "-nostats", *SOURCE, "-frames:v", "1", "-c:v",
                           ENCODERS[name].codec, "-f", "null", "-"], TRIAL)  # fmt: skip
    found = re.search(pattern, said)
    return {called: found[1]} if found else {}


def trial(job: Job, ffmpeg: str) -> float | None:
    """Seconds that a job's encodes may take, by the wall time of its first second; None: that failed."""
    if absent(ffmpeg, job.encoder, job.pixel_format):
        return None
    frames = min(job.frames, max(1, round(job.frames / job.seconds))) if job.seconds else 1
    with tempfile.TemporaryDirectory(prefix="qoe-sweep-") as folder:
        whole = _command(job, ffmpeg, os.path.join(folder, "trial.mp4"), 0)
        try:
            used = measuring.run([*whole[:-1], "-frames:v", str(frames), whole[-1]], folder, lambda _: None)
        except measuring.Failed:
            return None
    return used.wall * job.frames / frames * job.repeats * job.passes


def encode(job: Job, ffmpeg: str, path: str, heard: Callable[[float], None], decode: bool = True) -> Encoded:
    """Encode as often as the job repeats, into `path`; `heard` gets the share done, 0 to 1.

    Raises measuring.Failed with the encoder's last lines.
    """
    steps = job.repeats * job.passes
    runs = []
    for repeat in range(job.repeats):
        numbers = (0,) if job.passes == 1 else (1, 2)
        done = repeat * job.passes
        runs.append(
            _together([_one(job, ffmpeg, path, n, _part(heard, done + at, steps)) for at, n in enumerate(numbers)])
        )
    cost = decoded(ffmpeg, path) if decode else None
    return Encoded(path, tuple(runs), tuple(_command(job, ffmpeg, path, 0)), packets(path), cost)


def _part(heard: Callable[[float], None], done: int, steps: int) -> Callable[[float], None]:
    """Takes the share of one pass, tells that of all."""
    return lambda share: heard((done + share) / steps)


def _one(job: Job, ffmpeg: str, path: str, number: int, heard: Callable[[float], None]) -> Usage:
    """One pass. Notes of two passes lie beside the file until both are made."""
    command = _command(job, ffmpeg, path, number)
    return measuring.run(command, os.path.dirname(path), lambda frames: heard(min(1.0, frames / max(job.frames, 1))))


def _command(job: Job, ffmpeg: str, path: str, number: int) -> list[str]:
    first = number == 1
    source = os.path.abspath(job.reference)
    return [
        ffmpeg, *QUIET, *PROGRESS, *ENCODERS[job.encoder].before, "-i", f"file:{source}", *job.command(number),
        *(["-f", "null", "-"] if first else [f"file:{path}"]),
    ]  # fmt: skip


def _together(passes: Sequence[Usage]) -> Usage:
    return measuring.Usage(
        sum(one.wall for one in passes), sum(one.user for one in passes), sum(one.system for one in passes),
        max(one.peak_bytes for one in passes), passes[-1].frames,
    )  # fmt: skip


def decoded(ffmpeg: str, path: str) -> Usage:
    """What it costs to decode, on one thread."""
    command = [ffmpeg, *QUIET, *PROGRESS, "-threads", "1", "-i", f"file:{path}", "-map", "0:v:0", "-f", "null", "-"]
    return measuring.run(command, os.path.dirname(path), lambda _: None)


def packets(path: str) -> Packets:
    """Times, sizes and key frames of the video packets."""
    with opened(path) as container:
        track = picture_track(container, path)
        unit = track.time_base or av.time_base
        found = [
            (float(packet.dts * unit), float((packet.pts or 0) * unit), packet.size, packet.is_keyframe)
            for packet in container.demux(track)
            if packet.size and packet.dts is not None
        ]
        rate = float(track.average_rate or 0)
    first = min((dts for dts, *_ in found), default=0.0)
    shown = min((pts for _, pts, *_ in found), default=0.0)
    return Packets(
        tuple(dts - first for dts, *_ in found), tuple(pts - shown for _, pts, *_ in found),
        tuple(size for *_, size, _ in found), tuple(key for *_, key in found), rate,
    )  # fmt: skip
