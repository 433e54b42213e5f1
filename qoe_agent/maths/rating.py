"""What a stream is worth to its viewer, over the last minute and since play was pressed.

A session is judged in blocks of five minutes, as long as P.1203's scope reaches; its score is their mean by length.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from itertools import islice
from math import isnan, nan
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.p1203 import mos_of, sound, video
from qoe_agent.maths.p1203_session import SILENT_FILM, Second, Stall, both, score
from qoe_agent.maths.programme import REACH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.maths.p1203 import Mode, Video
    from qoe_agent.maths.p1203_session import Score
    from qoe_agent.maths.programme import Programme
    from qoe_agent.maths.stalls import Dry

LEAST = 10
"""Seconds of played media below which nothing is said."""
MINUTE = 60
BLOCK = 300
SHARED = 5
"""Seconds, of those that are not final, that share a judgement."""
CAUSES = ("coding", "upscaling", "frame_rate", "audio")
OLD = 500
"""Seconds of media after which a stall is forgotten: more than a block of the session and what waits to be played."""


class Judged(NamedTuple):
    """One second of media."""

    video: float
    """O22."""
    audio: float | None
    """O21."""
    mode: Mode
    lost: tuple[float, float, float, float]
    """Points of MOS for coding, upscaling, frame rate and sound."""


class Result(NamedTuple):
    """A stretch of a session."""

    score: Score
    mode: Mode
    """Of most of its seconds."""
    seconds: int
    video: float
    """Mean O22."""
    audio: float | None
    """Mean O21; None where there is no sound."""
    lost: dict[str, float]
    """Points of MOS by cause, each at the step of the formulas that takes them."""


class Pauses:
    """The stalls of a session, open ones too, and the wait before it, by their places on the programme's timeline."""

    __slots__ = ("_all",)

    def __init__(self) -> None:
        self._all: list[tuple[float, Dry]] = []

    def clear(self) -> None:
        """Another session."""
        self._all.clear()

    def add(self, place: float, dry: Dry) -> None:
        """Playback stood."""
        self._all.append((place, dry))

    def until(self, at: float, played: int) -> list[Stall]:
        """As they are at `at`: none lies beyond what was played."""
        self._all = [(place, dry) for place, dry in self._all if place >= played - OLD]
        return [Stall(min(place, played), (at if dry.end is None else dry.end) - dry.start) for place, dry in self._all]


class Rating:
    """Judges the seconds that were played; `begin` when play is pressed."""

    __slots__ = (
        "_audio",
        "_blocks",
        "_display",
        "_from",
        "_handheld",
        "_judged",
        "_next",
        "_start",
        "_video",
        "_weight",
    )

    def __init__(self, display: int, *, handheld: bool) -> None:
        """`display`: pixels of the screen that the stream is watched on."""
        self._display, self._handheld = display, handheld
        self.begin(0)

    def begin(self, number: int) -> None:
        """The first second of a session."""
        self._start = self._from = self._next = number
        self._judged: deque[Judged | None] = deque()
        # O22 and O21 of the block's seconds before those; NaN: no sound.
        self._video, self._audio = array("d"), array("d")
        self._blocks = self._weight = 0.0

    def judge(self, programme: Programme, sounds: str | None) -> None:
        """Judge what is complete; `sounds`: the sound's codec as P.1203.2 knows it."""
        if programme.first > self._next:  # more came at once than is remembered
            gone, self._next = programme.first - self._next, programme.first
            self._judged.extend([None] * min(gone, BLOCK))
        while self._next + REACH <= programme.whole:
            self._judged.append(self._one(programme, self._next, sounds))
            self._next += 1

    def minute(self, programme: Programme, played: int, sounds: str | None, stalls: Sequence[Stall]) -> Result | None:
        """The minute before `played`; None while too little is known."""
        begin = max(self._start, played - MINUTE)
        judged = self._between(programme, begin, played, sounds)
        found = _scored([Second(one.video, one.audio) for one in judged], begin, played, stalls)
        return None if found is None else _result(found, judged)

    def session(self, programme: Programme, played: int, sounds: str | None, stalls: Sequence[Stall]) -> float | None:
        """Since play was pressed; None while too little is known."""
        while min(played, self._next) >= self._from + BLOCK:
            end = self._from + BLOCK
            whole = _scored(self._block(programme, end, sounds), self._from, end, stalls)
            if whole is not None:
                self._blocks += whole.mos * BLOCK
                self._weight += BLOCK
            self._from = end
            del self._video[:], self._audio[:]
        self._forget(played)
        now = _scored(self._block(programme, played, sounds), self._from, played, stalls)
        if now is None:
            return self._blocks / self._weight if self._weight else None
        count = played - self._from
        return (self._blocks + now.mos * count) / (self._weight + count)

    def _block(self, programme: Programme, end: int, sounds: str | None) -> list[Second]:
        old = [
            Second(seen, None if isnan(heard) else heard) for seen, heard in zip(self._video, self._audio, strict=True)
        ]
        judged = self._between(programme, self._from, end, sounds)
        return old + [Second(one.video, one.audio) for one in judged]

    def _forget(self, played: int) -> None:
        """Only the last minute is wanted in detail."""
        number = self._next - len(self._judged)
        while self._judged and number < played - MINUTE:
            one = self._judged.popleft()
            if one is not None and number >= self._from:
                self._video.append(one.video)
                self._audio.append(nan if one.audio is None else one.audio)
            number += 1

    def _between(self, programme: Programme, begin: int, end: int, sounds: str | None) -> list[Judged]:
        """What is known of these seconds; the newest are judged by what came so far, a few at a time."""
        oldest = self._next - len(self._judged)
        known = list(islice(self._judged, max(0, begin - oldest), max(0, min(end, self._next) - oldest)))
        fresh = None
        for n, number in enumerate(range(max(begin, self._next), end)):
            if n % SHARED == 0 or not programme.alike(number - 1, number):
                fresh = self._one(programme, number, sounds)
            known.append(fresh)
        return [one for one in known if one is not None]

    def _one(self, programme: Programme, number: int, sounds: str | None) -> Judged | None:
        around = programme.around(number)
        if around is None or around.pictures is None:
            return None
        seen = video(around.pictures, self._display, handheld=self._handheld)
        return None if seen is None else _judged(seen, sound(sounds, around.sound) if sounds else None)


def _scored(seconds: Sequence[Second], begin: int, end: int, stalls: Sequence[Stall]) -> Score | None:
    """`stalls` by their place on the whole timeline."""
    if len(seconds) < LEAST:
        return None
    return score(seconds, [Stall(at - begin, length) for at, length in stalls if begin <= at <= end])


def _judged(seen: Video, audio: float | None) -> Judged:
    """With the points that each step of the formulas takes."""
    rating, worth = 100.0, [mos_of(100.0)]
    for less in (seen.coding, seen.upscaling, seen.frame_rate):
        rating -= less
        worth.append(mos_of(rating))
    perfect, real = both(Second(seen.mos, SILENT_FILM)), both(Second(seen.mos, audio))
    return Judged(
        seen.mos, audio, seen.mode, (worth[0] - worth[1], worth[1] - worth[2], worth[2] - worth[3], perfect - real)
    )


def _result(found: Score, judged: Sequence[Judged]) -> Result:
    count = len(judged)
    heard = [one.audio for one in judged if one.audio is not None]
    sums = map(sum, zip(*(one.lost for one in judged), strict=True))
    lost = {cause: total / count for cause, total in zip(CAUSES, sums, strict=True)}
    if not heard:
        del lost["audio"]
    lost["adaptation"] = found.negative + found.oscillation + found.adaptation
    lost["stalling"] = found.stalled
    modes = Counter(one.mode for one in judged)
    return Result(
        found, modes.most_common(1)[0][0], count, sum(one.video for one in judged) / count,
        sum(heard) / len(heard) if heard else None, lost,
    )  # fmt: skip
