"""The effective height, from pictures whose truth is known to what is said of them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.maths.upscaled import Suspect
from qoe_agent.maths.view import View
from qoe_agent.model import Lost, Opened, Picture, Tick
from qoe_agent.probes.resolution import CONFIDENCE, EVERY, HEIGHT, KEYLESS, REST, SETTLED, Inspect, Inspected
from tests.maths.test_upscaled import scaled, texture
from tests.probes.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Observation

HALF = (Suspect(960, 540, 3.5, 15.0, "linear", 2.2),)
WEAK = (Suspect(960, 540, 1.9, 9.0, "linear", 2.2),)


def picture(at: float, look: Inspected | None, track: int = 0) -> Picture:
    width, height = (look.width, look.height) if look else (1920, 1080)
    return Picture(at, track, at, width, height, "yuv420p", True, at, {"resolution": look})


def said(
    suspects: tuple[Suspect, ...] = (), detail: int = 1080, *, empty: bool = False, height: int = 1080
) -> Inspected:
    return Inspected(height * 16 // 9, height, 0.0, detail, suspects, empty)


def show(*looks: Inspected, every: float = 5.0) -> Iterator[Observation]:
    yield Opened(0.0, 0.0, "rtmp")
    for n, look in enumerate(looks):
        yield picture(every * (n + 1), look)
        yield Tick(every * (n + 1) + 0.5)


@cache
def looks(kind: str) -> tuple[Inspected, ...]:
    """What the look says of 13 s at 5 pictures a second, each as many pixels further down."""
    luma = texture(21) if kind == "native" else scaled(21, 360, kind)
    look, found = Inspect(), []
    quantisers = np.full((34, 60), 18, np.int32)
    for n in range(65):
        view = View(np.roll(luma, 3 * n, axis=0), n / 5, key=n % 10 == 0, qp=lambda: quantisers)
        one = look(view)
        if one is not None:
            found.append(one)
    return tuple(found)


@pytest.mark.parametrize("kernel", ["bicubic", "cv_linear"])
def test_a_scaled_stream_is_told_within_ten_seconds(kernel: str) -> None:
    found = looks(kernel)
    assert [(s.width, s.height) for one in found for s in one.suspects[:1]] == [(640, 360)] * len(found)
    assert found[1].pts is not None
    assert found[1].pts <= 10.0
    out = Outcome("resolution").feed(show(*found))
    (incident,) = out.incidents("upscaled")
    assert (incident.detail["declared"], incident.detail["from"], incident.detail["from_size"]) == (540, 360, "640x360")
    assert incident.severity == "warning"
    assert incident.end is None
    assert out.gauge(HEIGHT, "scaled") == 360
    assert out.gauge(CONFIDENCE) > 0.8


def test_a_native_stream_is_under_no_suspicion() -> None:
    found = looks("native")
    assert len(found) >= 2
    assert all(one.suspects == () for one in found)
    assert Outcome("resolution").feed(show(*found)).incidents("upscaled") == []


def seen(look: Inspect, times: Iterable[float], key: bool, kind: str = "native") -> list[float]:
    """When a picture was inspected."""
    luma = texture(21) if kind == "native" else scaled(21, 360, kind)
    return [at for at in times if look(View(luma, at, key=key))]


def test_key_pictures_are_inspected_at_most_one_a_second_and_few_once_they_agree() -> None:
    look = Inspect()
    first = seen(look, [n * 0.25 for n in range(15)], key=True)
    assert len(first) == SETTLED
    assert all(EVERY <= b - a < 2 * EVERY for a, b in pairwise(first))
    later = seen(look, [3.75 + n * 0.25 for n in range(160)], key=True)
    assert all(REST <= b - a <= REST + 1.0 for a, b in pairwise([first[-1], *later]))
    after = seen(look, [44.0 + n * 0.5 for n in range(60)], key=True, kind="bicubic")
    assert len(after) > 4, "what changes is looked at again soon"


def test_other_pictures_are_inspected_only_where_there_are_no_key_pictures() -> None:
    times = [n / 25 for n in range(25 * 6)]
    without = seen(Inspect(), times, key=False)
    assert without[0] == pytest.approx(KEYLESS, abs=0.05)
    assert len(without) == 2
    look = Inspect()
    luma = texture(21)
    found = [n for n in range(150) if look(View(luma, n / 25, key=n % 50 == 0))]
    assert found == [0, 50, 100]


def test_media_time_that_begins_anew_is_looked_at_anew() -> None:
    look = Inspect()
    assert seen(look, [100.0], key=True)
    assert seen(look, [5.0], key=True)


def test_interlaced_corrupt_tiny_and_untimed_pictures_are_left_alone() -> None:
    luma = texture(23)
    for view in (
        View(luma, 0.0, key=True, interlaced=True),
        View(luma, 0.0, key=True, corrupt=True),
        View(luma[:128], 0.0, key=True),
        View(luma, None, key=True),
    ):
        look = Inspect()
        assert [look(view) for _ in range(9)] == [None] * 9


def test_detail_up_to_the_coded_height_and_no_suspicion_is_native() -> None:
    out = Outcome("resolution").feed(show(*[said()] * 3))
    assert out.gauge(HEIGHT, "scaled") is None
    out = Outcome("resolution").feed(show(*[said()] * 4))
    assert out.gauge(HEIGHT, "scaled") == 1080
    assert out.gauge(CONFIDENCE) > 0.8


def test_a_soft_picture_is_neither_native_nor_scaled() -> None:
    out = Outcome("resolution").feed(show(*[said(detail=480)] * 6))
    assert out.gauge(HEIGHT, "scaled") is None
    assert out.gauge(CONFIDENCE) is None
    assert out.gauge(HEIGHT, "detail") == 480
    assert out.incidents("upscaled") == []


def test_the_finest_detail_of_the_last_minute_counts() -> None:
    out = Outcome("resolution").feed(show(said(detail=720), *[said(detail=360)] * 8))
    assert out.gauge(HEIGHT, "detail") == 720
    out = Outcome("resolution").feed(show(said(detail=720), *[said(detail=360)] * 16))
    assert out.gauge(HEIGHT, "detail") == 360


def test_two_pictures_must_agree_unless_one_is_very_clear() -> None:
    clear = (Suspect(1280, 720, 3.0, 20.0, "lanczos3", 0.7),)
    assert Outcome("resolution").feed(show(said(clear))).incidents("upscaled")
    assert Outcome("resolution").feed(show(said(HALF))).incidents("upscaled") == []
    assert Outcome("resolution").feed(show(said(HALF), said(HALF))).incidents("upscaled")
    assert Outcome("resolution").feed(show(*[said(WEAK)] * 8)).incidents("upscaled") == []
    strange = (Suspect(1280, 720, 3.2, 5.0, "lanczos3", 0.7),)
    assert Outcome("resolution").feed(show(said(), said(strange), said(), said())).incidents("upscaled") == []
    assert Outcome("resolution").feed(show(said(HALF), said(), said(), said(HALF))).incidents("upscaled") == []


def test_of_two_heights_that_are_proved_the_better_explanation_is_told() -> None:
    both = Suspect(1600, 900, 2.5, 15.0, "linear", 0.7), Suspect(960, 540, 6.2, 15.0, "linear", 2.3)
    (incident,) = Outcome("resolution").feed(show(said(both), said(both))).incidents("upscaled")
    assert incident.detail["from"] == 540


def test_pictures_that_say_nothing_do_not_count() -> None:
    seen = show(said(HALF), said(detail=240, empty=True), said(HALF))
    assert Outcome("resolution").feed(seen).incidents("upscaled")


def test_the_incident_ends_when_the_scaling_does_and_begins_anew() -> None:
    out = Outcome("resolution").feed(show(*[said(HALF)] * 4, *[said()] * 6, *[said(HALF)] * 4))
    first, second = out.incidents("upscaled")
    assert (first.start, second.end) == (5.0, None)
    assert first.end is not None
    assert 30.0 <= first.end <= 45.0
    assert second.start >= 50.0


def test_another_height_begins_when_the_first_has_ended() -> None:
    """Though the pictures that spoke for the first spoke for the other a little, too."""
    half, more = (Suspect(width, width * 9 // 16, 3.5, 15.0, "linear", 2.2) for width in (960, 1280))
    both = half._replace(decibels=6.0), more._replace(decibels=3.0)
    outcome = Outcome("resolution").feed(
        show(said(both), said(both), said((more._replace(decibels=9.0),)), said((more,)))
    )
    first, second = outcome.incidents("upscaled")
    assert (first.detail["from"], second.detail["from"]) == (540, 720)
    assert first.end is not None
    assert second.start >= first.end


@pytest.mark.parametrize("last", [Lost(60.0, "reset"), Opened(60.0, 59.0, "rtmp")])
def test_the_end_of_the_connection_closes_it(last: Observation) -> None:
    out = Outcome("resolution").feed([*show(*[said(HALF)] * 3), last])
    assert [incident.end for incident in out.incidents("upscaled")] == [60.0]


def test_another_size_is_another_judgement() -> None:
    out = Outcome("resolution").feed(show(*[said(HALF)] * 3, said(height=720)))
    assert [incident.end for incident in out.incidents("upscaled")] == [20.0]
    assert out.gauge(HEIGHT, "scaled") is None


def test_what_is_known_grows_old() -> None:
    seen: Iterable[Observation] = [*show(*[said(HALF)] * 3), Tick(400.0)]
    out = Outcome("resolution").feed(seen)
    assert out.gauge(HEIGHT, "scaled") is None
    assert out.gauge(HEIGHT, "detail") is None
    assert [incident.end for incident in out.incidents("upscaled")] == [400.0]
