"""Scores of each pair of frames: one FFmpeg decodes both sides, lays them on each other and measures them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent import clock
from qoe_agent.compare import asides, ffmpeg, graphs, models, plain, readings
from qoe_agent.compare.aligning import pairing
from qoe_agent.compare.shapes import Scores, Step, Unfit

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.models import Model
    from qoe_agent.compare.shapes import Alignment, Asked, Floats, Media, Run, Space

MORE = {"cambi": "cambi", "ms_ssim": "float_ms_ssim"}
"""Metrics that libvmaf measures beside its models: our names and its own."""

LEAST = {"cambi": models.BANDED, "ms_ssim": (176, 176)}
"""Pixels that the shorter and the longer side need at least."""

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


def score(
    reference: Media,
    test: Media,
    alignment: Alignment,
    space: Space,
    asked: Asked,
    heard: Callable[[Step], None],
    stop: threading.Event | None = None,
    looks: Callable[[bytearray], None] | None = None,
    aside: Sequence[Aside] = (),
) -> Scores:
    """Every metric of every pair of the alignment; FFmpeg is ended once `stop` is set.

    `looks` gets the fingerprints so far (as `readings.thumbs` takes them), and may raise; FFmpeg alone fills `aside`.
    All is measured in the samples' own depth, so that it is what FFmpeg's filters say by themselves: of 8 bits v1 is to
    the digit what it is in 10 bits (which Netflix advises, so that CAMBI sees banding) with `enc_bitdepth=8`. Without
    libvmaf, what PyAV can measure, and a note. Raises Unfit where options are impossible, a file cannot be decoded, or
    fewer frames come than the alignment has.
    """
    began = clock.now()
    wanted = models.chosen(asked.models)
    if strange := sorted(set(asked.more) - set(MORE)):
        raise Unfit(f"metric {', '.join(strange)}: expected {' or '.join(MORE)}")
    if not alignment.pairs:
        raise Unfit(f"{test.path}: no frame of it lies on a frame of the reference")
    plan, notes = _plan(reference, test, space, asked, wanted)

    def told(done: int) -> None:
        heard(Step(f"scoring {test.path}", min(done, alignment.pairs), alignment.pairs))

    told(0)
    if plan is None:
        found, versions = _by_pyav((reference, test), alignment, space, told), plain.versions()
    else:
        found, versions = measured(plan, alignment.runs, told, stop, looks, aside), _versions(plan)
    _whole(found, test, alignment.pairs)
    told(alignment.pairs)
    took, (ours, theirs) = clock.now() - began, pairing.pairs(alignment.runs)
    return Scores(found.frames, theirs, ours, found.printed, found.thumbs, found.command, versions, took, tuple(notes))


def _by_pyav(media: tuple[Media, Media], alignment: Alignment, space: Space, told: Callable[[int], None]) -> Measured:
    rate = _rate(media[0], alignment.runs)
    frames, thumbs = plain.measured(media, pairing.pairs(alignment.runs)[::-1], space, rate, told)
    return Measured(frames, {}, thumbs, ())


def _versions(plan: Plan) -> dict[str, str]:
    found = {"ffmpeg": plan.program.version}
    if plan.by_libvmaf:
        found["libvmaf"] = ffmpeg.libvmaf(plan.program.path) or "unknown"
    return found


def _plan(
    reference: Media, test: Media, space: Space, asked: Asked, wanted: tuple[Model, ...]
) -> tuple[Plan | None, list[str]]:
    """What can be measured of what is wanted; None where only PyAV can."""
    names = [*(f"VMAF {each.name}" for each in wanted), *asked.more]
    try:
        program = ffmpeg.program(asked.ffmpeg)
    except ffmpeg.Failed:
        raise
    except Unfit as error:
        if asked.ffmpeg is not None:
            raise
        return None, [f"not measured: {', '.join(names)}: {error}"]
    fit, more, notes = _large(wanted, asked.more, space)
    able, known = _able(program, fit, space) if names else ((), False)
    lacking = [f"VMAF {each.name}" for each in fit if each not in able] + ([] if known else list(more))
    if lacking:
        what = f"cannot score {space.width}x{space.height} by it" if known else "has no libvmaf"
        notes.append(f"not measured: {', '.join(lacking)}: {program.path} {what}: {ffmpeg.INSTALL}")
    if not (able or known) and not set(graphs.PLAIN) <= program.filters:
        return None, notes
    threads = asked.threads or os.cpu_count() or 1
    return Plan(reference, test, space, program, able, more if known else (), threads), notes


def _large(
    wanted: tuple[Model, ...], more: tuple[str, ...], space: Space
) -> tuple[tuple[Model, ...], tuple[str, ...], list[str]]:
    """Models and metrics for which pictures are large enough, and what to say of the others."""
    size = space.width, space.height
    needs = {f"VMAF {each.name}": models.LEAST for each in wanted if each.new} | {name: LEAST[name] for name in more}
    notes = [f"not measured: {name}: it needs {max(least)} pixels on the longer side and {least[0] or 1} on the "
             f"shorter, the reference has {size[0]}x{size[1]}{': see neg or v0.6.1' if name.startswith('VMAF') else ''}"
             for name, least in needs.items() if models.small(least, *size)]  # fmt: skip
    fit = tuple(each for each in wanted if not (each.new and models.small(models.LEAST, *size)))
    return fit, tuple(name for name in more if not models.small(LEAST[name], *size)), notes


def _able(program: ffmpeg.Program, wanted: tuple[Model, ...], space: Space) -> tuple[tuple[Model, ...], bool]:
    """The models that the program can score by at this size, and whether it has libvmaf at all."""
    if ffmpeg.libvmaf(program.path) is None:
        return (), False
    # Small pictures are too small for some models; of large ones a small probe says as much.
    size = (space.width, space.height)
    size = size if size[0] < ffmpeg.PROBED[0] or size[1] < ffmpeg.PROBED[1] else ffmpeg.PROBED
    # A model's file is not asked for: its path would be an option of the probe.
    own = [each for each in wanted if not each.path]
    if not own or ffmpeg.libvmaf(program.path, _alone(own), size):
        return wanted, True
    return tuple(each for each in wanted if each.path or ffmpeg.libvmaf(program.path, _alone([each]), size)), True


def _alone(wanted: Sequence[Model]) -> tuple[str, ...]:
    return tuple(models.specification(model, f"m{number}") for number, model in enumerate(wanted))


def measured(
    plan: Plan,
    runs: Sequence[Run],
    told: Callable[[int], None],
    stop: threading.Event | None = None,
    looks: Callable[[bytearray], None] | None = None,
    aside: Sequence[Aside] = (),
) -> Measured:
    """Score the pairs of `runs` by one FFmpeg."""
    with TemporaryDirectory(prefix="qoe-compare-") as folder:
        room = Path(folder)
        written = _graphs(plan, runs)
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
        frames = _read(plan, room, _plain(plan))
    return Measured(frames, readings.printed(ran.said, [each.name for each in plan.models]), readings.thumbs(pictures),
                    _shown(plan, arguments, written))  # fmt: skip


def _arguments(plan: Plan, options: Sequence[str]) -> list[str]:
    """All that FFmpeg is told; `options` name the graphs."""
    outputs = [each for name in (*(["vmaf"] if plan.by_libvmaf else []), *_plain(plan))
               for each in ("-map", f"[{name}]", "-f", "null", "-")]  # fmt: skip
    inputs = [each for media in (plan.test, plan.reference)
              for each in ("-threads", str(plan.threads), "-noautorotate", "-i",
                           f"file:{os.path.abspath(media.path)}")]  # fmt: skip
    return [*inputs, "-filter_complex_threads", str(plan.threads), *options, "-an", "-sn", *outputs,
            "-map", "[thumbs]", "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"]  # fmt: skip


def _unseen(plan: Plan, runs: Sequence[Run], whole: bool) -> int:
    """Frames before the first pair, and of `whole` files behind the last: they are decoded, and no progress."""
    return max(runs[0].test, runs[0].reference) + whole * max(len(each.video.times) for each in plan[:2])


def _plain(plan: Plan) -> tuple[str, ...]:
    return tuple(name for name in graphs.PLAIN if name in plan.program.filters)


def _graphs(plan: Plan, runs: Sequence[Run]) -> list[str]:
    """That of libvmaf first, if it is for anything; two graphs have two threads."""
    ours, theirs = graphs.kept(runs)
    rate = _rate(plan.reference, runs)
    reference = graphs.side(ours, rate, plan.space.reference_filters)
    test = graphs.side(theirs, rate, plan.space.test_filters)
    last = graphs.plain(test, reference, _plain(plan), thumbs=True)
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


def _rate(reference: Media, runs: Sequence[Run]) -> Fraction:
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


def _whole(found: Measured, test: Media, expected: int) -> None:
    """Raise Unfit where any metric has not one value a pair."""
    counts = {key: len(values) for key, values in found.frames.items()}
    if found.thumbs:
        counts["pictures"] = len(found.thumbs[0])
    wrong = {key: n for key, n in counts.items() if n != expected}
    if wrong:
        key, n = next(iter(wrong.items()))
        raise Unfit(f"{test.path}: {n} of {expected} pairs were decoded and scored ({key}): it or the reference is "
                    "damaged, or changes while it is read")  # fmt: skip
