"""Black, one colour, colour bars: what counts as such, against FFmpeg's own cards and what a viewer would say."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest

from qoe_agent.decode.frames import view_of
from qoe_agent.maths import blank as blanks
from qoe_agent.maths.bars import is_bars
from qoe_agent.maths.blank import face_of, mask_of
from qoe_agent.maths.view import View
from tests.accuracy import faults_picture as faults
from tests.probes.views import view_of_image

SHAPE = (360, 640)


def kind_of(image: np.ndarray[Any, Any], held: str = "") -> str:
    return face_of(view_of_image(image), held).kind


def blank(change: faults.Change) -> np.ndarray[Any, Any]:
    return change(np.full((*SHAPE, 3), 90, np.uint8), 0)


def scene(seed: int = 0, peak: float = 200.0) -> np.ndarray[Any, Any]:
    """Something soft to look at, from black to `peak` of 255."""
    rough = np.random.default_rng(seed).uniform(0, 1, (5, 8, 3))
    big = np.kron(rough, np.ones((72, 80, 1)))
    return np.asarray(peak * big, np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        faults.black(),
        faults.black(10),
        faults.black(18),
        faults.black(2, noise=6.0),
        faults.black(logo=True),
        faults.black(4, noise=3.0, logo=True),
    ],
    ids=["black", "raised", "twice converted", "noisy", "with logo and clock", "all of it"],
)
def test_black_is_black_at_other_levels_with_noise_and_with_a_logo(change: faults.Change) -> None:
    assert kind_of(blank(change)) == "black"


@pytest.mark.parametrize("peak", [60, 90, 200])
def test_a_scene_is_not_black_however_dark(peak: int) -> None:
    assert kind_of(scene(peak=peak)) == ""


def test_lamps_in_the_night_and_titles_are_not_black_though_less_than_two_hundredths_are_lit() -> None:
    night = np.zeros((*SHAPE, 3), np.uint8)
    night[170:184, 300:330] = 180  # 0.18 % of the picture, 0.5 % of its middle
    assert kind_of(night) == ""
    titles = blank(faults.titles)
    assert (titles > 30).any(axis=2).mean() < 0.02  # blackdetect would call it black
    assert kind_of(titles) == ""


def test_what_is_masked_does_not_count() -> None:
    picture = np.full(SHAPE, 16, np.uint8)
    picture[150:200, 250:400] = 200
    assert face_of(View(picture)).kind == ""
    view = View(picture)
    assert face_of(view, mask=mask_of(view.small.shape, [[0.38, 0.4, 0.26, 0.17]])).kind == "black"
    assert mask_of((100, 100), [[0, 0, 1, 1]]) is None


def test_full_range_black_is_nought() -> None:
    assert face_of(View(np.full(SHAPE, 5, np.uint8), full_range=True)).kind == "black"
    assert face_of(View(np.tile(np.arange(640) % 40, (360, 1)).astype(np.uint8), full_range=True)).kind == ""


@pytest.mark.parametrize("colour", [(0, 0, 255), (0, 160, 0), (255, 255, 255), (128, 128, 128)])
def test_one_colour_all_over(colour: tuple[int, int, int]) -> None:
    assert kind_of(blank(faults.solid(colour, noise=2.0, logo=True))) == "solid_colour"


def test_words_may_stand_on_a_coloured_page_but_not_on_a_white_one() -> None:
    for colour, kind in (((0, 0, 255), "solid_colour"), ((250, 250, 250), "")):
        page = np.full((*SHAPE, 3), colour, np.uint8)
        page[170:190, 270:350] = 255 - page[170:190, 270:350]
        assert kind_of(page) == kind


def test_a_sky_is_no_solid_colour() -> None:
    sky = np.full((*SHAPE, 3), (90, 140, 220), np.float64) * np.linspace(0.8, 1.1, 360)[:, None, None]
    assert kind_of(np.clip(sky, 0, 255).astype(np.uint8)) == ""
    hues = np.full((*SHAPE, 3), 128, np.uint8)  # flat luma, two hues
    luma, gray = np.full(SHAPE, 128, np.uint8), np.full((180, 320), 128, np.uint8)
    split = np.concatenate([np.full((180, 160), 90, np.uint8), np.full((180, 160), 170, np.uint8)], axis=1)
    assert kind_of(hues) == "solid_colour"
    assert face_of(View(luma, chroma=lambda: (split, gray))).kind == ""


def test_what_is_held_is_let_go_later_than_it_is_taken_up() -> None:
    fading = np.full((*SHAPE, 3), 0, np.uint8)
    fading[:, ::2] = 28
    assert [kind_of(fading // 2 + 8, held) for held in ("", "black")] == ["black", "black"]
    luma = np.tile(np.array([16, 16, 16, 30], np.uint8).repeat(4), (360, 40))
    assert [face_of(View(luma), held).kind for held in ("", "black")] == ["", "black"]


@pytest.mark.parametrize("name", ["smptebars", "smptehdbars", "pal75bars", "pal100bars"])
@pytest.mark.parametrize("size", ["320x180", "720x576", "1280x720"])
def test_ffmpegs_cards_are_colour_bars(name: str, size: str) -> None:
    graph = av.filter.Graph()
    source, form, sink = graph.add(name, f"size={size}"), graph.add("format", "yuv420p"), graph.add("buffersink")
    source.link_to(form)
    form.link_to(sink)
    graph.configure()
    frame: Any = graph.pull()
    assert face_of(view_of(frame, 0.0, follows=False)).kind == "colour_bars"


@pytest.mark.parametrize("kind", ["ebu", "smpte", "hd"])
def test_bars_are_found_scaled_coded_and_written_over(kind: str) -> None:
    card = blank(faults.bars(kind, clock=True))
    boxed = faults.framed(across=0.25)(card, 0)
    noisy = np.clip(card + np.random.default_rng(1).normal(0, 4, card.shape), 0, 255).astype(np.uint8)
    assert [kind_of(each) for each in (card, boxed, noisy)] == ["colour_bars"] * 3


def test_stripes_in_another_order_are_no_test_card() -> None:
    card = blank(faults.bars("ebu"))
    assert not is_bars(view_of_image(card[:, ::-1]))
    assert not is_bars(view_of_image(np.rot90(card)))
    assert not is_bars(view_of_image(faults.saturation(0.1)(card, 0)))
    assert not is_bars(View(view_of_image(card).luma))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 31), (180, 5000)])
def test_pictures_of_any_size(shape: tuple[int, int]) -> None:
    gray = np.full(((shape[0] + 1) // 2, (shape[1] + 1) // 2), 128, np.uint8)
    assert face_of(View(np.full(shape, 16, np.uint8), chroma=lambda: (gray, gray))).kind == "black"
    assert face_of(View(np.full(shape, 99, np.uint8), chroma=lambda: (gray, gray))).kind == "solid_colour"


@pytest.mark.parametrize("masked", [False, True])
def test_what_two_levels_tell_is_what_the_count_of_all_levels_says(
    masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of two to four levels, some of which are nearly black or flat, and with half of them left out."""
    rng, told = np.random.default_rng(7), 0
    for _ in range(300):
        shares = np.append(np.sort(rng.choice([0.1, 0.15, 0.2, 0.5, 0.84, 0.86, 0.97, 1.0], 3)), 1.0)
        codes = rng.choice([0, 25, 26, 28, 42, 60, 120], 4)
        luma = np.repeat(codes[np.searchsorted(shares, np.arange(360) / 360, "right")], 640).reshape(360, 640)
        view = View(luma.astype(np.uint8))
        mask = mask_of(view.small.shape, [[0.0, 0.3, 1.0, 0.6]]) if masked else None
        fast = face_of(view, mask=mask)
        told += blanks._varied(view, 27, mask)
        with monkeypatch.context() as slow:
            slow.setattr(blanks, "_varied", lambda *_: False)
            assert face_of(view, mask=mask) == fast
    assert told > 30
