"""Pairs that show different things, though their times agree; and times that are believed with little decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare import places, thumbs
from qoe_agent.compare.align import by_times
from qoe_agent.compare.aligning import spots
from qoe_agent.compare.media import inspect
from qoe_agent.compare.offline import compare
from qoe_agent.compare.shapes import Asked
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.compare.shapes import Media, Tested

SHOWN, ELSEWHERE = moving(75), moving(75, seed=9)
DARK = [np.full_like(SHOWN[0], 16)] * 30


def small(pictures: list[np.ndarray]) -> np.ndarray:
    return np.stack([thumbs.shrunk(each) for each in pictures])


def test_stretches_that_show_something_else_are_told_from_coarse_encodes_and_from_darkness() -> None:
    own = small(SHOWN)
    rng = np.random.default_rng(2)
    coarse = np.clip(own * 0.8 + rng.normal(10, 6, own.shape), 0, 255).astype(np.uint8)
    assert spots.strangers(coarse, own, 1) == []
    mixed = coarse.copy()
    mixed[10:20], mixed[40:75] = small(ELSEWHERE)[10:20], small(DARK)[0]
    assert spots.strangers(mixed, own, 10) == [(10, 19), (40, 74)]
    assert spots.strangers(mixed, own, 11) == [(40, 74)]
    grain = small(DARK) + rng.integers(0, 3, (30, 18, 32), np.uint8)
    assert spots.strangers(grain, small(DARK), 1) == []


def begun_alike(folder: Path, alike: int) -> tuple[Tested, str]:
    """A comparison of two files whose first frames alone show the same, and what is to be said of the others."""
    files = [clip(folder / "a.mp4", SHOWN), clip(folder / "b.mp4", SHOWN[:alike] + ELSEWHERE[alike:])]
    (test,) = compare(Asked(files[0], (files[1],), models=("neg",), sound=False)).tests
    return test, f"frames {alike} to 74 of the test show something else than the reference's"


def test_what_shows_something_else_for_a_while_is_named(tmp_path: Path) -> None:
    test, said = begun_alike(tmp_path, 45)
    assert not test.refused
    assert said in test.notes


def test_the_same_beginning_does_not_make_it_the_same_content(tmp_path: Path) -> None:
    test, said = begun_alike(tmp_path, 15)
    assert any(f"laid by timestamps, {said}" in line for line in test.refused)


def test_a_beginning_that_says_nothing_is_not_looked_beyond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (inspect(clip(tmp_path / f"{crf}.mp4", DARK + SHOWN, options={"crf": crf})) for crf in ("20", "30"))
    monkeypatch.setattr(places, "within", lambda *_: pytest.fail("looked at elsewhere"))
    looked = []

    def begun(media: Media, first: int, last: int, finer: int = 1) -> thumbs.Prints:
        looked.append(last)
        return thumbs.span(media, first, last, finer)

    found = by_times(one, other, begun)
    assert found is not None
    assert (found.method, found.offset_frames, found.confidence) == ("timestamps", 0, 0.5)
    assert max(looked) < 20


def test_vmaf_alone_is_measured_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    files = [clip(tmp_path / "a.mp4", SHOWN[:40]), clip(tmp_path / "b.mp4", SHOWN[:40], options={"crf": "36"})]
    whole, alone = (
        compare(Asked(files[0], (files[1],), models=("neg",), sound=False, cache=str(tmp_path / "kept"), plain=plain))
        for plain in (True, False)
    )
    assert set(alone.tests[0].pooled) == {"vmaf[neg]"}
    assert alone.provenance["cached"] == []
    assert alone.tests[0].pooled["vmaf[neg]"] == whole.tests[0].pooled["vmaf[neg]"]
    assert "VMAF" in alone.verdict
