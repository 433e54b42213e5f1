"""A short bounded run of the coverage-guided fuzzers of what arrives over FLV and RTMP."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import rtmp_server as server
from tests.bitstream.flv_files import file

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("atheris", reason="atheris has no wheel for this platform")


@pytest.mark.parametrize("target", ["fuzz_flv", "fuzz_rtmp"])
def test_a_few_thousand_mutations_find_nothing(target: str, tmp_path: Path) -> None:
    flv = file(frames=6)
    seed = flv if target == "fuzz_flv" else server.media(server.tags(flv))
    (tmp_path / "seed").write_bytes(b"\x41" + seed)
    # a process begins with the largest size that the one which started it ever had, so that rss tells little
    memory = ["-rss_limit_mb=8192", "-malloc_limit_mb=256"]
    limits = ["-max_total_time=3", "-max_len=8192", *memory, "-seed=1", f"-artifact_prefix={tmp_path}/"]
    run = subprocess.run(
        [sys.executable, "-m", f"tests.fuzz.{target}", *limits, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "DONE" in run.stderr
