"""Paths weighed against those a frame or two off: what speaks for another lag, and what only for other edges."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qoe_agent.compare.aligning import beside
from qoe_agent.compare.aligning.beside import Weighed

FRAMES = 96


def path(lags: list[float] | None = None) -> Any:
    """A path whose edges are fitted."""
    look = SimpleNamespace(enough=lambda _: 450.0, loose=lambda _: True)
    return SimpleNamespace(look=look, fit=None, lags=np.array(lags or [0.0] * FRAMES))


def against(gains: list[float], eased: list[float], alone: float = 0.0) -> dict[float, Weighed]:
    """Of stretches of twelve frames, nats against a path a frame off."""
    each = (np.repeat(np.array(nats) / 12, 12) for nats in (gains, eased))
    return {1.0: Weighed(np.arange(FRAMES), *each, alone)}


def all_frames() -> np.ndarray:
    return np.ones(FRAMES, bool)


@pytest.mark.parametrize(
    ("eased", "sure"),
    [pytest.param([0.0] * 8, True, id="its own lag is as good with the other edges"),
     pytest.param([-40.0] * 8, False, id="with those, its own lag is worse")],
)  # fmt: skip
def test_a_part_counts_against_a_path_only_if_other_edges_do_not_explain_it(eased: list[float], sure: bool) -> None:
    found = against([700.0] * 4 + [-40.0] * 4, eased)
    on = all_frames()

    assert beside.disputed(found, on)
    assert (beside.unclear(path(), found, on, on) == set()) == sure


def test_where_much_speaks_for_a_path_a_little_may_speak_against_it() -> None:
    on = all_frames()

    assert beside.unclear(path(), against([2000.0] * 7 + [-50.0], [2000.0] * 7 + [-50.0]), on, on) == set()
    assert beside.unclear(path(), against([200.0] * 7 + [-50.0], [200.0] * 7 + [-50.0]), on, on) == {1.0}


def test_what_lies_between_the_certain_frames_tells_too_but_they_must_tell_something() -> None:
    on, sure = all_frames(), all_frames()
    sure[:48] = False

    assert beside.unclear(path(), against([0.0, 0, 0, 900, 10, 10, 10, 10], [0.0] * 8), on, sure) == set()
    assert beside.unclear(path(), against([0.0, 0, 0, 900, 1, 1, 1, 1], [0.0] * 8), on, sure) == {1.0}


def test_pictures_coded_by_themselves_must_not_speak_for_another_lag() -> None:
    on = all_frames()

    assert beside.unclear(path(), against([900.0] * 8, [900.0] * 8, alone=-4.0), on, on) == {1.0}


def test_pieces_that_do_not_speak_for_themselves_are_not_believed() -> None:
    found = against([900.0] * 4 + [5.0] * 2 + [900.0] * 2, [0.0] * 8)
    kept = beside.believed(path([0.0] * 48 + [1.0] * 24 + [2.0] * 24), found, all_frames())

    assert np.flatnonzero(kept).tolist() == [*range(48), *range(72, 96)]
