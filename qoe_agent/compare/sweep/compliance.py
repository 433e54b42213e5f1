"""Whether an encode keeps to what was promised of it: peak rate, buffer, key frames."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.sweep.shapes import Buffer, KeyFrames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.encoding import Packets
    from qoe_agent.compare.sweep.shapes import Clip, Encoded, Setting

INITIAL = 0.9
"""How full the buffer is when the first frame is taken out, as a share: what x264 and x265 assume (vbv-init)."""
SHARE = 1e-9
"""Of a buffer, below which a lack of bits is the arithmetic's own."""
LEAST = 2
"""Key frames from which their distance can be told."""


def peak(packets: Packets, window: float) -> float | None:
    """Bits per second in the window with the most, which begins at any frame; of the whole where that is shorter.

    None: there is nothing to measure.
    """
    times, sizes = np.array(packets.times), np.array(packets.sizes, float) * 8
    if not len(times) or packets.rate <= 0:
        return None
    length = times[-1] - times[0] + 1 / packets.rate
    window = min(window, length)
    sums = np.concatenate([[0.0], np.cumsum(sizes)])
    starts = times[times <= times[-1] + 1 / packets.rate - window + SHARE]
    # A window of n frames holds exactly n of them: half a frame keeps rounded times from adding another.
    ends = np.searchsorted(times, starts + window - 0.5 / packets.rate, "left")
    begins = np.searchsorted(times, starts, "left")
    return float(np.max(sums[ends] - sums[begins]) / window)


def buffer(packets: Packets, maxrate: int, bufsize: int, initial: float = INITIAL) -> Buffer:
    """The leaky bucket of ITU-T H.264 Annex C.2, rate variable: filled at `maxrate` bits per second up to `bufsize`
    bits, and emptied of each frame at once when that is decoded. A frame that is not all there is a violation.
    """
    fill, before = initial * bufsize, 0.0
    lowest, violations, first = 1.0, 0, None
    for time, size in zip(packets.times, packets.sizes, strict=True):
        fill = min(float(bufsize), fill + maxrate * (time - before)) - size * 8
        before = time
        lowest = min(lowest, fill / bufsize)
        if fill < -SHARE * bufsize:
            violations += 1
            first = time if first is None else first
            fill = 0.0
    return Buffer(maxrate, bufsize, violations, lowest, first)


def key_frames(encoded: Sequence[Encoded], clip: Clip) -> tuple[KeyFrames, ...]:
    """For each label of a clip with several encodes, whether their key frames show the same frames."""
    groups: dict[str, list[Encoded]] = defaultdict(list)
    for one in encoded:
        if one.clip == clip.name:
            groups[one.setting.label].append(one)
    return tuple(_aligned(label, group, clip) for label, group in groups.items() if len(group) > 1)


def _aligned(label: str, group: Sequence[Encoded], clip: Clip) -> KeyFrames:
    frames = [{round(time * clip.rate) for time in one.keys} for one in group]
    common = set.intersection(*frames)
    apart = sorted(set.union(*frames) - common)
    titles = tuple(_title(one.setting) for one in group)
    first = apart[0] / clip.rate if apart else None
    note = "" if not apart else f"{len(apart)} key frames are not in all of {len(group)} encodes"
    return KeyFrames(clip.name, titles, not apart, len(common), first, note, label)


def _title(setting: Setting) -> str:
    rate = f"{setting.value:g}" if setting.control in ("crf", "qp") else f"{setting.value / 1000:g}k"
    return f"{setting.label} {setting.width}x{setting.height} {setting.control} {rate}"


def gops(one: Encoded, gop: float | None, rate: float) -> str:
    """What is wrong with the distance of an encode's key frames, if it was to be fixed; else nothing."""
    if gop is None:
        return ""
    asked = max(1, round(gop * rate))
    frames = [round(time * rate) for time in one.keys]
    steps = {later - sooner for sooner, later in pairwise(frames)}
    missing = len(frames) < LEAST and one.frames > asked
    if not missing and not steps - {asked}:
        return ""
    found = "none after the first" if missing else f"{min(steps) / rate:g} to {max(steps) / rate:g} s"
    return f"key frames were to be {asked / rate:g} s apart, and are: {found}"
