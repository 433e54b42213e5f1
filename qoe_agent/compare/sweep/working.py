"""One job from its command to its scores: encoded, weighed, laid on its reference, scored."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare import ffmpeg as programs
from qoe_agent.compare.figures.failing import STATISTICS
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Alignment, Asked, Run, Unfit
from qoe_agent.compare.sweep import compliance, encoding
from qoe_agent.compare.sweep.kept import Result
from qoe_agent.compare.sweep.shapes import Encoded, Failure, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.compare.shapes import Media, Scores
    from qoe_agent.compare.sweep.encoding import Packets
    from qoe_agent.compare.sweep.jobs import Job

_X264 = re.compile(rb"x264 - core (\d+(?: r\d+)?(?: [0-9a-f]{7,})?)")
_X265 = re.compile(rb"x265 \(build (\d+)\) - ([\w.+-]+)")
LOOKED_AT = 1 << 20
"""Bytes of an encode in which an encoder writes its name."""


@dataclass(frozen=True, slots=True)
class How:
    """What holds for all jobs of a sweep."""

    given: str | None
    """The FFmpeg that the user names; None: the one that comes with imageio-ffmpeg, on each machine its own."""
    version: str
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    window: float = 1.0
    decode: bool = True
    threads: int | None = None
    """Of scoring; None: one a core."""

    @property
    def ffmpeg(self) -> str:
        """Where it is here. Raises Unfit where there is none, or another: results would not compare."""
        found = programs.program(self.given)
        if found.version != self.version:
            raise Unfit(f"{found.path}: version {found.version}, where the sweep began with {self.version}")
        return found.path

    @property
    def scored(self) -> str:
        """What makes scores the same as another run's."""
        return "|".join((self.version, *self.models, "+", *self.metrics))


def encoded(job: Job, how: How, clip: str, folder: str, path: str, heard: Callable[[float], None]) -> Result:
    """The encode at `path`, made in `folder` (of its own, on the same disk). Raises Unfit with what went wrong."""
    program = how.ffmpeg
    absent = encoding.absent(program, job.encoder, job.pixel_format)
    if absent:
        raise NotHere(absent)
    made = encoding.encode(job, program, os.path.join(folder, "encode.mp4"), heard, how.decode)
    media = inspect(made.path)
    result = Result(_weighed(job, how, clip, made, media))
    os.replace(made.path, path)
    return result


class NotHere(Unfit):
    """An encoder that this machine lacks."""


def _weighed(job: Job, how: How, clip: str, made: encoding.Encoded, media: Media) -> Encoded:
    size, length = sum(made.packets.sizes), job.frames / made.packets.rate if made.packets.rate else media.seconds
    rate = job.rate
    limit = round(rate.value) if rate.control == "cbr" else rate.maxrate
    return Encoded(
        key=job.key(how.version), clip=clip, setting=setting(job), size=size, seconds=length,
        bits_per_second=size * 8 / length, frames=len(media.video.times),
        wall=tuple(run.wall for run in made.runs), cpu=tuple(run.cpu for run in made.runs),
        memory=max(run.peak_bytes for run in made.runs),
        decode=made.decode.cpu / length if made.decode else None, peak=compliance.peak(made.packets, how.window),
        buffer=compliance.buffer(made.packets, limit, rate.bufsize) if limit and rate.bufsize else None,
        keys=_keys(made.packets), command=made.command,
        versions={"ffmpeg": how.version} | (_named(made.path) or encoding.version(how.ffmpeg, job.encoder)),
        digest=media.digest,
    )  # fmt: skip


def setting(job: Job) -> Setting:
    """How a job encodes."""
    return Setting(
        job.label, job.encoder, job.preset, job.rate.control, job.rate.value, job.width, job.height,
        job.rate.maxrate, job.rate.bufsize, job.passes,
    )  # fmt: skip


def _keys(packets: Packets) -> tuple[float, ...]:
    return tuple(sorted(shown for shown, key in zip(packets.shown, packets.keys, strict=True) if key))


def _named(path: str) -> dict[str, str]:
    """The encoder's own version, where it writes that into its stream."""
    with open(path, "rb") as file:
        start = file.read(LOOKED_AT)
    if found := _X264.search(start):
        return {"x264": found[1].decode()}
    if found := _X265.search(start):
        return {"x265": f"{found[2].decode()} (build {found[1].decode()})"}
    return {}


def laid(reference: Media, test: Media) -> Alignment:
    """An encode of our own on its reference: frame on frame, if it has as many and shows each at its time.

    Raises Unfit if it does not.
    """
    ours, theirs = test.video.times, reference.video.times
    if len(ours) != len(theirs):
        raise Unfit(f"the encode has {len(ours)} frames where its reference has {len(theirs)}")
    apart = np.abs((ours - ours[0]) - (theirs - theirs[0]))
    half = 0.5 / float(reference.video.rate)
    if np.any(apart >= half):
        raise Unfit(f"frame {int(np.argmax(apart >= half))} of the encode is not shown when that of its reference is")
    return Alignment("timestamps", 0, 0.0, 1.0, (Run(0, 0, len(ours)),), 0, 0)


def scored(result: Result, how: How, reference: Media, path: str, heard: Callable[[float], None]) -> Result:
    """With the scores of the encode at `path`, at its reference's size. Raises Unfit."""
    from qoe_agent.compare import scoring, space
    from qoe_agent.compare.figures import pooling

    test = inspect(path)
    asked = Asked(
        reference.path, (path,), models=how.models, more=how.metrics, ffmpeg=how.ffmpeg, threads=how.threads,
        crop="off", sound=False,
    )  # fmt: skip
    alignment = laid(reference, test)
    laid_in = space.space(reference, test, asked)
    total = alignment.pairs
    scores = scoring.score(reference, test, alignment, laid_in, asked, lambda step: heard(step.done / total))
    pooled = pooling.pooled(scores, float(reference.video.rate))
    statistics = {
        metric: {name: float(value) for name, value in asdict(one).items() if name in STATISTICS and value is not None}
        for metric, one in pooled.items()
    }
    notes = (*laid_in.notes, *_doubts(alignment, scores))
    return replace(result, scores=statistics, scored=how.scored, notes=notes)


def _doubts(alignment: Alignment, scores: Scores) -> tuple[str, ...]:
    """Where pictures say that frames lie elsewhere than their times do."""
    from qoe_agent.compare import align

    verify: Callable[[Alignment, object], tuple[str, ...]] | None = getattr(align, "verify", None)
    return verify(alignment, scores.thumbs) if verify and scores.thumbs else ()


@dataclass(frozen=True, slots=True)
class Task:
    """A job with all that a worker process, or another machine, must know to do it whole."""

    job: Job
    how: How
    clip: str
    reference: Media
    keep: str | None = None
    """Where the encode is to stay; None: nowhere."""


def whole(task: Task) -> Result | Failure | NotHere:
    """Encoded and scored in a folder of its own. What goes wrong is told, not raised."""
    job = task.job
    try:
        with tempfile.TemporaryDirectory(prefix="qoe-sweep-") as folder:
            path = os.path.join(folder, "done.mp4")
            done = encoded(job, task.how, task.clip, folder, path, lambda _: None)
            done = scored(done, task.how, task.reference, path, lambda _: None)
            if task.keep:
                shutil.move(path, task.keep)
            return done
    except NotHere as error:
        return error
    except (Unfit, OSError) as error:
        return Failure(job.key(task.how.version), job.title, task.clip, str(error))
