"""Flashing: more than three flashes within a second, from the first to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.model import Lost, Opened, Picture, Tick
from qoe_agent.probes.flash import FLASHES, FLICKER, Light
from tests.accuracy import clips
from tests.accuracy import faults_picture as faults
from tests.accuracy.offline import watch
from tests.probes.outcome import Outcome
from tests.probes.views import view_of_image

if TYPE_CHECKING:
    from pathlib import Path


def flashing(starts: list[float], took: float = 0.1, pumping: dict[int, float] | None = None) -> list[Any]:
    """10 s of pictures, flashes that begin at `starts`, and levels of pumping by second."""
    ends = {round((start + took) * 25) for start in starts}
    seen: list[Any] = [Opened(99.0, 99.0, "rtmp")]
    for n in range(250):
        level = (pumping or {}).get(n // 25) if n % 25 == 0 else None
        look = (took if n in ends else None, None, level)
        seen.append(Picture(100 + n / 25, 0, n / 25, 640, 360, "yuv420p", False, 100 + n / 25, {"flash": look}))
    return seen


def test_three_in_a_second_are_safe_and_four_are_not() -> None:
    safe = Outcome("flash").feed([*flashing([1.0, 1.4, 1.8, 2.2, 2.6, 3.0]), Tick(111.0)])
    assert safe.incidents("flashes") == []
    assert safe.total(FLASHES, "general") == 6
    bad = Outcome("flash").feed([*flashing([1.0, 1.28, 1.52, 1.8, 2.04, 5.0]), Tick(111.0)])
    (found,) = bad.incidents("flashes")
    assert (found.start_pts, found.end_pts) == (pytest.approx(1.0, abs=0.021), pytest.approx(2.14, abs=0.021))
    assert found.detail["flashes"] == 5
    assert (found.start, found.end) == (pytest.approx(101.0, abs=0.021), pytest.approx(102.14, abs=0.021))


def test_an_incident_is_closed_when_the_pull_ends() -> None:
    seen = flashing([n / 5 for n in range(48)])
    outcome = Outcome("flash").feed(seen)
    assert outcome.incidents("flashes")[0].end is None
    outcome.feed([Lost(110.5, "reset")])
    assert outcome.incidents("flashes")[0].end == pytest.approx(109.5, abs=0.021)


def test_pumping_must_last_and_is_shown_while_it_is_known() -> None:
    outcome = Outcome("flash", after=3.0).feed([*flashing([], pumping=dict.fromkeys(range(2, 8), 0.05)), Tick(111.0)])
    (found,) = outcome.incidents("flicker")
    assert found.severity == "info"
    assert outcome.gauge(FLICKER) == 0.05
    outcome.feed([Tick(140.0)])
    assert outcome.gauge(FLICKER) is None
    assert outcome.incidents("flicker")[0].end is not None


def test_the_look_stays_awake_after_two_flashes_and_forgets_over_a_hole() -> None:
    look = Light()
    for n in range(12):
        image = np.full((180, 320, 3), 255 if n % 4 < 2 else 0, np.uint8)
        look(view_of_image(image, n / 25, follows=n > 0))
    assert look.alert
    for n in range(12, 24):
        image = np.full((180, 320, 3), 255 if n % 4 < 2 else 0, np.uint8)
        assert look(view_of_image(image, n * 5.0, follows=False)) is None
    assert not look.alert
    assert look(view_of_image(np.zeros((180, 320, 3)), None)) is None


def test_a_coded_strobe_is_found_and_its_neighbours_are_calm(tmp_path: Path) -> None:
    strobe = faults.Fault(2.0, 5.0, faults.flash(5.0))
    still = np.random.default_rng(5).uniform(30, 200, (9, 16, 3)).repeat(20, axis=0).repeat(20, axis=1)
    frames = [still.astype(np.uint8)] * 200
    path = clips.encode(tmp_path / "strobe.ts", strobe.into(frames), bitrate=300_000)
    seen = watch(path, "flash")
    first = min(p.pts or 0.0 for p in seen.observations if isinstance(p, Picture))
    (found,) = seen.of("flashes")
    assert found.start_pts is not None
    assert found.end_pts is not None
    assert found.start_pts - first == pytest.approx(2.0, abs=0.09)
    assert found.end_pts - first == pytest.approx(5.0, abs=0.16)
    assert seen.counter(FLASHES, "general") == 15
    assert watch(path, "flash", decode="keyframes").of("flashes") == []
