"""Content freezes from files and from what looks say: found, timed, counted, explained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from qoe_agent.maths.stillness import Seen, Spell
from qoe_agent.maths.view import View
from qoe_agent.model import Lost, Opened, Packet, Picture, Segment, Sound, Tick
from qoe_agent.probes.content_freeze import FREEZES, FROZEN, REPEATED, STILL, UNIQUE, Look
from tests.accuracy.clips import encode
from tests.accuracy.faults_freeze import again, freeze, grain, stutter, ticker
from tests.accuracy.offline import watch
from tests.accuracy.oracles import freezedetect
from tests.accuracy.score import Span
from tests.probes.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from qoe_agent.model import Observation
    from tests.accuracy.clips import Image
    from tests.accuracy.offline import Seen as Watched

FPS = 25
SIZE = (320, 180)


def camera(seconds: float, size: tuple[int, int] = SIZE, sigma: float = 1.2) -> Iterator[Image]:
    """A noisy camera that pans over texture."""
    random = np.random.default_rng(0)
    world: Any = np.zeros((size[1] + 60, size[0] + round(50 * seconds) + 60, 3), np.float32)
    for wide in (2, 6, 20):
        world += 60 * wide * cv2.GaussianBlur(random.normal(0, 1, world.shape).astype(np.float32), (0, 0), wide)
    world = np.clip(110 + world, 0, 255).astype(np.uint8)
    shown = (world[40 : 40 + size[1], 2 * n : 2 * n + size[0]] for n in range(round(seconds * FPS)))
    return grain((np.ascontiguousarray(image) for image in shown), sigma)


def found(seen: Watched) -> list[Span]:
    """Content freezes in seconds from the first picture."""
    first = min(o.pts for o in seen.observations if isinstance(o, Picture) and o.pts is not None)
    return [
        Span(i.start_pts - first, i.end_pts - first)
        for i in seen.of("content_freeze")
        if i.start_pts is not None and i.end_pts is not None
    ]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of freeze, from 4.0 s on, in a camera's picture that was encoded again at 2 Mb/s."""
    folder = tmp_path_factory.mktemp("freeze")
    first = encode(folder / "once.ts", freeze(camera(11.0, (640, 360), 3.0), [Span(4.0, 8.0)]), bitrate=4e6)
    return again(first, folder / "twice.ts")


def test_a_freeze_encoded_again_is_found_to_the_frame_where_freezedetect_finds_nothing(frozen: Path) -> None:
    assert freezedetect(frozen) == []
    seen = watch(frozen, "content_freeze", decode="all")
    (span,) = found(seen)
    assert span.start == pytest.approx(4.0, abs=0.041)
    assert span.end == pytest.approx(8.0, abs=0.041)
    (incident,) = seen.of("content_freeze")
    assert incident.detail["basis"] == "pictures"
    assert incident.detail["pictures"] >= 99
    assert incident.detail["difference"] < incident.detail["motion_before"]
    assert seen.counter(FREEZES) == 1
    assert seen.counter(FROZEN) == pytest.approx(4.0, abs=0.1)


def test_adaptive_decoding_finds_it_too(frozen: Path) -> None:
    (span,) = found(watch(frozen, "content_freeze", decode="adaptive"))
    assert span.start == pytest.approx(4.0, abs=0.3)
    assert span.end == pytest.approx(8.0, abs=0.3)


def test_key_frames_and_packet_sizes_find_a_long_one(tmp_path: Path) -> None:
    path = encode(tmp_path / "long.ts", freeze(camera(42.0), [Span(18.0, 32.0)]), bitrate=1e6)
    seen = watch(path, "content_freeze", decode="keyframes")
    (span,) = found(seen)
    assert span.start == pytest.approx(18.0, abs=0.5)  # sizes tell a slow camera from a picture that stands, not when
    assert span.end == pytest.approx(32.0, abs=0.5)
    assert "packets" in seen.of("content_freeze")[0].detail["basis"]


def test_a_ticker_over_a_frozen_picture_is_told_apart(tmp_path: Path) -> None:
    path = encode(tmp_path / "ticker.ts", ticker(freeze(camera(9.0), [Span(4.0, 6.0)])), bitrate=1e6)
    seen = watch(path, "content_freeze")
    (span,) = found(seen)
    assert span.start == pytest.approx(4.0, abs=0.041)
    assert span.end == pytest.approx(6.0, abs=0.041)
    assert seen.of("content_freeze")[0].detail["moving_tiles"] > 0


def test_half_the_frame_rate_is_no_freeze_and_is_measured(tmp_path: Path) -> None:
    path = encode(tmp_path / "half.ts", stutter(camera(6.0), (2,)), bitrate=1e6)
    seen = watch(path, "content_freeze")
    assert found(seen) == []
    assert seen.gauges["qoe_unique_frame_rate",] == pytest.approx(12.5, rel=0.1)
    assert seen.counter(REPEATED) == pytest.approx(75, abs=8)


# ---- the probe alone

SPELL = Spell(0.0, 0.0, 10, 0.5, 1.0, 4.0, 0, "", 0)


def look(spell: Spell | None = None, ended: float | None = None, *, share: float = 0.0, apart: bool = False) -> Seen:
    return Seen(apart, 2.0, spell, ended, 0, 0 if spell else 1, 0.0 if spell else 0.04, share)


def picture(pts: float, seen: Seen | None, at: float | None = None) -> Picture:
    at = 1000.0 + pts if at is None else at
    return Picture(at, 0, pts, 1280, 720, "yuv420p", False, at, {"content_freeze": seen})


def stream(until: float, start: float, end: float, why_not: str = "", share: float = 0.0) -> Iterable[Observation]:
    """25 pictures a second; one stands from `start` to `end`."""
    yield Opened(1000.0, 1000.0, "rtmp")
    for n in range(round(until * FPS)):
        pts = n / FPS
        spell = None
        if start + 0.5 <= pts < end:
            spell = SPELL._replace(start=start, until=pts, why_not=why_not)
        over = end if 0 <= pts - end < 0.04 else None
        yield picture(pts, look(spell, over, share=share))
        if n % FPS == 0:
            yield Tick(1000.0 + pts)


def test_an_open_freeze_counts_while_it_lasts() -> None:
    outcome = Outcome("content_freeze").feed([*stream(9.0, 4.0, 20.0), Tick(1009.0)])
    (incident,) = outcome.incidents("content_freeze")
    assert incident.start == pytest.approx(1004.0)
    assert incident.end is None
    assert outcome.total(FREEZES) == 1
    assert outcome.total(FROZEN) == pytest.approx(4.96)
    outcome.feed([Lost(1009.5, "ended"), Tick(1010.0)])
    assert outcome.incidents("content_freeze")[0].end == pytest.approx(1008.96)


def test_an_end_is_counted_to_the_frame() -> None:
    outcome = Outcome("content_freeze").feed([*stream(12.0, 4.0, 8.0), Tick(1012.0)])
    (incident,) = outcome.incidents("content_freeze")
    assert (incident.start_pts, incident.end_pts) == (4.0, 8.0)
    assert outcome.total(FROZEN) == pytest.approx(4.0)


@pytest.mark.parametrize("why_not", ["cut", "dissolve", "gradual", "still", "noise", "flat", "unknown", "habit"])
def test_what_stands_still_otherwise_is_no_incident(why_not: str) -> None:
    outcome = Outcome("content_freeze").feed([*stream(12.0, 4.0, 8.0, why_not), Tick(1012.0)])
    assert outcome.incidents("content_freeze") == []
    assert outcome.total(FROZEN) == 0


def heard(pts: float, silent: int) -> Sound:
    """A second of sound whose last `silent` milliseconds are silent."""
    runs = [(1000 - silent, 1000, 0.0)] if silent else []
    return Sound(1000.0 + pts, 1, pts, 1.0, 1000, 2, 1000.0 + pts, {"audio": (0.5, 1000, runs)})


@pytest.mark.parametrize(("stops", "frozen"), [(4.0, True), (99.0, False), (1.0, False)])
def test_a_slide_whose_sound_stops_with_it_is_frozen(stops: float, frozen: bool) -> None:
    sounds = [heard(n, round(1000 * min(1.0, max(0.0, n + 1 - stops)))) for n in range(12)]
    pictures = list(stream(12.0, 4.0, 11.0, "habit", 0.9))
    merged = sorted([*pictures[1:], *sounds], key=lambda seen: seen.at)
    outcome = Outcome("content_freeze").feed([pictures[0], *merged, Tick(1012.0)])
    assert bool(outcome.incidents("content_freeze")) == frozen


def test_bursts_of_segments_do_not_move_the_onset() -> None:
    """Pictures of a 4 s segment arrive at once, the segment's length after its first picture."""
    outcome = Outcome("content_freeze")
    for seen in stream(16.0, 6.0, 9.0):
        if isinstance(seen, Picture) and seen.pts is not None:
            outcome.feed([replace(seen, at=1000.0 + 4.0 * (seen.pts // 4) + 4.0)])
        else:
            outcome.feed([seen, Segment(1000.0, 1000.0, 1000.0, 1, 4.0, 1000)])
    (incident,) = outcome.incidents("content_freeze")
    assert incident.start == pytest.approx(1006.0, abs=0.1)
    assert incident.end == pytest.approx(1009.0, abs=0.1)


def test_pictures_apart_need_smaller_packets() -> None:
    def run(frozen_size: int, same: float) -> Outcome:
        outcome = Outcome("content_freeze").feed([Opened(1000.0, 1000.0, "rtmp")])
        for n in range(30 * FPS):
            pts, still = n / FPS, 12.0 <= n / FPS < 26.0
            size = 50_000 if n % 50 == 0 else frozen_size + n % 7 if still else 3000 + n % 700
            if n % 125 == 0:
                spell = SPELL._replace(start=15.0, until=pts, why_not="unknown", leaps=1) if 20 <= pts < same else None
                outcome.feed([picture(pts, look(spell, apart=True))])
            outcome.feed([Packet(1000.0 + pts, 0, "video", pts, pts, int(n % 50 == 0), size, b"")])
        return outcome.feed([Tick(1030.0), Lost(1031.0, "ended")])

    (incident,) = run(60, 26.0).incidents("content_freeze")
    assert incident.start_pts == pytest.approx(12.0, abs=0.1)
    assert incident.end_pts == pytest.approx(26.0, abs=0.1)
    (incident,) = run(1200, 26.0).incidents("content_freeze")  # an encoder that refines the standing picture
    assert incident.start_pts == pytest.approx(12.0, abs=1.1)
    assert incident.end_pts == pytest.approx(26.0, abs=1.1)
    assert run(3000, 26.0).incidents("content_freeze") == []  # as in a loop


@pytest.mark.parametrize(("small", "frozen"), [(3000, False), (300, True)])
def test_key_pictures_that_are_the_same_need_smaller_packets_between(small: int, frozen: bool) -> None:
    outcome = Outcome("content_freeze").feed([Opened(1000.0, 1000.0, "rtmp")])
    for n in range(24 * FPS):
        pts, key = n / FPS, n % 50 == 0
        size = 50_000 if key else (small if pts >= 12.0 else 3000) + n % 700
        outcome.feed([Packet(1000.0 + pts, 0, "video", pts, pts, int(key), size, b"")])
        if key:
            leaps = round((pts - 12.0) / 2)
            spell = SPELL._replace(start=12.0, until=pts, why_not="unknown", leaps=leaps) if leaps > 0 else None
            outcome.feed([picture(pts, look(spell, apart=True))])
    assert bool(outcome.feed([Lost(1025.0, "ended")]).incidents("content_freeze")) == frozen


def test_gauges_are_absent_until_known() -> None:
    outcome = Outcome("content_freeze").feed([Opened(1000.0, 1000.0, "rtmp"), picture(0.0, None), Tick(1001.0)])
    assert outcome.gauge(UNIQUE) is None
    assert outcome.gauge(STILL) is None
    outcome.feed([*stream(3.0, 90.0, 99.0, share=0.25), Tick(1004.0)])
    assert outcome.gauge(UNIQUE) == pytest.approx(25.0)
    assert outcome.gauge(STILL) == 0.25
    assert outcome.total(REPEATED) == 0


def test_the_look_keeps_no_picture_of_the_decoder() -> None:
    """A picture below 360 lines is its own small plane, which the decoder overwrites."""
    made, buffer = Look(0.5, []), np.zeros((180, 320), np.uint8)
    random = np.random.default_rng(0)
    for n in range(3):
        buffer[:] = random.integers(0, 255, buffer.shape)
        seen = made(View(buffer, n / FPS, key=n == 0, follows=n > 0))
    assert seen is not None
    assert seen.change > 10
