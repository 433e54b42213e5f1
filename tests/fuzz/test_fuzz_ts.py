"""A short run of the fuzzer, from real streams."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bitstream.ts_files import muxed

pytest.importorskip("atheris", reason="the fuzzer runs on Linux only")


def test_nothing_is_found_in_a_few_seconds(tmp_path: Path) -> None:
    for name, data in (("h264", muxed()), ("hevc", muxed("libx265", "ac3")), ("mpeg2", muxed("mpeg2video", "eac3"))):
        (tmp_path / name).write_bytes(b"\1\x2f" + data[: 188 * 20])
    command = [
        "-m",
        "tests.fuzz.fuzz_ts",
        "-runs=3000",
        "-max_total_time=6",
        "-max_len=4096",
        "-timeout=5",
        f"-artifact_prefix={tmp_path}/",
    ]
    done = subprocess.run(  # the interpreter and the arguments are ours
        [sys.executable, *command, str(tmp_path)],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Done" in done.stderr
