"""Single frames of a file by their number in the order shown, as a comparison sees them and as people do.

A frame is looked for by time and known by it: after a seek, the frame whose time is that of its number, and only if a
key frame came before it. Where that fails (times that are not in the pictures, broken groups), all is decoded from the
beginning and counted, as FFmpeg's filters count.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import av
import numpy as np
from av.filter import Graph

from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.space import DEINTERLACED
from qoe_agent.compare.thumbs import luma

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media

    Plane = NDArray[np.uint8]
    Picture = NDArray[np.uint8]
    """Rows, columns, red, green and blue."""

EARLIER = (0.0, 3.0, 12.0)
"""Seconds before the frame to which is sought, one after the other, until a key frame comes first."""
NEAR = 0.3
"""Shares of the least distance of two frames by which a picture's time may differ from its number's."""
FEW = 2
"""Frames from a key frame on that are had with less work where threads do not decode those that follow."""
KEPT = 24 << 20
"""Bytes of key frames' luma that are kept, of all files: several look at them, one after the other."""
SHOWN = "scale=flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24"


def stills(media: Media, numbers: Iterable[int], filters: str) -> dict[int, Picture]:
    """Those frames of `numbers` that can be had, each through `filters` and then as red, green and blue."""
    asked = sorted({number for number in numbers if 0 <= number < len(media.video.times)})
    around = 1 if filters.startswith(DEINTERLACED) else 0
    shown: dict[int, Picture] = {}
    left: list[int] = []
    with opened(media.path) as container:
        track = picture_track(container, media.path)
        for number in asked:
            last = min(len(media.video.times) - 1, number + around)
            found = following(container, track, media, range(max(0, number - around), last + 1))
            if found:
                shown[number] = _shown(found, number, media, filters)
            else:
                left.append(number)
    if left:
        shown |= _counted(media, left, around, filters)
    return shown


class _Kept:
    """Luma of the key frames that were decoded last, by file and number; for all threads."""

    def __init__(self) -> None:
        self._planes: dict[tuple[str, int], Plane] = {}
        self._lock = threading.Lock()

    def get(self, media: Media, number: int) -> Plane | None:
        with self._lock:
            return self._planes.get((media.digest, number))

    def put(self, media: Media, number: int, plane: Plane) -> None:
        with self._lock:
            self._planes[media.digest, number] = plane
            while sum(each.nbytes for each in self._planes.values()) > KEPT:
                del self._planes[next(iter(self._planes))]


_kept = _Kept()


def keep(media: Media, number: int, plane: Plane) -> None:
    """A frame's luma, decoded by somebody else, not to be written to any more."""
    plane.setflags(write=False)
    _kept.put(media, number, plane)


def plane(media: Media, number: int) -> Plane | None:
    """The luma of a frame in 8 bits, as it is coded, not to be written to; None where it cannot be had."""
    for (found,) in runs(media, [number], 1):
        return found
    with opened(media.path) as container:
        for place, picture in enumerate(pictures(container, picture_track(container, media.path))):
            if place == number:
                return luma(picture).copy()
    return None


def before(times: NDArray[np.float64], numbers: NDArray[np.int64], places: NDArray[np.float64]) -> list[int]:
    """Of these frames (their `numbers`, in order, of all with `times`) the last before each place, in seconds, each
    once; the first where there is none."""
    near = np.searchsorted(times[numbers], places, "right") - 1
    return list(numbers[np.unique(np.maximum(near, 0))].tolist())


def runs(media: Media, firsts: Iterable[int], count: int) -> Iterator[tuple[Plane, ...]]:
    """So many frames from each of those numbers on, as `plane` has them, where they can be sought."""
    with contextlib.ExitStack() as held:
        container: InputContainer | None = None
        for first in firsts:
            if count == 1 and (known := _kept.get(media, first)) is not None:
                yield (known,)
                continue
            container = container or held.enter_context(opened(media.path))
            found = following(container, picture_track(container, media.path), media, range(first, first + count))
            if found:
                yield tuple(_taken(media, *each) for each in found.items())


def _taken(media: Media, number: int, picture: VideoFrame) -> Plane:
    taken = luma(picture).copy()
    taken.setflags(write=False)
    if media.video.keys is not None and number in media.video.keys:
        _kept.put(media, number, taken)
    return taken


def following(
    container: InputContainer, track: VideoStream, media: Media, numbers: Sequence[int]
) -> dict[int, VideoFrame]:
    """All of some frames that follow each other, or nothing."""
    times = media.video.times
    base = track.time_base
    if base is None:
        return {}
    near = NEAR * float(np.diff(times).min()) if len(times) > 1 else 1.0
    for earlier in EARLIER:
        try:
            container.seek(round(max(times[numbers[0]] - earlier, times[0]) / base), stream=track, backward=True)
            few = len(numbers) <= FEW and media.video.keys is not None and numbers[0] in media.video.keys
            found = _from_here(container, track, times[numbers[0] : numbers[-1] + 1], near, few)
        except av.error.FFmpegError:
            continue
        if len(found) == len(numbers):
            return dict(zip(numbers, found, strict=True))
    return {}


def _from_here(
    container: InputContainer, track: VideoStream, times: NDArray[np.float64], near: float, few: bool
) -> list[VideoFrame]:
    """The pictures of these times, in order, as far as they come after a key frame; `few`: the first is one."""
    found: list[VideoFrame] = []
    keyed = False
    base = float(track.time_base or 1)
    for picture in pictures(container, track, few=few):
        if picture.pts is None:
            return []
        at = picture.pts * base
        keyed = keyed or (bool(picture.key_frame) and at <= times[0] + near)
        if keyed and abs(at - times[len(found)]) <= near:
            found.append(picture)
        if len(found) == len(times) or at > times[-1] + near:
            break
    return found


def _counted(media: Media, numbers: Sequence[int], around: int, filters: str) -> dict[int, Picture]:
    """By decoding all that comes before."""
    shown: dict[int, Picture] = {}
    held: dict[int, VideoFrame] = {}
    waiting = list(numbers)
    with opened(media.path) as container:
        for place, picture in enumerate(pictures(container, picture_track(container, media.path))):
            held = {number: each for number, each in held.items() if number >= place - 2 * around} | {place: picture}
            while waiting and place >= waiting[0] + around:
                wanted = waiting.pop(0)
                shown[wanted] = _shown(held, wanted, media, filters)
            if not waiting:
                return shown
    shown |= {number: _shown(held, number, media, filters) for number in waiting if number in held}
    return shown


def _shown(frames: dict[int, VideoFrame], number: int, media: Media, filters: str) -> Picture:
    """One of these frames; those beside it are there for filters that look at neighbours."""
    first = frames[number]
    graph = Graph()
    last = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=1 / media.video.rate)
    for each in f"{_colours(media)},{filters},{SHOWN}".split(","):
        name, _, options = each.partition("=")
        added = graph.add(name, options or None)
        last.link_to(added)
        last = added
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    for place, frame in sorted(frames.items()):
        frame.pts, frame.time_base = place, 1 / media.video.rate
        graph.push(frame)
    graph.push(None)
    # One comes out for each that went in, whatever clock a filter gives it.
    made = [graph.vpull() for _ in range(sorted(frames).index(number) + 1)]
    return np.asarray(made[-1].to_ndarray(format="rgb24"), np.uint8)


def _colours(media: Media) -> str:
    """What the samples mean, said where the file does not: as players guess it, by size."""
    video = media.video
    matrix = video.matrix or ("bt709" if video.height >= 720 else "smpte170m")
    spread = video.range or ("full" if video.pixel_format.startswith("yuvj") else "limited")
    return f"setparams=range={spread}" + (f":colorspace={matrix}" if matrix != "gbr" else "")
