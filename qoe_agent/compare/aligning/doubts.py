"""Which frames of a path are certain: those on whose lag no other is nearly as good.

Between two changes of lag the path is one piece, and it is weighed as a whole against the same piece a frame or two
off. A piece that could as well lie elsewhere is left out, as is the end of one from where another lag does better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.compare.aligning import likeness, paths
from qoe_agent.compare.shapes import Unlike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.laying import Laid

    Flags = NDArray[np.bool_]

ENOUGH = 30.0
"""Nats by which the path must be better than another."""
CONTRARY = 0.35
"""Share of the evidence for the path that may speak against it."""
PIECE = 8.0
"""Nats by which a piece must be, of several."""
ENDS = 6.0
"""Nats by which another lag may do better from some frame to the end of a piece."""
TOLD, UNTOLD = 5.0, 24
"""Nats that must speak for the piece's lag within so many frames from either end: else a change may hide there."""
BORDER = 36
"""Frames beside a change of lag of which it is asked whether they lie as what is beyond it."""
MOST = 0.6
"""Share of the frames that may be left out for that, where there is but one piece."""
SHORT = 20
"""Frames before the first or after the last change of lag, or what may be one, that are too few to be believed."""
LATER = 0.75
"""Frames by which a piece must show older ones than those around it."""
OLDER = 4
"""Frames by which a picture may be late, where an encoder is short of bits."""
SKIPPED = 2.0
"""Times what coding leaves, from which on no encoder leaves a picture as the one before was."""
ALONE = 2.5
"""The same, by the pictures alone that are coded by themselves."""
STANDS = 0.02
"""Mean square change of the reference, in square codes, below which it does not matter which frame is taken."""
SHORTEST = 8
"""Frames that must lie on each other."""
TORN, FAR = 4, 8.0
"""Frames that do not repeat, by so many times what coding leaves, with which it is no loop."""
STRETCH = 12
"""Frames whose evidence is added before it counts as for or against: neighbours hang together."""


def sums(gains: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Nats of stretches, from those of frames."""
    return np.add.reduceat(gains, np.arange(0, len(gains), STRETCH)) if len(gains) else gains


def told(gains: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Nats for a path, and against it, of its frames'; nothing is against it where they are too few."""
    if len(gains) < SHORTEST:
        return np.inf, 0.0
    stretches = sums(gains)
    return float(stretches[stretches > 0].sum()), float(-stretches[stretches < 0].sum())


def clear(gain: float, against: float, enough: float = ENOUGH) -> bool:
    """Whether evidence decides."""
    return gain - against >= enough and against <= CONTRARY * gain


def torn(apart: NDArray[np.float32], usual: NDArray[np.float32]) -> bool:
    """Whether some frames of what else repeats show something else, by what they differ by and what coding leaves."""
    return bool((apart > FAR * (usual + likeness.FLOOR)).sum() >= TORN)


def edged(laid: Laid[Any]) -> bool:
    """Whether it is known where edges are: where they are fitted, a pan moves pictures as those do."""
    return bool(laid.look.late) and not laid.look.loose(laid.fit)


def enough(on: Flags, where: str) -> None:
    """`Unlike` where too few frames are."""
    if on.sum() < SHORTEST:
        raise Unlike(f"only {int(on.sum())} frames of the test {where}: too few to be sure")


def certain(laid: Laid[Any], on: Flags) -> Flags:
    """Of the test's frames, those whose lag is certain; `on`: those that are found at all."""
    sure = on.copy()
    pieces = _pieces(laid, on)
    known = edged(laid)
    for by in _beside(laid.reading.fine):
        gains = np.zeros(len(on))
        which, told = laid.gains(laid.lags + by)
        gains[which] = told
        for start, end in pieces:
            moves = abs(by) >= 1 and not _stands(laid, start, end)
            if moves and len(pieces) > 1 and (start == 0 or end == len(on)) and _few(laid, start, end, known):
                sure[start:end] = False
            if by < 0 and known:
                _unlate(laid, gains, start, end)
            _weigh(sure, gains, start, end, moves and len(pieces) > 1)
            _strayed(laid, sure, gains, start, end)
            _hidden(sure, gains, start, end, moves, len(pieces))
    _borders(laid, sure, pieces)
    for start, end in _dips(laid) if laid.look.late else ():
        sure[start:end] = False
    runs = [each for each in paths.pieces(sure, 0.0) if sure[each[0]]]
    for start, end in {runs[0], runs[-1]} if len(runs) > 1 else ():
        if _few(laid, start, end, known):
            sure[start:end] = False
    return sure


def _few(laid: Laid[Any], start: int, end: int, known: bool) -> bool:
    """Whether frames at an end of the test are too few, also of those whose neighbours no encoder would show for them:
    these tell only where edges are `known`."""
    told = known and (_telling(laid, start, end, (-1.0, 1.0)) >= SKIPPED).sum() >= SHORTEST
    return end - start < SHORT and not told


def _telling(laid: Laid[Any], start: int, end: int, by: tuple[float, ...]) -> NDArray[np.float32]:
    """By how much more than each frame the likest of those `by` frames off differs, in terms of what coding leaves."""
    some = np.arange(start, end)
    frames = [laid.reading.frames(each, laid.reading.at[some] + laid.lags[some]) for each in by]
    apart = np.min([laid.look.apart(some, np.maximum(each, 0), laid.fit) for each in frames], axis=0)
    return np.asarray((apart - laid.left[some]) / (laid.usual[some] + likeness.FLOOR), np.float32)


def _unlate(laid: Laid[Any], gains: NDArray[np.float64], start: int, end: int) -> None:
    """Take out of `gains` what pictures of a piece that lean on others have for an older path, where those between
    which they lie, coded by themselves, decide: an encoder short of bits shows all others late."""
    own = start + np.flatnonzero(laid.fresh[start:end])
    nats = gains[own]
    if len(own) < SHORTEST or not clear(float(nats[nats > 0].sum()), float(-nats[nats < 0].sum())):
        return
    between = np.arange(own[0], own[-1] + 1)
    gains[between] = np.where(laid.fresh[between], gains[between], np.maximum(gains[between], 0.0))


def _borders(laid: Laid[Any], sure: Flags, pieces: list[tuple[int, int]]) -> None:
    """Take out of `sure` the frames beside a change of lag that might as well lie as what is beyond it.

    Where pictures hardly tell (fades, dark, few bits) a change may be earlier or later than the path has it, and a
    piece between two of them may be made of both. Where a border tells nothing, what is next to it is asked, too.
    """
    for step in (-2, -1, 1, 2) if len(pieces) > 1 else ():
        asked, far = [n for n in range(len(pieces)) if 0 <= n + step < len(pieces)], BORDER
        while asked:
            spans, lags = {}, laid.lags.copy()
            for n in asked:
                (start, end), beyond = pieces[n], pieces[n + step]
                spans[n] = (start, min(end, start + far)) if step < 0 else (max(start, end - far), end)
                lags[slice(*spans[n])] = laid.lags[beyond[1] - 1 if step < 0 else beyond[0]]
            which, nats = laid.gains(lags)
            matters = ~same(laid, which, lags)
            which, nats = which[matters], nats[matters]
            for n, (start, end) in spans.items():
                inside = np.flatnonzero((which >= start) & (which < end))[:: 1 if step < 0 else -1]
                untold = np.flatnonzero(np.cumsum(nats[inside]) < PIECE)
                sure[which[inside[: untold[-1] + 1 if len(untold) else 0]]] = False
                if spans[n] == pieces[n] or (len(untold) and untold[-1]) < len(inside) - 1:
                    asked.remove(n)
            far *= 2


def _dips(laid: Laid[Any]) -> Iterator[tuple[int, int]]:
    """Pieces that show older frames than those before and after, and may do so as an encoder was late.

    A frame is seldom shown again only for one to be left out a little later: an encoder short of bits looks like that,
    and one that skips what hardly moves. So does a piece that is a little older than what came before, where what
    follows is late by more.
    """
    pieces = [(start, end) for start, end in paths.pieces(laid.lags, 0.0) if (laid.frames[start:end] >= 0).any()]
    ahead = np.where(laid.frames >= 0, laid.frames - laid.reading.at, np.nan)
    shown = [float(np.nanmedian(ahead[start:end])) for start, end in pieces]
    for n in range(1, len(pieces) - 1):
        by = max(shown[:n]) - shown[n]
        if by <= LATER or not _late(laid, *pieces[n]):
            continue
        back, older = max(shown[n + 1 :]) - shown[n] > LATER, by <= OLDER and shown[n + 1] < shown[n] - LATER
        if back or (older and _late(laid, *pieces[n + 1])):
            yield from _untold(laid, *pieces[n])


def _untold(laid: Laid[Any], start: int, end: int) -> list[tuple[int, int]]:
    """Of a piece that may be late what lies beyond those frames, if enough, whose next ones no encoder leaves out."""
    told = start + np.flatnonzero(_telling(laid, start, end, (1.0,)) >= SKIPPED)
    return [(start, int(told[0])), (int(told[-1]) + 1, end)] if len(told) >= SHORTEST else [(start, end)]


def _late(laid: Laid[Any], start: int, end: int) -> bool:
    """Whether a piece may be late: nothing of it is coded by itself, and what the next frames differ by is so little,
    beside what coding leaves, that an encoder may have left it."""
    return not laid.fresh[start:end].any() and float(np.median(_telling(laid, start, end, (1.0,)))) < SKIPPED


def _hidden(sure: Flags, gains: NDArray[np.float64], start: int, end: int, moves: bool, pieces: int) -> None:
    """Take out of `sure` the beginning and the end of the test, if a change of lag may hide there."""
    before, after = _told(gains[start:end]) if moves else (0, 0)
    before, after = before if start == 0 else 0, after if end == len(sure) else 0
    if pieces > 1 or before + after < MOST * (end - start):
        sure[start : start + before] = False
        sure[end - after : end] = False


def _told(gains: NDArray[np.float64]) -> tuple[int, int]:
    """Frames at the beginning and at the end of a piece of which nothing tells that they belong to it."""
    ends = []
    for sign in (1, -1):
        known = np.flatnonzero(np.cumsum(gains[::sign]) >= TOLD)
        first = int(known[0]) if len(known) else len(gains)
        ends.append(first if first > UNTOLD else 0)
    return ends[0], ends[1]


def _beside(fine: int) -> tuple[float, ...]:
    parts = (-0.5, 0.5) if fine > 1 else ()
    return (-2.0, -1.0, *parts, 1.0, 2.0)


def _pieces(laid: Laid[Any], on: Flags) -> list[tuple[int, int]]:
    """Those in which anything is found."""
    return [(a, b) for a, b in paths.pieces(laid.lags) if on[a:b].any()]


def _weigh(sure: Flags, gains: NDArray[np.float64], start: int, end: int, whole: bool) -> None:
    """Take out of `sure` the piece, or that end of it, that another lag might claim."""
    own = gains[start:end]
    if whole:
        stretches = sums(own)
        if not clear(float(stretches[stretches > 0].sum()), float(-stretches[stretches < 0].sum()), PIECE):
            sure[start:end] = False
            return
    _lost(sure, gains, start, end, ENDS)


def _strayed(laid: Laid[Any], sure: Flags, gains: NDArray[np.float64], start: int, end: int) -> None:
    """Take out of `sure` that end of the piece over which pictures coded by themselves are for another lag.

    At its beginning, those that lean on the last of them go with it, up to one that alone tells more for the path.
    """
    own = np.where(laid.fresh, gains, 0.0)
    leaning = start + _lost(sure, own, start, end, ALONE)
    if leaning > start:
        stop = np.flatnonzero(laid.fresh[leaning:end] | (gains[leaning:end] > -own[start:leaning].sum()))
        sure[leaning : leaning + stop[0] if len(stop) else end] = False


def _lost(sure: Flags, gains: NDArray[np.float64], start: int, end: int, most: float) -> int:
    """Take out of `sure` that end of the piece over which another lag has more than `most` nats; how many frames those
    are at its beginning."""
    taken = []
    for sign in (1, -1):
        lost = np.cumsum(-gains[start:end][::sign])
        worst = int(lost.argmax())
        taken.append(worst + 1 if lost[worst] > most else 0)
        sure[start:end][::sign][: taken[-1]] = False
    return taken[0]


def same(laid: Laid[Any], some: NDArray[np.int64], lags: NDArray[np.float64]) -> Flags:
    """Which of the test's frames `some` show the same at other lags: the reference's pictures do not differ."""
    others = laid.reading.frames(0.0, laid.reading.at + lags)[some]
    ours, theirs = (laid.broad.reference[each].astype(np.float32) for each in (laid.frames[some], others))
    return np.asarray(np.square(ours - theirs).mean(axis=(1, 2)) < STANDS)


def _stands(laid: Laid[Any], start: int, end: int) -> bool:
    """Whether the reference does not move in a piece."""
    frames = laid.frames[start:end]
    frames = frames[(frames >= 2) & (frames < len(laid.broad.reference) - 2)]
    if not len(frames):
        return False
    before, after = (laid.broad.reference[frames + by].astype(np.float32) for by in (-2, 2))
    return bool(np.square(after - before).mean() < STANDS)
