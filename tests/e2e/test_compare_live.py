"""Two live encodes of one source through a real nginx-rtmp, compared by the command as its users run it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.e2e import servers

pytestmark = pytest.mark.e2e

LATER = 2
"""Seconds by which the second encoder shows things later …"""
AHEAD = 7
"""… and seconds that its time stamps are ahead."""
SCHEMA = json.loads((Path(__file__).parents[2] / "configs" / "compare_live.schema.json").read_text())
RATE, SECONDS = 25, 40
SECRET = "no-one-may-read-this"


def encoded(room: Path) -> list[Path]:
    """A picture that never repeats, coded well, and from two seconds before, coded badly: beforehand, as a loaded
    machine would be late with it."""
    paths = [room / "well.flv", room / "badly.flv"]
    graph = f"split[a][badly];[a]trim=start={LATER},setpts=PTS-STARTPTS[well]"
    shown = f"mandelbrot=size=320x180:rate={RATE}:maxiter=300:end_scale=0.001"
    command: list[str | Path] = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-t", str(SECONDS), "-i", shown,
                                 "-filter_complex", graph]  # fmt: skip
    for path, crf in zip(paths, (22, 34), strict=True):
        command += ["-map", f"[{path.stem}]", "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1",
                    "-crf", str(crf), "-g", str(RATE), "-pix_fmt", "yuv420p", path]  # fmt: skip
    subprocess.run(command, check=True, timeout=2 * servers.DEADLINE)
    return paths


def published(paths: list[Path], urls: list[str], told: Path) -> list[str | Path]:
    """FFmpeg's options: both at the speed of time, by one process; `told`: progress."""
    options: list[str | Path] = ["-stats_period", "0.1", "-progress", told]
    for path in paths:
        options += ["-re", "-i", path]
    for n, url in enumerate(urls):
        options += ["-map", str(n), "-c", "copy", "-output_ts_offset", str(AHEAD * n), "-f", "flv", url]
    return options


async def test_the_better_encode_is_named_and_the_lag_is_right(nginx: servers.Nginx, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        urls, progress = [nginx.rtmp(f"show{n}") for n in (0, 1)], tmp_path / "progress"
        options = published(encoded(tmp_path), urls, progress)
        await stack.enter_async_context(servers.ffmpeg(*options, log=tmp_path / "ffmpeg.log"))
        await servers.until(lambda: progress.exists() and re.search(r"frame=[1-9]", progress.read_text()), "pictures")
        found, told, status = await _compared(f"{urls[0]}?token={SECRET}", urls[1], "--for", "18s", "--fail-if",
                                              "qp[B-A] > 1", "--html", str(tmp_path / "report.html"))  # fmt: skip
    assert status == 1, told
    assert "qp[B-A] is" in told
    page = (tmp_path / "report.html").read_text()
    assert SECRET not in page + told + json.dumps(found)
    jsonschema.validate(found, SCHEMA)
    assert found["alignment"]["method"] == "content"
    shift = found["outputs"][1]["shift_seconds"] - found["outputs"][0]["shift_seconds"]
    assert shift == pytest.approx(-AHEAD - LATER, abs=0.1), "what is added to B's time for A's"
    apart = {one["measure"]: one for one in found["differences"]}
    assert apart["qp"]["difference"] > 6
    assert apart["transport"]["difference"] == pytest.approx(LATER, abs=0.3), "B sends each picture so much later"
    # So short a watch is sure because the quantiser differs alike in every second: not where pictures were left out.
    assert apart["qp"]["word"] in ("differs", "more time needed")
    assert ("A is better" in found["verdict"]) == (apart["qp"]["word"] == "differs"), found["verdict"]
    assert found["worst"], "worst moments are shown"
    assert "img-src data:" in page
    assert page.count("data:image/jpeg") >= 4, "pictures and crops of both"


async def _compared(*options: str) -> tuple[dict[str, Any], str, int]:
    """The document, what was said beside it, the exit status."""
    command = [sys.executable, "-m", "qoe_agent", "compare", "--live", "--json", *options]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 180.0)
    assert out, err.decode()
    return json.loads(out), err.decode(), process.returncode or 0
