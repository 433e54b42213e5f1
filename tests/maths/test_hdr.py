"""HDR for ordinary screens: levels that BT.2408 names (203 cd/m²: PQ 58 %, HLG 75 %; 1000: PQ 75 %, HLG 100 %)."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.hdr import HLG, PQ, WIDE, shown


def level(share: float, transfer: int, primaries: int = WIDE) -> int:
    """What a gray of that share of the range becomes."""
    (found,) = {int(one) for one in shown(np.full((2, 2, 3), round(255 * share), np.uint8), transfer, primaries).flat}
    return found


@pytest.mark.parametrize(("transfer", "white", "brightest"), [(PQ, 0.58, 0.753), (HLG, 0.75, 1.0)])
def test_white_of_graphics_is_light_and_the_brightest_is_white(transfer: int, white: float, brightest: float) -> None:
    assert level(white, transfer) == pytest.approx(215, abs=2)
    assert level(brightest, transfer) >= 253
    assert level(0.0, transfer) == 0
    steps = [level(share, transfer) for share in np.linspace(0, brightest, 20)]
    assert steps == sorted(steps)


def test_what_is_no_hdr_stays_and_wide_colours_become_stronger() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    assert shown(picture, 1, 1) is picture
    red = np.array([[[80, 80, 130]]], np.uint8)
    wide, plain = (shown(red, PQ, primaries)[0, 0].astype(int) for primaries in (WIDE, 1))
    assert wide[2] - wide[1] > plain[2] - plain[1] > 0
