"""Where a comparison's numbers mislead: what is the case, what it does to a number, and what to look at instead.

What models were made for is from Netflix' documents of libvmaf (resource/doc: faq.md, models.md, models_v1.md) and
"Toward a practical perceptual video quality metric" (Netflix, 2016); what sharpening gains, and NEG, from "On VMAF's
property in the presence of image enhancement operations" (Netflix, 2020); that averages of VMAF hide short bad parts,
from "VMAF: the journey continues" (Netflix, 2018). A model's size, rate and HDR are in `compare.models.suited`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.compare.shapes import Alignment, Asked, Media, Pooled, Scores, Space

GAIN = 4.0
"""VMAF points by which v0.6.1 is above its NEG, from which sharpening or contrast is named as a cause.

Plain encodes at VMAF 80 to 95 are 1 to 3 points apart."""
SATURATED = 97.0
"""VMAF above which encodes are hardly told apart."""
HIDDEN = 1.0
"""Points of VMAF between mean and harmonic mean from which a mean hides bad parts."""
BELOW = 10.0
"""Points of VMAF of the worst second below the mean, from which it is named."""
SHORT = 5.0
"""Seconds below which a clip says little beyond itself."""
SMALLER = 0.75
"""Share of the reference's lines below which the viewing distance matters for what is scaled up."""
DARK = 40.0
"""Mean luma of 8 bits below which a video is very dark."""
STILL = 0.5
"""Share of frames equal to the one before, from which it is slides or a screen."""
SAME = 0.35
"""Mean difference of fingerprints, in steps of 8 bits, up to which frames are equal."""
PLAIN = {"v0.6.1": "neg", "phone": "neg-phone", "4k": "neg-4k"}
"""Models and their NEG."""


def notes(
    reference: Media, test: Media, alignment: Alignment, space: Space, pooled: Mapping[str, Pooled], asked: Asked,
    scores: Scores | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """One for each case that this test is. With `scores`, cases that show in frames as well."""
    told = [
        *_sizes(reference, test, space, pooled), *_gained(pooled, asked), *_rates(reference, test, alignment),
        *_pooling(pooled), *_kind(scores, pooled),
    ]  # fmt: skip
    if asked.sound and test.audio and reference.audio is None:
        told.append("the reference has no sound, so the test's is not compared")
    seconds = alignment.pairs / float(reference.video.rate)
    if seconds < SHORT:
        told.append(f"only {seconds:.1f} s are compared: it says little of other parts, and an encoder's rate control "
                    "has not settled; take longer or more clips")  # fmt: skip
    return tuple(told)


def _vmaf(pooled: Mapping[str, Pooled]) -> dict[str, Pooled]:
    return {name[5:-1]: each for name, each in pooled.items() if name.startswith("vmaf[") and np.isfinite(each.mean)}


def _shown(media: Media) -> tuple[int, int]:
    """Width and height once it is upright."""
    size = media.video.width, media.video.height
    return size[::-1] if media.video.rotation in (90, 270) else size


def _sizes(reference: Media, test: Media, space: Space, pooled: Mapping[str, Pooled]) -> Iterable[str]:
    lines = space.crop[1] if space.crop else _shown(test)[1]
    if _vmaf(pooled) and lines < SMALLER * _shown(reference)[1]:
        yield (f"{lines} lines are scaled to {space.height}: VMAF v1 and v0.6.1 count the loss as seen from three "
               "heights of the screen; a telephone shows less of it (v1-phone, phone)")  # fmt: skip
    if _shown(test) != _shown(reference):
        yield (f"the scaler is part of every number: {space.scaler} here, a player's may be sharper or softer; "
               "PSNR and SSIM move most")  # fmt: skip
    if space.crop:
        yield "only what is left without bars is scored: not what the bars took away, nor how small the picture became"


def _gained(pooled: Mapping[str, Pooled], asked: Asked) -> Iterable[str]:
    found = _vmaf(pooled)
    for plain, neg in PLAIN.items():
        if plain in found and neg not in asked.models:
            yield (f"VMAF {plain} by itself pays for sharpening and contrast: with --vmaf-model {neg} beside it one "
                   "sees how much")  # fmt: skip
        if plain in found and neg in found and found[plain].mean - found[neg].mean > GAIN:
            gap = found[plain].mean - found[neg].mean
            yield (f"VMAF {plain} is {gap:.1f} above NEG: sharpening or more contrast before encoding does that, and "
                   "gains points by changing the picture; to compare encoders look at NEG")  # fmt: skip


def _rates(reference: Media, test: Media, alignment: Alignment) -> Iterable[str]:
    whole = alignment.pairs + alignment.dropped
    ours, theirs = float(reference.video.rate), float(test.video.rate)
    if abs(theirs / ours - 1) > 0.01:
        yield (f"the test has {theirs:.4g} frames a second, the reference {ours:.4g}: only frames that both show are "
               "scored, so what motion loses or gains is in no number; watch it, or compare at one rate")  # fmt: skip
    elif alignment.dropped:
        share = 100 * alignment.dropped / whole
        yield (f"{alignment.dropped} frames ({share:.2g} %) of the reference are not in the test, and are in no score: "
               "a jerk costs viewers more than these numbers say")  # fmt: skip
    evenly = len({run.test_step for run in alignment.runs}) == 1 and alignment.runs[0].test_step > 1
    if alignment.duplicated and not evenly:
        yield (f"{alignment.duplicated} frames of the test only repeat one before: they are not scored; the pictures "
               "are, the uneven motion is not")  # fmt: skip


def _pooling(pooled: Mapping[str, Pooled]) -> Iterable[str]:
    psnr = pooled.get("psnr_avg") or pooled.get("psnr_y")
    identical = psnr is not None and np.isposinf(psnr.mean)
    for name, one in _vmaf(pooled).items():
        if one.mean > SATURATED and not identical:
            yield (f"VMAF {name} is {one.mean:.1f}: from about {SATURATED:.0f} on it hardly tells encodes apart; see "
                   "XPSNR or a lower bitrate, and do not pay for points here")  # fmt: skip
        hidden = one.harmonic_mean is not None and one.mean - one.harmonic_mean > HIDDEN
        if hidden or one.mean - one.min_1s > BELOW:
            short = one.mean - one.min_1s < HIDDEN
            low = f"{one.p1:.1f} in the worst frames" if short else f"{one.min_1s:.1f} in the worst second"
            yield (f"the mean of VMAF {name} hides bad parts: {one.mean:.1f}, but {low}; "
                   "viewers judge by that")  # fmt: skip
    if identical:
        yield "every frame is identical to the reference: PSNR is infinite, which is no quality but no difference"


def _kind(scores: Scores | None, pooled: Mapping[str, Pooled]) -> Iterable[str]:
    """By what frames show; of what single pictures show, `compare.material` tells."""
    if scores is None:
        return
    psnr = scores.frames.get("psnr_y")
    equal = 0 if psnr is None else int(np.isposinf(psnr).sum())
    if psnr is not None and 0 < equal < len(psnr):
        yield (f"{equal} of {len(psnr)} frames are identical to the reference: PSNR is infinite on each, so it is "
               "taken from the mean error of all, which they lower")  # fmt: skip
    if scores.thumbs is None or not _vmaf(pooled):
        return
    shown = scores.thumbs[1].astype(np.int16)
    if float(shown.mean()) < DARK:
        yield (f"very dark (mean luma {float(shown.mean()):.0f} of 255): VMAF v0.6.1 and NEG were trained on little of "
               "that, and rate blocks and banding in the dark too high; see v1 or cambi")  # fmt: skip
    if len(shown) > 1:
        still = float((np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2)) <= SAME).mean())
        if still > STILL:
            yield (f"{100 * still:.0f} % of frames hardly differ from the one before (slides, a screen, a still): VMAF "
                   "was trained on filmed motion, and here rests on few pictures")  # fmt: skip
