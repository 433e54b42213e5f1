"""What pictures tell that are coded by themselves, where all others come late."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.compare.aligning import doubts, keyed

if TYPE_CHECKING:
    from collections.abc import Sequence

FRAMES, APART = 96, 12


@pytest.mark.parametrize(
    ("nats", "clear"),
    [pytest.param([3.0] * 8, True, id="each tells a little"),
     pytest.param([2.5] * 8, False, id="each tells too little"),
     pytest.param([90.0], False, id="but one"),
     pytest.param([900.0, 0.0, 0.0, 0.0, 0.0], False, id="one tells all"),
     pytest.param([9.0, -5.0] * 4, False, id="they do not agree"),
     pytest.param([9.0] * 8 + [-7.0], False, id="one is against it"),
     pytest.param([9.0] * 8 + [-4.0, -4.0], False, id="two in a row are"),
     pytest.param([9.0] * 8 + [-4.0] + [9.0] * 8 + [-4.0], True, id="two are, by little")],
)  # fmt: skip
def test_what_key_pictures_tell_is_clear_where_they_agree(nats: Sequence[float], clear: bool) -> None:
    assert keyed.clear(np.array(nats, np.float32)) == clear


def path(truth: Sequence[float], late: float, *, known: bool = True, tell: float = 5.0) -> Any:
    """A path at lag 0 of a test whose key pictures say the truth, and all others, by `late` nats, a frame less."""
    fresh = np.arange(FRAMES) % APART == 0
    goals = np.repeat(np.array(truth), FRAMES // len(truth))

    def gains(lags: np.ndarray, among: np.ndarray | bool = True) -> tuple[np.ndarray, np.ndarray]:
        which = np.flatnonzero(np.ones(FRAMES, bool) & among)
        nats = np.where(fresh, tell * (np.abs(lags - goals) - np.abs(laid.lags - goals)),
                        late * (np.abs(lags - goals + 1) - np.abs(laid.lags - goals + 1)))  # fmt: skip
        return which, nats[which]

    laid: Any = SimpleNamespace(fresh=fresh, lags=np.zeros(FRAMES), gains=gains, fit=None,
                                look=SimpleNamespace(late=0.8, loose=lambda _: not known))  # fmt: skip
    laid.move = lambda lags: setattr(laid, "lags", lags)
    return laid


@pytest.mark.parametrize(
    ("truth", "late", "known", "moved"),
    [pytest.param([1.0], 2.0, True, 1.0, id="a frame later"), pytest.param([3.0], 2.0, True, 3.0, id="by more"),
     pytest.param([0.0], 2.0, True, 0.0, id="not where they agree with it"),
     pytest.param([1.0], 20.0, True, 0.0, id="not where others tell more than those"),
     pytest.param([1.0], 2.0, False, 0.0, id="not where edges are fitted"),
     pytest.param([1.0, -1.0], 2.0, True, 0.0, id="not where some say otherwise")],
)  # fmt: skip
def test_a_path_goes_where_key_pictures_have_it(truth: list[float], late: float, known: bool, moved: float) -> None:
    laid = path(truth, late, known=known)

    keyed.moved(laid)

    assert (laid.lags == moved).all()


@pytest.mark.parametrize(
    ("truth", "late", "known", "held"),
    [pytest.param([0.0], 2.0, True, range(85), id="from the first to the last"),
     pytest.param([0.0], 20.0, True, (), id="not where others tell more against it"),
     pytest.param([0.0], 2.0, False, (), id="not where edges are fitted"),
     pytest.param([1.0], 2.0, True, (), id="not where they have it elsewhere"),
     pytest.param([0.0, 1.0], 2.0, True, (), id="not where some do")],
)  # fmt: skip
def test_what_lies_between_key_pictures_lies_as_they_do(
    truth: list[float], late: float, known: bool, held: Sequence[int]
) -> None:
    found = keyed.anchored(path(truth, late, known=known), np.ones(FRAMES, bool))

    assert np.flatnonzero(found).tolist() == list(held)


def test_each_piece_of_a_path_is_held_by_its_own_key_pictures() -> None:
    laid, on = path([0.0, -2.0], 2.0), np.ones(FRAMES, bool)
    laid.lags = np.repeat([0.0, -2.0], FRAMES // 2)
    on[0] = False

    assert np.flatnonzero(keyed.anchored(laid, on)).tolist() == [*range(APART, 37), *range(48, 85)]


def test_the_margin_is_what_key_pictures_tell_of_the_nearest_path() -> None:
    laid, none = path([0.0], 2.0), np.zeros(FRAMES, bool)

    assert keyed.margin(laid, ~none) == 8 * 5.0
    assert keyed.margin(laid, none) == 0.0


@pytest.mark.parametrize(("frames", "by", "torn"), [(4, 9.0, True), (3, 9.0, False), (9, 6.0, False)])
def test_some_frames_that_show_something_else_make_it_no_loop(frames: int, by: float, torn: bool) -> None:
    usual = np.ones(88, np.float32)
    apart = np.where(np.arange(88) < frames, by * 1.25, 1.0).astype(np.float32)

    assert doubts.torn(apart, usual) == torn
