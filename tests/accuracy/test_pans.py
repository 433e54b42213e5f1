"""What cannot be told from itself a frame later is known as such, so that nobody is blamed for it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.accuracy import aligning, pans
from tests.accuracy.shots import Shot, texture


@pytest.mark.parametrize(("shake", "sprites", "alike"), [(0.0, False, True), (1.5, False, False), (0.0, True, False)])
def test_only_an_even_pan_shows_elsewhere_what_it_shows_a_frame_later(shake: float, sprites: bool, alike: bool) -> None:
    dice = np.random.default_rng(5)
    shot = Shot(texture(dice), (80.0, 90.0), (1.2, 0.5), shake=shake)
    if sprites:
        shot.sprites.append((160.0, 90.0, 60.0, 40.0, 0.3, 0.25, 1.0, 20.0, 220.0))
    pictures = [np.clip(np.rint(shot.picture(n)), 16, 235).astype(np.uint8) for n in range(24)]

    assert aligning._alike(pans.carried(pictures)) == alike
    assert not aligning._alike([aligning.unlike(pictures[n], pictures[n + 1]) for n in range(23)])
