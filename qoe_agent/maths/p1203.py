"""Video and sound quality after ITU-T P.1203.1 and P.1203.2: P.1203-style, not a certified implementation.

Written from the formulas and constants that the Recommendations publish (P.1203.1 10/2017 modes 0, 1 and 3,
P.1203.2 10/2017), checked against published vectors. In their scope: H.264 up to 1080p, AAC-LC, HE-AAC, MP2 and
AC-3, over TCP, sessions of 30 s to 5 min. HEVC and VP9 go through a published mapping of what H.264 would have got;
other codecs have no number here.
"""

from __future__ import annotations

from math import acos, cos, exp, log, log10, pi, sqrt
from typing import Literal, NamedTuple, TypeAlias

Mode: TypeAlias = Literal["0", "1", "3"]
"""What is known of the pictures: their bitrate; also the sizes of I and other frames; the quantiser of non-I frames."""

_MODE_0 = (11.9983519, -2.99991847, 41.2475074001, 0.13183165961)
_MODE_1 = (5.00011566, -1.19630824, 41.3585049, 0.0)
_INTRA = (-0.91562479, 0.0, -3.28579526, 20.4098663)
_SOUND = {"mp2": (-0.02, 15.48), "ac3": (-0.03, 15.70), "aaclc": (-0.05, 14.60), "heaac": (-0.11, 20.06)}
_EXTENDED = {
    "hevc": (-0.05196039, 0.39430046, 0.17486221, 0.50008018),
    "vp9": (-0.04129014, 0.30953836, 0.32314399, 0.5284358),
}
TOP_QP = 51
FASTEST = 120.0
"""Frames per second above which more make no difference to the model."""
_SMOOTH = 24.0


class Coded(NamedTuple):
    """What is known of the pictures around an instant."""

    codec: str
    """FFmpeg's name."""
    pixels: int
    """Width times height."""
    frame_rate: float
    bitrate: float
    """Bytes per second."""
    intra: float | None = None
    """Mean size of an I frame over that of the others; None where either is not known."""
    qp: float | None = None
    """Mean quantiser of non-I frames on H.264's scale, 0 to 51, whatever the bit depth."""


class Video(NamedTuple):
    """What the pictures are worth, and what was taken off, on the scale from 0 to 100 (R)."""

    mos: float
    """O22."""
    coding: float
    upscaling: float
    frame_rate: float
    mode: Mode


def clip(value: float, low: float, high: float) -> float:
    """`value`, or the nearer limit."""
    return min(max(value, low), high)


def mos_of(r: float) -> float:
    """MOS of a rating on the scale from 0 to 100."""
    if r <= 0.0:
        return 1.05
    return 4.9 if r >= 100.0 else 1.05 + 3.85 * r / 100.0 + r * (r - 60.0) * (100.0 - r) * 7e-6


def rating_of(mos: float) -> float:
    """The rating whose MOS this is: the middle root of the cubic in `mos_of`, which is 0 at both ends.

    r³ − 160 r² + 500 r + (mos − 1.05) / 7e-6 = 0, by Viète's formula with r = x + 160 / 3.
    """
    if mos <= 1.05:
        return 0.0
    if mos >= 4.9:
        return 100.0
    shift = 160.0 / 3.0
    p = 500.0 - 3.0 * shift * shift
    q = -2.0 * shift**3 + 500.0 * shift + (mos - 1.05) / 7e-6
    span = sqrt(-p / 3.0)
    angle = acos(clip(3.0 * q / (2.0 * p * span), -1.0, 1.0))
    return clip(2.0 * span * cos((angle - 2.0 * pi) / 3.0) + shift, 0.0, 100.0)


def mode_of(seen: Coded) -> Mode:
    """The best mode that what is known allows."""
    if seen.qp is not None:
        return "3"
    return "1" if seen.intra is not None else "0"


def coding(seen: Coded, mode: Mode) -> float:
    """MOS of the coding alone (P.1203.1 §8.1), 1 to 5."""
    frames = min(seen.frame_rate, FASTEST)
    if mode == "3":
        quant = clip((seen.qp or 0.0) / TOP_QP, 0.0, 1.0)
    else:
        a, b, c, d = _MODE_0 if mode == "0" else _MODE_1
        rate = max(seen.bitrate * 8.0 / 1000.0, 1e-3)
        density = rate * rate / (seen.pixels * frames) + d
        quant = a + b * log(max(c + log(rate) + log(max(density, 1e-12)), 1e-6))
    mos = 4.66 - 0.07 * exp(clip(4.06 * quant, -50.0, 50.0))
    if mode == "1" and seen.intra is not None:
        low, high, begin, end = _INTRA
        mos += low + (high - low) / (
            1.0 + exp(clip(-10.0 / (end - begin) * (seen.intra - (begin + end) / 2.0), -50.0, 50.0))
        )
    return clip(mos, 1.0, 5.0)


def video(seen: Coded, display: int, *, handheld: bool = False, mode: Mode | None = None) -> Video | None:
    """O22 of pictures shown on `display` pixels (P.1203.1); None where the codec has no number, or nothing came."""
    if seen.pixels <= 0 or seen.frame_rate <= 0.0 or seen.bitrate <= 0.0 or seen.codec not in ("h264", *_EXTENDED):
        return None
    mode = mode or mode_of(seen)
    coded = clip(100.0 - rating_of(coding(seen, mode)), 0.0, 100.0)
    scale = max(display / seen.pixels, 1.0)
    up = clip(72.61 * log10(0.32 * (scale - 1.0) + 1.0), 0.0, 100.0)
    slow = 0.0
    if seen.frame_rate < _SMOOTH:
        rate = seen.frame_rate
        slow = clip((100.0 - coded - up) * (30.98 - 1.29 * rate) / (64.65 + rate), 0.0, 100.0)
    mos = mos_of(100.0 - clip(coded + up + slow, 0.0, 100.0))
    if handheld:
        mos = clip(-0.60293 + 2.12382 * mos - 0.36936 * mos**2 + 0.03409 * mos**3, 1.0, 5.0)
    if seen.codec in _EXTENDED:
        a, b, c, d = _EXTENDED[seen.codec]
        mos = clip(a * mos**3 + b * mos**2 + c * mos + d, 1.0, 5.0)
    return Video(mos, coded, up, slow, mode)


def sound(codec: str, bitrate: float) -> float | None:
    """O21 of stereo sound (P.1203.2) at `bitrate` bytes per second; None for a codec that it does not know.

    `codec`: mp2, ac3, aaclc or heaac.
    """
    known = _SOUND.get(codec)
    if known is None or bitrate <= 0.0:
        return None
    slope, most = known
    return mos_of(100.0 - (100.0 * exp(slope * bitrate * 8.0 / 1000.0) + most))
