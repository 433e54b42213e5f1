"""Two live encodes of one source through a real nginx-rtmp, compared by the command as its users run it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import statistics
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.e2e import servers

pytestmark = pytest.mark.e2e

LATER = 2.0
"""Seconds by which what the second encoder begins with comes before what the first begins with …"""
AHEAD = 7.0
"""… and seconds that its time stamps are ahead."""
SCHEMA = json.loads((Path(__file__).parents[2] / "configs" / "compare_live.schema.json").read_text())
RATE = 25
SECRET = "no-one-may-read-this"


def encoder(url: str, crf: int, begins: float, ahead: float, told: Path) -> tuple[str | Path, ...]:
    """FFmpeg's options: a picture that never repeats, from so many seconds on, coded so well, its time stamps so far
    ahead; `told`: progress."""
    return ("-stats_period", "0.1", "-progress", told, "-re", "-f", "lavfi", "-i",
            f"mandelbrot=size=320x180:rate={RATE}:maxiter=300:end_scale=0.001,trim=start={begins:g},"
            "setpts=PTS-STARTPTS", "-c:v", "libx264", "-preset",
            "ultrafast", "-threads", "1", "-crf", str(crf), "-g", str(RATE), "-pix_fmt", "yuv420p",
            "-output_ts_offset", str(ahead), "-f", "flv", url)  # fmt: skip


def encoded(told: Path) -> int:
    """Frames that an encoder has sent, by its own word."""
    said = re.findall(r"frame=\s*(\d+)", told.read_text()) if told.exists() else []
    return int(said[-1]) if said else 0


async def behind(first: Path, second: Path) -> float:
    """Seconds by which the second encoder shows things later: the median, until this is cancelled."""
    lags = []
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            lags.append(LATER + (encoded(first) - encoded(second)) / RATE)
            await asyncio.sleep(0.25)
    return statistics.median(lags)


async def test_the_better_encode_is_named_and_the_lag_is_right(nginx: servers.Nginx, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        urls, progress = [], [tmp_path / f"{n}.progress" for n in (0, 1)]
        for n, (crf, begins, ahead) in enumerate(((22, LATER, 0.0), (34, 0.0, AHEAD))):
            url = nginx.rtmp(f"show{n}")
            options = encoder(url, crf, begins, ahead, progress[n])
            await stack.enter_async_context(servers.ffmpeg(*options, log=tmp_path / f"{n}.log"))
            urls.append(url)
        await servers.until(lambda: all(map(encoded, progress)), "pictures")
        lag = asyncio.create_task(behind(*progress))
        found, told, status = await _compared(f"{urls[0]}?token={SECRET}", urls[1], "--for", "18s", "--fail-if",
                                              "qp[B-A] > 1", "--html", str(tmp_path / "report.html"))  # fmt: skip
        lag.cancel()
        later = await lag
    assert later > LATER / 2, "the second encoder is behind"
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
    assert apart["transport"]["difference"] == pytest.approx(later, abs=0.3), "B sends each picture so much later"
    assert "A is better" in found["verdict"], found["verdict"]
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
