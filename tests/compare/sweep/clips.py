"""Small references and plans for tests of sweeps."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from qoe_agent.compare.sweep import plan as plans

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.compare.sweep.plan import Plan

FRAMES = 20


@functools.cache
def ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def reference(folder: Path, frames: int = FRAMES, size: str = "160x90", name: str = "reference.mkv") -> Path:
    """Moving test pictures, without loss."""
    path = folder / name
    command = [
        ffmpeg(), "-loglevel", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=10", "-frames:v", str(frames),
        "-c:v", "ffv1", "-pix_fmt", "yuv420p", str(path),
    ]  # fmt: skip
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path


def plan(text: str, path: Path) -> Plan:
    """Of one reference at `path`, with all that `text` says besides."""
    return plans.parse(f"references: [{json.dumps(str(path))}]\n{text}", str(path.with_name("plan.yml")))


def wrong(text: str) -> list[str]:
    """What is wrong with a plan."""
    from qoe_agent.config import ConfigError

    with pytest.raises(ConfigError) as caught:
        plans.parse(text, "plan.yml")
    return caught.value.errors
