"""Portions of an alignment, scored side by side, say what the whole says, to the last bit."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.compare import ffmpeg, measuring, portions, readings, scoring
from qoe_agent.compare.glances import Contradicted
from qoe_agent.compare.media import inspect
from qoe_agent.compare.portions import EDGE, PAIRS, THREADS, Portion
from qoe_agent.compare.shapes import Alignment, Asked, Run, Scores, Step
from qoe_agent.compare.space import space

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 60
RUNS = (Run(0, 0, 12), Run(12, 14, 10), Run(23, 26, 9, 2, 2), Run(42, 44, 16))
"""With dropped frames, and some of which only every other one is compared."""
COUNT = sum(run.frames for run in RUNS)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A reference and an encode of it."""
    room = tmp_path_factory.mktemp("portions")
    reference, test = str(room / "reference.mkv"), str(room / "test.mp4")
    program = ffmpeg.program().path
    for options in (
        ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=50:duration={FRAMES / 50}", "-c:v", "ffv1", reference],
        ["-i", reference, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "34", "-pix_fmt", "yuv420p", test],
    ):
        subprocess.run([program, "-v", "error", "-nostdin", "-y", *options], check=True, timeout=60)
    return reference, test


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "THREADS", 1)
    monkeypatch.setattr(portions, "PAIRS", 10)


def scored(
    files: tuple[str, str],
    threads: int,
    heard: Callable[[Step], None] = lambda _: None,
    looks: Callable[[bytearray], None] | None = None,
    stop: threading.Event | None = None,
) -> Scores:
    asked = Asked(files[0], files[1:], models=("v1", "neg", "v0.6.1"), more=("cambi", "ms_ssim"), threads=threads)
    reference, test = map(inspect, files)
    where, alignment = space(reference, test, asked), Alignment("given", 0, 0.0, 1.0, RUNS, 0, 0)
    return scoring.score(reference, test, alignment, where, asked, heard, stop, looks)


def test_there_are_as_many_portions_as_threads_and_pairs_are_for() -> None:
    long = (Run(5, 0, 4 * PAIRS),)
    assert portions.portions(long, 2 * THREADS - 1) == [Portion(long, 0, 4 * PAIRS)]
    assert len(portions.portions(long, 3 * THREADS)) == 3
    assert len(portions.portions(long, 9 * THREADS)) == 4
    first, second = portions.portions(long, 2 * THREADS)
    assert first == Portion((Run(5, 0, 2 * PAIRS + EDGE),), 0, 2 * PAIRS)
    assert second == Portion((Run(5 + 2 * PAIRS - EDGE, 2 * PAIRS - EDGE, 2 * PAIRS + EDGE),), EDGE, 2 * PAIRS)


@pytest.mark.usefixtures("small")
def test_portions_say_what_the_whole_says(files: tuple[str, str]) -> None:
    """VMAF's motion sees a neighbour on either side, XPSNR above 32 frames a second two before."""
    whole = scored(files, 1)
    steps, looks = list[Step](), list[bytes]()
    parts = scored(files, 4, steps.append, lambda output: looks.append(bytes(output)))
    assert (len(whole.command), len(parts.command)) == (1, 4)
    assert set(parts.frames) == set(whole.frames)
    for name, values in whole.frames.items():
        np.testing.assert_array_equal(parts.frames[name], values, name)
        assert len(values) == COUNT
    assert whole.thumbs
    assert parts.thumbs
    for ours, theirs in zip(whole.thumbs, parts.thumbs, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == COUNT
    for look in looks:
        ours, _ = readings.thumbs(look)
        np.testing.assert_array_equal(ours, whole.thumbs[0][: len(ours)])


@pytest.mark.usefixtures("small")
def test_what_contradicts_a_portion_ends_the_others(files: tuple[str, str]) -> None:
    def looks(_: bytearray) -> None:
        raise Contradicted("it lies elsewhere")

    with pytest.raises(Contradicted, match="elsewhere"):
        scored(files, 4, looks=looks)


@pytest.mark.usefixtures("small")
def test_whoever_stops_the_whole_stops_the_portions(files: tuple[str, str]) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(ffmpeg.Failed, match="stopped"):
        scored(files, 4, stop=stop)


def test_fingerprints_are_shown_in_order_whichever_portion_is_ahead() -> None:
    """Of the second portion nothing is shown before all of the first has come, and its lead-in never."""
    pair = readings.PAIR
    parts = [Portion((), 0, 3), Portion((), 2, 2)]
    shown: list[bytes] = []
    told: list[int] = []
    joined = portions.Joined(parts, told.append, lambda output: shown.append(bytes(output)))
    a, b = (bytearray(b"".join(bytes([n]) * pair for n in numbers)) for numbers in ((1, 2, 3, 4, 5), (2, 3, 4, 5)))
    joined.looked(1, b)
    assert shown[-1] == b""
    joined.looked(0, a[: 2 * pair + 7])
    assert shown[-1][:: pair // 2] == bytes([1, 1, 2, 2, 3])
    joined.looked(0, a)
    assert shown[-1] == a
    joined.told(1, 1)
    joined.told(0, 5)
    joined.told(1, 4)
    assert told == [0, 3, 5]


def test_there_is_one_ffmpeg_where_there_are_few_threads(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, real = list[object](), measuring.measured

    def watched(*given: Any) -> Any:
        ran.append(given)
        return real(*given)

    monkeypatch.setattr(measuring, "measured", watched)
    assert len(scored(files, 2).command) == len(ran) == 1
