"""Whether tests stand on one footing: what makes scores of two of them no ranking, whatever their difference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.shapes import Tested

RATES = 0.01
"""Relative difference of frame rates, and of shares of frames that are missing, from which motion is not the same."""
OVERLAP = 0.97
"""Share of the picture that is in both of two parts, from which they are as good as one."""
TIMES = 0.05
"""Share of the frames that only one of two tests is scored on, from which means are not of the same pictures."""
PARTS = "tests show different parts of the reference's picture: their differences are not of the encodes alone"
CHROMA = ("tests are compared with chroma of different resolution: VMAF v1, and what is of chroma or of all planes, "
          "moves with that")  # fmt: skip
FRAMES = ("tests are scored on different frames of the reference: their means are not of the same pictures; the "
          "differences are of frames that both have")  # fmt: skip
CHROMATIC = ("vmaf[v1", "vmaf[vmaf_v1")
"""Metrics that see chroma, by how their names begin."""
_FORMAT = re.compile(r"format=(?:yuv)?(gray|4\d\d)")


def notes(tests: Sequence[Tested]) -> tuple[str, ...]:
    """What of all tests together is worth a word."""
    scored = [each for each in tests if each.space and each.scores]
    said = []
    if any(elsewhere(one, other) for one in scored for other in scored):
        said.append(PARTS)
    if len({_chroma(each) for each in scored}) > 1:
        said.append(CHROMA)
    if any(_lacks(one, other) for one in scored for other in scored):
        said.append(FRAMES)
    return tuple(said)


def elsewhere(one: Tested, other: Tested) -> bool:
    """Whether they are compared with different parts of the reference's picture: no difference means anything."""
    if one.space is None or other.space is None or one.space.part == other.space.part:
        return False
    boxes = [each.part or (each.width, each.height, 0, 0) for each in (one.space, other.space)]
    common = [max(0, min(box[n + 2] + box[n] for box in boxes) - max(box[n + 2] for box in boxes)) for n in (0, 1)]
    return common[0] * common[1] < OVERLAP * max(width * height for width, height, _, _ in boxes)


def unequal(high: Tested, low: Tested, metric: str) -> str:
    """What makes a higher score in this metric no better picture, said of the higher one; empty where nothing does."""
    rates = [float(each.media.video.rate) for each in (high, low)]
    if abs(rates[0] / rates[1] - 1) > RATES:
        return f"has {rates[0]:.4g} frames a second against {rates[1]:.4g}, and motion is in no score"
    gone = [_missing(each) for each in (high, low)]
    if abs(gone[0] - gone[1]) > RATES:
        shares = " against ".join(f"{100 * each:.2g} %" for each in gone)
        return f"lacks {shares} of the reference's frames, and motion is in no score"
    if metric.startswith(CHROMATIC) and _chroma(high) != _chroma(low):
        return f"was compared with chroma {_chroma(high)} against {_chroma(low)}, which moves the score"
    return ""


def _missing(test: Tested) -> float:
    """Share of the reference's frames, between the first and the last pair, that no frame of the test shows."""
    laid = test.alignment
    return laid.dropped / (laid.pairs + laid.dropped) if laid and laid.pairs else 0.0


def _chroma(test: Tested) -> str:
    found = _FORMAT.search(test.space.reference_filters) if test.space else None
    return ":".join(found[1]) if found and found[1] != "gray" else "none" if found else ""


def _lacks(one: Tested, other: Tested) -> bool:
    """Whether the second is scored on frames that the first is not."""
    if one is other or one.scores is None or other.scores is None:
        return False
    return float(np.isin(other.scores.reference, one.scores.reference, invert=True).mean()) > TIMES
