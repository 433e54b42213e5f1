"""A picture every few seconds and the packets' sizes: what they prove, and what a title card or stills leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qoe_agent.maths.collapse import Collapse
from qoe_agent.maths.glimpses import Glimpses

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.maths.glimpses import Extent

FPS = 25
Size = tuple[int, int]
"""Of a packet between key frames, and of a key frame."""


def told(shows: Callable[[float], tuple[object, Size]], seconds: float = 40.0, every: float = 6.0) -> list[Extent]:
    """`shows`: by media time what the picture is, and its sizes. A key frame every two seconds."""
    collapse, glimpses = Collapse(), Glimpses()
    found: list[Extent] = []
    shown: object = None
    for n in range(round(seconds * FPS)):
        pts = n / FPS
        what, (small, large) = shows(pts)
        key = n % 50 == 0
        size = large if key else small + (37 * n) % (small // 4 + 1)
        collapse.add(pts, pts, size, key)
        glimpses.packet(pts, size, key=key)
        if n % round(every * FPS) == 0:
            glimpses.picture(pts, same=n > 0 and what == shown)
            shown = what
        extent = glimpses.freeze(collapse.falls, 2.0) if key else None
        if extent:
            found.append(extent)
    return found


def camera(pts: float) -> tuple[object, Size]:
    return pts, (4000, 30_000 + round(900 * (pts % 3)))


def test_a_freeze_is_timed_by_its_packets() -> None:
    found = told(lambda t: ("frozen", (40, 34_000)) if 13.0 <= t < 25.0 else camera(t))
    assert found[-1].start == pytest.approx(13.0, abs=0.1)
    assert found[-1].end == pytest.approx(25.0, abs=0.1)
    assert found[-1].basis == "pictures, packets"


def test_one_that_only_a_single_picture_shows_is_known_by_packets() -> None:
    found = told(lambda t: ("frozen", (40, 34_000)) if 13.0 <= t < 23.0 else camera(t), every=12.0)
    assert found[-1].start == pytest.approx(13.0, abs=0.1)
    assert found[-1].end == pytest.approx(23.0, abs=0.1)


def test_where_packets_do_not_shrink_pictures_may_be_those_of_a_loop() -> None:
    assert told(lambda t: ("frozen", (4000, 30_000)) if 11.0 <= t < 25.0 else camera(t)) == []
    assert told(lambda t: (t % 6.0 if t >= 15.0 else t, (4000, 30_000)), 60.0) == []


def test_where_packets_shrink_for_moments_pictures_tell_if_these_are_new() -> None:
    def refined(t: float) -> tuple[object, Size]:
        return "frozen", (40 if t % 3.0 < 1.2 else 4000, 30_000)

    assert told(lambda t: refined(t) if 11.0 <= t < 25.0 else camera(t))[-1].basis == "pictures, packets"
    assert told(lambda t: (t % 6.0 if t >= 15.0 else t, refined(t)[1]), 60.0) == []


def test_where_packets_shrink_a_little_they_tell_how_far_it_reaches() -> None:
    found = told(lambda t: ("frozen", (1200, 30_000)) if 11.0 <= t < 21.0 else camera(t))
    assert found[-1].start == pytest.approx(11.0, abs=1.1)
    assert found[-1].until == pytest.approx(21.0, abs=1.1)


@pytest.mark.parametrize("length", [2.0, 4.0, 7.0])
def test_a_title_card_is_no_freeze(length: float) -> None:
    assert told(lambda t: ("card", (40, 25_000)) if 11.5 <= t < 11.5 + length else camera(t)) == []


@pytest.mark.parametrize(("card", "told_of"), [(12_000, False), (28_000, True), (95_000, False)])
def test_a_card_that_is_faded_in_is_another_picture_than_what_moved(card: int, told_of: bool) -> None:
    """Its key frames cost much less, or much more, than the last one of what was before."""
    found = told(lambda t: ("card", (40, card)) if 13.0 <= t < 25.0 else camera(t))
    assert bool(found) == told_of


@pytest.mark.parametrize("asked", [13.2, 14.0, 19.4])
def test_a_key_frame_that_an_encoder_was_asked_for_hides_no_freeze(asked: float) -> None:
    """For an ad marker, or a new viewer."""
    collapse, glimpses = Collapse(), Glimpses()
    found: list[Extent] = []
    for n in range(40 * FPS):
        pts = n / FPS
        still = 13.0 <= pts < 33.0
        key = n % 50 == 0 or n == round(asked * FPS)
        size = 31_000 if key else 40 + n % 9 if still else 4000 + (37 * n) % 1001
        collapse.add(pts, pts, size, key)
        glimpses.packet(pts, size, key=key)
        if n % (6 * FPS) == 0:
            glimpses.picture(pts, same=still and pts > 18.1)
        extent = glimpses.freeze(collapse.falls, 2.0) if key else None
        found += [extent] if extent else []
    assert found[-1].start == pytest.approx(13.0, abs=0.6)
    assert found[-1].end == pytest.approx(33.0, abs=0.1)


def test_a_cut_to_a_card_out_of_a_fade_is_no_freeze() -> None:
    """The encoder puts one key frame into the end of the fade, and one on the card, as large as that."""
    collapse, glimpses = Collapse(), Glimpses()
    found: list[Extent] = []
    for n in range(40 * FPS):
        pts = n / FPS
        card = 16.2 <= pts < 26.0
        key = n in (397, 405) or n % 50 == (0 if n < 396 else 5)
        large = 31_000 if pts < 15.8 else 12_500 if pts < 16.3 else 21_000
        size = large if key else 40 + n % 9 if 16.0 <= pts < 26.0 else 4000 + (37 * n) % 1001
        collapse.add(pts, pts, size, key)
        glimpses.packet(pts, size, key=key)
        if n % (6 * FPS) == 0:
            glimpses.picture(pts, same=card and pts > 18.1)
        extent = glimpses.freeze(collapse.falls, 2.0) if key else None
        found += [extent] if extent else []
    assert found == []


def test_stills_that_blend_into_one_another_are_none() -> None:
    def shows(pts: float) -> tuple[object, Size]:
        number, into = divmod(pts, 5.4)
        return (number, (60, (34_000, 15_000, 26_000)[int(number) % 3])) if into < 5.0 else camera(pts)

    assert told(shows) == []


def test_slides_that_stand_longer_are_none() -> None:
    assert told(lambda t: (t // 12, (60, 34_000))) == []
