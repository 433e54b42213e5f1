"""One run of FFmpeg: it decodes both sides, lays them on each other and measures the pairs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare import asides, ffmpeg, graphs, models, readings

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.models import Model
    from qoe_agent.compare.shapes import Floats, Media, Run, Space

MORE = {"cambi": "cambi", "ms_ssim": "float_ms_ssim"}
"""Metrics that libvmaf measures beside its models: our names and its own."""

SLOW = 20.0
"""Frames a second that are decoded at least."""


class Plan(NamedTuple):
    """What is measured, on what."""

    reference: Media
    test: Media
    space: Space
    program: ffmpeg.Program
    models: tuple[Model, ...]
    more: tuple[str, ...]
    plain: tuple[str, ...]
    """Filters of FFmpeg's own."""
    threads: int

    @property
    def by_libvmaf(self) -> bool:
        """Whether anything is for libvmaf."""
        return bool(self.models or self.more)

    @property
    def encoded(self) -> bool:
        """Whether the test was coded with fewer pixels, or fewer bits a sample, than are compared."""
        video = self.test.video
        return video.width * video.height < self.space.width * self.space.height or video.bits < self.space.bits


class Measured(NamedTuple):
    """What came out of one run."""

    frames: dict[str, Floats]
    printed: dict[str, float]
    thumbs: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None
    command: tuple[str, ...]


def measured(
    plan: Plan,
    runs: Sequence[Run],
    pace: Fraction,
    told: Callable[[int], None],
    stop: threading.Event | None = None,
    looks: Callable[[bytearray], None] | None = None,
    aside: Sequence[Aside] = (),
) -> Measured:
    """Score the pairs of `runs`, `pace` of them a second, by one FFmpeg; `looks` and `aside` as for `scoring.score`."""
    with TemporaryDirectory(prefix="qoe-compare-") as folder:
        room = Path(folder)
        written = _graphs(plan, runs, pace)
        options: list[str] = []
        for number, graph in enumerate(written):
            (room / f"graph{number}.txt").write_text(graph)
            options += [plan.program.graph_option, f"graph{number}.txt"]
        for number, model in enumerate(plan.models):
            if model.path:
                (room / f"model{number}.json").write_bytes(Path(model.path).read_bytes())
        arguments = _arguments(plan, options)
        pictures = bytearray()

        def heard(done: int) -> None:
            told(done)
            if looks:
                looks(pictures)

        all_of_it = [*arguments, *asides.arguments(room, plan.program.graph_option, aside)]
        patience, others = ffmpeg.HANGS + _unseen(plan, runs, bool(aside)) / SLOW, [each.output for each in aside]
        ran = ffmpeg.run(all_of_it, folder, heard, plan.program, patience, stop, pictures, others)
        asides.heard(room, aside)
        frames = _read(plan, room, plan.plain)
    return Measured(frames, readings.printed(ran.said, [each.name for each in plan.models]), readings.thumbs(pictures),
                    _shown(plan, arguments, written))  # fmt: skip


def _arguments(plan: Plan, options: Sequence[str]) -> list[str]:
    """All that FFmpeg is told; `options` name the graphs."""
    outputs = [each for name in (*(["vmaf"] if plan.by_libvmaf else []), *plan.plain)
               for each in ("-map", f"[{name}]", "-f", "null", "-")]  # fmt: skip
    inputs = [each for media in (plan.test, plan.reference)
              for each in ("-threads", str(plan.threads), "-noautorotate", "-i",
                           f"file:{os.path.abspath(media.path)}")]  # fmt: skip
    return [*inputs, "-filter_complex_threads", str(plan.threads), *options, "-an", "-sn", *outputs,
            "-map", "[thumbs]", "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"]  # fmt: skip


def _unseen(plan: Plan, runs: Sequence[Run], whole: bool) -> int:
    """Frames before the first pair, and of `whole` files behind the last: they are decoded, and no progress."""
    return max(runs[0].test, runs[0].reference) + whole * max(len(each.video.times) for each in plan[:2])


def _graphs(plan: Plan, runs: Sequence[Run], pace: Fraction) -> list[str]:
    """That of libvmaf first, if it is for anything; two graphs have two threads."""
    ours, theirs = graphs.kept(runs)
    reference = graphs.side(ours, pace, plan.space.reference_filters)
    test = graphs.side(theirs, pace, plan.space.test_filters)
    last = graphs.plain(test, reference, plan.plain, thumbs=True)
    if not plan.by_libvmaf:
        return [last]
    small = plan.test.video if plan.encoded else None
    options = f"n_threads={plan.threads}"
    if plan.models:
        each = [models.specification(m, f"m{n}", f"model{n}.json", small) for n, m in enumerate(plan.models)]
        options += f":model='{'|'.join(each)}'"
    if plan.more:
        each = [models.banding(small) if name == "cambi" else f"name={MORE[name]}" for name in plan.more]
        options += f":feature='{'|'.join(each)}'"
    return [graphs.vmaf(test, reference, options, plan.space.samples.replace("gray", "yuv420p")), last]


def rate(reference: Media, runs: Sequence[Run]) -> Fraction:
    """Pairs a second: the reference's frames, or every so many of them where that is the rule."""
    steps = {run.reference_step for run in runs if run.frames > 1}
    return reference.video.rate / (steps.pop() if len(steps) == 1 else 1)


def _read(plan: Plan, room: Path, metrics: Sequence[str]) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    if plan.by_libvmaf:
        columns = {f"m{number}": f"vmaf[{model.name}]" for number, model in enumerate(plan.models)}
        found |= readings.vmaf(room / "vmaf.csv", columns | {MORE[name]: name for name in plan.more})
    for name in metrics:
        found |= readings.metadata(room / f"{name}.txt")
    return found


def _shown(plan: Plan, arguments: Sequence[str], written: Sequence[str]) -> tuple[str, ...]:
    """The command, with its graphs in it, as it can be run by hand."""
    texts = iter(written)
    told = [plan.program.path]
    for word in arguments:
        if word.startswith("graph") and told[-1] == plan.program.graph_option:
            told[-1:] = ["-filter_complex", next(texts)]
        else:
            told.append(word)
    return (shlex.join(told),)
