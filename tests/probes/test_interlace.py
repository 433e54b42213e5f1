"""Interlacing: declared, seen, and how it is told; through a real encoder and decoder."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from qoe_agent.model import Lost, Picture, Tick
from qoe_agent.probes.interlace import COMBED, DECLARED
from tests.accuracy.offline import watch
from tests.maths.test_fields import COLUMNS, ROWS, whole, woven
from tests.probes.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def encoded(path: Path, picture: Callable[..., np.ndarray], *, declared: bool) -> Path:
    """Fifteen seconds of a pan of two seconds, again and again."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = COLUMNS, ROWS, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        stream.options = {"preset": "veryfast", "crf": "24"} | ({"x264-params": "interlaced=1"} if declared else {})
        for n in range(25 * 15):
            luma = picture(n % 50)
            planes = np.ascontiguousarray(np.vstack([luma, np.full((ROWS // 2, COLUMNS), 128, np.uint8)]))
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts = n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_fields_in_a_progressive_stream_are_an_incident(tmp_path: Path) -> None:
    seen = watch(encoded(tmp_path / "woven.mkv", woven, declared=False), "interlace")
    (found,) = seen.of("interlaced")
    assert found.severity == "info"
    assert found.detail["in_motion"] >= 5
    assert seen.gauges[COMBED.name,] == pytest.approx(1.0, abs=0.2)
    assert seen.gauges[DECLARED.name,] == 0.0


def test_pictures_that_look_woven_now_this_way_and_now_that_are_whole() -> None:
    def after(ways: str) -> list[str]:
        names = {"t": "top", "b": "bottom", "w": "whole"}
        seen = [
            Picture(100.0 + n, 0, float(n), 320, 180, "yuv420p", False, 100.0 + n, {"interlace": (False, names[way])})
            for n, way in enumerate(ways)
        ]
        return [each.detail["first_field"] for each in Outcome("interlace").feed(seen).incidents("interlaced")]

    assert after("tbtbttbtbbtt") == []
    assert after("ttwbtwtt") == ["top"]


def test_fields_that_are_declared_are_none(tmp_path: Path) -> None:
    seen = watch(encoded(tmp_path / "declared.mkv", woven, declared=True), "interlace")
    assert seen.of("interlaced") == []
    assert seen.gauges[DECLARED.name,] == 1.0
    assert seen.gauges[COMBED.name,] > 0.7


def test_whole_pictures_are_none(tmp_path: Path) -> None:
    seen = watch(encoded(tmp_path / "whole.mkv", whole, declared=False), "interlace")
    assert seen.of("interlaced") == []
    assert seen.gauges[COMBED.name,] == 0.0
    keys = watch(tmp_path / "whole.mkv", "interlace", decode="keyframes")
    assert keys.gauges[DECLARED.name,] == 0.0
    assert (COMBED.name,) not in keys.gauges


def picture(at: float, woven: str, declared: bool = False) -> Picture:
    return Picture(at, 0, at, 1920, 1080, "yuv420p", False, at, {"interlace": (declared, woven)})


def test_it_is_over_after_a_minute_of_motion_without_fields() -> None:
    outcome = Outcome("interlace").feed(picture(float(n), "top") for n in range(5))
    outcome.feed(picture(float(n), "") for n in range(5, 100))
    outcome.feed([Tick(100.0)])
    assert outcome.incidents("interlaced")[0].end is None  # nothing moved: nothing is known
    outcome.feed(picture(float(n), "whole") for n in range(100, 110))
    outcome.feed([Tick(110.0)])
    assert outcome.incidents("interlaced")[0].end == 4.0


def test_few_woven_pictures_or_fields_of_both_orders_are_no_proof() -> None:
    for said in (["top"] * 4, ["top", "bottom"] * 4, ["top", "top", "whole", "whole", "whole"] * 5):
        outcome = Outcome("interlace").feed(picture(float(n), woven) for n, woven in enumerate(said))
        assert outcome.incidents("interlaced") == []


def test_another_connection_knows_nothing_of_the_last() -> None:
    outcome = Outcome("interlace").feed([*(picture(float(n), "top") for n in range(5)), Tick(5.0), Lost(6.0, "reset")])
    assert outcome.incidents("interlaced")[0].end == 6.0
    outcome.feed([picture(7.0, "top"), Tick(8.0)])
    assert len(outcome.incidents("interlaced")) == 1
