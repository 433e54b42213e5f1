"""The encoders that a sweep knows: what FFmpeg calls them, their presets, and how each is told to control its rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Control: TypeAlias = Literal["crf", "qp", "abr", "cbr"]
CONTROLS: tuple[Control, ...] = ("crf", "qp", "abr", "cbr")
"""Constant quality, constant quantizer, an average rate, a constant rate."""

_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo")
_NVENC = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")
_QSV = ("veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


@dataclass(frozen=True, slots=True)
class Rate:
    """How the rate is controlled: the words of a plan, in bits and bits per second."""

    control: Control
    value: float
    """CRF or QP, or bits per second."""
    maxrate: int | None = None
    bufsize: int | None = None


@dataclass(frozen=True, slots=True)
class Gop:
    """Key frames: every `frames`, none at cuts unless `cuts`. frames None: as the encoder likes."""

    frames: int | None
    cuts: bool = False


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder, as FFmpeg has it."""

    codec: str
    """What FFmpeg calls it."""
    presets: tuple[str, ...]
    """From fast to slow."""
    default: str
    """The preset where a plan names none."""
    preset: str
    """The option that takes it."""
    crf: tuple[int, int] | None
    """The range of its constant quality; None: it has none."""
    qp: tuple[int, int] | None
    rated: Callable[[Rate], list[str]]
    gop: Callable[[Gop], list[str]]
    two_pass: bool = False
    capped: frozenset[Control] = frozenset(("crf", "abr"))
    """With which of them a maxrate can be asked for."""
    before: tuple[str, ...] = ()
    """Options ahead of the inputs."""
    upload: str = ""
    """The filters that bring pictures to it."""
    quiet: str = ""
    """Private parameters that are always given."""
    params: str = ""
    """The option that takes private parameters, joined by colons."""


def _bits(value: float) -> str:
    return str(round(value))


def _caps(rate: Rate) -> list[str]:
    caps = ["-maxrate", _bits(rate.maxrate)] if rate.maxrate else []
    return caps + (["-bufsize", _bits(rate.bufsize)] if rate.bufsize else [])


def _plain(rate: Rate) -> list[str]:
    """As libx264 and libx265 take it. A constant rate: the peak is the average, the buffer a second unless said."""
    if rate.control in ("crf", "qp"):
        return [f"-{rate.control}", f"{rate.value:g}", *_caps(rate)]
    bits = ["-b:v", _bits(rate.value)]
    if rate.control == "abr":
        return bits + _caps(rate)
    return [*bits, "-minrate", bits[1], "-maxrate", bits[1], "-bufsize", _bits(rate.bufsize or rate.value)]


def _x264(rate: Rate) -> list[str]:
    return _plain(rate) + (["-nal-hrd", "cbr"] if rate.control == "cbr" else [])


def _svt(rate: Rate) -> list[str]:
    """SVT-AV1's constant rate is for low delay alone (its Docs/Parameters.md), so it comes with pred-struct=1."""
    if rate.control != "cbr":
        return _plain(rate)
    size = ["-bufsize", _bits(rate.bufsize)] if rate.bufsize else []
    return ["-b:v", _bits(rate.value), *size, "-svtav1-params", "rc=2:pred-struct=1"]


def _vp9(rate: Rate) -> list[str]:
    """Constant quality is a rate of 0; with a cap it is libvpx's constrained quality, whose cap holds on average."""
    if rate.control == "crf":
        return ["-crf", f"{rate.value:g}", "-b:v", _bits(rate.maxrate or 0)]
    if rate.control == "qp":
        quantizer = f"{rate.value:g}"
        return ["-crf", quantizer, "-qmin", quantizer, "-qmax", quantizer, "-b:v", "0"]
    return _plain(rate)


def _nvenc(rate: Rate) -> list[str]:
    if rate.control == "crf":
        return ["-rc", "vbr", "-cq", f"{rate.value:g}", "-b:v", "0", *_caps(rate)]
    if rate.control == "qp":
        return ["-rc", "constqp", "-qp", f"{rate.value:g}"]
    return ["-rc", "vbr" if rate.control == "abr" else "cbr", *_plain(rate)]


def _qsv(rate: Rate) -> list[str]:
    """Intelligent constant quality, and a constant quantizer by the flag that `-q:v` sets."""
    if rate.control == "crf":
        return ["-global_quality:v", f"{rate.value:g}"]
    return ["-q:v", f"{rate.value:g}"] if rate.control == "qp" else _plain(rate)


def _vaapi(rate: Rate) -> list[str]:
    if rate.control == "qp":
        return ["-rc_mode", "CQP", "-qp", f"{rate.value:g}"]
    if rate.control == "crf":
        return ["-rc_mode", "ICQ", "-global_quality:v", f"{rate.value:g}"]
    return ["-rc_mode", "VBR" if rate.control == "abr" else "CBR", *_plain(rate)]


def _videotoolbox(rate: Rate) -> list[str]:
    if rate.control == "abr":
        return _plain(rate)
    return ["-b:v", _bits(rate.value), "-constant_bit_rate", "1"]


def _gop_x264(gop: Gop) -> list[str]:
    cuts = [] if gop.cuts else ["-sc_threshold", "0"]
    if gop.frames is None:
        return cuts
    least = [] if gop.cuts else ["-keyint_min", str(gop.frames)]
    return ["-g", str(gop.frames), *least, *cuts, "-flags", "+cgop"]


def _gop_x265(gop: Gop) -> list[str]:
    told = [] if gop.cuts else ["scenecut=0"]
    if gop.frames is not None:
        told += [f"keyint={gop.frames}", "open-gop=0", *([] if gop.cuts else [f"min-keyint={gop.frames}"])]
    return ["-x265-params", ":".join(told)] if told else []


def _gop_fixed(gop: Gop) -> list[str]:
    """Where key frames never come at cuts, or come at a fixed distance only if both ends are said."""
    if gop.frames is None:
        return []
    return ["-g", str(gop.frames), *([] if gop.cuts else ["-keyint_min", str(gop.frames)]), "-flags", "+cgop"]


def _gop_nvenc(gop: Gop) -> list[str]:
    cuts = [] if gop.cuts else ["-no-scenecut", "1"]
    return cuts if gop.frames is None else ["-g", str(gop.frames), "-strict_gop", "1", "-forced-idr", "1", *cuts]


def _device(name: str, codec: str) -> Encoder:
    """A hardware encoder of a family that covers several codecs."""
    whole = f"{codec}_{name}"
    quantizers = (0, 255) if codec == "av1" and name != "qsv" else (0, 51)
    if name == "nvenc":
        return Encoder(whole, _NVENC, "p4", "-preset", (0, 51), quantizers, _nvenc, _gop_nvenc)
    if name == "qsv":
        return Encoder(whole, _QSV, "medium", "-preset", (1, 51), (1, 51), _qsv, _gop_fixed, upload="format=nv12",
                       capped=frozenset(("abr",)))  # fmt: skip
    if name == "vaapi":
        return Encoder(whole, tuple("7654321"), "4", "-compression_level", (1, 51), quantizers, _vaapi, _gop_fixed,
                       upload="format=nv12,hwupload", before=("-vaapi_device", "/dev/dri/renderD128"),
                       capped=frozenset(("abr",)))  # fmt: skip
    return Encoder(whole, ("realtime", "default"), "default", "", None, None, _videotoolbox, _gop_fixed)


_HARDWARE = {"nvenc": ("h264", "hevc", "av1"), "qsv": ("h264", "hevc", "av1"), "vaapi": ("h264", "hevc", "av1"),
             "videotoolbox": ("h264", "hevc")}  # fmt: skip

ENCODERS: Mapping[str, Encoder] = {
    "x264": Encoder("libx264", _X26X, "medium", "-preset", (0, 51), (0, 51), _x264, _gop_x264, two_pass=True,
                    params="-x264-params"),
    "x265": Encoder("libx265", _X26X, "medium", "-preset", (0, 51), (0, 51), _plain, _gop_x265, two_pass=True,
                    params="-x265-params", quiet="log-level=warning"),
    "svt-av1": Encoder("libsvtav1", tuple(str(speed) for speed in range(13, -2, -1)), "10", "-preset", (1, 63),
                       (1, 63), _svt, _gop_fixed, capped=frozenset(("crf",)), params="-svtav1-params"),
    "vp9": Encoder("libvpx-vp9", tuple(str(speed) for speed in range(8, -1, -1)), "4", "-cpu-used", (0, 63), (0, 63),
                   _vp9, _gop_fixed, two_pass=True),
    **{f"{codec}_{name}": _device(name, codec) for name, codecs in _HARDWARE.items() for codec in codecs},
}  # fmt: skip
"""By the names that plans use."""


def arguments(
    name: str, preset: str, rate: Rate, gop: Gop, options: Mapping[str, str], threads: int, number: int = 0
) -> list[str]:
    """What FFmpeg is told behind its inputs and filters: encoder, preset, rate, key frames, a plan's own options.

    `threads`: 0 leaves them to the encoder. `number`: of the pass, 0 where there is but one; its notes lie in the
    working folder. Private parameters from several sides are joined into one option, as FFmpeg would keep the last.
    """
    encoder = ENCODERS[name]
    told = ["-c:v", encoder.codec]
    if encoder.preset:
        told += [encoder.preset, preset]
    if name == "vp9":
        told += ["-deadline", "good", "-row-mt", "1"]
    if preset == "realtime":
        told += ["-realtime", "1"]
    told += encoder.rated(rate) + encoder.gop(gop)
    if name == "svt-av1" and threads:
        told += ["-svtav1-params", f"lp={threads}"]
    elif threads:
        told += ["-threads", str(threads)]
    if name == "x265" and threads:
        told += ["-x265-params", f"pools={threads}"]
    if name == "x265" and rate.control == "cbr":
        told += ["-x265-params", "strict-cbr=1"]
    if number:
        told += ["-x265-params", f"pass={number}"] if name == "x265" else ["-pass", str(number)]
    if encoder.quiet:
        told += [encoder.params, encoder.quiet]
    for option, value in options.items():
        told += [f"-{option}", value]
    return _joined(told, encoder.params)


def _joined(told: list[str], option: str) -> list[str]:
    """`told` with all that `option` is given brought together at the place of the first."""
    if not option:
        return told
    values = [told[at + 1] for at, word in enumerate(told) if word == option]
    left: list[str] = []
    skip = False
    for word in told:
        if skip:
            skip = False
        elif word == option:
            left += [option, ":".join(values)] if values else []
            values, skip = [], True
        else:
            left.append(word)
    return left
