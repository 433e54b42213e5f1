"""`qoe-agent stamp`: burn a machine-readable time into a feed's pictures and sound, and send it on.

Input (`feed`) to marks (`burn`) to encoders and muxer (`push`), one picture or stretch of sound at a time, paced by
the clock. `run` is the whole of it, for a thread of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av

from qoe_agent import clock
from qoe_agent.maths.stamp import Place
from qoe_agent.stamp.burn import Burner
from qoe_agent.stamp.feed import Silenced, open_feed
from qoe_agent.stamp.push import Coding, Push

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

__all__ = ["Coding", "Place", "Plan", "Stamped", "run"]

BEHIND = 0.5
"""Seconds by which the marks may lie behind the clock before they are set anew: the machine is too slow, or slept."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to stamp, how, and where it goes."""

    source: str
    """Whatever PyAV opens, or `test`: the built-in programme."""
    to: str
    """A file, `-` (MPEG-TS on standard output), rtmp(s)://, srt://, udp://, or http(s):// (WHIP)."""
    place: Place = field(default_factory=Place)
    coding: Coding = field(default_factory=Coding)
    sound: float | None = -20.0
    """Level of the sound mark in dB below full scale; None: no sound mark."""
    alone: bool = False
    """The sound mark replaces the programme's sound."""
    loop: bool = False
    """Begin anew at the input's end."""
    seconds: float | None = None
    """Stop after so much media."""
    realtime: bool = True
    """Hand out each picture when its time has come."""


@dataclass(slots=True)
class Stamped:
    """How far it is: read from any thread."""

    pictures: int = 0
    seconds: float = 0.0
    """Media time sent."""
    late: int = 0
    """Times that the machine fell behind and the marks were set anew."""


def run(plan: Plan, stop: Event, told: Stamped | None = None, wall: Callable[[], float] | None = None) -> Stamped:
    """Stamp until the input ends, `plan.seconds` have passed or `stop` is set.

    `wall`: Unix seconds now, by which the marks are set (default: the agent's clock). Raises OSError (input or output),
    ValueError (what was asked for makes no sense).
    """
    told = told or Stamped()
    try:
        _run(plan, stop, told, wall or (lambda: clock.wall(clock.now())))
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror or str(error)) from None
    return told


def _run(plan: Plan, stop: Event, told: Stamped, now: Callable[[], float]) -> None:
    feed = open_feed(plan.source, plan.loop)
    try:
        push = Push(plan.to, plan.coding, feed.shape)
        try:
            _copy(plan, stop, told, now, feed, push)
        except BaseException:
            push.abandon()
            raise
        push.close()
    finally:
        feed.close()


def _copy(plan: Plan, stop: Event, told: Stamped, now: Callable[[], float], feed: Silenced, push: Push) -> None:
    burner = Burner(plan.place, plan.sound, alone=plan.alone)
    anchor: float | None = None
    for piece in feed:
        if stop.is_set() or (plan.seconds is not None and piece.pts >= plan.seconds):
            return
        if anchor is None:
            anchor = _whole(now() - piece.pts)
        if plan.realtime:
            wait = anchor + piece.pts - now()
            if wait > 0 and stop.wait(wait):
                return
            if wait < -BEHIND:
                anchor, told.late = _whole(now() - piece.pts), told.late + 1
        push.send(burner.burn(piece, anchor + piece.pts))
        told.seconds = piece.pts
        told.pictures += piece.kind == "video"


def _whole(time: float) -> float:
    """A time in whole milliseconds: the picture's stamp knows no less, and pictures and sound must agree."""
    return round(time, 3)
