"""Pictures that come out of the decoding that scores, small or in part: what tells how a test lies on its reference."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare import thumbs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media

    Box = tuple[int, int, int, int]

PLANAR = re.compile(r"yuvj?4\d\dp(\d*le)?$")
"""Pixel formats whose luma FFmpeg takes out as it is."""
NUMBERED = "settb=1/25,setpts=N"
"""Times that are numbers, so that FFmpeg neither drops nor repeats any."""


@dataclass(slots=True)
class Aside:
    """Grey pictures of one input, from its decoder through `filters`; one run of FFmpeg fills the rest."""

    filters: str
    rows: int
    columns: int
    fresh: list[int] | None = None
    """Numbers of the frames that are coded by themselves, if a list is there for them."""
    output: bytearray = field(default_factory=bytearray)

    def pictures(self) -> NDArray[np.uint8]:
        """All that came whole: (n, rows, columns)."""
        size = self.rows * self.columns
        whole = np.frombuffer(self.output, np.uint8, len(self.output) // size * size)
        return whole.reshape(-1, self.rows, self.columns)


def possible(media: Media) -> bool:
    """Whether such pictures of it are what PyAV's would be."""
    return PLANAR.fullmatch(media.video.pixel_format) is not None


def fingerprints(media: Media, box: Box | None, finer: int) -> Aside:
    """Of every frame, as `thumbs.whole` takes them, but for the rounding of means; not turned yet."""
    size = thumbs.ROWS * finer, thumbs.COLUMNS * finer
    rows, columns = size[::-1] if media.video.rotation % 180 else size
    cut = "crop={}:{}:{}:{},".format(*box) if box else ""
    return Aside(f"extractplanes=y,{cut}scale={columns}:{rows}:flags=area+accurate_rnd,format=gray", rows, columns, [])


def read(media: Media, aside: Aside) -> thumbs.Prints | None:
    """Those fingerprints, once all have come; None where there are not as many as frames."""
    luma, video = aside.pictures(), media.video
    if len(luma) != len(video.times):
        return None
    fresh = np.zeros(len(luma), bool)
    fresh[aside.fresh or []] = True
    turned = np.rot90(luma, -video.rotation // 90, axes=(1, 2))
    return thumbs.Prints(np.ascontiguousarray(turned), np.arange(len(luma)), video.times, fresh)


class _Stretch(bytearray):
    """Of all that is added, what lies between two places."""

    def __init__(self, first: int, end: int) -> None:
        super().__init__()
        self._first, self._end, self._seen = first, end, 0

    def extend(self, more: Iterable[SupportsIndex], /) -> None:
        added = bytes(more)
        begin, end = (max(0, each - self._seen) for each in (self._first, self._end))
        self._seen += len(added)
        super().extend(added[begin:end])


def part(first: int, count: int, box: Box) -> Aside:
    """That part of some frames, as it is.

    FFmpeg writes it of all frames up to those: an output that waits has it decode one side far ahead of the other, and
    hold what was decoded.
    """
    width, height, x, y = box
    end = first + count
    taken = f"trim=end_frame={end},crop={width}:{height}:{x}:{y}:exact=1,extractplanes=y,format=gray"
    return Aside(taken, height, width, output=_Stretch(first * width * height, end * width * height))


def graph(number: int, aside: Aside) -> str:
    """For FFmpeg's input of that number, to a pad named after it."""
    taken = f"{aside.filters},{NUMBERED},fps=25[aside{number}]"
    if aside.fresh is None:
        return f"[{number}:V]{taken}"
    told = f"select='key+eq(pict_type,I)',metadata=add:key=fresh:value=1,metadata=print:file=fresh{number}.txt"
    return f"[{number}:V]split[all{number}][few{number}];[all{number}]{taken};[few{number}]{NUMBERED},{told},nullsink"


def arguments(folder: Path, option: str, asides: Sequence[Aside]) -> list[str]:
    """What FFmpeg is to be told: its `option` reads a graph from a file."""
    if not asides:
        return []
    (folder / "aside.txt").write_text(";".join(graph(*each) for each in enumerate(asides)))
    raw = ("-c:v", "rawvideo", "-f", "rawvideo")
    outputs = (("-map", f"[aside{number}]", *raw, f"aside:{number}") for number in range(len(asides)))
    return [option, "aside.txt", *(each for output in outputs for each in output)]


def heard(folder: Path, asides: Sequence[Aside]) -> None:
    """Take what FFmpeg wrote of frames coded by themselves."""
    for number, aside in enumerate(asides):
        if aside.fresh is not None:
            said = (folder / f"fresh{number}.txt").read_text(encoding="ascii", errors="replace")
            aside.fresh += [int(each) for each in re.findall(r"\bpts:(\d+)", said)]
