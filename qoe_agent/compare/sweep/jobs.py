"""From a plan to its jobs: each one encode of one reference, known by a key that a later run knows it by."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qoe_agent.compare.sweep.encoders import CONTROLS, ENCODERS, Control, Gop, Rate, arguments
from qoe_agent.compare.sweep.plan import bits
from qoe_agent.config.values import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qoe_agent.compare.shapes import Media
    from qoe_agent.compare.sweep.plan import Encode, Plan

BUFFER = 2.0
"""Seconds at the peak rate that a buffer holds, where a maxrate comes without a bufsize."""


@dataclass(frozen=True, slots=True)
class Job:
    """One encode."""

    reference: str
    digest: str
    """Of the reference's bytes."""
    frames: int
    seconds: float
    encoder: str
    preset: str
    rate: Rate
    width: int
    height: int
    scaled: bool
    scaler: str
    gop: Gop
    passes: int
    pixel_format: str
    threads: int
    repeats: int
    name: str
    """Of the entry of the plan, where the plan names it."""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As people name its curve: encoder, preset and what else tells it from others."""
        if self.name:
            return f"{self.name} {self.preset}"
        told = "" if self.rate.control == "crf" else f" {self.rate.control}"
        return f"{self.encoder} {self.preset}{told}{' 2-pass' if self.passes == 2 else ''}"

    @property
    def title(self) -> str:
        """As people name it, whole."""
        return f"{self.label} {self.width}x{self.height} {rated(self.rate)}"

    def command(self, number: int = 0) -> list[str]:
        """What the encoder is told between input and output; `number`: of the pass, 0 where there is but one."""
        encoder = ENCODERS[self.encoder]
        filters = [f"scale={self.width}:{self.height}:flags={self.scaler}"] if self.scaled else []
        filters.append(encoder.upload or f"format={self.pixel_format}")
        told = arguments(self.encoder, self.preset, self.rate, self.gop, self.options, self.threads, number)
        return ["-map", "0:v:0", "-an", "-sn", "-dn", "-vf", ",".join(filters), *told, "-fps_mode", "passthrough"]

    def key(self, version: str) -> str:
        """What makes another run's encode the same as this: the reference's bytes, the command, FFmpeg's version."""
        text = json.dumps([self.digest, self.command(), self.passes, version])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def rated(rate: Rate) -> str:
    """A rate in few letters: `crf 27`, `abr 2500k`."""
    if rate.control in ("crf", "qp"):
        told = f"{rate.control} {rate.value:g}"
        return told + (f" max {rate.maxrate / 1000:g}k" if rate.maxrate else "")
    return f"{rate.control} {rate.value / 1000:g}k"


def jobs(plan: Plan, references: Sequence[Media]) -> tuple[Job, ...]:
    """Every encode of the plan, of each reference, in the plan's order; the same twice is made once."""
    found = dict.fromkeys(
        job
        for media in references
        for encode in plan.encodes
        for job in _of(plan, encode, media)
    )  # fmt: skip
    return tuple(found)


def _of(plan: Plan, encode: Encode, media: Media) -> Iterator[Job]:
    presets = encode.presets or (ENCODERS[encode.encoder].default,)
    sizes = encode.resolutions or plan.resolutions
    rates = tuple(_rates(encode))
    for preset, size, rate in itertools.product(presets, sizes, rates):
        yield job_of(plan, encode, media, preset, size, rate)


def job_of(plan: Plan, encode: Encode, media: Media, preset: str, size: str, rate: Rate) -> Job:
    """One encode of an entry of the plan."""
    video = media.video
    width, height = sized(size, media)
    frames = None if plan.gop is None else max(1, round(plan.gop * float(video.rate)))
    return Job(
        media.path, media.digest, len(video.times), media.seconds, encode.encoder, preset, rate, width, height,
        (width, height) != upright(media), plan.scaler, Gop(frames, plan.scene_cuts),
        encode.passes if rate.control == "abr" else 1, encode.pixel_format, plan.threads, plan.repeats,
        encode.name or "", Options(encode.options),
    )  # fmt: skip


class Options(dict[str, str]):
    """A plan's own options: never changed, so they may be part of a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def sized(size: str, media: Media) -> tuple[int, int]:
    """`source` or `1280x720` in pixels, of an even number as 4:2:0 needs it."""
    if size == "source":
        wide, high = upright(media)
        return wide // 2 * 2, high // 2 * 2
    width, height = map(int, size.split("x"))
    return width, height


def upright(media: Media) -> tuple[int, int]:
    """Width and height as shown: FFmpeg turns pictures before they are encoded."""
    video = media.video
    return (video.height, video.width) if video.rotation in (90, 270) else (video.width, video.height)


def _rates(encode: Encode) -> Iterator[Rate]:
    for control in CONTROLS:
        for value in getattr(encode, control):
            yield rate_of(encode, control, value)


def rate_of(encode: Encode, control: Control, value: float) -> Rate:
    """A rate with the caps of its entry, where its control takes any. A constant rate is its own cap."""
    aim = int(value) if control in ("abr", "cbr") else None
    capped = encode.maxrate is not None and control in ENCODERS[encode.encoder].capped
    peak = _peak(encode.maxrate, aim) if capped and encode.maxrate else None
    limit = aim if control == "cbr" else peak
    return Rate(control, float(value), peak, _buffer(encode.bufsize, limit) if limit else None)


def _peak(text: str, aim: int | None) -> int | None:
    found = re.fullmatch(r"([\d.]+)x", text)
    if not found:
        return int(bits(text))
    return round(float(found[1]) * aim) if aim is not None else None


def _buffer(text: str | None, limit: int) -> int:
    if text is None:
        return round(BUFFER * limit)
    try:
        return int(bits(text))
    except ValueError:
        return round(float(seconds(text)) * limit)


def described(job: Job) -> dict[str, Any]:
    """A job as plain values, for files."""
    return {
        "reference": job.reference, "reference_digest": job.digest, "encoder": job.encoder, "preset": job.preset,
        "control": job.rate.control, "value": job.rate.value, "maxrate": job.rate.maxrate, "bufsize": job.rate.bufsize,
        "width": job.width, "height": job.height, "passes": job.passes, "label": job.label,
    }  # fmt: skip
