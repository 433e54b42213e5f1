"""Standing pictures: what is a freeze to the frame, and everything that merely looks like one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from qoe_agent.maths.collapse import Collapse
from qoe_agent.maths.hush import Hush
from qoe_agent.maths.motion import Motion, Step
from qoe_agent.maths.rim import middle
from qoe_agent.maths.sameness import displaced, flow, same
from qoe_agent.maths.slowing import slowing
from qoe_agent.maths.stillness import Spell, Stillness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

FPS = 25
WIDTH, HEIGHT = 320, 180
ALL = np.ones((9, 16), np.bool_)


def scene(seed: int = 0) -> NDArray[np.float32]:
    """Texture of several sizes, larger than the picture."""
    random = np.random.default_rng(seed)
    made = np.zeros((400, 700), np.float32)
    for sigma in (1.5, 4, 12):
        made += 50 * sigma * cv2.GaussianBlur(random.normal(0, 1, made.shape).astype(np.float32), (0, 0), sigma)
    return np.asarray(np.clip(120 + made, 16, 235), np.float32)


def at(image: NDArray[np.float32], x: float, y: float = 40.0) -> Plane:
    matrix = np.array([[1, 0, x], [0, 1, y]])
    shown = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(shown, np.uint8)


def pan(frames: int, speed: float = 1.0, start: float = 10.0, seed: int = 0) -> list[Plane]:
    """`speed`: pixels a picture."""
    image = scene(seed)
    return [at(image, start + speed * n) for n in range(frames)]


def noisy(planes: Iterable[Plane], sigma: float, seed: int = 1) -> Iterator[Plane]:
    random = np.random.default_rng(seed)
    for plane in planes:
        yield np.clip(plane + random.normal(0, sigma, plane.shape), 0, 255).astype(np.uint8)


def residue(plane: Plane, frames: int, gop: int = 20) -> Iterator[Plane]:
    """What an encoder makes of a standing picture: it gets sharper, and steps at key frames."""
    random = np.random.default_rng(5)
    soft = cv2.GaussianBlur(plane, (0, 0), 0.6).astype(np.float32)
    for n in range(frames):
        if n % gop == 0:
            step = random.normal(0, 0.8, plane.shape)
        yield np.clip(soft + (plane - soft) * (1 - 0.8**n) + step, 0, 255).astype(np.uint8)


def blurred(plane: Plane, sigma: float) -> Plane:
    """Poorly coded in the lower third."""
    made = plane.copy()
    made[120:] = cv2.GaussianBlur(plane, (0, 0), sigma)[120:]
    return made


def watched(planes: Iterable[Plane], stillness: Stillness | None = None, gop: int = 50) -> list[tuple[Spell, float]]:
    """Spells as last told, each with where it ended."""
    stillness = stillness or Stillness()
    spells: list[tuple[Spell, float]] = []
    now: Spell | None = None
    n = 0
    for n, plane in enumerate(planes):
        seen = stillness.see(plane, n / FPS, key=n % gop == 0, follows=n > 0)
        if seen and seen.ended is not None and now:
            spells.append((now, seen.ended))
        now = seen.spell if seen else None
    return [*spells, (now, n / FPS)] if now else spells


def freezes(planes: Iterable[Plane], stillness: Stillness | None = None) -> list[tuple[float, float]]:
    return [(spell.start, end) for spell, end in watched(planes, stillness) if not spell.why_not]


def reasons(planes: Iterable[Plane]) -> list[str]:
    return [spell.why_not for spell, _ in watched(planes)]


# ---- one picture coded twice


def test_residue_is_the_same_picture_and_a_shift_is_not() -> None:
    image = scene()
    first = at(image, 10.0)
    assert same(first, list(residue(first, 8))[-1], ALL)
    assert same(first, next(noisy([first], 1.2)), ALL)
    assert not same(first, at(image, 10.25), ALL)
    assert not same(first, at(image, 30.0), ALL)


def test_what_is_merely_refined_is_not_displaced_whatever_runs_at_the_border() -> None:
    image = scene()
    first = at(image, 10.0)
    poor = blurred(first, 1.5)
    assert not same(poor, first, ALL, 3.0)
    assert not displaced(poor, first, ALL)
    assert displaced(first, at(image, 10.5), ALL)
    assert displaced(first, at(scene(3), 10.0), ALL)
    crawled = first.copy()
    crawled[-18:] = at(image, 60.0)[-18:]
    assert displaced(first, crawled, ALL)
    assert not displaced(first, crawled, middle(first.shape))


def test_a_picture_that_became_lighter_is_another() -> None:
    first = at(scene(), 10.0)
    assert not same(first, (first * 0.97).astype(np.uint8), ALL)


@pytest.mark.parametrize("shift", [0.1, 0.3, 0.8])
def test_flow_measures_small_displacements(shift: float) -> None:
    image = scene()
    found = flow(at(image, 20.0), at(image, 20.0 + shift), ALL)
    assert found.shift == pytest.approx(shift, rel=0.25)
    assert found.explained > 0.2


# ---- freezes


def test_a_key_frame_that_an_encoder_cannot_afford_does_not_cut_a_freeze_in_two() -> None:
    before, after = pan(30, 2.0), pan(50, 2.0, 120.0)
    still = before[-1]
    poor = [blurred(still, sigma) for sigma in (1.6, 0.6, 1.3, 0.5, 1.1, 0.4, 0.9)]
    held = [still] * 20 + poor + [still] * 23
    (span,) = freezes([*before, *held, *after])
    assert span[0] == pytest.approx(29 / FPS, abs=0.041)
    assert span[1] == pytest.approx(80 / FPS, abs=0.041)


@pytest.mark.parametrize("speed", [0.15, 1.0, 6.0])
@pytest.mark.parametrize("frames", [13, 60])
def test_a_freeze_is_found_to_the_frame(speed: float, frames: int) -> None:
    before, after = pan(50, speed), pan(50, speed, 60.0)
    found = freezes([*before, *[before[-1]] * (frames - 1), *after])
    assert found == [pytest.approx((49 / FPS, (49 + frames) / FPS))]


def test_a_freeze_under_residue_and_steps_is_found() -> None:
    before, after = list(noisy(pan(50), 1.5)), list(noisy(pan(50, start=60.0), 1.5, 2))
    ((start, end),) = freezes([*before, *residue(before[-1], 75), *after])
    assert start == pytest.approx(49 / FPS, abs=0.041)
    assert end == pytest.approx(125 / FPS, abs=0.041)


def test_a_freeze_goes_on_while_key_frames_of_an_encoder_before_the_last_one_are_refined() -> None:
    before, after, random = pan(60), pan(50, start=60.0), np.random.default_rng(6)
    frozen = before[-1].astype(np.float32)
    coded = [np.clip(frozen + random.normal(0, 2.5 if 37 <= n < 43 else 0.0, frozen.shape), 0, 255) for n in range(80)]
    found = freezes([*before, *(each.astype(np.uint8) for each in coded), *after])
    assert found == [pytest.approx((59 / FPS, 140 / FPS))]


def test_a_shorter_one_is_none() -> None:
    before = pan(50)
    assert freezes([*before, *[before[-1]] * 8, *pan(50, start=60.0)]) == []


def test_freezes_that_follow_one_another_are_all_found() -> None:
    planes: list[Plane] = []
    for n in range(6):
        moving = pan(30, 1.5, 10.0 + 50 * n)
        planes += [*moving, *[moving[-1]] * 30]
    assert len(freezes(planes)) == 6


def faint(planes: Iterable[Plane], contrast: float) -> list[Plane]:
    """Of a dark place."""
    return [(16 + contrast * plane).astype(np.uint8) for plane in planes]


def test_a_faint_picture_that_gets_back_the_noise_it_was_taken_with_stays_frozen() -> None:
    before = faint(pan(50), 0.15)
    noise = np.random.default_rng(2).normal(0, 2.5, before[-1].shape)
    refined = [np.clip(before[-1] + noise * min(1.0, n / 60), 0, 255).astype(np.uint8) for n in range(100)]
    ((start, end),) = freezes([*noisy(before, 1.0), *refined])
    assert (start, end) == (pytest.approx(50 / FPS, abs=0.05), pytest.approx(149 / FPS, abs=1e-6))


def talker(frames: int) -> list[Plane]:
    """Only a small part moves."""
    back, head = at(scene(3), 50.0), at(scene(4), 90.0)
    planes = []
    for n in range(frames):
        shown, x = back.copy(), 130 + round(6 * np.sin(n / 5))
        shown[60:120, x : x + 50] = head[60:120, 100:150]
        planes.append(shown)
    return planes


def test_what_is_shown_after_a_freeze_is_none_until_something_moved() -> None:
    planes = talker(100)
    shown = [*planes[:63], *[planes[62]] * 20, *[planes[64]] * 40, *planes[64:]]
    assert freezes(shown) == [(pytest.approx(62 / FPS), pytest.approx(83 / FPS))]


def test_a_freeze_of_partial_motion_is_found() -> None:
    planes = talker(100)
    ((start, _),) = freezes(noisy([*planes[:50], *[planes[49]] * 40, *planes[50:]], 0.0))
    assert start == pytest.approx(49 / FPS, abs=0.041)


def flickering(planes: Iterable[Plane], sigma: float) -> Iterator[Plane]:
    """A camera's noise as an encoder may leave it: in one picture of four."""
    random = np.random.default_rng(9)
    for n, plane in enumerate(planes):
        grain = random.normal(0, sigma if n % 4 == 0 else 0.0, plane.shape)
        yield np.clip(plane + grain, 0, 255).astype(np.uint8)


def passing(frames: int, leaves: int) -> list[Plane]:
    """A hand over a product that stands: gone to the right by picture `leaves`."""
    back, hand = at(scene(3), 50.0), at(scene(4), 90.0)
    planes = []
    for n in range(frames):
        shown, x = back.copy(), max(0, WIDTH - 6 * max(0, leaves - n))
        wide = min(80, WIDTH - x)
        shown[40:140, x : x + wide] = hand[40:140, 80 : 80 + wide]
        planes.append(shown)
    return planes


@pytest.mark.parametrize("sigma", [0.6, 1.0])
def test_what_leaves_a_picture_is_no_freeze(sigma: float) -> None:
    assert freezes(flickering(passing(200, 40), sigma)) == []


def clocked(planes: Iterable[Plane], where: tuple[int, int] = (8, 270)) -> Iterator[Plane]:
    """Digits burnt in on top, other ones in every picture."""
    for n, plane in enumerate(planes):
        shown, (y, x) = plane.copy(), where
        shown[y : y + 16, x : x + 40] = 20
        cv2.putText(shown, f"{n:04}", (x, y + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 230, 1)
        yield shown


def test_a_clock_at_the_border_is_overlooked() -> None:
    before = pan(50)
    planes = [*before, *[before[-1]] * 50, *pan(50, start=80.0)]
    assert freezes(clocked(planes)) == [pytest.approx((49 / FPS, 100 / FPS))]


@pytest.mark.parametrize(("slows", "found"), [(0, 1), (20, 0)])
def test_a_faint_clock_that_shows_now_and_then_does_not_hold_up_a_short_freeze(slows: int, found: int) -> None:
    before = along([1.0] * (50 - slows) + [1.0 - n / slows for n in range(slows)])
    held = [before[-1].copy() for _ in range(13)]
    for plane in held[6:]:
        plane[8:24, 270:310] += 8
    assert freezes([*before[:-1], *held, *pan(50, start=80.0)]) == [pytest.approx((49 / FPS, 62 / FPS))] * found


def test_a_clock_elsewhere_needs_a_mask() -> None:
    before = pan(50)
    planes = list(clocked([*before, *[before[-1]] * 50, *pan(50, start=80.0)], (80, 140)))
    assert freezes(planes) == []
    masked = Stillness(mask=[[0.4, 0.4, 0.2, 0.2]])
    assert freezes(planes, masked) == [pytest.approx((49 / FPS, 100 / FPS))]


def along(speeds: Iterable[float], start: float = 10.0, seed: int = 0) -> list[Plane]:
    """A pan at these speeds, pixels a picture."""
    image, x, planes = scene(seed), start, []
    for speed in speeds:
        x += speed
        planes.append(at(image, x))
    return planes


@pytest.mark.parametrize("slow", [0.04, 0.06, 0.1])
def test_a_freeze_in_motion_that_became_too_slow_to_be_seen_is_found(slow: float) -> None:
    moving = along([3.0] * 60 + [slow] * 37)
    (span,) = freezes([*moving, *[moving[-1]] * 20, *along([3.0] * 40, 250.0)])
    assert span[0] == pytest.approx(96 / FPS, abs=0.16)
    assert span[1] == pytest.approx(117 / FPS, abs=0.041)


def swaying(places: Iterable[float], sigma: float) -> Iterator[Plane]:
    """Something at these places before a background that stands still, and a camera's noise."""
    back, front = at(scene(), 10.0), scene(7)
    for n, x in enumerate(places):
        shown = back.copy()
        shown[60:, 120:200] = at(front, x)[60:, 120:200]
        yield next(noisy([shown], sigma, n))


def test_noise_that_stops_at_once_proves_a_freeze_of_what_slows_down() -> None:
    places = list(np.cumsum([1.0] * 60 + [1.0 - n / 27 for n in range(25)] + [1.0] * 60))
    shown = list(swaying(places, 0.8))
    (span,) = freezes([*shown[:85], *[shown[84]] * 20, *shown[105:]])
    assert span[0] == pytest.approx(84 / FPS, abs=0.041)


@pytest.mark.parametrize(("noise", "proves"), [
    ([0.2, 0.4] * 6, True), ([0.1 * n for n in range(12, 0, -1)], False), ([0.1] * 12, False),
    ([0.5, 0.0, 0.2, 0.2, 0.2, 0.2, 0.0, 0.1, 0.1, 0.4, 0.0, 0.0], False),
])  # fmt: skip
def test_it_may_be_uneven_but_must_not_have_declined(noise: list[float], proves: bool) -> None:
    motion, plane, tiles = Motion(), pan(1)[0], np.zeros((9, 16))
    for n, hum in enumerate(noise):
        motion.moved(Step(n / FPS, 2.0, hum, False, tiles), 1 / FPS, plane)
    assert motion.hushed([Step(1.0, 0.1, 0.01, False, tiles)] * 3) == proves


def test_what_slowed_down_but_stopped_while_it_moved_is_not_gradual_however_fast_it_was() -> None:
    motion, plane, tiles = Motion(), pan(1)[0], np.zeros((9, 16))
    for n, most in enumerate([20.0] * 60 + [4.6, 4.4, 4.3, 3.9, 4.0, 3.5, 3.4, 3.1, 2.4, 0.6]):
        if n == 60:
            motion.last.clear()
        motion.moved(Step(n / FPS, most, 0.3, False, tiles), 1 / FPS, plane)
    assert not motion.gradual([Step(2.8 + n / FPS, 0.05, 0.0, False, tiles) for n in range(10)])


@pytest.mark.parametrize(("before", "cut"), [([], True), ([3.0, 4.0, 5.0, 6.0, 7.0], False), ([70.0], True)])
def test_motion_that_grows_is_no_cut(before: list[float], cut: bool) -> None:
    motion, plane, tiles = Motion(), pan(1)[0], np.zeros((9, 16))
    for n, hum in enumerate([0.3] * 60 + before + [8.5]):
        motion.moved(Step(n / FPS, 30.0, hum, False, tiles), 1 / FPS, plane)
    assert (motion.cut is not None and motion.cut[0] == (60 + len(before)) / FPS) == cut


def test_a_key_frame_that_changes_sharp_edges_does_not_cut_a_short_freeze_in_two() -> None:
    sheet = np.full((700, WIDTH), 20, np.uint8)
    for y in range(20, 700, 16):
        cv2.putText(sheet, "abc defg hi jklm", (60, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230, 1)
    rolled = [np.ascontiguousarray(sheet[2 * n : 2 * n + HEIGHT]) for n in range(200)]
    shifted = cv2.addWeighted(rolled[47], 0.985, np.roll(rolled[47], 1, 1), 0.015, 0)
    held = [rolled[47]] * 3 + [np.asarray(shifted, np.uint8)] * 10
    assert freezes([*rolled[:47], *held, *rolled[60:120]]) == [pytest.approx((47 / FPS, 60 / FPS), abs=0.041)]


@pytest.mark.parametrize(("pictures", "sigma"), [(61, 2.4), (63, 1.0)])
def test_a_freeze_whose_first_pictures_come_late_and_poor_is_found_where_it_begins(pictures: int, sigma: float) -> None:
    """A coder short of bits catches up with what moved, and refines it at once at a key frame that does not show."""
    image, noise = scene(), np.random.default_rng(8).normal(0, sigma, (HEIGHT, WIDTH))
    before, after = pan(pictures, 1.5), pan(50, 1.5, 160.0)
    coming = [at(image, 8.5 + 1.5 * pictures + 0.1 * n) for n in range(4)]
    sharp = np.clip(coming[-1] + noise, 0, 255).astype(np.uint8)
    held = [*coming[1:], *coming[-1:] * 2, *[sharp] * 20]
    assert freezes([*before, *held, *after]) == [pytest.approx(((pictures - 1) / FPS, (pictures + 25) / FPS))]


@pytest.mark.parametrize(("lasts", "found"), [(25, 1), (70, 0)])
def test_noise_that_a_coder_goes_on_refining_for_a_second_does_not_hide_a_freeze(lasts: int, found: int) -> None:
    shown = list(swaying(np.cumsum([1.0] * 60), 0.8))
    held = [*noisy(shown[-1:] * lasts, 0.35, seed=12), *shown[-1:] * (70 - lasts)]
    spans = freezes([*shown, *held, *pan(30)])
    assert spans == [pytest.approx((59 / FPS, 130 / FPS))] * found


# ---- what is no freeze


def test_a_card_that_is_dark_like_the_scene_before_is_none() -> None:
    dark = faint(pan(100, 4.0), 0.3)
    card = dark[60].copy()
    cv2.putText(card, "LATER", (90, 110), cv2.FONT_HERSHEY_DUPLEX, 1.6, 140, 3)
    assert set(reasons([*dark[:60], *[card] * 50, *dark[60:]])) == {"cut"}


def test_slow_motion_is_none() -> None:
    assert freezes(pan(250, 0.03)) == []


def test_a_cut_to_a_still_is_none() -> None:
    assert reasons([*pan(60), *[at(scene(9), 100.0)] * 60, *pan(60)]) == ["cut"]


@pytest.mark.parametrize("seen", [80, 2])
def test_a_dissolve_into_a_still_is_none_however_little_of_it_was_seen(seen: int) -> None:
    before, card = pan(80), at(scene(9), 100.0)
    mixed = [cv2.addWeighted(plane, 1 - n / 20, card, n / 20, 0) for n, plane in enumerate(before[60:])]
    shown = [*before[:60], *(np.asarray(plane, np.uint8) for plane in mixed)]
    assert reasons([*shown[-seen:], *[card] * 60]) == ["dissolve"]


@pytest.mark.parametrize("pictures", [15, 30, 45, 60, 90])
@pytest.mark.parametrize("speed", [0.5, 2.0, 4.0])
def test_motion_that_comes_to_rest_is_none(pictures: int, speed: float) -> None:
    slower = [speed * (1 - n / pictures) for n in range(pictures)]
    assert freezes(along([speed] * 60 + slower + [0.0] * 60)) == []


@pytest.mark.parametrize(("changes", "slows"), [([8.3, 4.8, 1.9, 0.7], True), ([14.7, 10.5, 6.3, 2.1], False)])
def test_motion_that_comes_to_rest_is_told_though_the_last_of_it_is_coding(changes: list[float], slows: bool) -> None:
    assert slowing([*zip((0.56, 0.4, 0.24, 0.08), changes, strict=True)]) == slows


def test_it_came_to_rest_if_it_did_so_too_had_it_stood_still_a_picture_earlier() -> None:
    assert not slowing([(0.44, 18.6), (0.28, 9.6), (0.12, 3.6)])
    assert slowing([(0.44, 18.6), (0.28, 7.6), (0.12, 1.6)])


def test_motion_that_falls_evenly_to_nothing_is_gradual_however_much_of_it_coding_leaves_out() -> None:
    motion, plane, tiles = Motion(), pan(1)[0], np.zeros((9, 16))
    for n, most in enumerate([22.0] * 60 + [12.2, 12.3, 9.7, 9.6, 8.7, 8.7, 6.3, 6.1, 5.2, 5.2, 4.1, 2.8]):
        motion.moved(Step(n / FPS, most, 0.3, False, tiles), 1 / FPS, plane)
    assert motion.gradual([Step(1.3 + n / FPS, 0.05, 0.0, False, tiles) for n in range(10)])


def test_motion_that_turns_slowly_is_none() -> None:
    assert freezes(along(0.6 * float(np.cos(n / 18)) for n in range(400))) == []


def test_noise_that_goes_on_is_none() -> None:
    places = np.cumsum([1.0] * 60 + [0.0] * 20 + [1.0] * 60)
    assert freezes(swaying(places, 0.3)) == []


def test_noise_that_is_coded_here_and_there_only_and_goes_on_is_none() -> None:
    plane = at(scene(), 40.0)
    shown = [plane.copy() for _ in range(100)]
    for n, each in enumerate(shown):
        left = 5 + 2 * min(n, 50)
        each[60:110, left : left + 50] = 20
    grainy = [next(noisy([each], 0.6, n)) for n, each in enumerate(shown)]
    for each, by in zip(shown, grainy, strict=True):
        each[:, 190:] = by[:, 190:]
    assert freezes(shown) == []
    ((start, _),) = freezes([*shown[:50], *[shown[49]] * 50])
    assert start == pytest.approx(49 / FPS, abs=1e-6)


def test_a_dissolve_whose_still_gets_sharp_is_none() -> None:
    before, card = pan(84), at(scene(9), 100.0)
    mixed = [cv2.addWeighted(plane, 1 - n / 20, card, n / 20, 0) for n, plane in enumerate(before[60:80])]
    sharper = [blurred(card, sigma) for sigma in (1.0, 0.8, 0.65, 0.5)]
    assert freezes([*before[:60], *(np.asarray(plane, np.uint8) for plane in mixed), *sharper, *[card] * 60]) == []


def test_a_cut_is_one_though_nothing_was_seen_before() -> None:
    stillness, before, card = Stillness(), pan(150), at(scene(9), 100.0)
    for n in range(50):
        stillness.see(before[n], n / FPS, key=n == 0, follows=n > 0)
    stillness.see(before[100], 4.0, key=True, follows=False)
    seen = [stillness.see(card, 4.0 + n / FPS, key=False, follows=True) for n in range(1, 25)]
    assert [each.spell.why_not for each in seen[-1:] if each and each.spell] == ["cut"]


def test_a_cut_is_one_though_a_part_of_the_picture_was_lively() -> None:
    before = [at(scene(1), 40.0) for _ in range(60)]
    for n, each in enumerate(before):
        each[40:90, 100:180] = 250 * (n % 2)
    assert freezes([*before, *[at(scene(2), 10.0)] * 20, *pan(30)]) == []


def test_slides_stand_still_by_habit() -> None:
    slides = [at(scene(n), 20.0) for n in range(5)]
    planes: list[Plane] = []
    for one, two in pairwise(slides):
        pushed = [np.concatenate([one[:, 32 * n :], two[:, : 32 * n]], axis=1) for n in range(10)]
        planes += [*[one] * 60, *pushed]
    assert freezes(planes) == []


def test_a_static_camera_is_none_when_its_noise_is_no_longer_coded() -> None:
    plane = at(scene(), 20.0)
    assert freezes([*noisy([plane] * 100, 1.5), *[plane] * 60, *noisy([plane] * 50, 1.5)]) == []


def test_black_is_none() -> None:
    assert reasons([*pan(60), *[np.full((HEIGHT, WIDTH), 16, np.uint8)] * 60]) == ["flat"]


@pytest.mark.parametrize("each", [5, 12, 25])
def test_low_frame_rates_are_none(each: int) -> None:
    moving = pan(300, 1.0)
    assert freezes(moving[n - n % each] for n in range(300)) == []


# ---- repeated pictures


@pytest.mark.parametrize(("pattern", "rate"), [((1,), 25.0), ((2,), 12.5), ((2, 3), 10.0), ((1, 1, 1, 2), 20.0)])
def test_repeats_are_counted_and_the_true_rate_found(pattern: tuple[int, ...], rate: float) -> None:
    planes: list[Plane] = []
    for n, plane in enumerate(pan(80, 1.5)):
        planes += [plane] * pattern[n % len(pattern)]
    stillness, repeats, fresh, seconds = Stillness(), 0, 0, 0.0
    for n, plane in enumerate(noisy(planes, 0.0)):
        seen = stillness.see(plane, n / FPS, key=n % 50 == 0, follows=n > 0)
        if seen:
            repeats, fresh, seconds = repeats + seen.repeats, fresh + seen.fresh, seconds + seen.motion
    assert fresh / seconds == pytest.approx(rate, rel=0.05)
    assert repeats == pytest.approx(len(planes) - 80, abs=4)


def test_a_freeze_counts_as_no_repeats() -> None:
    before = pan(50)
    stillness, repeats = Stillness(), 0
    for n, plane in enumerate([*before, *[before[-1]] * 60, *pan(20, start=70.0)]):
        seen = stillness.see(plane, n / FPS, key=False, follows=n > 0)
        repeats += seen.repeats if seen else 0
    assert repeats == 0


# ---- pictures apart


def test_pictures_apart_that_are_the_same_are_suspected_and_told() -> None:
    stillness, planes = Stillness(), pan(8, 20.0)
    for n, plane in enumerate(planes):
        assert not stillness.suspects(plane)
        stillness.see(plane, 2.0 * n, key=True, follows=False)
    frozen = next(residue(planes[-1], 1))
    assert stillness.suspects(frozen)
    seen = stillness.see(frozen, 16.0, key=True, follows=False)
    assert seen
    assert seen.spell
    assert (seen.spell.start, seen.spell.why_not) == (14.0, "unknown")


def test_it_is_known_to_move_after_a_picture_that_followed_and_was_another() -> None:
    stillness, planes = Stillness(), pan(9)
    for n, (plane, follows, moves) in enumerate(zip(
        [*planes[:8], planes[7], planes[8]], [False, *[True] * 8, False], [False, *[True] * 7, False, False],
        strict=True,
    )):  # fmt: skip
        stillness.see(plane, n / FPS, key=False, follows=follows)
        assert stillness.moves == moves, n


def test_faint_pictures_apart_that_differ_by_noise_are_not_the_same() -> None:
    stillness, moving = Stillness(), [*noisy(faint(pan(100, 0.2), 0.05), 2.0)]
    for n, plane in enumerate(moving):
        stillness.see(plane, n / FPS, key=n == 0, follows=n > 0)
    for n, plane in enumerate(moving[::25]):
        assert not stillness.suspects(plane)
        seen = stillness.see(plane, 5.0 + n, key=True, follows=False)
        assert seen
        assert seen.spell is None


def test_key_pictures_that_differ_by_much_less_than_usual_are_suspected() -> None:
    stillness, planes = Stillness(), pan(250, 1.0)
    for n in range(0, 200, 50):
        assert not stillness.suspects(planes[n])
        stillness.see(planes[n], n / FPS, key=True, follows=False)
    assert stillness.suspects(planes[151])
    assert not stillness.suspects(planes[200])


def test_a_picture_of_another_size_begins_anew() -> None:
    before = pan(50)
    small = [np.ascontiguousarray(plane[:90, :160]) for plane in before]
    assert freezes([*before, *[before[-1]] * 10, *small, *[small[-1]] * 10, *before]) == []


# ---- packets


def sizes(frozen: tuple[float, float] | None, seconds: float = 12.0, refine: int = 1, cut: int = 0) -> Collapse:
    """P and two B frames in turn, key frames every two seconds; in the freeze nothing but what refines in P frames."""
    collapse, packets = Collapse(), []
    for n in range(int(seconds * FPS)):
        media = n / FPS
        still = frozen is not None and frozen[0] < media < frozen[1]
        size = {0: 9000, 1: 2500, 2: 2000}[n % 3] + 37 * (n % 7)
        if still:
            size = 60 + (900 * refine if n % 3 == 0 else 0)
        if frozen and cut and abs(media - frozen[0]) < 0.02:
            size = cut
        packets.append((media, 60_000 if n % 50 == 0 else size, n % 50 == 0))
    for media, size, key in packets:
        collapse.add(media, media, size, key)
    return collapse


def test_small_packets_tell_when_a_freeze_began_and_ended() -> None:
    fall = sizes((5.0, 8.0)).latest()
    assert fall
    assert not fall.cut
    assert fall.start == pytest.approx(5.0, abs=0.1)
    assert fall.end == pytest.approx(8.0, abs=0.1)


def test_a_fall_after_a_cut_says_so() -> None:
    fall = sizes((5.0, 8.0), cut=50_000).latest()
    assert fall
    assert fall.cut


def sized(seconds: float, of: Callable[[float], tuple[int, bool]]) -> Collapse:
    """Size and key frame by media time."""
    collapse = Collapse()
    for n in range(int(seconds * FPS)):
        size, key = of(n / FPS)
        collapse.add(n / FPS, n / FPS, size, key)
    return collapse


@pytest.mark.parametrize(("card", "cut"), [(5_000, True), (20_000, False)])
def test_a_fall_after_a_key_frame_that_came_early_is_a_cut_if_that_shows_something_else(card: int, cut: bool) -> None:
    """Where an encoder sees a new scene it begins a group of pictures; it also does so when it is asked to."""

    def of(at: float) -> tuple[int, bool]:
        if at < 15.0:
            return (20_000, True) if at % 2.0 < 0.039 else (3000, False)
        return (card, True) if (at - 15.0) % 2.0 < 0.039 else (50, False)

    fall = sized(20.0, of).latest()
    assert fall
    assert fall.cut == cut
    assert fall.start == pytest.approx(15.04, abs=0.05)


@pytest.mark.parametrize(("slide", "cut"), [(19_000, True), (900, False)])
def test_another_picture_among_small_ones_is_another_slide(slide: int, cut: bool) -> None:
    def of(at: float) -> tuple[int, bool]:
        if at % 2.0 < 0.039:
            return 20_000, True
        return (3000 if at < 15.0 else slide if 17.0 <= at < 17.039 else 50), False

    fall = sized(20.0, of).latest()
    assert fall
    assert fall.cut == cut
    assert fall.start == pytest.approx(17.04 if cut else 15.0, abs=0.05)


def test_motion_that_costs_as_much_as_key_frames_is_no_cut() -> None:
    fall = sized(20.0, lambda at: (20_000, True) if at % 2 < 0.039 else (19_000 if at < 15.0 else 50, False)).latest()
    assert fall
    assert not fall.cut


def test_even_packets_do_not_fall() -> None:
    assert sizes(None).latest() is None


# ---- sound


def test_silence_that_began_with_a_still_is_measured() -> None:
    hush = Hush()
    hush.take(10.0, 1000, 1000, [])
    hush.take(11.0, 1000, 1000, [(400, 1000, 0.0)])
    hush.take(12.0, 1000, 1000, [(0, 1000, 0.0)])
    hush.take(13.0, 1000, 1000, [(0, 300, 0.0), (300, 1000, 1e-4)])
    assert hush.since(11.5, 0.5) == pytest.approx(2.6)
    assert hush.since(13.5, 0.5) == 0.0
    assert hush.describe(11.5, 13.9) == "silent"
    assert hush.describe(20.0, 21.0) == "unknown"
