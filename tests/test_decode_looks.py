"""Looks are isolated one by one, and what they want can be asked through their guard."""

from __future__ import annotations

import gc
from typing import Any

import av
import numpy as np

from qoe_agent.decode import Guard
from qoe_agent.decode.frames import view_of
from qoe_agent.decode.lanes import open_decoder
from qoe_agent.decode.looks import Looks
from qoe_agent.maths.view import View
from tests.media import h264

VIEW = View(np.full((36, 64), 90, np.uint8), 1.0)


class Wary:
    """Wants everything, says how bright it is."""

    alert = moves = True

    def __call__(self, view: View) -> float:
        return float(view.luma.mean())

    def suspects(self, view: View) -> bool:
        return view.pts == 1.0


class Plain:
    def __call__(self, view: View) -> str:
        return "seen"


class Broken(Plain):
    """Says what it is asked, once; then each in turn raises."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __call__(self, view: View) -> str:
        if self.what == "call":
            raise ZeroDivisionError
        return "seen"

    def suspects(self, view: View) -> bool:
        if self.what == "suspects":
            raise ZeroDivisionError
        return True

    @property
    def alert(self) -> bool:
        if self.what == "alert":
            raise ZeroDivisionError
        return True


def guarded(look: Any, raised: list[Exception], *, out: bool = False) -> Guard:
    return Guard(look, lambda: out, raised.append)


def test_what_a_look_says_and_wants_comes_through_its_guard() -> None:
    raised: list[Exception] = []
    wary, plain = guarded(Wary(), raised), guarded(Plain(), raised)
    assert (wary(VIEW), wary.suspects(VIEW), wary.alert, wary.began, wary.moves) == (90.0, True, True, False, True)
    assert (plain(VIEW), plain.suspects(VIEW), plain.alert, plain.began, plain.moves) == ("seen", *[False] * 4)
    assert raised == []


def test_a_look_that_raises_wherever_it_is_asked_is_told_of_once_and_asked_no_more() -> None:
    for what in ("call", "suspects", "alert"):
        raised: list[Exception] = []
        guard = guarded(Broken(what), raised)
        for _ in range(2):
            _ = guard(VIEW), guard.suspects(VIEW), guard.alert
        assert [type(error) for error in raised] == [ZeroDivisionError], what
        assert (guard(VIEW), guard.suspects(VIEW), guard.alert) == (None, False, False)


def test_a_look_whose_probe_is_out_is_silent() -> None:
    raised: list[Exception] = []
    guard = guarded(Wary(), raised, out=True)
    assert (guard(VIEW), guard.suspects(VIEW), guard.alert) == (None, False, False)


def test_what_gives_no_look_is_left_out_and_any_look_may_want_more() -> None:
    looks = Looks.made({"wary": Wary, "gone": lambda: None, "plain": Plain}, {"gone": lambda: None})
    assert list(looks.pictures) == ["wary", "plain"]
    assert not looks.sounds
    assert looks.suspects(VIEW)
    assert looks.alert
    calm = Looks.made({"plain": Plain}, {})
    assert not calm.suspects(VIEW)
    assert not calm.alert


def test_a_picture_that_was_looked_at_all_over_is_gone_with_its_view() -> None:
    """Not only when Python looks for rings of objects: a picture of 1080p has 3 MB."""
    form, packets = h264(frames=1)
    gc.collect()
    gc.disable()
    try:
        context = open_decoder(form.codec, form.extradata)
        frames = [*context.decode(av.Packet(packets[0].data)), *context.decode(None)]
        view = view_of(frames[0], 0.0, follows=False)
        assert view.qp is not None
        assert view.chroma is not None
        assert view.tiny.size
        gc.collect()
        del frames, context, view
        assert gc.collect() == 0
    finally:
        gc.enable()
