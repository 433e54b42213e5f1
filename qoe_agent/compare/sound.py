"""The sound of a test against that of the reference: when it comes, how loud, what is missing, which colour it has.

Both tracks are decoded once, side by side with nothing kept but what `ears` keeps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

from qoe_agent.compare.figures import delays, drifting, hearing
from qoe_agent.compare.figures.ears import Ears, Window
from qoe_agent.compare.media import opened
from qoe_agent.compare.shapes import Heard, Unfit
from qoe_agent.decode.frames import samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.audio.frame import AudioFrame

    from qoe_agent.compare.figures.delays import Agreed, Delay
    from qoe_agent.compare.figures.drifting import Drift
    from qoe_agent.compare.figures.ears import Track, Wave
    from qoe_agent.compare.shapes import Alignment, Audio, Floats, Media

MOST = 3
"""Seconds by which sound may be off."""
WINDOWS, LONG = 24, 4
"""Windows in which the delay is looked for, and their greatest length in seconds."""
GAP = 0.03
"""Seconds that timestamps may be off what counting samples says before something is missing, or too much."""
FORGET = 600.0
"""Seconds missing at once that cannot be true."""
SHIFTS = 0.005
"""Seconds between windows' delays that are worth a word."""
FEW = 2
"""Windows by which clocks that run at other rates are tried."""
QUIET = 1e-6
"""Mean square of a window too faint to tell a delay by: −60 dBFS."""


class Laid(NamedTuple):
    """Which times of the test's pictures are which of the reference's."""

    reference: Floats
    """Seconds of each pair, rising."""
    later: Floats
    """How much later the test's are."""
    span: tuple[float, float]
    """Of the reference: from the first pair to the end of the last."""

    def at(self, times: Floats) -> Floats:
        """How much later the test is at those times of the reference."""
        return np.interp(times, self.reference, self.later)

    def around(self, start: float, end: float) -> float:
        """The same, over a stretch: rounding of timestamps averages out."""
        inside = (self.reference >= start) & (self.reference <= end)
        return float(self.later[inside].mean()) if inside.any() else float(self.at(np.array([(start + end) / 2]))[0])


def laid(reference: Media, test: Media, alignment: Alignment) -> Laid:
    """Of the frames that are paired."""
    ours, theirs = [], []
    for run in alignment.runs:
        steps = np.arange(run.frames)
        ours.append(run.reference + steps * run.reference_step)
        theirs.append(run.test + steps * run.test_step)
    one = reference.video.times[np.concatenate(ours)]
    two = test.video.times[np.concatenate(theirs)]
    return Laid(one, two - one, (float(one[0]), float(one[-1]) + float(1 / reference.video.rate)))


def heard(reference: Media, test: Media, alignment: Alignment) -> Heard | None:
    """How the test's sound compares; None where the reference has none.

    Raises Unfit where sound cannot be decoded.
    """
    if reference.audio is None:
        return None
    where = laid(reference, test, alignment)
    starts = _starts(where.span)
    long = _long(where.span)
    later = [where.around(start, start + long) for start in starts]
    one = listen(reference, [Window(start, long) for start in starts], where.span[1])
    if test.audio is None:
        return _without(one, where.span)
    most = 2 * MOST + long
    wide = [Window(start + off - MOST, most) for start, off in zip(starts, later, strict=True)]
    two = listen(test, wide, float(where.span[1] + where.later[-1]) + MOST)
    found = _compared(one, two, where, *_delays(one, two, starts, most))
    if test.audio.channels == reference.audio.channels:
        return found
    channels = f"it has {_channels(test.audio)}, the reference {_channels(reference.audio)}: loudness is of their sum"
    return replace(found, notes=(channels, *found.notes))


def _channels(audio: Audio) -> str:
    return f"{audio.channels} channel{'' if audio.channels == 1 else 's'}"


def _long(span: tuple[float, float]) -> int:
    return max(1, min(LONG, int((span[1] - span[0]) / 3)))


def _starts(span: tuple[float, float]) -> list[float]:
    """Of windows, evenly over what both have; half overlapping where that is short."""
    long = _long(span)
    room = max(0.0, span[1] - span[0] - long)
    many = max(1, min(WINDOWS, int(room / (long / 2)) + 1))
    return [span[0] + room * n / max(1, many - 1) for n in range(many)]


def _delays(one: Track, two: Track, starts: list[float], seconds: int) -> tuple[Agreed, float]:
    """Of the windows with sound in them: sound's delay on the picture's, positive where it is late.

    Where windows have none, clocks of other rates are tried: delays are then without what theirs, which is returned as
    well, adds from the first window on.
    """
    heard = [n for n, wave in enumerate(one.waves) if np.square(wave).mean() >= QUIET]
    # A window's delay is that in its middle.
    middles = [start - starts[0] + len(wave) / one.rate / 2 for start, wave in zip(starts, one.waves, strict=True)]
    at = [middles[n] for n in heard]
    found = delays.agreed(_found(one, two, seconds, heard, 0.0), at)
    if found.sure >= delays.HALF or not heard:
        return found, 0.0
    few = [heard[round(n)] for n in np.linspace(0, len(heard) - 1, min(FEW, len(heard)))]
    tried = max(drifting.RATES, key=lambda rate: sum(each.sure for each in _found(one, two, seconds, few, rate)))
    again = _found(one, two, seconds, heard, tried)
    rate = drifting.slope(again, at)
    level = delays.agreed(drifting.levelled(again, at, rate), at)
    return (level, rate) if level.seconds is not None else (found, 0.0)


def _found(one: Track, two: Track, seconds: int, windows: Sequence[int], rate: float) -> list[Delay]:
    """Of some windows, with the test's clock turned back by that rate."""
    found = []
    late = two.lean - one.lean - MOST
    for n in windows:
        ours = delays.spectrum(one.waves[n], one.rate, seconds)
        theirs = delays.spectrum(drifting.stretched(two.waves[n], rate), two.rate, seconds)
        delay = delays.delay(ours, theirs, seconds, 2 * MOST)
        found.append(delay._replace(seconds=delay.seconds + late) if delay else delays.Delay(0.0, False))
    return found


def _compared(one: Track, two: Track, where: Laid, found: Agreed, rate: float) -> Heard:
    length = where.span[1] - where.span[0]
    drift = drifting.drift(found, rate, length, SHIFTS)
    begin, grows = drift or (found.seconds or 0.0, 0.0)

    def test_times(at: Floats) -> Floats:
        return np.asarray(at + where.at(at) + begin + grows * (at - where.span[0]) / length)

    at = hearing.times(where.span, one.hop)
    ours, theirs = hearing.loudness(one, at), hearing.loudness(two, test_times(at))
    gain = theirs - ours if ours is not None and theirs is not None else 0.0
    gone = hearing.missing(one, two, test_times, where.span, gain)
    return Heard(
        offset_seconds=begin + grows / 2 if drift else found.seconds,
        offset_confidence=found.confidence,
        loudness_reference=ours,
        loudness_test=theirs,
        missing_seconds=sum(end - start for start, end in gone),
        missing=gone,
        spectral_distance=hearing.spectral_distance(one, two, test_times, where.span, gain),
        bandwidth_reference=hearing.bandwidth(one),
        bandwidth_test=hearing.bandwidth(two),
        notes=_notes(found, where, ours, theirs, drift),
        drift_seconds=grows if drift else None,
    )


def _notes(
    found: Agreed, where: Laid, ours: float | None, theirs: float | None, drift: Drift | None
) -> tuple[str, ...]:
    notes = []
    if ours is not None and theirs is None:
        notes.append("it is silent, and the reference is not")
    if drift:
        share = 100 * abs(drift.grows) / (where.span[1] - where.span[0])
        begin, grows = (f"{round(1000 * each):+d} ms" for each in drift)
        drifts = f"the sound's offset drifts by {grows} from start to end ({share:.2g} %)"
        notes.append(f"{drifts}: {begin} at the beginning")
    elif found.sure >= delays.HALF and found.most - found.least > SHIFTS:
        notes.append("the sound's offset is not the same throughout: "
                     f"{1000 * found.least:+.0f} to {1000 * found.most:+.0f} ms")  # fmt: skip
    elif found.seconds is None and ours is not None and theirs is not None:
        notes.append("when the sound comes cannot be told: it repeats itself, or is not the same sound")
    if float(np.ptp(where.later)) > GAP:
        notes.append("pictures are not as far apart in time as the reference's: the sound's offset is against the "
                     "picture at each moment, on average")  # fmt: skip
    return tuple(notes)


def _without(one: Track, span: tuple[float, float]) -> Heard:
    """Of a test without a sound track."""
    ours = hearing.loudness(one, hearing.times(span, one.hop))
    nothing = Ears(one.start, one.rate, 1, ()).track(0.0)
    gone = hearing.missing(one, nothing, lambda at: at, span, 0.0)
    lost = sum(end - start for start, end in gone)
    return Heard(None, 0.0, ours, None, lost, gone, None, hearing.bandwidth(one), None,
                 ("it has no sound track, and the reference has one",))  # fmt: skip


def listen(media: Media, windows: list[Window], until: float) -> Track:
    """The first sound track of a file, up to `until` seconds by its own clock."""
    ears: Ears | None = None
    lean: list[float] = []
    for frame in _frames(media):
        rate, channels = frame.sample_rate, frame.layout.nb_channels
        at = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else None
        if ears is None:
            ears = Ears(at or 0.0, rate, channels, windows)
        if (rate, channels) != (ears.rate, ears.channels):
            raise Unfit(f"{media.path}: its sound changes from {ears.rate} Hz, {ears.channels} channels to {rate} Hz, "
                        f"{channels} channels; only sound that stays the same is compared")  # fmt: skip
        samples = samples_of(frame)
        if at is not None:
            off = at - (ears.start + ears.heard / rate)
            samples = _placed(ears, samples, off)
            lean.append(off if abs(off) <= GAP else 0.0)
        ears.add(samples)
        if ears.start + ears.heard / rate > until:
            break
    if ears is None:
        raise Unfit(f"{media.path}: no sound of its track ({media.audio.codec if media.audio else '?'}) can be decoded")
    return ears.track(sum(lean) / max(1, len(lean)))


def _placed(ears: Ears, samples: Wave, off: float) -> Wave:
    """With silence for what is missing before them, or without what was there already."""
    if GAP < off < FORGET:
        ears.add(np.zeros((len(samples), round(off * ears.rate)), np.float32))
    elif -FORGET < off < -GAP:
        return samples[:, round(-off * ears.rate) :]
    return samples


def _frames(media: Media) -> Iterator[AudioFrame]:
    """What can be decoded of the first sound track."""
    with opened(media.path) as container:
        for packet in container.demux(container.streams.audio[0]):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue
