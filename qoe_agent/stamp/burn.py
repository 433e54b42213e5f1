"""Burns the marks in: the grid into pictures, the coded tone into sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.maths import tone
from qoe_agent.maths.stamp import draw
from qoe_agent.stamp.feed import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.stamp import Place
    from qoe_agent.stamp.feed import Piece


class Burner:
    """Marks pieces with the Unix time that they are given."""

    def __init__(self, place: Place, level: float | None, *, alone: bool = False) -> None:
        """`level`: of the sound mark in dB below full scale, None for none; `alone`: without the programme's sound."""
        self._place = place
        self._level = None if level is None else 10 ** (level / 20)
        self._keep = 0.0 if alone else 1.0
        self._counter = 0

    def burn(self, piece: Piece, time: float) -> Piece:
        """The same piece, marked with `time` (Unix seconds)."""
        if piece.kind == "video":
            piece.picture.make_writable()  # else it is what the decoder predicts the next pictures from
            luma, blue, red = (_plane(plane) for plane in piece.picture.planes)
            draw(luma, (blue, red), round(time * 1000), self._counter, self._place)
            self._counter += 1
        elif piece.samples is not None and self._level is not None:
            piece.samples = piece.samples.copy()
            tone.write(piece.samples, time, RATE, self._level, self._keep)
        return piece


def _plane(plane: Any) -> NDArray[np.uint8]:
    """A plane of a picture, writable in place."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
