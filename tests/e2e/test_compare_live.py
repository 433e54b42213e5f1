"""Two live encodes of one source through a real nginx-rtmp, compared by the command as its users run it."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.e2e import servers

pytestmark = pytest.mark.e2e

LATER = 2.0
"""Seconds by which the second encoder begins later …"""
AHEAD = 7.0
"""… and seconds that its time stamps are ahead."""
SCHEMA = json.loads((Path(__file__).parents[2] / "configs" / "compare_live.schema.json").read_text())
SECRET = "no-one-may-read-this"


def encoder(url: str, crf: int, ahead: float) -> tuple[str, ...]:
    """FFmpeg's options: a picture that never repeats, coded so well, its time stamps so far ahead."""
    return ("-re", "-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=25:maxiter=300:end_scale=0.001", "-c:v",
            "libx264", "-preset", "ultrafast", "-threads", "1", "-crf", str(crf), "-g", "25", "-pix_fmt", "yuv420p",
            "-output_ts_offset", str(ahead), "-f", "flv", url)  # fmt: skip


async def test_the_better_encode_is_named_and_the_lag_is_right(nginx: servers.Nginx, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        urls = []
        for n, (crf, ahead) in enumerate(((22, 0.0), (34, AHEAD))):
            url = nginx.rtmp(f"show{n}")
            await stack.enter_async_context(servers.ffmpeg(*encoder(url, crf, ahead), log=tmp_path / f"{n}.log"))
            urls.append(url)
            await asyncio.sleep(LATER if n == 0 else 0.5)
        found, told, status = await _compared(f"{urls[0]}?token={SECRET}", urls[1], "--for", "13s", "--fail-if",
                                              "qp[B-A] > 1", "--html", str(tmp_path / "report.html"))  # fmt: skip
    assert status == 1, told
    assert "qp[B-A] is" in told
    page = (tmp_path / "report.html").read_text()
    assert SECRET not in page + told + json.dumps(found)
    jsonschema.validate(found, SCHEMA)
    assert found["alignment"]["method"] == "content"
    shift = found["outputs"][1]["shift_seconds"] - found["outputs"][0]["shift_seconds"]
    assert shift == pytest.approx(-AHEAD, abs=0.1), "what is added to B's time for A's"
    apart = {one["measure"]: one for one in found["differences"]}
    assert apart["qp"]["difference"] > 6
    assert apart["transport"]["difference"] == pytest.approx(LATER, abs=1.0), "B began so much later"
    assert "A is better" in found["verdict"]
    assert found["worst"], "worst moments are shown"
    assert "img-src data:" in page
    assert page.count("data:image/jpeg") >= 4, "pictures and crops of both"


async def _compared(*options: str) -> tuple[dict[str, Any], str, int]:
    """The document, what was said beside it, the exit status."""
    command = [sys.executable, "-m", "qoe_agent", "compare", "--live", "--json", *options]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60.0)
    assert out, err.decode()
    return json.loads(out), err.decode(), process.returncode or 0
