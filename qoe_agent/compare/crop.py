"""Black bars: those that the test has and the reference has not, and the reverse; which part of a picture is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.thumbs import luma

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Asked, Media

    Plane = NDArray[np.uint8]
    Box = tuple[int, int, int, int]

PLACES = 8
"""Key frames that are looked at, evenly over the file."""
LIT = 0.08
"""Of the range of luma: above is no bar."""
LINE = 0.2
"""Share of a line that is lit in the picture; a logo or subtitles in a bar light less."""
LEAST = 0.012
"""Share of a side that bars of one file must take beyond those of the other."""
DARKEST = 0.04
"""Of the range of luma: pictures whose mean is below say nothing of bars."""


class Bars(NamedTuple):
    """What is left of each side's picture (width, height, x, y) where the other has no such bars."""

    test: Box | None
    reference: Box | None


class Active(NamedTuple):
    """Edges of the picture inside its bars, in pixels, and the size of the whole."""

    left: int
    right: int
    top: int
    bottom: int
    width: int
    height: int

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """Bars left, right, above and below, as shares of the side."""
        across, down = self.width, self.height
        return self.left / across, 1 - self.right / across, self.top / down, 1 - self.bottom / down

    @property
    def box(self) -> Box:
        """Width, height, x and y, on even pixels and free of bars."""
        x, y = self.left + self.left % 2, self.top + self.top % 2
        return (self.right - x) // 2 * 2, (self.bottom - y) // 2 * 2, x, y


def bars(reference: Media, test: Media, asked: Asked) -> Bars:
    """Bars to cut so that both show the same; what was asked for by hand wins."""
    if asked.crop == "off":
        return Bars(None, None)
    if asked.crop != "auto":
        return Bars(_given(test, asked.crop), None)
    ours, theirs = active(test), active(reference)
    if ours is None or theirs is None:
        return Bars(None, None)
    return unequal(ours, theirs)


def unequal(test: Active, reference: Active) -> Bars:
    """What is to be cut where one side has bars that the other has not."""
    apart = [one - other for one, other in zip(test.shares, reference.shares, strict=True)]
    return Bars(test.box if max(apart) > LEAST else None, reference.box if min(apart) < -LEAST else None)


def active(media: Media) -> Active | None:
    """The picture inside its bars, from key frames over the whole file; None where all are dark."""
    video = media.video
    planes = [plane for plane in _keys(media) if plane.shape == (video.height, video.width)]
    return inside(planes, full=video.range == "full")


def inside(planes: Sequence[Plane], *, full: bool = False) -> Active | None:
    """The picture inside its bars, from luma of one size, of full or limited range; None where all are dark."""
    black, white = (0, 255) if full else (16, 235)
    rows, columns = (np.zeros(planes[0].shape[n]) for n in (0, 1)) if planes else (np.zeros(0), np.zeros(0))
    seen = 0
    for plane in planes:
        if plane.mean() < black + DARKEST * (white - black):
            continue
        lit = plane > black + LIT * (white - black)
        rows, columns = np.maximum(rows, lit.mean(axis=1)), np.maximum(columns, lit.mean(axis=0))
        seen += 1
    if not seen:
        return None
    (top, bottom), (left, right) = _edges(rows), _edges(columns)
    return Active(left, right, top, bottom, len(columns), len(rows))


def _edges(lit: NDArray[np.float64]) -> tuple[int, int]:
    """First and one past the last line of the picture."""
    lines = np.flatnonzero(lit > LINE * float(lit.max()))
    return int(lines[0]), int(lines[-1]) + 1


def _keys(media: Media) -> list[Plane]:
    """Luma of key frames spread over the file, and of the last that follow where it has but one."""
    times = media.video.times
    found = []
    with opened(media.path) as container:
        track = picture_track(container, media.path)
        base = track.time_base or 1
        for at in np.linspace(times[0], times[-1], PLACES, endpoint=False):
            try:
                container.seek(round(float(at) / base), stream=track, backward=True)
            except av.error.FFmpegError:
                break
            picture = next(pictures(container, track), None)
            if picture is None:
                break
            found.append(luma(picture).copy())
    return found


def _given(test: Media, box: Box) -> Box:
    width, height, x, y = box
    video = test.video
    if width < 2 or height < 2 or min(x, y) < 0 or x + width > video.width or y + height > video.height:
        raise Unfit(
            f"{test.path}: crop {width}:{height}:{x}:{y} does not lie in its picture of {video.width} x {video.height}"
        )
    return box
