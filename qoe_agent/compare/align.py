"""Lays a test on its reference: by stamps, by times where the pictures confirm them, by content, or as asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare import thumbs
from qoe_agent.compare.aligning import content, pairing
from qoe_agent.compare.aligning.clocks import Side
from qoe_agent.compare.shapes import Alignment, Unlike

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Asked, Media, Method, Step
    from qoe_agent.compare.thumbs import Prints

SURE = 60.0
"""Nats at which confidence is 1 less one part in e."""


def align(reference: Media, test: Media, asked: Asked, heard: Callable[[Step], None]) -> Alignment:
    """Which frame of `test` shows which of `reference`; `Unlike` says why where that cannot be told."""
    if asked.offset is not None:
        return given(reference, test, asked.offset)
    return by_content(reference, test, heard)


def given(reference: Media, test: Media, offset: int) -> Alignment:
    """Frame n of the test on frame n + `offset` of the reference."""
    first, count = max(0, -offset), len(test.video.times)
    frames = np.full(count, -1, np.int64)
    last = min(count, len(reference.video.times) - offset)
    if last <= first:
        raise Unlike(f"{test.path}: with an offset of {offset} frames no frame of it lies on one of the reference")
    frames[first:last] = np.arange(first + offset, last + offset)
    return made("given", frames, reference, 1.0)


def by_content(reference: Media, test: Media, heard: Callable[[Step], None]) -> Alignment:
    """By fingerprints of every frame of both."""
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda media: thumbs.whole(media, heard), (test, reference))
    try:
        found = content.find(_prints(test, ours), _prints(reference, theirs))
    except Unlike as why:
        raise Unlike(f"{test.path} against {reference.path}: {why}") from None
    return made("content", found.frames, reference, float(1 - np.exp(-found.margin / SURE)))


def made(
    method: Method,
    frames: NDArray[np.int64],
    reference: Media,
    confidence: float,
    notes: tuple[str, ...] = (),
) -> Alignment:
    """From the reference's frame of each of the test's frames."""
    laid = pairing.paired(frames)
    offset = int(laid.reference[0] - laid.test[0])
    return Alignment(
        method=method,
        offset_frames=offset,
        offset_seconds=float(offset / reference.video.rate),
        confidence=confidence,
        runs=laid.runs,
        dropped=laid.dropped,
        duplicated=laid.duplicated,
        notes=notes,
    )


def _prints(media: Media, read: Prints) -> content.Prints:
    return content.Prints(read.luma, Side(read.times, media.video.rate, media.video.constant))
