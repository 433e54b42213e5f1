"""Scores of each pair of frames: what can be measured of what is asked for, and what came of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.compare import ffmpeg, graphs, measuring, models, plain, portions
from qoe_agent.compare.aligning import pairing
from qoe_agent.compare.measuring import MORE, Measured, Plan
from qoe_agent.compare.shapes import Scores, Step, Unfit

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.models import Model
    from qoe_agent.compare.shapes import Alignment, Asked, Media, Space

LEAST = {"cambi": models.BANDED, "ms_ssim": (176, 176)}
"""Pixels that the shorter and the longer side need at least."""


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
    if not alignment.pairs:
        raise Unfit(f"{test.path}: no frame of it lies on a frame of the reference")
    plan, notes = _plan(reference, test, space, asked)
    if plan is None and not asked.plain:
        raise Unfit("\n".join(notes))

    def told(done: int) -> None:
        heard(Step(f"scoring {test.path}", min(done, alignment.pairs), alignment.pairs))

    told(0)
    if plan is None:
        found, versions = _by_pyav((reference, test), alignment, space, told), plain.versions()
    else:
        found, versions = portions.measured(plan, alignment.runs, told, stop, looks, aside), _versions(plan)
    _whole(found, test, alignment.pairs)
    told(alignment.pairs)
    took, (ours, theirs) = clock.now() - began, pairing.pairs(alignment.runs)
    return Scores(found.frames, theirs, ours, found.printed, found.thumbs, found.command, versions, took, tuple(notes))


def _by_pyav(media: tuple[Media, Media], alignment: Alignment, space: Space, told: Callable[[int], None]) -> Measured:
    rate = measuring.rate(media[0], alignment.runs)
    frames, thumbs = plain.measured(media, pairing.pairs(alignment.runs)[::-1], space, rate, told)
    return Measured(frames, {}, thumbs, ())


def _versions(plan: Plan) -> dict[str, str]:
    found = {"ffmpeg": plan.program.version}
    if plan.by_libvmaf:
        found["libvmaf"] = ffmpeg.libvmaf(plan.program.path) or "unknown"
    return found


def _plan(reference: Media, test: Media, space: Space, asked: Asked) -> tuple[Plan | None, list[str]]:
    """What can be measured of what is asked for; None where only PyAV can."""
    wanted = models.chosen(asked.models)
    if strange := sorted(set(asked.more) - set(MORE)):
        raise Unfit(f"metric {', '.join(strange)}: expected {' or '.join(MORE)}")
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
    if not (able or known) and not (asked.plain and set(graphs.PLAIN) <= program.filters):
        return None, notes
    plain = tuple(name for name in graphs.PLAIN if asked.plain and name in program.filters)
    more = more if known else ()
    if not (able or more or plain):
        return None, notes
    return Plan(reference, test, space, program, able, more, plain, asked.threads or os.cpu_count() or 1), notes


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
