"""What `qoe-agent compare` found, as its JSON document (a contract: see the README and configs/compare.schema.json).

Null: cannot be known, or infinite. A PSNR is infinite where pictures are equal to the reference: `identical_frames`
counts them, and `identical` is true where they all are. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Alignment, Compared, Heard, Media, Pair, Pooled, Scene, Space, Tested

VERSION = 1
"""Goes up when a key changes its meaning or goes away; new keys may come at any time."""
DIGITS = 6
"""Behind the point: as many as FFmpeg prints."""


def document(compared: Compared) -> dict[str, Any]:
    """All figures in plain JSON values."""
    return {
        "schema_version": VERSION,
        "verdict": compared.verdict,
        "reference": _media(compared.reference),
        "tests": [_tested(each) for each in compared.tests],
        "pairs": [_pair(each) for each in compared.pairs],
        "notes": list(compared.notes),
        "provenance": plain(compared.provenance),
    }


def _tested(test: Tested) -> dict[str, Any]:
    heard = test.heard
    return {
        **_media(test.media),
        "name": test.name,
        "refused": list(test.refused),
        "alignment": test.alignment and _alignment(test.alignment),
        "space": test.space and _space(test.space),
        "metrics": _metrics(test),
        "scenes": [_scene(each) for each in test.scenes],
        "av_offset_seconds": number(heard.offset_seconds) if heard else None,
        "sound": heard and _sound(heard),
        "notes": list(test.notes),
    }


def _media(media: Media) -> dict[str, Any]:
    video = media.video
    return {
        "path": media.path, "sha256": media.digest, "size_bytes": media.size, "seconds": number(media.seconds),
        "codec": video.codec, "width": video.width, "height": video.height, "frames": len(video.times),
        "frames_per_second": number(float(video.rate)), "pixel_format": video.pixel_format,
        "bitrate_bits_per_second": number(video.bits_per_second),
    }  # fmt: skip


def _alignment(found: Alignment) -> dict[str, Any]:
    return {
        "offset_frames": found.offset_frames, "offset_seconds": number(found.offset_seconds),
        "dropped": found.dropped, "duplicated": found.duplicated, "confidence": number(found.confidence),
        "method": found.method, "pairs": found.pairs, "runs": [each._asdict() for each in found.runs],
    }  # fmt: skip


def _space(found: Space) -> dict[str, Any]:
    return {
        "width": found.width, "height": found.height, "scaler": found.scaler, "crop": found.crop and list(found.crop),
        "part": found.part and list(found.part),
        "reference_filters": found.reference_filters, "test_filters": found.test_filters,
    }  # fmt: skip


def _metrics(test: Tested) -> dict[str, Any]:
    """VMAF as a list, a model each; all others by name."""
    vmaf = [
        {"model": name[5:-1], **_pooled(each, test)} for name, each in test.pooled.items() if name.startswith("vmaf[")
    ]
    rest = {name: _pooled(each, test) for name, each in test.pooled.items() if not name.startswith("vmaf[")}
    return {"vmaf": vmaf, **rest}


def _pooled(found: Pooled, test: Tested) -> dict[str, Any]:
    values = test.scores.frames.get(found.metric) if test.scores else None
    equal = 0 if values is None else int(np.isposinf(values).sum())
    return {
        "mean": number(found.mean), "harmonic_mean": number(found.harmonic_mean), "p1": number(found.p1),
        "p5": number(found.p5), "median": number(found.median), "min_1s": number(found.min_1s),
        "min_1s_at_seconds": number(found.min_1s_at), "frames": found.n,
        **({"identical": math.isinf(found.mean), "identical_frames": equal} if "psnr" in found.metric else {}),
    }  # fmt: skip


def _scene(found: Scene) -> dict[str, Any]:
    return {
        "first_frame": found.first, "end_frame": found.end, "start_seconds": number(found.start_seconds),
        "means": {name: number(each) for name, each in found.means.items()},
    }  # fmt: skip


def _sound(found: Heard) -> dict[str, Any]:
    return {
        "offset_confidence": number(found.offset_confidence), "drift_seconds": number(found.drift_seconds),
        "loudness_lufs": number(found.loudness_test), "reference_loudness_lufs": number(found.loudness_reference),
        "missing_seconds": number(found.missing_seconds),
        "missing": [{"from_seconds": number(first), "to_seconds": number(end)} for first, end in found.missing],
        "spectral_distance_db": number(found.spectral_distance),
        "bandwidth_hertz": number(found.bandwidth_test),
        "reference_bandwidth_hertz": number(found.bandwidth_reference), "notes": list(found.notes),
    }  # fmt: skip


def _pair(found: Pair) -> dict[str, Any]:
    return {
        "a": found.a, "b": found.b, "metric": found.metric, "difference": number(found.difference),
        "low": number(found.low), "high": number(found.high), "n_scenes": found.n_scenes, "method": found.method,
        "note": found.note,
    }  # fmt: skip


def number(value: float | None) -> float | None:
    """As JSON can hold it."""
    return None if value is None or not math.isfinite(value) else round(float(value), DIGITS)


def plain(value: Any) -> Any:
    """Of whatever was noted: infinities and what is no number as null."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return number(value) if isinstance(value, float) else value
