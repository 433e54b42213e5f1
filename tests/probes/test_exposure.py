"""Levels and colours: gauges while they are known, incidents of what is gross and lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import pytest

from qoe_agent.decode.frames import view_of
from qoe_agent.demo.programme import Programme
from qoe_agent.maths.borders import Active
from qoe_agent.maths.tones import Tones, tones_of
from qoe_agent.model import Lost, Opened, Picture, Tick
from qoe_agent.probes.exposure import ACTIVE, CAST, CLIPPED, CRUSHED, HEIGHT, MEAN, SATURATION, WIDTH, Levels, Meter
from tests.accuracy import clips
from tests.accuracy import faults_picture as faults
from tests.accuracy.offline import watch
from tests.probes.outcome import Outcome
from tests.probes.views import view_of_image

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Tones(0.5, 0.8, 0.0, 0.01, 0.8, 0.2, 0.5, 0.0, 0.0)
FULL = Active(0, 360, 0, 640, 360, 640)


def lasting(odd: Levels, first: int = 10, last: int = 30, until: int = 40) -> Outcome:
    """A picture a second: `odd` from `first` to before `last`."""
    outcome = Outcome("exposure").feed([Opened(99.0, 99.0, "rtmp")])
    for n in range(until):
        looks = {"exposure": odd if first <= n < last else Levels(PLAIN, FULL, 0.0)}
        outcome.feed([Picture(100.0 + n, 0, float(n), 640, 360, "yuv420p", True, 100.0 + n, looks), Tick(100.5 + n)])
    return outcome


ODD = {
    "overexposed": Levels(PLAIN._replace(clipped=0.3, high=1.0), FULL, 0.25),
    "underexposed": Levels(PLAIN._replace(high=0.12, mean=0.05), FULL, 0.0),
    "colour_cast": Levels(PLAIN, FULL, 0.15),
    "monochrome": Levels(PLAIN._replace(vivid=0.0, saturation=0.0), FULL, 1.0),
    "letterbox": Levels(PLAIN, Active(45, 315, 0, 640, 360, 640), 0.0),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_lasts_is_an_incident_of_its_kind_alone(kind: str) -> None:
    outcome = lasting(ODD[kind])
    (found,) = outcome.incidents(kind)
    assert [found.start_pts, found.end_pts] == [10.0, 30.0]
    assert [found.start, found.end] == pytest.approx([110.0, 130.0])
    assert found.detail["onset_within"] == 1.0
    assert not [other for other in ODD if other != kind and outcome.incidents(other)]
    assert lasting(ODD[kind], 10, 18).incidents(kind) == []


def test_pages_are_not_overexposed_and_black_says_nothing_of_light() -> None:
    page = PLAIN._replace(clipped=0.8, spread=0.1, vivid=0.0)
    black = PLAIN._replace(high=0.01, mean=0.0, spread=0.0)
    for tones in (page, black):
        outcome = lasting(Levels(tones, FULL, 0.0))
        assert not [kind for kind in ODD if outcome.incidents(kind)]


def test_white_graphics_on_a_small_picture_are_not_overexposed() -> None:
    planes = Programme(width=320, height=180).picture(24)  # its bar is as wide as the picture
    tones = tones_of(view_of(av.VideoFrame.from_ndarray(planes, "yuv420p"), 0.0, follows=False))
    assert tones.clipped > 0.15
    assert lasting(Levels(tones, FULL, 0.0)).incidents("overexposed") == []
    assert lasting(Levels(tones._replace(near=0.12), FULL, 0.0)).incidents("overexposed")


def test_alien_colours_are_a_cast_at_once() -> None:
    (found,) = lasting(Levels(PLAIN._replace(alien=0.6), FULL, 0.0)).incidents("colour_cast")
    assert found.detail["alien"] == 0.6


def test_a_cast_is_over_when_half_of_it_is_undone() -> None:
    outcome = lasting(ODD["colour_cast"], until=30)
    assert outcome.incidents("colour_cast")[0].end is None
    for n in range(30, 33):
        looks = {"exposure": Levels(PLAIN, FULL, 0.07)}
        outcome.feed([Picture(100.0 + n, 0, float(n), 640, 360, "yuv420p", True, 100.0 + n, looks)])
    assert outcome.incidents("colour_cast")[0].end_pts == 30.0


def test_colours_that_come_back_into_a_gray_picture_are_no_cast() -> None:
    outcome = lasting(ODD["monochrome"], until=30)
    for n in range(30, 60):
        looks = {"exposure": Levels(PLAIN, FULL, 1.0)}
        outcome.feed([Picture(100.0 + n, 0, float(n), 640, 360, "yuv420p", True, 100.0 + n, looks)])
    assert outcome.incidents("monochrome")[0].end_pts == 30.0
    assert not outcome.incidents("colour_cast")


def test_gauges_stand_while_they_are_known() -> None:
    outcome = lasting(ODD["letterbox"], last=40)
    assert [outcome.gauge(metric) for metric in (MEAN, CLIPPED, CRUSHED, SATURATION, CAST)] == [
        0.5,
        0.0,
        0.01,
        0.2,
        0.0,
    ]
    assert [outcome.gauge(metric) for metric in (ACTIVE, WIDTH, HEIGHT)] == [0.75, 640, 270]
    outcome.feed([Tick(155.0)])
    assert outcome.gauge(MEAN) is outcome.gauge(ACTIVE) is None
    assert outcome.incidents("letterbox")[0].end is None
    outcome.feed([Lost(156.0, "reset")])
    assert outcome.incidents("letterbox")[0].end == pytest.approx(139.0)


def test_the_look_speaks_once_a_second_of_media_time() -> None:
    look, spoken = Meter(), []
    view = view_of_image(next(clips.slides((320, 180), 1.0)))
    for n in range(100):
        view.pts = n / 25
        if look(view) is not None:
            spoken.append(n / 25)
    assert spoken == pytest.approx([0.0, 0.32, 1.32, 2.32, 3.32], abs=0.041)
    view.pts = None
    assert look(view) is None


def test_a_coded_night_of_pillars_goes_white(tmp_path: Path) -> None:
    put = [faults.Fault(0.0, 30.0, faults.framed(across=0.25), 4.0), faults.Fault(6.0, 20.0, faults.exposure(8.0), 4.0)]
    frames = clips.dark_noise((320, 180), 30.0, seed=2, fps=4.0)
    path = clips.encode(tmp_path / "night.ts", faults.inject(frames, *reversed(put)), fps=4.0, gop=8, bitrate=3e5)
    seen: Any = watch(path, "exposure")
    (boxed,) = seen.of("letterbox")
    assert boxed.detail["bars"] == "pillarbox"
    pictures = [one.pts for one in seen.observations if isinstance(one, Picture)]
    assert boxed.start_pts == min(pictures)  # not that of the picture at which it was known
    assert boxed.detail["width"] == pytest.approx(240, abs=4)
    (white,) = seen.of("overexposed")
    assert white.end_pts is not None
    assert white.end_pts - white.start_pts == pytest.approx(14.0, abs=1.1)
    assert seen.of("monochrome") == seen.of("colour_cast") == []
