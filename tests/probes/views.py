"""Pictures as looks see them, made from RGB arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

from qoe_agent.decode.frames import view_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View


def view_of_image(image: NDArray[Any], pts: float | None = 0.0, *, follows: bool = False) -> View:
    """An RGB picture as it would come from a decoder: 4:2:0, limited range."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image, np.uint8), "rgb24").reformat(format="yuv420p")
    return view_of(frame, pts, follows=follows)
