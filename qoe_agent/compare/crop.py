"""Black bars: those that the test has and the reference has not, and the reverse; which part of a picture is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

from qoe_agent.compare import stills
from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.thumbs import luma

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Asked, Floats, Media

    Plane = NDArray[np.uint8]
    Box = tuple[int, int, int, int]

PLACES = 8
"""Pictures that are looked at, evenly over the file."""
NEXT = 5.0
"""Seconds up to the next of them that are decoded rather than leapt over."""
LIT = 0.08
"""Of the range of luma: above is no bar."""
LINE = 0.2
"""Share of a line that is lit in the picture; a logo or subtitles in a bar light less."""
LEAST = 0.012
"""Share of a side that bars of one file must take beyond those of the other."""
BLACK, BRIGHT = 0.06, 0.15
"""Of the range of luma: means of lines up to which thinner edges are black, and from which the other side's are not."""
THINNEST = 0.75
"""Pixels of the test that such an edge takes at least."""
BARELY = 1e-3
"""Seconds by which a key frame may come later than the place it stands for."""
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
    lines: tuple[Floats, Floats] | None = None
    """How bright each row, and each column, is where it is brightest, of the range of luma."""

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
    found = Bars(None, None)
    # Key frames are quick to get at; but those of one file are none of the other's, and show other pictures.
    for exact in (False, True):
        ours, theirs = active(test, exact=exact), active(reference, exact=exact)
        found = unequal(ours, theirs) if ours and theirs else Bars(None, None)
        if ours and theirs and found == (None, None):
            break
    return found


def unequal(test: Active, reference: Active) -> Bars:
    """What is to be cut where one side has bars that the other has not."""
    apart = [one - other for one, other in zip(test.shares, reference.shares, strict=True)]
    barred = max(apart) > LEAST or any(_edged(test, reference, side) for side in range(4))
    return Bars(test.box if barred else None, reference.box if min(apart) < -LEAST else None)


def aside(box: Box, width: int, height: int) -> tuple[float, float]:
    """By how much the middle of a box lies off the picture's, across and down, as shares of the box's own sides."""
    wide, high, x, y = box
    return (x + wide / 2 - width / 2) / wide, (y + high / 2 - height / 2) / high


def barred(box: Box, width: int, height: int) -> tuple[bool, bool]:
    """Whether a box leaves anything out, across and down."""
    return box[0] < width, box[1] < height


def _edged(test: Active, reference: Active, side: int) -> bool:
    """Whether a side (left, right, top, bottom) of the test has an edge, however thin, that is picture in the other."""
    size = test.height if side > 1 else test.width
    wide = round((test.shares[side] - reference.shares[side]) * size)
    if test.lines is None or reference.lines is None or wide < THINNEST or wide > LEAST * size + 1:
        return False
    one, other = (each.lines[side < 2][:: -1 if side % 2 else 1] for each in (test, reference) if each.lines)
    at = (np.arange(wide) + 0.5) * len(other) / len(one)
    # The innermost line of an edge has something of the picture in it.
    outer = max(1, wide - 1)
    return bool(one[:outer].max() <= BLACK and other[at.astype(int)][:outer].min() >= BRIGHT)


def active(media: Media, *, exact: bool = False) -> Active | None:
    """The picture inside its bars, from pictures over the whole file; None where all are dark.

    They are key frames, or with `exact` those at even distances.
    """
    video = media.video
    keys = None if exact else _keys(media)
    shown = _spread(media, exact) if keys is None else [plane for (plane,) in stills.runs(media, keys, 1)]
    planes = [plane for plane in shown if plane.shape == (video.height, video.width)]
    return inside(planes, full=video.range == "full")


def inside(planes: Sequence[Plane], *, full: bool = False) -> Active | None:
    """The picture inside its bars, from luma of one size, of full or limited range; None where all are dark."""
    black, white = (0, 255) if full else (16, 235)
    rows, columns = (np.zeros(planes[0].shape[n]) for n in (0, 1)) if planes else (np.zeros(0), np.zeros(0))
    lines = rows, columns
    seen = 0
    for plane in planes:
        if plane.mean() < black + DARKEST * (white - black):
            continue
        lit = plane > black + LIT * (white - black)
        rows, columns = np.maximum(rows, lit.mean(axis=1)), np.maximum(columns, lit.mean(axis=0))
        means = ((plane.mean(axis=axis) - black) / (white - black) for axis in (1, 0))
        lines = tuple(np.maximum(one, other) for one, other in zip(lines, means, strict=True))
        seen += 1
    if not seen:
        return None
    (top, bottom), (left, right) = _edges(rows), _edges(columns)
    return Active(left, right, top, bottom, len(columns), len(rows), lines)


def _edges(lit: NDArray[np.float64]) -> tuple[int, int]:
    """First and one past the last line of the picture."""
    lines = np.flatnonzero(lit > LINE * float(lit.max()))
    return int(lines[0]), int(lines[-1]) + 1


def _spread(media: Media, exact: bool) -> list[Plane]:
    """Luma of pictures spread over the file."""
    found: list[Plane] = []
    with opened(media.path) as container:
        track = picture_track(container, media.path)
        reached = -np.inf
        for at in _places(media, exact):
            try:
                if not exact or not reached <= at <= reached + NEXT:
                    container.seek(round(at / (track.time_base or 1)), stream=track, backward=True)
                plane, reached = _from(container, track, at if exact else -np.inf)
            except av.error.FFmpegError:
                break
            if plane is None:
                break
            found.append(plane)
    return found


def _places(media: Media, exact: bool) -> list[float]:
    """Seconds at which to look: at even distances, or `exact` between those."""
    evenly = _evenly(media)
    return list((evenly + (evenly[1] - evenly[0]) / 2 if exact else evenly).tolist())


def _keys(media: Media) -> list[int] | None:
    """The key frames before even distances, each once; None where they are not known."""
    times, keys = media.video.times, media.video.keys
    if keys is None or not len(keys):
        return None
    return stills.before(times, keys, _evenly(media) + BARELY)


def _evenly(media: Media) -> Floats:
    times = media.video.times
    return np.linspace(times[0], times[-1], PLACES, endpoint=False)


def _from(container: InputContainer, track: VideoStream, at: float) -> tuple[Plane | None, float]:
    """The first picture that comes from that time on, and its time."""
    for picture in pictures(container, track, few=at == -np.inf):
        when = float(picture.pts * track.time_base) if picture.pts is not None and track.time_base else np.inf
        if when >= at:
            return luma(picture).copy(), when
    return None, np.inf


def _given(test: Media, box: Box) -> Box:
    width, height, x, y = box
    video = test.video
    if width < 2 or height < 2 or min(x, y) < 0 or x + width > video.width or y + height > video.height:
        raise Unfit(
            f"{test.path}: crop {width}:{height}:{x}:{y} does not lie in its picture of {video.width} x {video.height}"
        )
    return box
