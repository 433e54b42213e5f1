"""Adaptive decoding on the lane: a key frame, what it makes us want, and the group before it, from its beginning.

Each key frame is decoded together with its twin, a picture soon after it. The looks are asked whether they want all
pictures since the last one; and a twin that is the same as its key frame, or the next, may be in a freeze, which key
frames far apart cannot tell from motion. If anything is wanted, the group before is decoded in full: an onset is known
to the frame; and decoding goes on until no look is alert, and no packet suspicious, at a key frame. The looks see
rising times: pictures that they have seen are decoded again but not shown. What it costs is bounded (`maths.duty`);
when the lane is late, only key frames are decoded.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import av

from qoe_agent import clock
from qoe_agent.decode.pictures import TICKS, TOGETHER, LeftOut, Run, describe
from qoe_agent.maths.thumb import lasts, same, thumb, twins
from qoe_agent.model import Damage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from qoe_agent.decode.gop import Gop
    from qoe_agent.decode.pictures import Frame, Pictures
    from qoe_agent.decode.snapshots import Snapshot
    from qoe_agent.maths.duty import Duty
    from qoe_agent.maths.sameness import Plane
    from qoe_agent.maths.thumb import Thumb
    from qoe_agent.maths.view import View
    from qoe_agent.model import Picture

LATE = 4.0
"""Seconds of waiting in the lane after which only key frames are decoded."""


class Told(NamedTuple):
    """What the packets say when a group begins."""

    odd: bool
    """The group before has to be decoded in full."""
    small: bool
    """The same, unless the picture stands still all along."""
    now: bool
    """They are suspicious still."""
    burst: bool
    """A burst begins with this group."""


class Backwards:
    """One video track of one connection; `running` and `pending` are read by the event loop."""

    def __init__(self, pictures: Pictures, duty: Duty) -> None:
        self._pictures, self._duty = pictures, duty
        self.running = False
        """Everything that comes is wanted."""
        self.pending = False
        """A call of `more` waits in the lane."""
        self._run: Run | None = None
        self._gop: Gop | None = None
        """The group that the run is in."""
        self._done = 0
        """Packets of it that the decoder has."""
        self._scheduled = False
        """The run is a burst: nothing else asked for it."""
        self._seen: int | None = None
        """The latest time that the looks saw, in ticks."""
        self._again = False
        """The run has not yet come to what the looks have not seen."""
        self._last: tuple[int, Thumb] | None = None
        """The last key picture: its time and what it looked like."""
        self._same = False
        """The last two key pictures were the same."""
        self._after: Plane | None = None
        """The last twin of a key picture."""
        self._stood: deque[bool] = deque(maxlen=8)
        """Whether the last key frames' twins were the same as they."""

    def key(
        self, gop: Gop, count: int, before: Gop | None, told: Told, asked: float, plain: bool = False
    ) -> Iterator[object]:
        """A group has begun; `count` packets of it are decoded with its key frame; `plain`: the key frame alone."""
        if self._seen is not None and _ticks(gop.pts) < self._seen:
            yield from self._stop()
            self._seen, self._last, before = None, None, None  # another timeline
        if plain or clock.now() - asked > LATE:
            yield from self._give_up()
            yield from self._glance(gop)
            if told.now or told.odd or told.small or self._pictures.looks.alert:
                yield LeftOut(1, "suspicion")
        elif self._run is not None and self._gop is before:
            yield from self._go_on(gop, count, told)
        else:
            yield from self._stop()
            yield from self._judge(gop, count, before, told)

    def more(self, gop: Gop, wish: bool, rests: bool, asked: float) -> Iterator[object]:
        """More of the group has come. `wish`: its packets are suspicious; `rests`: a burst is over."""
        self.pending = False
        if clock.now() - asked > LATE:
            yield from self._give_up()
        elif self._gop is gop:
            self._scheduled &= not wish
            yield from self._advance()
        elif wish and gop.whole and (gop.odd or not self._same) and self._duty.allows(same=False):
            yield from self._begin(gop)
        if self._gop is gop and (not gop.whole or (rests and self._scheduled and not self._pictures.looks.alert)):
            yield from self._stop()

    def end(self, gop: Gop, wish: bool) -> Iterator[object]:
        """The connection is over, and this was the last group."""
        if self._gop is gop:
            yield from self._advance()
        elif gop.whole and (wish or self._pictures.looks.alert):
            yield from self._begin(gop)
        yield from self._stop()

    def _judge(self, gop: Gop, count: int, before: Gop | None, told: Told) -> Iterator[object]:
        """Not running: the key frame and its twin say what is wanted before and after it."""
        frames, looks = (yield from self._pictures.alone(gop.packets[:count])), self._pictures.looks
        self._pictures.follows = False
        if not frames:
            if before is not None and self._granted(looks.alert or told.small, told.odd):
                yield from self._begin(before)
                yield from self._stop()
            return
        view, after = self._pictures.view(frames[0]), self._after
        self._keyed(_ticks(gop.pts), thumb(view.small))
        twin = self._standing(view, frames[1:])
        self._stood.append(twin is not None)
        news = not self._same or looks.moves  # else it is known to stand still, and small packets say no more
        held = twin is not None or (news and after is not None and lasts(after, view.small))
        asked = looks.suspects(view) or looks.alert
        wants = self._granted(asked or (told.small and news), told.odd)
        wants |= held and news and self._duty.allows(same=self._habit)
        if wants and before is not None:
            yield from self._begin(before)
            yield from self._enter(gop)
        if self._seen != _ticks(gop.pts) and self._run is None:
            yield from self._look(frames[0], view)
        now = (told.now and (news or told.odd)) or looks.alert or (before is None and asked)
        if told.burst or self._granted(now, False) or (before is None and wants):
            yield from self._begin(gop, scheduled=told.burst and not now)
        else:
            yield from self._stop()
            yield from self._once_more(gop, twin)

    def _go_on(self, gop: Gop, count: int, told: Told) -> Iterator[object]:
        """Running: the rest of the group, its successor's key frame, and on if that is wanted."""
        self._after = None
        yield from self._advance()
        yield from self._enter(gop)
        if self._run is None and self._seen != _ticks(gop.pts):
            yield from self._glance(gop)
        wants = (told.now and (told.odd or not self._same)) or self._pictures.looks.alert
        if self._run is not None and (told.burst or self._granted(wants, False)):
            self._scheduled = told.burst and not wants
            yield from self._advance()
        else:
            yield from self._stop()
            twin = yield from self._twin(gop, count)
            yield from self._once_more(gop, twin)

    def _glance(self, gop: Gop) -> Iterator[object]:
        """The key frame alone."""
        frames = yield from self._pictures.alone(gop.packets[:1])
        for frame in frames[:1]:
            self._pictures.follows = False
            view = self._pictures.view(frame)
            self._keyed(_ticks(gop.pts), thumb(view.small))
            yield from self._look(frame, view)

    def _once_more(self, gop: Gop, twin: View | None) -> Iterator[object]:
        """The key picture came out of the decoder only as the run ended, and it is what somebody waits for; or the
        `twin` shows that something began to stand still with it."""
        looks = self._pictures.looks
        if self._seen != _ticks(gop.pts):
            return
        begins = twin is not None and not self._same and looks.suspects(twin)
        if self._granted(looks.alert, False) or (begins and self._duty.allows(same=self._habit)):
            yield from self._begin(gop)

    def _twin(self, gop: Gop, count: int) -> Generator[object, None, View | None]:
        """The twin of a key picture that came out of a run, where it may say more."""
        if self._same or self._seen != _ticks(gop.pts) or self._granted(self._pictures.looks.alert, False):
            return None
        frames = yield from self._pictures.alone(gop.packets[:count])
        return self._standing(self._pictures.view(frames[0]), frames[1:]) if frames else None

    def _standing(self, view: View, after: list[Frame]) -> View | None:
        """The key picture's twin, the last of those after it, if it shows the same."""
        twin = self._pictures.view(after[-1]) if after else None
        self._after = None if twin is None else twin.small.copy()
        return twin if twin is not None and twins(view.small, twin.small) else None

    @property
    def _habit(self) -> bool:
        """Standing still, or moving slowly, is what this stream does."""
        return sum(self._stood) > len(self._stood) / 2 >= 2

    def _granted(self, wants: bool, odd: bool) -> bool:
        return (odd and self._duty.allows(same=False)) or (wants and self._duty.allows(same=self._same))

    def _begin(self, gop: Gop, *, scheduled: bool = False) -> Iterator[object]:
        """Decode a group in full; what was seen of it is not shown again."""
        if self._run is None or self._gop is not gop:
            yield from self._stop()
            try:
                self._run = Run(self._pictures.format)
            except (av.FFmpegError, ValueError):
                return  # the key frame by itself has told of it
            self._gop, self._done, self._again, self.running = gop, 0, True, True
        self._scheduled = scheduled
        yield from self._advance()

    def _enter(self, gop: Gop) -> Iterator[object]:
        """The run comes to the key frame of the next group."""
        if self._run is not None:
            self._pay()
            self._gop, self._done = gop, 0
            yield from self._advance(gop.leading)

    def _advance(self, most: int = 1_000_000) -> Iterator[object]:
        """Decode what has come of the group."""
        gop = self._gop
        shown: list[tuple[Frame, View]] = []
        while self._run is not None and gop is not None and self._done < min(len(gop.packets), most):
            seen = gop.packets[self._done]
            self._done += 1
            try:
                shown += self._come(self._run.feed(seen))
            except (av.FFmpegError, ValueError) as error:
                yield from self._pictures.show(shown)
                self._forget()
                yield Damage(seen.at, seen.track, "decode", 1, describe(error))
                return
            if len(shown) >= TOGETHER:
                yield from self._pictures.show(shown)
                shown = []
        yield from self._pictures.show(shown)

    def _stop(self) -> Iterator[object]:
        """The run is over; what its decoder holds comes out."""
        if (run := self._run) is not None:
            self._pay()
            yield from self._pictures.show(list(self._come(run.drain())))
        self._forget()

    def _give_up(self) -> Iterator[object]:
        """The lane is late: what was to be decoded is left out."""
        if self._run is not None and self._gop is not None:
            yield LeftOut(len(self._gop.packets) - self._done, "picture")
        self._forget()

    def _forget(self) -> None:
        self._run, self._gop, self.running = None, None, False
        self._scheduled = self._pictures.follows = False

    def _pay(self) -> None:
        if self._gop is not None and not self._scheduled and self._done > 1:
            self._duty.spend(self._gop.seconds, same=self._same and not self._gop.odd)

    def _come(self, frames: list[Frame]) -> Iterator[tuple[Frame, View]]:
        """Pictures of the run: those that are to be shown, because they were not seen."""
        for frame in frames:
            ticks = None if frame.pts is None else _ticks(frame.pts)
            if self._again and self._seen is not None and ticks is not None and ticks <= self._seen:
                self._pictures.follows = ticks == self._seen
                continue
            self._again = False
            shown = self._pictures.next(frame)
            if ticks is not None:
                self._seen = ticks
                if self._gop is not None and ticks == _ticks(self._gop.pts):
                    self._keyed(ticks, thumb(shown[1].small))
            yield shown

    def _look(self, frame: Frame, view: View) -> Iterator[Damage | Picture | Snapshot]:
        """A key picture is shown by itself."""
        if frame.pts is not None:
            self._seen = _ticks(frame.pts)
        self._pictures.follows = True
        yield from self._pictures.show([(frame, view)])

    def _keyed(self, ticks: int, here: Thumb) -> None:
        """A key picture: whether it is the one before once more."""
        if self._last is not None:
            passed = (ticks - self._last[0]) / TICKS
            if passed <= 0.0:
                return
            self._duty.passed(passed)
            self._same = same(self._last[1], here)
        self._last = ticks, here


def _ticks(pts: float) -> int:
    return round(pts * TICKS)
