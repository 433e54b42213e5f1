"""What FFmpeg's filters wrote of each pair of frames: logs of libvmaf, printed metadata, and sums at the end."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats

KEYS = {
    "psnr.psnr.y": "psnr_y",
    "psnr.psnr.u": "psnr_u",
    "psnr.psnr.v": "psnr_v",
    "psnr.psnr_avg": "psnr_avg",
    "ssim.Y": "ssim_y",
    "ssim.U": "ssim_u",
    "ssim.V": "ssim_v",
    "ssim.All": "ssim",
    "xpsnr.xpsnr.y": "xpsnr_y",
    "xpsnr.xpsnr.u": "xpsnr_u",
    "xpsnr.xpsnr.v": "xpsnr_v",
}
"""Names of metadata, after `lavfi.`, and ours."""
_PRINTED = {
    "PSNR": {"y": "psnr_y", "u": "psnr_u", "v": "psnr_v", "average": "psnr_avg"},
    "SSIM": {"Y": "ssim_y", "U": "ssim_u", "V": "ssim_v", "All": "ssim"},
    "XPSNR": {"y": "xpsnr_y", "u": "xpsnr_u", "v": "xpsnr_v"},
}
PAIR = 2 * 18 * 32
"""Bytes of the fingerprints of a pair."""
_NUMBER = r"(inf|nan|-?\d+\.\d+)"


def metadata(path: Path) -> dict[str, Floats]:
    """By our names, one value a frame, from what the filter `metadata` printed."""
    _uncut(path)
    found: dict[str, list[float]] = {}
    with path.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            name, equals, value = line.strip().partition("=")
            key = KEYS.get(name.removeprefix("lavfi.")) if equals else None
            if key:
                found.setdefault(key, []).append(float(value))
    return {key: np.array(values) for key, values in found.items()}


def vmaf(path: Path, columns: Mapping[str, str]) -> dict[str, Floats]:
    """From libvmaf's CSV: `columns` maps a prefix of a column's name to ours."""
    _uncut(path)
    with path.open(newline="", encoding="ascii") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        places = {ours: _place(header, theirs) for theirs, ours in columns.items()}
        wanted = list(places.values())
        values = np.array([[float(row[place]) for place in wanted] for row in rows if row], np.float64)
    values = values.reshape(-1, len(wanted))
    return {ours: values[:, place] for place, ours in enumerate(places)}


def _uncut(path: Path) -> None:
    """Raises Unfit where a file does not end with its last line: neither FFmpeg nor libvmaf minds a full disk."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 1, 0))
        if file.read() != b"\n":
            raise Unfit(f"{path.parent}: scores that were written there are cut short: is there room in that folder?")


def _place(header: Sequence[str], name: str) -> int:
    exact = [place for place, column in enumerate(header) if column == name]
    found = exact or [place for place, column in enumerate(header) if column.startswith(name)]
    if not found:
        raise Unfit(f"libvmaf did not write {name}: its columns are {', '.join(header)}")
    return found[0]


def printed(said: str, models: Sequence[str]) -> dict[str, float]:
    """What FFmpeg says of the whole, by metric; `models` are those of VMAF in the order in which it was given them."""
    found: dict[str, float] = {}
    scores = re.findall(rf"VMAF score: {_NUMBER}", said)
    if len(scores) == len(models):
        found.update({f"vmaf[{model}]": float(score) for model, score in zip(models, scores, strict=True)})
    for name, keys in _PRINTED.items():
        for line in re.findall(rf"\] {name}\s+(.*)", said):
            for theirs, value in re.findall(rf"(\w+):\s*{_NUMBER}", line):
                if theirs in keys:
                    found[keys[theirs]] = float(value)
    return found


def thumbs(output: bytes | bytearray) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Fingerprints of the test's and the reference's pictures, (n, 18, 32) each, as far as whole pairs came."""
    both = np.frombuffer(output, np.uint8, len(output) // PAIR * PAIR).reshape(-1, 18, 64)
    return np.ascontiguousarray(both[:, :, :32]), np.ascontiguousarray(both[:, :, 32:])
