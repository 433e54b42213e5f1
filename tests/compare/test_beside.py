"""Paths weighed against those a frame or two off: what speaks for another lag, and what only for other edges."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qoe_agent.compare.aligning import beside, content
from qoe_agent.compare.aligning.beside import Weighed
from qoe_agent.compare.aligning.clocks import Reading
from qoe_agent.compare.aligning.laying import Laid
from tests.compare.laid import pictures

FRAMES = 96


def path(lags: list[float] | None = None) -> Any:
    """A path whose edges are fitted."""
    look = SimpleNamespace(enough=lambda _: 450.0, loose=lambda _: True, dear=2.0)
    return SimpleNamespace(look=look, fit=None, lags=np.array(lags or [0.0] * FRAMES))


def against(gains: list[float], eased: list[float], alone: float = 0.0) -> dict[float, Weighed]:
    """Of stretches of twelve frames, nats against a path a frame off."""
    each = (np.repeat(np.array(nats) / 12, 12) for nats in (gains, eased))
    return {1.0: Weighed(np.arange(FRAMES), *each, *coded(np.zeros(FRAMES), alone))}


def coded(held: np.ndarray, alone: float) -> tuple[np.ndarray, np.ndarray]:
    """Nats with the path's own edges, where the first picture is the only one coded by itself; and which is."""
    first = np.arange(len(held)) == 0
    return np.where(first, alone, held), first


def all_frames() -> np.ndarray:
    return np.ones(FRAMES, bool)


@pytest.mark.parametrize(
    ("eased", "kept"),
    [pytest.param([0.0] * 8, FRAMES, id="with the edges that suit it there, the rest fits nowhere"),
     pytest.param([700.0] * 4 + [-40.0] * 4, FRAMES // 2 - 1, id="with those, the rest fits as well")],
)  # fmt: skip
def test_a_part_that_speaks_for_another_lag_is_left_out_unless_its_edges_suit_nothing_else(
    eased: list[float], kept: int
) -> None:
    found = against([700.0] * 4 + [-40.0] * 4, eased)

    believed = beside.believed(path(), found, all_frames(), all_frames())

    assert np.flatnonzero(believed).tolist() == list(range(kept))


def test_where_no_part_speaks_for_another_lag_all_frames_are_believed() -> None:
    found = against([900.0] * 4 + [5.0] * 2 + [900.0] * 2, [0.0] * 8)

    assert beside.believed(path(), found, all_frames(), all_frames()).all()


@pytest.mark.parametrize(
    ("gains", "eased", "clear"),
    [pytest.param([200.0] * 7 + [-50.0], [0.0] * 8, True, id="much for it, little against it"),
     pytest.param([60.0] * 7 + [-50.0], [0.0] * 8, False, id="little for it"),
     pytest.param([200.0] * 4 + [-90.0] * 4, [0.0] * 4 + [-9.0] * 4, False, id="too little on the whole"),
     pytest.param([400.0] * 4 + [-200.0] * 4, [0.0] * 4 + [-200.0] * 4, False, id="much against it with either edges"),
     pytest.param([400.0] * 4 + [-200.0] * 4, [90.0] * 8, True, id="much against it with one of the edges"),
     pytest.param([-90.0] * 8, [90.0] * 8, True, id="better with the edges of the other")],
)  # fmt: skip
def test_a_path_is_weighed_with_the_edges_that_suit_it_better(
    gains: list[float], eased: list[float], clear: bool
) -> None:
    on = all_frames()

    assert (beside.unclear(path(), against(gains, eased), on, on) == set()) == clear


def test_what_lies_between_the_certain_frames_tells_too_but_they_must_tell_something() -> None:
    on, sure = all_frames(), all_frames()
    sure[:48] = False

    assert beside.unclear(path(), against([0.0, 0, 0, 900, 10, 10, 10, 10], [0.0] * 8), on, sure) == set()
    assert beside.unclear(path(), against([0.0, 0, 0, 900, 1, 1, 1, 1], [0.0] * 8), on, sure) == {1.0}


def test_pictures_coded_by_themselves_must_not_speak_for_another_lag() -> None:
    on, sure = all_frames(), all_frames()
    found = against([900.0] * 8, [900.0] * 8, alone=-4.0)
    sure[0] = False

    assert beside.unclear(path(), found, on, on) == {1.0}
    assert beside.unclear(path(), found, on, sure) == set(), "one that is left out says nothing"


@pytest.mark.parametrize(
    ("gains", "eased", "alone", "clear"),
    [pytest.param([9.0] * 8, [9.0] * 8, 0.0, True, id="with either edges it is the better"),
     pytest.param([30.0] * 8, [-9.0] * 8, 0.0, False, id="with those of the other it is not"),
     pytest.param([40.0] * 8, [40.0] * 4 + [-20.0] * 4, 0.0, False, id="with those, parts of it are not"),
     pytest.param([6.0] * 8, [30.0] * 8, 0.0, False, id="by little"),
     pytest.param([9.0] * 8, [9.0] * 8, -4.0, False, id="but a picture coded by itself says otherwise")],
)  # fmt: skip
def test_a_path_needs_less_for_it_where_no_edges_make_up_for_time(
    gains: list[float], eased: list[float], alone: float, clear: bool
) -> None:
    on = all_frames()

    assert (beside.unclear(path(), against(gains, eased, alone), on, on) == set()) == clear


@pytest.mark.parametrize(
    ("nats", "eased", "kept"),
    [pytest.param(1000.0, 0.0, 96, id="it does"), pytest.param(30.0, 30.0, 48, id="it does not"),
     pytest.param(-400.0, 1000.0, 96, id="those edges are better where it lies, too")],
)  # fmt: skip
def test_a_long_piece_must_speak_for_itself_with_edges_that_suit_it_a_frame_off(
    nats: float, eased: float, kept: int
) -> None:
    def rivalry(lags: np.ndarray, *, every: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert every
        return np.arange(FRAMES), *(np.full(FRAMES, (1000.0 if lags[0] else n) / FRAMES) for n in (nats, eased))

    laid: Any = Laid.__new__(Laid)
    laid.lags, laid.rivalry, laid.moving = np.repeat([0.0, 5.0], 48), rivalry, np.ones(FRAMES)

    assert beside.alone(laid, {}, all_frames()).sum() == kept


@pytest.mark.parametrize(
    ("eased", "nats", "moving", "kept"),
    [pytest.param(-10.0, -1.0, 60.0, 48, id="so may all that it shows"),
     pytest.param(-10.0, 1.0, 60.0, 96, id="but with other shots it does not"),
     pytest.param(10.0, -1.0, 60.0, 96, id="nor by itself"),
     pytest.param(-10.0, -1.0, 4.0, 96, id="where no shot begins")],
)  # fmt: skip
def test_a_shot_that_edges_suit_at_another_lag_is_left_out(eased: float, nats: float, moving: float, kept: int) -> None:
    def rivalry(lags: np.ndarray, *, every: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert every
        assert lags.tolist() == [0.0] * 48 + [1.0] * 48
        return np.arange(FRAMES), *[np.full(FRAMES, nats)] * 2

    laid: Any = Laid.__new__(Laid)
    laid.lags, laid.rivalry = np.zeros(FRAMES), rivalry
    laid.moving = np.where(np.arange(FRAMES) == 48, moving, 1.0)
    found = {-1.0: against([9.0] * 8, [9.0] * 8)[1.0], 1.0: against([9.0] * 8, [9.0] * 4 + [eased] * 4)[1.0]}

    assert beside.alone(laid, found, all_frames()).tolist() == [True] * kept + [False] * (FRAMES - kept)


def test_a_piece_that_is_better_a_frame_off_is_moved_there() -> None:
    best = np.repeat([1.0, 5.0, 1.0], 32)
    laid: Any = Laid.__new__(Laid)
    laid.lags = np.repeat([0.0, 5.0, 0.0], 32)
    laid.rivalry = lambda lags: (np.arange(96), *[np.abs(lags - best) - np.abs(laid.lags - best)] * 2)
    laid._anew = lambda piece, lags: lags
    laid.move = lambda lags: setattr(laid, "lags", lags)

    assert laid._joined()
    assert (laid.lags == best).all()
    assert not laid._joined()


def test_pieces_that_lie_astray_either_way_are_laid_anew_together() -> None:
    best = np.repeat([1.0, 3.0], 48)
    laid: Any = Laid.__new__(Laid)
    laid.lags = np.repeat([0.0, 4.0], 48)
    # Edges suit the two as they lie: where only one of them is moved, they suit neither.
    laid.rivalry = lambda lags: (np.arange(FRAMES), *[np.full(FRAMES, -900.0 if (lags == best).all() else 500.0)] * 2)
    laid._anew = lambda piece, lags: best if (lags[piece] == best[piece]).all() else lags
    laid.move = lambda lags: setattr(laid, "lags", lags)

    laid._joined()

    assert (laid.lags == best).all()


def test_lags_of_another_round_lie_on_the_other_side_where_the_reference_ends() -> None:
    reading = Reading("times", np.arange(FRAMES, dtype=np.float64), np.arange(200), 1)
    laid: Any = SimpleNamespace(reading=reading, lags=np.full(FRAMES, 40.0))

    around = content._around(laid, laid.lags - 60.0)

    assert around.tolist() == [100.0] * 20 + [-20.0] * (FRAMES - 20)


def doubled(moving: list[float]) -> Any:
    """A test of twice the rate, every other frame of which shows the one before again, as it seems."""
    at = np.arange(FRAMES) / 2
    reading = Reading("times", at, np.arange(FRAMES), 2)
    fresh = np.arange(FRAMES) % 12 == 0
    look = SimpleNamespace(enough=lambda _: 60.0, loose=lambda _: False)
    lags = np.full(FRAMES, 10.5)
    return SimpleNamespace(look=look, fit=None, reading=reading, lags=lags, frames=reading.frames(10.5), fresh=fresh,
                           moving=np.tile(np.array(moving, np.float32), FRAMES // 2))  # fmt: skip


@pytest.mark.parametrize(
    ("nats", "moving", "alone", "kept"),
    [pytest.param(2.5, [1.0, 0.5], 0.0, 48, id="the rhythm is another, and the pictures tell little"),
     pytest.param(2.5, [0.5, 1.0], 0.0, 96, id="the rhythm agrees"),
     pytest.param(25.0, [1.0, 0.5], 0.0, 96, id="the pictures tell as much as of whole frames"),
     pytest.param(2.5, [1.0, 0.5], 30.0, 96, id="pictures coded by themselves tell"),
     pytest.param(0.5, [0.5, 1.0], 0.0, 48, id="nothing tells")],
)  # fmt: skip
def test_frames_that_show_another_at_half_a_frame_are_believed_only_if_they_tell(
    nats: float, moving: list[float], alone: float, kept: int
) -> None:
    odd = np.arange(1, FRAMES, 2)
    half, whole = np.full(len(odd), nats), np.full(FRAMES, 30.0)
    found = {-1.0: Weighed(np.arange(FRAMES), whole, whole, whole, np.zeros(FRAMES, bool)),
             -0.5: Weighed(odd, half, half, *coded(half, alone))}  # fmt: skip

    sure = beside.phased(doubled(moving), found, all_frames(), all_frames())

    assert sure.sum() == kept
    assert sure[::2].all()


def test_frames_that_tell_half_a_frame_speak_for_none_beyond_a_slip_of_half_a_frame() -> None:
    odd = np.arange(1, FRAMES, 2)
    half, whole = np.where(odd < FRAMES // 2, 1.0, 300.0), np.full(FRAMES, 300.0)
    found = {-1.0: Weighed(np.arange(FRAMES), whole, whole, whole, np.zeros(FRAMES, bool)),
             -0.5: Weighed(odd, half, half, half, odd == odd[-1])}  # fmt: skip
    laid = doubled([1.0, 1.0])
    laid.lags[FRAMES // 2 :] = 10.0

    sure = beside.phased(laid, found, all_frames(), all_frames())

    assert np.flatnonzero(~sure).tolist() == odd[odd < FRAMES // 2].tolist()


@pytest.mark.parametrize(("moving", "kept"), [([2.0, 1.0, 1.0, 1.0], 96), ([1.0] * 4, 48)])
def test_where_frames_were_left_out_the_longer_steps_must_agree(moving: list[float], kept: int) -> None:
    laid = doubled([1.0, 1.0])
    laid.reading = reading = Reading("times", np.arange(FRAMES) * 1.25, np.arange(FRAMES * 2), 4)
    laid.moving, laid.lags = np.tile(np.array(moving, np.float32), FRAMES // 4), np.full(FRAMES, 8.0)
    laid.frames, laid.fresh = reading.frames(8.0), np.zeros(FRAMES, bool)
    others = np.flatnonzero(reading.frames(7.5) != laid.frames)
    half, whole = np.full(len(others), 2.5), np.full(FRAMES, 30.0)
    found = {-1.0: Weighed(np.arange(FRAMES), whole, whole, whole, laid.fresh),
             -0.5: Weighed(others, half, half, half, laid.fresh[others])}  # fmt: skip

    assert beside.phased(laid, found, all_frames(), all_frames()).sum() == kept


@pytest.mark.parametrize(
    ("by", "apart", "loose", "others"),
    [pytest.param(-1.0, 8, False, set(), id="that may be as all others are late"),
     pytest.param(1.0, 8, False, {1.0}, id="nothing is early"),
     pytest.param(-1.0, 16, False, {-1.0}, id="too few of them"),
     pytest.param(-1.0, 8, True, {-1.0}, id="each path has its own edges")],
)  # fmt: skip
def test_pictures_coded_by_themselves_tell_against_an_older_path_that_all_others_speak_for(
    by: float, apart: int, loose: bool, others: set[float]
) -> None:
    fresh = np.arange(FRAMES) % apart == 0
    gains = np.where(fresh, 20.0, -4.0)
    look = SimpleNamespace(enough=lambda _: 60.0, loose=lambda _: loose)
    laid: Any = SimpleNamespace(look=look, fit=None, fresh=fresh)
    found = {by: Weighed(np.arange(FRAMES), gains, gains, gains, fresh)}
    on = all_frames()

    assert beside.unclear(laid, found, on, on) == others
    assert beside.margin(laid, found, on) == (0.0 if others else 240.0)


@pytest.mark.parametrize("moves", [True, False])
def test_all_parts_of_a_frame_that_rates_tell_apart_are_weighed_by_the_frames_that_show_another(moves: bool) -> None:
    reading = Reading("times", np.arange(FRAMES) * 0.75, np.arange(99), 4)
    every = np.arange(FRAMES)
    laid: Any = SimpleNamespace(reading=reading, lags=np.full(FRAMES, 8.0), fresh=np.zeros(FRAMES, bool),
                                broad=SimpleNamespace(reference=pictures(99, moves)))  # fmt: skip
    laid.frames = reading.frames(8.0)
    laid.rivalry = lambda lags: (every, np.ones(FRAMES), np.ones(FRAMES))
    laid.gains = lambda lags: (every, np.ones(FRAMES))

    found = beside.weighed(laid)

    assert sorted(found) == [-2, -1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1, 2]
    assert [len(found[by].frames) for by in (0.25, 0.75, 1.0)] == ([24, 72, 96] if moves else [0, 0, 96])
