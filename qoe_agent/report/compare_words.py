"""What `qoe-agent compare` found, in words: metrics, sizes, rates, alignments and sound as people read them. Pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from qoe_agent.compare import verdicts
from qoe_agent.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from qoe_agent.compare.shapes import Alignment, Compared, Heard, Media, Pair, Pooled, Space, Tested

CALLED = {
    "psnr_y": "PSNR Y", "psnr_u": "PSNR U", "psnr_v": "PSNR V", "psnr_avg": "PSNR, all planes", "ssim_y": "SSIM Y",
    "ssim_u": "SSIM U", "ssim_v": "SSIM V", "ssim": "SSIM, all planes", "ms_ssim": "MS-SSIM", "xpsnr_y": "XPSNR Y",
    "xpsnr_u": "XPSNR U", "xpsnr_v": "XPSNR V", "cambi": "CAMBI (banding)",
}  # fmt: skip
FIRST = ("xpsnr_y", "ssim_y", "ssim", "psnr_y")
"""What a report is about where there is no VMAF."""
METHODS = {"stamp": "by stamp", "timestamps": "by timestamps", "content": "by content", "given": "as given by hand"}
ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
IN_STEP = 0.0005
"""Seconds below which sound is neither late nor early."""


def metric(name: str) -> str:
    """What a metric is called."""
    found = re.fullmatch(r"vmaf\[(.*)\]", name)
    if found:
        return f"VMAF {found[1].upper() if found[1] == 'neg' else found[1]}"
    return CALLED.get(name, name.replace("_", " "))


def unit(name: str) -> str:
    """Of a metric; empty where it has none."""
    return "dB" if "psnr" in name else ""


def digits(name: str) -> int:
    """Behind the point."""
    return 4 if "ssim" in name else 2


def value(name: str, number: float | None, signed: bool = False) -> str:
    """A metric's, without its unit."""
    if number is None or math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    text = f"{number:{'+' if signed else ''}.{digits(name)}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def downwards(name: str) -> bool:
    """Whether less of it is better."""
    return name == "cambi"


def first(compared: Compared) -> str | None:
    """The metric that the report is about: the first VMAF, or what stands in for it."""
    return leading(scored(compared))


def leading(tests: Sequence[Tested]) -> str | None:
    """The same, of some tests."""
    names = metrics(tests)
    known = [name for name in names if name.startswith("vmaf")] or [name for name in FIRST if name in names] or names
    return known[0] if known else None


def metrics(tests: Iterable[Tested]) -> list[str]:
    """All that anything was measured by, in order: VMAF first."""
    names = list(dict.fromkeys(name for one in tests for name in one.pooled))
    return sorted(names, key=lambda name: not name.startswith("vmaf"))


def usual(names: Iterable[str]) -> list[str]:
    """Without those of chroma and of all planes together, which a page folds and a terminal leaves out."""
    return [name for name in names if not name.endswith(("_u", "_v", "_avg")) and name != "ssim"]


def scored(compared: Compared) -> list[Tested]:
    """Those that could be compared."""
    return [one for one in compared.tests if not one.refused and one.scores is not None]


def numbers(metric_name: str, one: Pooled) -> dict[str, str]:
    """A metric over the whole, by the names of columns."""
    write = (one.mean, one.harmonic_mean, one.p1, one.p5, one.median, one.min_1s)
    names = ("mean", "harmonic", "p1", "p5", "median", "worst second")
    told = {name: value(metric_name, each) for name, each in zip(names, write, strict=True)}
    return {**told, "at": at(one.min_1s_at)}


def at(seconds: float) -> str:
    """A moment of a video: 0:07.48, 1:02:03.00."""
    hundredths = round(max(0.0, seconds) * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02}:" if hours else f"{minutes}:") + f"{rest // 100:02}.{rest % 100:02}"


def length(seconds: float) -> str:
    """How long a video is: 5.28 s, 12:03."""
    return f"{seconds:.2f} s" if seconds < 60 else at(seconds).split(".")[0]


def rate(frames: Fraction) -> str:
    """Frames a second: 25, 29.97."""
    return f"{float(frames):.2f}".rstrip("0").rstrip(".")


def bits(a_second: float | None) -> str:
    """A bit rate: 812 kbit/s, 4.02 Mbit/s."""
    return "–" if a_second is None else verdicts.bitrate(a_second)


def size(media: Media) -> str:
    """Of pictures: 1280x720; once they are turned as players do."""
    width, height = _upright(media)
    return f"{width}x{height}" + (f" (turned by {media.video.rotation}°)" if media.video.rotation else "")


def _upright(media: Media) -> tuple[int, int]:
    size = media.video.width, media.video.height
    return size[::-1] if media.video.rotation in (90, 270) else size


def coded(media: Media) -> str:
    """Codec, depth, and whether it is HDR."""
    video = media.video
    depth = f" {video.bits} bit" if video.bits != 8 else ""
    depth += " interlaced" if video.interlaced else ""
    hdr = f" {video.transfer.upper()}" if video.transfer != "sdr" else ""
    return f"{video.codec}{depth}{hdr}"


def facts(media: Media) -> str:
    """A file in one line."""
    video = media.video
    parts = [size(media), f"{rate(video.rate)} fps", coded(media), bits(video.bits_per_second), length(media.seconds)]
    return ", ".join(part for part in parts if part != "–")


def alignment(found: Alignment) -> str:
    """How a test lies on the reference."""
    frames, seconds = abs(found.offset_frames), abs(found.offset_seconds)
    side = "later" if found.offset_frames > 0 else "earlier"
    parts = [f"starts {_counted(frames, 'frame')} ({seconds:.2f} s) {side}" if frames else "starts together"]
    parts += [f"each {ORDINALS.get(step, f'{step}th')} frame of the {side}" for step, side in _steps(found) if step > 1]
    parts += [f"{found.dropped} dropped"] if found.dropped else []
    evenly = any(step > 1 and side == "test" for step, side in _steps(found))
    parts += [f"{found.duplicated} duplicated"] if found.duplicated and not evenly else []
    parts += ["none dropped or duplicated"] if not found.dropped and not found.duplicated else []
    sure = "" if found.method == "given" else f", confidence {math.floor(found.confidence * 100) / 100:.2f}"
    return f"{', '.join(parts)}; {_counted(found.pairs, 'pair')} of frames, {METHODS[found.method]}{sure}"


def _steps(found: Alignment) -> list[tuple[int, str]]:
    tests, references = ({getattr(run, name) for run in found.runs} for name in ("test_step", "reference_step"))
    return [(next(iter(steps)), side) for steps, side in ((tests, "test"), (references, "reference"))
            if len(steps) == 1]  # fmt: skip


def space(found: Space, test: Media) -> list[str]:
    """What was done to pictures before they were compared; empty: nothing."""
    said = []
    if found.crop:
        width, height, x, y = found.crop
        said.append(f"bars cut: {width}x{height} at {x}, {y} of the test's picture is left")
    if found.part:
        width, height, x, y = found.part
        said.append(f"compared with {width}x{height} at {x}, {y} of the reference's picture")
    elif (found.width, found.height) != (found.crop[:2] if found.crop else _upright(test)):
        said.append(f"compared at {found.width}x{found.height}, scaled by {found.scaler}")
    return said


def sound(found: Heard) -> str:
    """How the test's sound lies against its picture, compared with the reference."""
    if found.offset_seconds is None:
        return "offset unknown"
    if found.drift_seconds is not None:
        ends = (found.offset_seconds + sign * found.drift_seconds / 2 for sign in (-1, 1))
        return "sound " + " to ".join(f"{round(1000 * each):+d}".replace("-", "−") for each in ends) + " ms late"
    return late(found.offset_seconds)


def late(seconds: float) -> str:
    """Of sound against the picture: sound 40 ms late."""
    if abs(seconds) < IN_STEP:
        return "sound in step"
    return f"sound {abs(seconds) * 1000:.0f} ms {'late' if seconds > 0 else 'early'}"


def heard(found: Heard) -> dict[str, str]:
    """Everything about a test's sound, by the names of columns."""
    cells = {"offset": sound(found).removeprefix("sound ")}
    cells["loudness"] = _unlike(found.loudness_reference, found.loudness_test)
    cells["missing"] = f"{found.missing_seconds:.2f} s" if found.missing_seconds else "nothing"
    cells["spectral distance"] = "–" if found.spectral_distance is None else f"{found.spectral_distance:.1f} dB"
    cells["up to"] = "–" if found.bandwidth_test is None else f"{found.bandwidth_test / 1000:.1f} kHz"
    return cells


def _unlike(reference: float | None, test: float | None) -> str:
    if reference is None or test is None:
        return "–"
    apart = round(test - reference, 1)
    return f"{apart:+.1f} LU".replace("-", "−") if apart else "0.0 LU"


def missing(found: Heard, most: int = 5) -> str:
    """Where the test is silent and the reference is not."""
    parts = [f"{at(begin)} to {at(end)}" for begin, end in found.missing[:most]]
    more = len(found.missing) - most
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def pair(one: Pair) -> str:
    """Which is compared with which."""
    return f"{one.b} over {one.a}"


def difference(one: Pair) -> str:
    """That of a pair."""
    return value(one.metric, one.difference, signed=True)


def interval(one: Pair) -> str:
    """Of a pair's difference; empty where there is none."""
    if one.low is None or one.high is None:
        return ""
    return f"[{value(one.metric, one.low, signed=True)}, {value(one.metric, one.high, signed=True)}]"


def real(one: Pair) -> str:
    """Whether the difference is more than chance."""
    if one.low is None or one.high is None:
        return "for this clip only"
    return "real" if one.low > 0 or one.high < 0 else "not shown"


def notes(compared: Compared) -> list[tuple[str, list[str]]]:
    """Each note once, and whose it is: nobody's in particular where it is of all, or of the comparison."""
    tests = scored(compared)
    found: dict[str, list[str]] = {said: [] for said in compared.notes}
    found |= {said: [] for said in compared.reference.notes}
    for one in compared.tests:
        laid = (*(one.alignment.notes if one.alignment else ()), *(one.space.notes if one.space else ()))
        for said in dict.fromkeys((*one.notes, *laid, *one.media.notes)):
            found.setdefault(said, []).append(one.name)
    return [(said, whose if len(whose) < max(2, len(tests)) else []) for said, whose in found.items()]


def short(names: Sequence[str], most: int) -> dict[str, str]:
    """Names within so many letters, still apart from each other: the middle is left out."""
    cut: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        told = words.shown(name)
        if len(told) > most:
            told = f"{told[: most // 3]}…{told[len(told) - (most - most // 3 - 1) :]}"
        if told in cut.values():
            sign = f"{number}:"
            told = sign + told[: most - len(sign)]
        cut[name] = told
    return cut


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
