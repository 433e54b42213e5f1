"""Black, one colour and colour bars: to the picture where all are decoded, honestly where few are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.model import Lost, Opened, Picture, Segment, Tick
from qoe_agent.probes.black import BARS, BLACK, SOLID, Black, Face
from tests.accuracy import clips
from tests.accuracy import faults_picture as faults
from tests.accuracy.offline import watch
from tests.accuracy.oracles import blackdetect
from tests.probes.outcome import Outcome
from tests.probes.views import view_of_image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GOOD, DARK = ("", 0.5, 0.0), ("black", 0.0, 0.01)


def pictures(shown: str, fps: float = 25.0, first: float = 0.0, lead: float = 100.0) -> list[Picture]:
    """One picture a letter: `.` is good, `b` black, `s` one colour, `t` a test card."""
    looks: dict[str, Any] = {".": GOOD, "b": DARK, "s": ("solid_colour", 0.3, 0.0), "t": ("colour_bars", 0.3, 0.0)}
    times = [first + n / fps for n in range(len(shown))]
    return [
        Picture(pts + lead, 0, pts, 640, 360, "yuv420p", False, pts + lead, {"black": looks[letter]})
        for pts, letter in zip(times, shown, strict=True)
    ]


def after(seen: Iterable[Any], **options: Any) -> Outcome:
    return Outcome("black", **options).feed([Opened(99.0, 99.0, "rtmp"), *seen])


def test_a_spell_runs_from_its_first_picture_to_the_first_good_one() -> None:
    outcome = after([*pictures("." * 30 + "b" * 40 + "." * 30), Tick(105.0)])
    (black,) = outcome.incidents("black")
    assert (black.start_pts, black.end_pts) == (pytest.approx(30 / 25), pytest.approx(70 / 25))
    assert (black.start, black.end) == (pytest.approx(101.2), pytest.approx(102.8))
    assert black.detail["pictures"] == 40
    assert black.detail["onset_within"] == pytest.approx(0.04)
    assert outcome.total(BLACK) == pytest.approx(1.6)
    assert outcome.total(SOLID) == outcome.total(BARS) == 0


def test_it_is_said_after_half_a_second() -> None:
    outcome = after(pictures("." * 10 + "b" * 11))
    assert outcome.incidents("black") == []
    outcome.feed(pictures("bb", first=21 / 25))
    assert [each.end for each in outcome.incidents("black")] == [None]


def test_less_than_the_minimum_is_nothing_and_not_counted() -> None:
    outcome = after([*pictures("." * 10 + "b" * 10 + "." * 10 + "s" * 20 + "." * 5), Tick(110.0)])
    assert outcome.incidents("black") == outcome.incidents("solid_colour") == []
    assert outcome.total(BLACK) == 0
    longer = after([*pictures("." * 10 + "b" * 40 + "." * 10)], black=2.0)
    assert longer.incidents("black") == []


def test_an_open_spell_counts_as_it_lasts() -> None:
    outcome = after([*pictures("." * 10 + "b" * 50), Tick(103.0)])
    assert outcome.total(BLACK) == pytest.approx(49 / 25)


def test_bars_after_black_are_another_incident() -> None:
    outcome = after([*pictures("b" * 25 + "t" * 25 + "s" * 50 + "."), Tick(110.0)])
    ends = [outcome.incidents(kind)[0].end_pts for kind in ("black", "colour_bars", "solid_colour")]
    assert ends == pytest.approx([1.0, 2.0, 4.0])
    assert outcome.total(BARS) == pytest.approx(1.0)


def test_key_pictures_alone_say_how_little_they_know() -> None:
    outcome = after(pictures(".bb.", fps=0.2))
    (black,) = outcome.incidents("black")
    assert (black.start_pts, black.end_pts) == (5.0, 15.0)
    assert (black.detail["onset_within"], black.detail["end_within"]) == (5.0, 5.0)


def test_one_key_picture_in_a_fade_through_black_is_no_spell() -> None:
    outcome = after([*pictures(".b..", fps=0.2), Tick(125.0)])
    assert outcome.incidents("black") == []
    assert outcome.total(BLACK) == 0


def test_what_is_lost_while_black_ends_with_its_last_picture() -> None:
    outcome = after([*pictures("." * 10 + "b" * 50), Lost(120.0, "reset")])
    (black,) = outcome.incidents("black")
    assert black.end_pts == pytest.approx(60 / 25)
    assert black.end == pytest.approx(100 + 60 / 25)
    outcome.feed([*pictures("b" * 50, first=2.4), Tick(121.0)])  # late answers of the connection that was
    assert len(outcome.incidents("black")) == 1


def test_a_jump_of_media_time_ends_what_is_known() -> None:
    outcome = after([*pictures("b" * 50), *pictures("b" * 50 + ".", first=5000.0, lead=-4898.0)])
    assert [each.end_pts for each in outcome.incidents("black")] == pytest.approx([2.0, 5002.0])


def test_no_picture_for_a_minute_ends_it() -> None:
    outcome = after([*pictures("b" * 50), Tick(130.0)])
    assert outcome.incidents("black")[0].end is None
    outcome.feed([Tick(170.0)])
    assert outcome.incidents("black")[0].end_pts == pytest.approx(2.0)


def test_segments_in_bursts_are_laid_out_evenly() -> None:
    shown = pictures("." * 200 + "b" * 50 + "." * 150)
    seen: list[Any] = [Opened(99.0, 99.0, "hls")]
    for first in range(0, 400, 100):
        at = 104.0 + first / 25
        seen += [Picture(at, 0, p.pts, 640, 360, "", False, at, p.looks) for p in shown[first : first + 100]]
        seen.append(Segment(at, at, at, first, 4.0, 1))
    (black,) = Outcome("black").feed(seen).incidents("black")
    assert black.end is not None
    assert black.start == pytest.approx(108.0, abs=0.1)
    assert black.end - black.start == pytest.approx(2.0, abs=1e-6)


def test_a_rectangle_has_four_sides() -> None:
    with pytest.raises(ValueError, match="left, top, width and height"):
        Black(without=[[0.0, 0.0, 0.1]])


def test_the_look_suspects_a_key_picture_that_changed_sides() -> None:
    look = Face([])
    black = view_of_image(np.zeros((360, 640, 3), np.uint8), 1.0)
    light = view_of_image(np.tile(np.linspace(0, 255, 640)[None, :, None], (360, 1, 3)), 0.0)
    assert look(light)[0] == ""
    assert (look.suspects(black), look.suspects(light), look.alert) == (True, False, False)
    assert look(black)[0] == "black"
    assert (look.suspects(black), look.suspects(light), look.alert) == (False, True, True)
    assert look.began
    look(view_of_image(np.zeros((360, 640, 3), np.uint8), 9.0))
    assert (look.alert, look.began) == (False, False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[faults.Fault]]:
    """A night scene of 10 s with 0.6 s of noisy black, 0.5 s of black with a logo, titles, bars and a fade."""
    put = [
        faults.Fault(1.0, 1.6, faults.black(3, noise=4.0)),
        faults.Fault(2.52, 3.02, faults.black(logo=True)),
        faults.Fault(4.0, 5.0, faults.titles),
        faults.Fault(6.0, 7.0, faults.bars("hd", clock=True)),
        faults.Fault(8.0, 9.0, faults.fade(1.0)),
    ]
    path = tmp_path_factory.mktemp("black") / "night.ts"
    frames = clips.dark_noise((640, 360), 10.0, seed=4)
    return clips.encode(path, faults.inject(frames, *put), bitrate=600_000), put


def test_a_coded_night_with_faults(clip: tuple[Path, list[faults.Fault]]) -> None:
    path, put = clip
    seen = watch(path, "black")
    first = min(p.pts or 0.0 for p in seen.observations if isinstance(p, Picture))
    found = [(i.kind, (i.start_pts or 0.0) - first, (i.end_pts or 0.0) - first) for i in seen.incidents]
    kinds = ["black", "black", "colour_bars"]
    truths = [put[0].truth, put[1].truth, put[3].truth]
    assert [each[0] for each in found] == kinds
    for (_, start, end), truth in zip(found, truths, strict=True):
        assert start == pytest.approx(truth.start, abs=0.001)
        assert end == pytest.approx(truth.end, abs=0.001)
    # FFmpeg takes the titles for black
    assert any(span.shared(put[2].truth) > 0.5 for span in blackdetect(path, 0.5))


def test_key_frames_alone_find_four_seconds(tmp_path: Path) -> None:
    fault = faults.Fault(3.1, 7.3, faults.black())
    frames = clips.slides((320, 180), 12.0, seed=1)
    path = clips.encode(tmp_path / "slides.ts", fault.into(frames), gop=25, options={"sc_threshold": "0"})
    seen = watch(path, "black", decode="keyframes", every=1.0)
    (black,) = seen.of("black")
    assert black.start_pts is not None
    assert black.end_pts is not None
    assert black.end_pts - black.start_pts == pytest.approx(4.2, abs=1.0)
