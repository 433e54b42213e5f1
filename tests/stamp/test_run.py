"""`qoe-agent stamp`: what comes out carries marks that tell one clock, in pictures and in sound."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qoe_agent.maths import stamp, tone
from qoe_agent.sending import shown
from qoe_agent.stamp import Coding, Place, Plan, run
from qoe_agent.stamp.feed import RATE, Piece, Shape, Silenced

BUNNY = Path(__file__).parents[3] / "shared" / "data" / "video" / "bigbuckbunny.mp4"
COMMAND = [sys.executable, "-m", "qoe_agent", "stamp"]


def marks(path: Path, place: Place | None = None) -> list[tuple[float, stamp.Mark | None]]:
    """(media time, mark) of every picture."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            luma = np.asarray(frame.to_ndarray(format="gray"), np.uint8)
            found.append((frame.time or 0.0, stamp.read(luma, (place or Place()).spot(frame.width, frame.height))))
    return found


def sound(path: Path) -> np.ndarray:
    """All samples of one channel from media time 0 on."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        parts = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate(parts)


def stamped(to: Path, **more: Any) -> Path:
    run(Plan(**({"source": "test", "to": str(to), "seconds": 2.0, "realtime": False} | more)), threading.Event())
    return to


def test_every_picture_carries_its_time_and_number(tmp_path: Path) -> None:
    found = marks(stamped(tmp_path / "out.mp4"))
    assert len(found) == 50
    assert [mark.counter for _, mark in found if mark] == list(range(50))
    starts = {round(mark.ms - 1000 * pts, 3) for pts, mark in found if mark}
    assert len(starts) == 1


def test_sound_and_pictures_tell_the_same_clock(tmp_path: Path) -> None:
    path = stamped(tmp_path / "out.mp4", alone=True)  # MP4 says how much the encoder put before the sound
    pts, mark = marks(path)[0]
    assert mark is not None
    start = mark.ms / 1000 - pts
    heard = sound(path)[: 2 * RATE]
    ours = tone.wave(start, RATE, heard.size)
    shifts = np.arange(-200, 201)
    fit = [float(np.dot(heard[300:-300], ours[300 + s : ours.size - 300 + s])) for s in shifts]
    assert abs(int(shifts[int(np.argmax(fit))])) <= 1  # samples


@pytest.mark.parametrize("corner", ["top-right", "centre", "bottom-left"])
def test_the_stamp_lies_where_it_was_asked_for(tmp_path: Path, corner: Any) -> None:
    place = Place(corner, 32.0)
    found = marks(stamped(tmp_path / "out.ts", place=place), place)
    assert all(mark for _, mark in found)


def test_a_file_without_sound_gets_marked_silence(tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    with av.open(str(silent), "w") as out:
        stream: Any = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for n in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((270, 320), 90 + n, np.uint8), "yuv420p")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    path = stamped(tmp_path / "out.ts", source=str(silent), place=Place(cell=48.0))
    assert np.abs(sound(path)).max() > 0.05
    assert all(mark for _, mark in marks(path, Place(cell=48.0)))


def test_a_looped_file_goes_on_with_its_clock(tmp_path: Path) -> None:
    if not BUNNY.exists():
        pytest.skip("the data folder lies not beside this checkout")
    path = stamped(tmp_path / "out.ts", source=str(BUNNY), loop=True, seconds=7.0, coding=Coding(bit_rate=1_500_000))
    found = marks(path)
    assert found[-1][0] - found[0][0] > 6.5
    starts = [mark.ms - 1000 * pts for pts, mark in found if mark]
    assert len(starts) == len(found)
    assert max(starts) - min(starts) <= 1.0


def test_in_real_time_it_takes_as_long_as_it_lasts(tmp_path: Path) -> None:
    waited: list[float] = []

    class Patience(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    now = iter(np.arange(1_700_000_000.0, 1_700_000_100.0, 0.001))
    told = run(Plan("test", str(tmp_path / "out.ts"), seconds=1.0), Patience(), wall=lambda: float(next(now)))
    assert told.pictures == 25
    assert waited  # it would have waited for each piece's time
    assert max(waited) <= 1.0


def test_silence_fills_in_where_a_feed_has_no_sound() -> None:
    class Mute:
        shape = Shape(16, 16, 25)  # type: ignore[arg-type]

        def __iter__(self) -> Any:
            return iter([Piece("video", n / 25) for n in range(50)])

        def close(self) -> None: ...

    pieces = list(Silenced(Mute()))
    assert sum(piece.kind == "video" for piece in pieces) == 50
    heard = [piece.pts for piece in pieces if piece.samples is not None]
    assert heard == pytest.approx([n * 0.02 for n in range(len(heard))])
    assert heard[-1] > 1.2


def test_the_pipe_is_a_transport_stream() -> None:
    out = subprocess.run([*COMMAND, "test", "-", "--for", "1s", "--fast"], capture_output=True, check=True, timeout=60)
    assert out.stdout[0] == out.stdout[188] == 0x47


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch.mp4", "out.mp4"], "No such file"),
        (["test", "rtmp://127.0.0.1:1/live/secretkey"], "live/***: Connection refused"),
        (["test", "gopher://somewhere"], "cannot send to gopher://"),
        (["test"], "IN and OUT are needed"),
        (["--clock", "--listen", "nowhere"], "expected HOST:PORT"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_without_secrets(arguments: list[str], words: str) -> None:
    out = subprocess.run([*COMMAND, *arguments], capture_output=True, check=False, timeout=60, text=True)
    assert out.returncode == 2
    assert words in out.stderr
    assert len(out.stderr.strip().splitlines()) == 1
    assert "secretkey" not in out.stderr


def test_a_stream_key_is_never_shown() -> None:
    assert shown("rtmp://user:pw@host/app/key?sign=abc") == "rtmp://***@host/app/***"
    assert shown("srt://host:1?passphrase=abc") == "srt://host:1?passphrase=***"
