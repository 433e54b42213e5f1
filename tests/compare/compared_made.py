"""What a comparison finds, made by hand: one of everything that a report must be able to say."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from qoe_agent.compare.shapes import (
    Alignment,
    Audio,
    Compared,
    Heard,
    Media,
    Pair,
    Pooled,
    Run,
    Scene,
    Scores,
    Space,
    Tested,
    Video,
)

RATE = Fraction(25)
CUTS = (0, 90, 160, 260, 400)
METRICS = ("vmaf[v1]", "vmaf[neg]", "psnr_y", "ssim_y", "xpsnr_y")
FILTERS = "scale=1280:720:flags=bicubic,format=yuv420p10le"


def video(frames: int = 400, bits: float | None = 4_020_000.0, **more: object) -> Video:
    known: dict[str, object] = {
        "codec": "h264", "width": 1280, "height": 720, "pixel_format": "yuv420p", "bits": 8, "rate": RATE,
        "times": np.arange(frames) / float(RATE), "constant": True, "bits_per_second": bits, "range": "limited",
        "primaries": "bt709", "matrix": "bt709", "transfer": "sdr", "aspect": Fraction(1), "rotation": 0,
        "interlaced": False, **more,
    }  # fmt: skip
    return Video(**known)  # type: ignore[arg-type]


def media(path: str, bits: float | None = 4_020_000.0, frames: int = 400, **more: object) -> Media:
    sound = Audio("aac", 48_000, 2, 128_000.0, 0.0, frames / float(RATE))
    return Media(path, "5f" * 32, 2_000_000, video(frames, bits, **more), sound, frames / float(RATE))


def scores(level: float, reference: np.ndarray, offset: int, seed: int) -> Scores:
    """Of frames about a level, worse in the third scene and worst at frame 200; one frame has no error at all."""
    chance = np.random.default_rng(seed)
    vmaf = np.clip(level - 6 * ((reference >= 160) & (reference < 260)) + chance.normal(0, 1.2, len(reference)), 0, 100)
    vmaf = np.where(np.abs(reference - 200) < 6, vmaf - 20, vmaf)
    psnr = 20 + vmaf / 4
    psnr[3] = np.inf
    frames = {"vmaf[v1]": vmaf, "vmaf[neg]": vmaf - 2.4, "psnr_y": psnr, "ssim_y": 0.8 + vmaf / 500,
              "xpsnr_y": psnr - 1.5}  # fmt: skip
    thumbs = chance.integers(60, 180, (2, len(reference), 18, 32), np.uint8)
    return Scores(frames, reference, reference - offset, {"psnr_y": 40.123456}, (thumbs[0], thumbs[1]),
                  ("ffmpeg", "-i", "file:b.mp4"), {"ffmpeg": "9.0.2", "libvmaf": "3.1.0"}, 12.5)  # fmt: skip


def pooled(found: Scores) -> dict[str, Pooled]:
    told = {}
    for name, values in found.frames.items():
        kept = values[np.isfinite(values)]
        seconds = [kept[at : at + 25].mean() for at in range(len(kept) - 24)]
        worst = int(np.argmin(seconds))
        p1, p5, median = np.percentile(kept, (1, 5, 50))
        harmonic = float(len(kept) / (1 / (kept + 1)).sum() - 1)
        told[name] = Pooled(name, float(kept.mean()), harmonic, float(p1), float(p5), float(median),
                            float(seconds[worst]), worst / float(RATE), len(values))  # fmt: skip
    return told


def scenes(found: Scores) -> tuple[Scene, ...]:
    told = []
    for begin, end in pairwise(CUTS):
        inside = (found.reference >= begin) & (found.reference < end)
        means = {name: float(values[inside & np.isfinite(values)].mean()) for name, values in found.frames.items()}
        told.append(Scene(begin, end, begin / float(RATE), means))
    return tuple(told)


def candidate(name: str, level: float, bits: float, offset: int = 0, seed: int = 1, **more: object) -> Tested:
    reference = np.setdiff1d(np.arange(max(0, offset), 400), [150, 151, 152] if offset else []).astype(np.int64)
    found = scores(level, reference, offset, seed)
    runs = (Run(0, offset, 150 - offset), Run(153 - offset, 153, 247)) if offset else (Run(0, 0, 400),)
    laid = Alignment("content" if offset else "timestamps", offset, offset / 25, 0.987, runs, 3 if offset else 0,
                     1 if offset else 0)  # fmt: skip
    sound = Heard(0.04 if offset else 0.0, 0.95, -23.1, -24.9 if offset else -23.1, 1.5 if offset else 0.0,
                  ((3.0, 4.5),) if offset else (), 2.3, 16_000.0, 15_200.0)  # fmt: skip
    known: dict[str, object] = {
        "alignment": laid, "space": Space(1280, 720, "format=yuv420p10le", FILTERS, "bicubic"), "scores": found,
        "pooled": pooled(found), "scenes": scenes(found), "heard": sound, **more,
    }  # fmt: skip
    size = {"width": 640, "height": 360} if offset else {}
    return Tested(media(f"encodes/{name}", bits, **size), name, **known)  # type: ignore[arg-type]


def pair(a: Tested, b: Tested, metric: str, reach: float | None) -> Pair:
    difference = b.pooled[metric].mean - a.pooled[metric].mean
    low, high = (None, None) if reach is None else (difference - reach, difference + reach)
    return Pair(a.name, b.name, metric, difference, low, high, 4, "bootstrap over scenes",
                "" if reach else "too few scenes for an interval: for this clip only")  # fmt: skip


def compared() -> Compared:
    """Two that were scored, one scaled and late; one that was refused."""
    fine = candidate("x264_slow.mp4", 95.0, 4_020_000.0, notes=("VMAF is near its end: see XPSNR",))
    late = candidate("<b>svt & small.mp4", 88.0, 812_000.0, offset=12, seed=2)
    refused = Tested(media("other.mp4"), "other.mp4", ("shows other content: of 40 places none fits",))
    pairs = tuple(pair(fine, late, name, None if name == "psnr_y" else 0.9) for name in METRICS)
    return Compared(
        "x264_slow.mp4 is better than <b>svt & small.mp4 by 7.0 VMAF v1 [6.1, 7.9] at 5.0 times the bitrate.",
        media("reference.mp4", None), (fine, late, refused), pairs,
        {"versions": {"qoe_agent": "1", "ffmpeg": "9.0.2"}, "commands": [["ffmpeg", "-i", "file:b.mp4"]],
         "filters": {"x264_slow.mp4": FILTERS}},
        ("<script>alert(1)</script> is a name",),
    )  # fmt: skip


def alike() -> Compared:
    """One test alone, of one scene, without VMAF and sound."""
    one = candidate("only.mp4", 96.0, 900_000.0)
    kept = {name: value for name, value in one.pooled.items() if not name.startswith("vmaf")}
    only = Tested(one.media, one.name, (), one.alignment, one.space, one.scores, kept, one.scenes[:1])
    return Compared("only.mp4: XPSNR 42.1 dB.", media("reference.mp4"), (only,), (), {})


def nothing() -> Compared:
    """All refused."""
    refused = Tested(media("other.mp4"), "other.mp4", ("shows other content", "and is interlaced"))
    return Compared("Nothing could be compared.", media("reference.mp4"), (refused,), (), {})
