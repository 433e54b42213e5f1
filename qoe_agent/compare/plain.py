"""PSNR, SSIM and XPSNR without a program: by the filters of PyAV's own FFmpeg, with the same alignment and space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from qoe_agent.compare import graphs, readings
from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.filter.context import FilterContext
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Alignment, Floats, Media, Space


def versions() -> dict[str, str]:
    """What measures."""
    return {"pyav": av.__version__, "libavfilter": ".".join(map(str, av.library_versions["libavfilter"]))}


def measured(
    reference: Media, test: Media, alignment: Alignment, space: Space, told: Callable[[int], None]
) -> tuple[dict[str, Floats], tuple[NDArray[np.uint8], NDArray[np.uint8]] | None]:
    """Each metric of each pair, and the fingerprints of both sides."""
    raise Unfit("compare: no FFmpeg with libvmaf")
