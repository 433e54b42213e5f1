"""Small pictures for people who look: the right colours and shape, made of what is decoded anyway, for nobody else."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from qoe_agent import clock
from qoe_agent.decode import Audience, Snapshots
from qoe_agent.decode import snapshots as module
from qoe_agent.decode.frames import view_of
from qoe_agent.decode.pictures import aspect
from qoe_agent.decode.snapshots import EVERY, LATER, TALLEST, WIDEST, jpeg
from qoe_agent.maths.colours import BT601, BT709, shares, to_bgr
from qoe_agent.sink import Key

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATCHES = ((0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255), (0, 0, 0), (40, 120, 200), (180, 60, 90), (128,) * 3)
"""Blue, green, red."""
CODES = {BT601: 6, BT709: 1}
TOLERANCE = 6
"""What an encoder and a JPEG of subsampled colours may make of a patch."""


def patches(width: int, height: int) -> NDArray[np.uint8]:
    """Upright stripes of the colours."""
    columns = np.arange(width) * len(PATCHES) // width
    return np.array(PATCHES, np.uint8)[np.tile(columns, (height, 1))]


def coded(bgr: NDArray[np.uint8], matrix: tuple[float, float], *, full: bool, deep: bool = False) -> list[Any]:
    """4:2:0 planes by the textbook's formulas (BT.601-7 §2.5, BT.709-6 §3, §4), written here without our matrix."""
    blue, green, red = (bgr[..., n] / 255.0 for n in range(3))
    luma = matrix[0] * red + (1 - matrix[0] - matrix[1]) * green + matrix[1] * blue
    cb, cr = (blue - luma) / (2 - 2 * matrix[1]), (red - luma) / (2 - 2 * matrix[0])
    scale = (255.0, 0.0, 255.0) if full else (219.0, 16.0, 224.0)
    planes = [luma * scale[0] + scale[1], *(each[::2, ::2] * scale[2] + 128.0 for each in (cb, cr))]
    most = 1023 if deep else 255
    return [np.clip(np.round(p * (4 if deep else 1)), 0, most).astype(np.uint16 if deep else np.uint8) for p in planes]


def decoded(
    bgr: NDArray[np.uint8],
    matrix: tuple[float, float],
    *,
    full: bool,
    code: int | None,
    codec: str = "libx264",
    sar: Fraction | None = None,
) -> tuple[Any, float]:
    """A picture after a real encoder and decoder, and its pixels' aspect."""
    height, width = bgr.shape[:2]
    deep = codec == "libx265"
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p10le" if deep else "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.color_range, encoder.colorspace = 2 if full else 1, 2 if code is None else code
    encoder.options = {"x265-params": "log-level=none:qp=4"} if deep else {"qp": "4", "preset": "ultrafast"}
    if sar:
        encoder.sample_aspect_ratio = sar
    frame: Any = av.VideoFrame(width, height, encoder.pix_fmt)
    for plane, data in zip(frame.planes, coded(bgr, matrix, full=full, deep=deep), strict=True):
        wide = np.zeros((plane.height, plane.line_size // data.itemsize), data.dtype)
        wide[:, : plane.width] = data
        plane.update(wide.tobytes())
    frame.pts = 0
    frame.color_range, frame.colorspace = encoder.color_range, encoder.colorspace
    decoder: Any = av.CodecContext.create("hevc" if deep else "h264", "r")
    for packet in [*encoder.encode(frame), *encoder.encode(None)]:
        for seen in decoder.decode(packet):
            return seen, aspect(decoder)
    (seen,) = decoder.decode(None)
    return seen, aspect(decoder)


def shown(frame: Any, pixels: float = 1.0) -> NDArray[np.uint8]:
    """The small picture as a browser shows it."""
    data = jpeg(frame, view_of(frame, 0.0, follows=False), pixels)
    assert data[:2] == b"\xff\xd8"
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def worst(small: NDArray[np.uint8]) -> int:
    """How far off the worst patch is, in its middle."""
    width = small.shape[1] / len(PATCHES)
    middles = [small[small.shape[0] // 2, int((n + 0.5) * width)].astype(int) for n in range(len(PATCHES))]
    return max(int(abs(found - wanted).max()) for found, wanted in zip(middles, PATCHES, strict=True))


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [BT601, BT709], ids=["601", "709"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_colours_are_those_of_the_stream(matrix: tuple[float, float], full: bool, codec: str) -> None:
    frame, _ = decoded(patches(640, 360), matrix, full=full, code=CODES[matrix], codec=codec)
    assert worst(shown(frame)) <= TOLERANCE


def test_the_wrong_matrix_or_range_would_be_seen() -> None:
    small, _ = decoded(patches(640, 360), BT601, full=False, code=CODES[BT709])
    assert worst(shown(small)) > 3 * TOLERANCE
    small, _ = decoded(patches(640, 360), BT709, full=False, code=CODES[BT709])
    small.color_range = 2
    assert worst(shown(small)) > 2 * TOLERANCE


@pytest.mark.parametrize(("width", "height", "matrix"), [(640, 360, BT601), (1280, 720, BT709), (720, 1280, BT709)])
def test_streams_that_do_not_say_are_taken_as_players_take_them(
    width: int, height: int, matrix: tuple[float, float]
) -> None:
    frame, _ = decoded(patches(width, height), matrix, full=False, code=None)
    assert worst(shown(frame)) <= TOLERANCE


def test_hdr_pictures_are_made_for_ordinary_screens() -> None:
    frame, _ = decoded(patches(640, 360), BT709, full=False, code=CODES[BT709], codec="libx265")
    frame.color_trc = 16
    middle = shown(frame)[30, -10].astype(int)
    assert abs(middle - 189).max() <= 6, "a gray of half of PQ's range is the light of an ordinary screen's white"


def test_rgb_and_gray_streams_have_pictures_too() -> None:
    frame = av.VideoFrame.from_ndarray(patches(640, 360), "bgr24")
    assert worst(shown(frame)) <= TOLERANCE
    gray = shown(av.VideoFrame.from_ndarray(np.full((360, 640), 126, np.uint8), "gray"))
    assert abs(gray.astype(int) - 128).max() <= 2


@pytest.mark.parametrize(
    ("size", "sar", "wanted"),
    [
        ((1920, 1080), None, (135, 240)),
        ((640, 480), None, (180, 240)),
        ((720, 1280), None, (TALLEST, 180)),
        ((720, 576), Fraction(64, 45), (135, 240)),  # 16:9 in 720 columns (BT.601, 625 lines)
        ((160, 96), None, (96, 160)),
    ],
)
def test_the_shape_is_the_one_on_screen_and_nothing_is_enlarged(
    size: tuple[int, int], sar: Fraction | None, wanted: tuple[int, int]
) -> None:
    frame, pixels = decoded(patches(*size), BT709, full=False, code=1, sar=sar)
    small = shown(frame, pixels)
    assert small.shape[:2] == wanted
    assert small.shape[1] <= WIDEST
    assert worst(small) <= 2 * TOLERANCE


def test_the_matrices_agree_with_opencv() -> None:
    rng = np.random.default_rng(3)
    seen = rng.integers(16, 236, (20, 20, 3), np.uint8)
    ours = cv2.transform(seen, to_bgr(*BT601, full_range=True))
    theirs = cv2.cvtColor(seen[..., [0, 2, 1]], cv2.COLOR_YCrCb2BGR)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    assert shares(9, 64, 64) == (0.2627, 0.0593)


class Looked:
    """A stream's maker of pictures, and what it showed; time stands still unless it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.shown = 1000.0, list[tuple[Any, float, bytes]]()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        self.audience = Audience(lambda *shown: self.shown.append(shown))
        self.faults, self.snapshots = 0, Snapshots(self.audience, Key("room"))
        self.frame = av.VideoFrame.from_ndarray(patches(64, 48), "bgr24")
        self.view = view_of(self.frame, 0.0, follows=False)

    def failed(self) -> None:
        self.faults += 1

    def take(self) -> bool:
        return self.snapshots.take(self.frame, self.now, self.view, 1.0, self.failed) is not None


def test_nothing_is_made_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Looked(monkeypatch)
    monkeypatch.setattr(module, "jpeg", lambda *picture: pytest.fail("nobody looks"))
    assert not it.take()
    it.audience.until = it.now
    assert not it.take()


def test_one_is_made_in_five_seconds_on_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Looked(monkeypatch)
    it.audience.until = 2000.0
    times = []
    for _ in range(150):  # key frames of two seconds, which miss the beat
        if it.take():
            times.append(it.now)
        it.now += 2.0
    assert len(times) == 300 / EVERY
    assert {b - a for a, b in pairwise(times)} == {4.0, 6.0}
    it.now += 100.0
    assert it.take()
    it.now += 0.04
    assert not it.take()  # what nobody looked at meanwhile is not caught up on


def test_a_picture_that_cannot_be_made_hurts_nothing_and_is_not_tried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Looked(monkeypatch)
    it.audience.until = 2000.0

    def broken(*picture: Any) -> bytes:
        raise cv2.error("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(module, "jpeg", broken)
        assert not it.take()
    it.now += LATER - 1.0
    assert not it.take()
    it.now += 1.0
    assert it.take()
    assert it.faults == 1
