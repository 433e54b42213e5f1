"""Side-by-side pictures of the worst moments: the same moment of the source as each output showed it.

They are decoded from the packets kept, while those are there: of the worst seconds so far, whichever they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import av
import cv2
import numpy as np

from qoe_agent.compare.live.saying import amount
from qoe_agent.compare.live.seconds import BY_NAME
from qoe_agent.decode.lanes import open_decoder
from qoe_agent.decode.pictures import TICKS, handed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.live.history import Second
    from qoe_agent.compare.live.laid import Laid
    from qoe_agent.compare.live.taking import Taken
    from qoe_agent.model import Format, Packet

    Colours = NDArray[np.uint8]

MOST = 6
"""Moments that are shown."""
APART = 4
"""Seconds between two of them."""
WIDEST = 480
"""Columns of a picture that is shown whole."""
CROP = (240, 160)
"""Columns and rows of a crop."""
QUALITY = 85
BY = ("vmaf", "score", "qp", "blur")
"""Measures by which a moment is bad: the first that is known of both, in units of what is usual of it."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One moment."""

    second: int
    """Of the source."""
    why: str
    pictures: tuple[bytes | None, ...]
    """By output: JPEG; None where it had none."""
    crops: tuple[bytes | None, ...]
    """By output: the part in which they differ most, pixel by pixel of the largest."""


class Part(NamedTuple):
    """What a picture is decoded from."""

    form: Format
    packets: list[Packet]
    pts: float
    """Of the picture."""


class Moment(NamedTuple):
    """A second in which outputs differ."""

    second: int
    badness: float
    why: str


def moments(seconds: Sequence[Second], pairs: Sequence[tuple[int, int]], names: Sequence[str]) -> list[Moment]:
    """Of a stretch of seconds, by how far outputs differ beyond what they usually do; the worst first."""
    found: list[Moment] = []
    for first, other in pairs:
        for name in BY:
            apart = {
                one.number: y - x
                for one in seconds
                if (x := one.value(first, name)) is not None and (y := one.value(other, name)) is not None
            }
            if len(apart) >= APART and any(apart.values()):
                found += _ranked(apart, name, f"{names[other]} less {names[first]}")
                break
    return sorted(found, key=lambda one: -one.badness)


def _ranked(apart: dict[int, float], name: str, pair: str) -> list[Moment]:
    spread = float(np.std(list(apart.values()))) or 1.0
    words = BY_NAME[name].words
    return [
        Moment(number, abs(value) / spread, f"{words} {amount(name, value, signed=True)} ({pair})")
        for number, value in apart.items()
        if value
    ]


@dataclass(slots=True)
class Strips:
    """The worst so far."""

    kept: dict[int, tuple[float, Strip]] = field(default_factory=dict)
    """By second: how bad, and its strip."""

    def wanted(self, ranked: Sequence[Moment]) -> Moment | None:
        """The next that is worth a strip, if any is."""
        for one in ranked:
            near = [second for second in self.kept if abs(second - one.second) < APART]
            if any(self.kept[second][0] >= one.badness for second in near):
                continue
            if near or len(self.kept) < MOST or one.badness > min(bad for bad, _ in self.kept.values()):
                return one
        return None

    def keep(self, moment: Moment, strip: Strip) -> None:
        """One more; those close to it that are less bad go, and the least bad beyond the most."""
        for second in [each for each in self.kept if abs(each - moment.second) < APART]:
            del self.kept[second]
        self.kept[moment.second] = moment.badness, strip
        while len(self.kept) > MOST:
            del self.kept[min(self.kept, key=lambda second: self.kept[second][0])]

    def worst(self) -> list[Strip]:
        """In order of badness."""
        return [strip for _, strip in sorted(self.kept.values(), key=lambda each: -each[0])]


def gathered(taken: Taken, laid: Laid, source: float) -> Part | None:
    """Format and packets for the picture at a time of the source, and its time stamp; None: not there."""
    form = taken.formats.get("video")
    packets = [each for each in taken.ring if each.kind == "video" and each.pts is not None]
    if form is None or not packets:
        return None
    media = laid.media(source)
    pts = media - taken.place(0.0)
    last = max(each.pts or 0.0 for each in packets)
    begins = [n for n, each in enumerate(packets) if each.key and (each.pts or 0.0) <= pts]
    if not begins or pts > last:
        return None
    after = [n for n in range(begins[-1] + 1, len(packets)) if packets[n].key]
    return Part(form, packets[begins[-1] : (after[0] + 1 if after else None)], pts)


def strip(moment: Moment, parts: Sequence[Part | None]) -> Strip:
    """Decode and draw; for another thread. `parts`: of each output, as `gathered`."""
    pictures = [None if part is None else _decoded(*part) for part in parts]
    shown = tuple(None if each is None else _jpeg(_within(each)) for each in pictures)
    return Strip(moment.second, moment.why, shown, _crops(pictures))


def _decoded(form: Format, packets: Sequence[Packet], pts: float) -> Colours | None:
    context, best, limit = open_decoder(form.codec, form.extradata), None, round(pts * TICKS) + TICKS // 1000
    try:
        for seen in [*packets, None]:
            for frame in context.decode(None if seen is None else handed(seen)):
                if best is None or (frame.pts is not None and best.pts < frame.pts <= limit):
                    best = frame
    except (av.FFmpegError, ValueError):
        pass  # a later packet is damaged: what came before it stands
    return None if best is None else np.asarray(best.reformat(format="bgr24").to_ndarray(), np.uint8)


def _within(picture: Colours) -> Colours:
    rows, columns = picture.shape[:2]
    if columns <= WIDEST:
        return picture
    size = WIDEST, max(1, round(rows * WIDEST / columns))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _crops(pictures: Sequence[Colours | None]) -> tuple[bytes | None, ...]:
    """The same part of each, at the largest one's size, where the first two differ most."""
    there = [each for each in pictures if each is not None]
    if len(there) < 2:
        return tuple(None for _ in pictures)
    rows, columns = max(each.shape[:2] for each in there)
    sized = [None if each is None else _sized(each, columns, rows) for each in pictures]
    one, other = [each for each in sized if each is not None][:2]
    wide, tall = min(CROP[0], columns), min(CROP[1], rows)
    apart = cv2.boxFilter(np.abs(one.astype(np.float32) - other.astype(np.float32)).mean(axis=2), -1, (wide, tall))
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    top = int(min(max(row - tall // 2, 0), rows - tall))
    left = int(min(max(column - wide // 2, 0), columns - wide))
    return tuple(None if each is None else _jpeg(each[top : top + tall, left : left + wide]) for each in sized)


def _sized(picture: Colours, columns: int, rows: int) -> Colours:
    if picture.shape[:2] == (rows, columns):
        return picture
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_CUBIC), np.uint8)


def _jpeg(picture: Colours) -> bytes | None:
    made, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes() if made else None
