"""Full-reference metrics of live outputs against the one that is named the reference, of samples.

Some seconds that all outputs have are cut from the packets kept, put into MP4 in memory (nothing is decoded to disk,
nothing encoded anew), and measured as files are. Frames are laid on each other by the live alignment, made exact to the
frame by fingerprints: one frame off, and a score would mean nothing.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

from qoe_agent.compare import media as files
from qoe_agent.compare.scoring import score
from qoe_agent.compare.shapes import Alignment, Asked, Run, Unfit
from qoe_agent.compare.space import space
from qoe_agent.decode import clips

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.live.laid import Laid
    from qoe_agent.compare.live.taking import Taken
    from qoe_agent.compare.shapes import Floats, Media
    from qoe_agent.model import Format, Packet

BURST = 1
"""Seconds of the source in a sample."""
EVERY = 3.0
"""Seconds from one sample to the next, at least; and no more than half of the time is spent on them."""
OFF = 3
"""Frames by which the live alignment may be off before fingerprints correct it."""
BETTER = 0.8
"""Share of the difference at which another frame is believed."""
MOST = 100.0
"""dB that are told of pictures that are the same."""
METRICS = {"vmaf[v1]": "vmaf", "psnr_y": "psnr_y", "ssim_y": "ssim_y", "xpsnr_y": "xpsnr_y"}
"""What is kept of what is measured: its name among files, and ours."""


class Cut(NamedTuple):
    """Some seconds of an output: what is measured, worked off on another thread."""

    form: Format
    packets: tuple[Packet, ...]
    """From a key frame on, in order of arrival."""
    times: Floats
    """Of each picture, in the order shown, by the source's clock."""
    prints: NDArray[np.uint8]
    """Fingerprints of some of them …"""
    printed: Floats
    """… and their times by the source's clock."""


def cut(taken: Taken, laid: Laid, number: int) -> Cut | None:
    """A sample that begins at a second of the source; None where packets are no longer, or not yet, there."""
    form = taken.formats.get("video")
    packets = [each for each in taken.ring if each.kind == "video" and each.pts is not None]
    if form is None or not packets:
        return None
    source = laid.source(np.array([taken.place(each.pts or 0.0) for each in packets]))
    keys = [n for n, each in enumerate(packets) if each.key and source[n] <= number]
    past = [n for n, each in enumerate(packets) if each.key and source[n] >= number + BURST]
    if not keys:
        return None
    chosen = slice(keys[-1], past[0] if past else len(packets))
    times = source[chosen]
    if not np.isfinite(times).all() or (not past and times.max() < number + BURST):
        return None
    shown = [each for each in taken.shown if times.min() - 0.01 <= _at(laid, each.media) <= times.max() + 0.01]
    prints = np.stack([each.print for each in shown]) if shown else np.empty((0, 18, 32), np.uint8)
    printed = np.array([_at(laid, each.media) for each in shown])
    return Cut(form, tuple(packets[chosen]), np.sort(times), prints, printed)


def _at(laid: Laid, media: float) -> float:
    return float(laid.source(np.array([media]))[0])


class Sample(NamedTuple):
    """What was measured."""

    seconds: dict[int, dict[str, float]]
    """Metrics of each second of the source."""
    versions: Mapping[str, str]
    """Of what measured."""


def measured(reference: Cut, test: Cut, number: int) -> Sample:
    """Metrics of a sample of one output. Raises Unfit where they cannot be measured."""
    pairs = _paired(reference, test, number)
    if not pairs:
        raise Unfit("no picture of the test lies on one of the reference")
    with ExitStack() as stack:
        ours, theirs = (_file(each, stack) for each in (reference, test))
        if len(ours.video.times) != len(reference.times) or len(theirs.video.times) != len(test.times):
            raise Unfit("some of the packets hold no picture")
        asked = Asked(ours.path, (theirs.path,), models=("v1",), crop="off", sound=False)
        laid = Alignment("given", pairs[0][0] - pairs[0][1], 0.0, 1.0, _runs(pairs), 0, 0)
        scores = score(ours, theirs, laid, space(ours, theirs, asked), asked, lambda _: None)
    seconds = np.floor(reference.times[scores.reference] + 1e-3).astype(int)
    found: dict[int, dict[str, float]] = {}
    for second in np.unique(seconds):
        mine = seconds == second
        found[int(second)] = {
            ours: float(np.minimum(scores.frames[theirs][mine], MOST).mean())
            for theirs, ours in METRICS.items()
            if theirs in scores.frames
        }
    return Sample(found, scores.versions)


def _paired(reference: Cut, test: Cut, number: int) -> list[tuple[int, int]]:
    """Frames of both that show the same: of the reference, of the test."""
    step = float(np.median(np.diff(reference.times))) if len(reference.times) > 1 else 0.04
    moved = test.times + _correction(reference, test, step) * step
    inside = np.flatnonzero((moved >= number - 1e-3) & (moved < number + BURST - 1e-3))
    pairs: list[tuple[int, int]] = []
    for n in inside.tolist():
        nearest = int(np.abs(reference.times - moved[n]).argmin())
        if abs(reference.times[nearest] - moved[n]) <= step / 2 and (not pairs or nearest > pairs[-1][0]):
            pairs.append((nearest, n))
    return pairs


def _correction(reference: Cut, test: Cut, step: float) -> int:
    """Frames by which the test lies off, by fingerprints."""
    if len(test.prints) < 10 or len(reference.prints) < 10:
        return 0
    theirs = reference.prints.astype(np.float32)
    found = {}
    for off in range(-OFF, OFF + 1):
        places = np.abs(reference.printed[None] - (test.printed + off * step)[:, None])
        nearest, fits = places.argmin(axis=1), places.min(axis=1) <= step / 2
        if fits.sum() >= 10:
            found[off] = float(np.abs(test.prints[fits].astype(np.float32) - theirs[nearest[fits]]).mean())
    best = min(found, key=lambda off: found[off], default=0)
    return best if found and found[best] < BETTER * found.get(0, np.inf) else 0


def _runs(pairs: Sequence[tuple[int, int]]) -> tuple[Run, ...]:
    """The same as stretches without a gap on either side."""
    runs: list[Run] = []
    for reference, test in pairs:
        last = runs[-1] if runs else None
        if last and reference == last.reference + last.frames and test == last.test + last.frames:
            runs[-1] = last._replace(frames=last.frames + 1)
        else:
            runs.append(Run(test, reference, 1))
    return tuple(runs)


def _file(part: Cut, stack: ExitStack) -> Media:
    """The packets as a file in memory, which goes with the stack."""
    try:
        data = clips.clip({part.form.track: part.form}, part.packets).data
    except av.FFmpegError as error:
        raise Unfit(f"{part.form.codec} cannot be put into a file ({error})") from None
    if not data:
        raise Unfit(f"{part.form.codec} cannot be measured: it does not go into MP4")
    number = os.memfd_create("sample")
    stack.callback(os.close, number)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(data)
    return files.inspect(f"/proc/{os.getpid()}/fd/{number}")
