"""Fingerprints: the luma of every frame at 32 x 18, from PyAV's decoders; and luma as it is, where more is needed.

Measured at 720p on two cores: the same speed as FFmpeg's `scale=32:18:flags=area` on a pipe (both are decoding, for
nine tenths), without a program that has to be there.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from av.video.frame import PictureType

from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.shapes import Step, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats, Media

    Plane = NDArray[np.uint8]

ROWS, COLUMNS = 18, 32
FINER = (1, 2, 3, 4)
MOST = 64 << 20
"""Bytes of fingerprints of a file."""
OFTEN = 50
"""Frames from one step of progress to the next."""
SAME = 0.3
"""Shares of a frame by which a picture's time may differ from the packet's."""


class Prints(NamedTuple):
    """Fingerprints of frames: their luma (n, 18, 32) or finer, their numbers in the order shown, times in seconds."""

    luma: NDArray[np.uint8]
    numbers: NDArray[np.int64]
    times: Floats
    fresh: NDArray[np.bool_]
    """Which are coded by themselves, not from others."""


def fresh(picture: VideoFrame) -> bool:
    """Whether a picture is coded by itself: it shows what it was made from, however few bits there were."""
    return bool(picture.key_frame) or picture.pict_type == PictureType.I


def luma(picture: VideoFrame) -> Plane:
    """The luma of a picture in 8 bits, as it is coded: no range is changed."""
    about = picture.format
    first = about.components[0]
    if about.is_rgb or about.has_palette or first.plane or (not about.is_planar and len(about.components) > 1):
        picture = picture.reformat(format="gray8")
        first = picture.format.components[0]
    plane = picture.planes[0]
    held = memoryview(plane)
    if first.bits <= 8:
        return np.frombuffer(held, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    wide = np.frombuffer(held, np.uint16).reshape(plane.height, plane.line_size // 2)[:, : plane.width]
    # p010 and its like keep their bits at the top.
    shift = 8 if about.name.startswith(("p0", "p2", "p4")) else first.bits - 8
    return np.asarray(wide >> shift, np.uint8)


def shrunk(plane: Plane, rotation: int = 0, finer: int = 1) -> Plane:
    """A picture's fingerprint: the mean of each of 18 x 32 equal areas, turned clockwise as a player turns it.

    `finer`: parts of each side of such an area that have a mean of their own.
    """
    quarters = rotation // 90
    size = (ROWS * finer, COLUMNS * finer) if quarters % 2 else (COLUMNS * finer, ROWS * finer)
    return np.asarray(np.rot90(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), -quarters), np.uint8)


def finest(frames: int) -> int:
    """How many parts a side of a fingerprint's areas may have, so that so many frames take no more than `MOST`."""
    return max(n for n in FINER if n == 1 or frames * ROWS * COLUMNS * n * n <= MOST)


def whole(
    media: Media,
    heard: Callable[[Step], None] | None = None,
    box: tuple[int, int, int, int] | None = None,
    finer: int = 1,
) -> Prints:
    """Of every frame that can be decoded, or of its part `box` (width, height, x, y); `Unfit` where none can.

    With `finer`, every area has so many parts along each side.
    """
    part = (slice(box[3], box[3] + box[1]), slice(box[2], box[2] + box[0])) if box else (slice(None), slice(None))
    expected = len(media.video.times)
    size = ROWS * finer, COLUMNS * finer
    prints = np.empty((expected, *size), np.uint8)
    done = 0
    intra: list[bool] = []
    with opened(media.path) as container:
        for picture in pictures(container, picture_track(container, media.path)):
            if done == len(prints):
                prints = np.concatenate([prints, np.empty((len(prints) // 8 + 64, *size), np.uint8)])
            prints[done] = shrunk(luma(picture)[part], media.video.rotation, finer)
            intra.append(fresh(picture))
            done += 1
            if heard and done % OFTEN == 0:
                heard(Step(f"fingerprints of {media.path}", done, expected))
    if not done:
        raise Unfit(f"{media.path}: no picture of its video can be decoded")
    times = media.video.times
    if done != expected:
        # Damaged: which frames are missing cannot be told from here, so all are taken to be as far apart as usual.
        times = times[0] + np.arange(done) / float(media.video.rate)
    return Prints(prints[:done], np.arange(done), times, np.array(intra))


def span(media: Media, first: int, last: int, finer: int = 1) -> Prints:
    """Of the frames from one number to another, by seeking; of those that come."""
    found: dict[int, tuple[Plane, bool]] = {}
    with closing(numbered(media, first)) as shown:
        for number, picture in shown:
            found[number] = shrunk(luma(picture), media.video.rotation, finer), fresh(picture)
            if number >= last:
                break
    return of(media, found, finer)


def of(media: Media, found: dict[int, tuple[Plane, bool]], finer: int = 1) -> Prints:
    """From each frame's fingerprint by number, and whether it is coded by itself."""
    numbers = np.array(sorted(found), np.int64)
    size = ROWS * finer, COLUMNS * finer
    stack = np.stack([found[n][0] for n in numbers]) if found else np.empty((0, *size), np.uint8)
    return Prints(stack, numbers, media.video.times[numbers], np.array([found[n][1] for n in numbers], bool))


def numbered(media: Media, first: int) -> Generator[tuple[int, VideoFrame]]:
    """Pictures and their numbers, from one on, as they come."""
    times = media.video.times
    near = SAME / float(media.video.rate)
    with opened(media.path) as container:
        track = picture_track(container, media.path)
        base = track.time_base or 1
        container.seek(round((float(times[first]) + near / 2) / base), stream=track, backward=True)
        for picture in pictures(container, track):
            if picture.pts is None:
                continue
            seconds = float(picture.pts * base)
            number = int(np.abs(times - seconds).argmin())
            if seconds >= times[first] - near and abs(times[number] - seconds) < near:
                yield number, picture
