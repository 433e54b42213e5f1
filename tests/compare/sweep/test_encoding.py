"""Encodes are what their jobs say, and cost what their processes cost."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from qoe_agent import clock
from qoe_agent.compare.media import inspect
from qoe_agent.compare.sweep import encoding, jobs, measuring

from .clips import FRAMES, ffmpeg, plan, reference

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reference(tmp_path_factory.mktemp("clips"), name="it's 100%: a clip.mkv")


@pytest.mark.parametrize(
    ("entry", "codec"),
    [
        ("{encoder: x264, presets: [ultrafast], crf: [30]}", "h264"),
        ("{encoder: x264, presets: [ultrafast], cbr: [200k]}", "h264"),
        ("{encoder: x264, presets: [ultrafast], abr: [100k], passes: 2}", "h264"),
        ("{encoder: x265, presets: [ultrafast], abr: [100k], passes: 2, options: {x265-params: pools=1}}", "hevc"),
        ("{encoder: x265, presets: [ultrafast], cbr: [100k]}", "hevc"),
        ("{encoder: svt-av1, presets: [13], crf: [50]}", "av1"),
        ("{encoder: svt-av1, presets: [13], cbr: [200k]}", "av1"),
        ("{encoder: vp9, presets: [8], crf: [50]}", "vp9"),
        ("{encoder: vp9, presets: [8], abr: [100k], passes: 2}", "vp9"),
        ("{encoder: vp9, presets: [8], qp: [50]}", "vp9"),
        ("{encoder: x264, presets: [ultrafast], qp: [30], pixel_format: yuv420p10le}", "h264"),
    ],
)  # fmt: skip
def test_every_frame_is_encoded_with_key_frames_where_they_belong(
    clip: Path, tmp_path: Path, entry: str, codec: str
) -> None:
    (job,) = jobs.jobs(plan(f"encodes: [{entry}]\ngop: 0.5s\nresolutions: [128x72]", clip), [inspect(str(clip))])
    shares: list[float] = []
    made = encoding.encode(job, ffmpeg(), str(tmp_path / "made.mp4"), shares.append)
    media = inspect(made.path)
    assert (media.video.codec, media.video.width, media.video.height) == (codec, 128, 72)
    assert media.video.bits == (10 if "10le" in entry else 8)
    assert len(media.video.times) == len(made.packets.sizes) == FRAMES
    assert [at for at, key in enumerate(made.packets.keys) if key] == [0, 5, 10, 15]
    (run,) = made.runs
    assert run.frames == FRAMES
    assert run.wall > 0 < run.cpu
    assert run.peak_bytes > 1_000_000
    assert made.decode is not None
    assert made.decode.frames == FRAMES
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_repeats_are_timed_one_by_one(clip: Path, tmp_path: Path) -> None:
    said = "encodes: [{encoder: x264, presets: [ultrafast], crf: [30]}]\nrepeats: 3"
    (job,) = jobs.jobs(plan(said, clip), [inspect(str(clip))])
    made = encoding.encode(job, ffmpeg(), str(tmp_path / "made.mp4"), lambda _: None, decode=False)
    assert len(made.runs) == 3
    assert made.decode is None


def test_an_encoder_that_needs_a_device_is_tried_and_its_complaint_told() -> None:
    assert encoding.absent(ffmpeg(), "x264") is None
    said = encoding.absent(ffmpeg(), "h264_videotoolbox")
    assert said == "Unknown encoder 'h264_videotoolbox'"


@pytest.mark.parametrize(("encoder", "called"), [("svt-av1", "svt-av1"), ("vp9", "libvpx")])
def test_encoders_that_tell_their_version_in_their_log_alone_are_asked(
    monkeypatch: pytest.MonkeyPatch, encoder: str, called: str
) -> None:
    monkeypatch.setenv("SVT_LOG", "0")
    encoding.version.cache_clear()
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", encoding.version(ffmpeg(), encoder)[called])
    assert encoding.version("/no/such/program", encoder) == {}


def test_a_failed_encode_is_told_with_the_last_lines(clip: Path, tmp_path: Path) -> None:
    said = "encodes: [{encoder: x264, crf: [30], options: {profile: baseline, no-such-option: 1}}]"
    (job,) = jobs.jobs(plan(said, clip), [inspect(str(clip))])
    with pytest.raises(measuring.Failed, match=r"ended with status \d+\n(?s:.*)no-such-option"):
        encoding.encode(job, ffmpeg(), str(tmp_path / "made.mp4"), lambda _: None)


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_cpu_time_is_that_of_the_child_alone(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    used = measuring.run(program(busy), str(tmp_path), lambda _: None)
    again = measuring.run(program("pass"), str(tmp_path), lambda _: None)
    assert used.cpu >= 0.2
    assert again.cpu < used.cpu, "what an earlier child used is not counted again"


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="scheduling classes are Linux's")
def test_a_child_cannot_make_itself_a_real_time_process(tmp_path: Path) -> None:
    text = (
        "import os\n"
        "try: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))\n"
        "except PermissionError: raise SystemExit(0)\n"
        "raise SystemExit(1)"
    )
    measuring.run(program(text), str(tmp_path), lambda _: None)


def test_what_makes_no_progress_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = "print('frame=1', flush=True)\nimport signal\nsignal.pause()"
    frames: list[int] = []
    steady, began = clock.monotonic, clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: steady() if frames else began)  # it may begin as slowly as it likes
    with pytest.raises(measuring.Failed, match="no new frame in"):
        measuring.run(program(stuck), str(tmp_path), frames.append, stuck=0.1)
    assert frames == [1]


def test_an_interrupt_ends_the_child_with_all_it_began(tmp_path: Path) -> None:
    """A named pipe that a grandchild has open ends when that does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ended = threading.Event()
    threading.Thread(target=lambda: (pipe.read_text(), ended.set()), daemon=True).start()
    text = (
        f"import signal, subprocess, sys\n"
        f"with open({str(pipe)!r}, 'w') as held:\n"
        f"    subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], pass_fds=[held.fileno()])\n"
        f"print('frame=1', flush=True)\n"
        f"signal.pause()"
    )

    def interrupt(_: int) -> None:
        assert not ended.is_set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measuring.run(program(text), str(tmp_path), interrupt)
    assert ended.wait(10)
