"""FFmpeg as a program: found, asked what it can, run with its progress watched, and never left behind."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import signal
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from qoe_agent import clock, garbage
from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

HANGS = 60.0
"""Seconds without a new frame after which a run hangs."""
GLANCE = 0.2
"""Seconds until it is seen that a run is no longer wanted."""
ANSWERS = 20.0
"""Seconds that a question about the program itself may take."""
LAST = 40
"""Lines of what it said that are kept."""
_CHATTER = re.compile(rb"libvmaf WARNING |est_params: covariance matrix is singular\n")
"""Said by libvmaf for many frames, and in the midst of what others say: each matches one write of its."""
PROBED = (640, 360)
"""Pixels of pictures by which it is tried what libvmaf can."""
INSTALL = "pip install 'qoe-agent[compare]', or name another program with --ffmpeg"
_FRAME = re.compile(rb"frame=\s*(\d+)")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_WORDS = (
    (r"Decoder .* not found|Unknown decoder|no decoder", "this FFmpeg has no decoder for its video"),
    (r"moov atom not found|End of file|truncated", "an input is cut short"),
    (r"No space left", "there is no room for the logs in the folder of temporary files"),
    (r"Cannot allocate memory|Out of memory", "memory ran out"),
    (r"does not contain any stream|matches no streams", "an input has no video"),
    (r"could not (load|parse) .*model|problem loading model", "libvmaf does not know the model"),
)


@dataclass(frozen=True, slots=True)
class Program:
    """An FFmpeg, and what matters of it here."""

    path: str
    version: str
    filters: frozenset[str]
    graph_option: str
    """By which it reads a graph of filters from a file."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left."""

    said: str
    """The end of its log."""
    output: bytearray
    """What it wrote to its standard output."""


class Failed(Unfit):
    """FFmpeg ended with an error, or hung."""


def program(path: str | None = None) -> Program:
    """The FFmpeg at `path`; without one, what imageio-ffmpeg bundles; Unfit where there is none."""
    if path is not None:
        found = which(path)
        if found is None:
            raise Unfit(f"--ffmpeg {path}: there is no such program")
        return _about(str(Path(found).resolve()))
    try:
        import imageio_ffmpeg

        return _about(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise Unfit(f"there is no FFmpeg with libvmaf here: {INSTALL}") from error


@functools.cache
def _about(path: str) -> Program:
    said = re.search(r"^ffmpeg version (\S+)", _asked(path, "-version"), re.M)
    if said is None:
        raise Unfit(f"{path}: expected FFmpeg; it does not name a version of it")
    filters = frozenset(re.findall(r"^ [TSC.]+ +(\w+) +\S+->", _asked(path, "-hide_banner", "-filters"), re.M))
    # Options read from files came with 7.0; the older option for graphs went with 8.0.
    number = re.match(r"n?(\d+)\.", said[1])
    old = number is not None and int(number[1]) < 7
    return Program(path, said[1], filters, "-filter_complex_script" if old else "-/filter_complex")


def _asked(path: str, *options: str) -> str:
    try:
        said = subprocess.run(
            [path, *options], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWERS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unfit(f"{path}: cannot be run as FFmpeg ({error})") from error
    return said.stdout.decode(errors="replace")


@functools.cache
def libvmaf(path: str, models: tuple[str, ...] = (), size: tuple[int, int] = PROBED) -> str | None:
    """The version of libvmaf in the program, if it can score pictures of `size` by `models` (its specifications)."""
    option = "model='" + "|".join(models) + "':" if models else ""
    black = f"color=black:s={size[0]}x{size[1]}:r=25:d=0.08,format=yuv420p10le"
    graph = f"{black},split[a][b];[a][b]libvmaf={option}log_fmt=xml"
    with TemporaryDirectory(prefix="qoe-compare-") as folder:
        log = Path(folder, "log.xml")
        command = [path, "-hide_banner", "-nostats", "-filter_complex", f"{graph}:log_path=log.xml", "-f", "null", "-"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWERS, check=True
            )
            said = re.search(r'<VMAF version="([^"]+)"', log.read_text())
            return said[1] if said else "unknown"
        return None


def run(
    arguments: Sequence[str],
    folder: str,
    heard: Callable[[int], None],
    watched: Program,
    patience: float = HANGS,
    stop: threading.Event | None = None,
    output: bytearray | None = None,
    asides: Sequence[bytearray] = (),
) -> Ran:
    """Run FFmpeg with `arguments` in `folder`; `heard` gets the number of frames that its first output has.

    Its standard output is added to `output`, its output `aside:N` to the N-th of `asides`. It is killed with its group
    without a new frame for `patience` seconds, on an interrupt, and on `stop`. Raises Failed with its last words.
    """
    child, reads, streams = _started(arguments, folder, watched, len(asides))
    lines: deque[bytes] = deque(maxlen=LAST)
    output = bytearray() if output is None else output
    poured = zip((child.stdout, *streams), (output, *asides), strict=True)
    readers = [threading.Thread(target=_pour, args=each, daemon=True) for each in poured]
    readers.append(threading.Thread(target=_collect, args=(child.stderr, lines.append), daemon=True))
    try:
        for reader in readers:
            reader.start()
        _watched(reads, heard, patience, stop)
        status = child.wait(ANSWERS)
    except subprocess.TimeoutExpired as error:
        raise Failed("FFmpeg did all frames, but does not end") from error
    finally:
        os.close(reads)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for reader in readers:
            reader.join()
    said = b"".join(lines).decode(errors="replace")
    if status:
        raise Failed(in_words(said, status))
    return Ran(said, output)


def _started(
    arguments: Sequence[str], folder: str, program: Program, asides: int
) -> tuple[subprocess.Popen[bytes], int, list[IO[bytes]]]:
    """The process, in a group of its own, where its progress is read, and where what it writes aside."""
    garbage.give_back()  # decoders here have freed much, and FFmpeg needs as much
    pipes = [os.pipe() for _ in range(1 + asides)]
    (reads, writes), *others = pipes
    given = {f"aside:{number}": f"pipe:{end}" for number, (_, end) in enumerate(others)}
    command = [program.path, "-hide_banner", "-nostdin", "-nostats", "-y", "-progress", f"pipe:{writes}",
               "-stats_period", "0.25", *(given.get(each, each) for each in arguments)]  # fmt: skip
    try:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=[end for _, end in pipes], start_new_session=True,
            env={**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"},
        )  # fmt: skip
    except OSError as error:
        for end, _ in pipes:
            os.close(end)
        raise Failed(f"{program.path}: cannot be run ({error})") from error
    finally:
        for _, end in pipes:
            os.close(end)
    return child, reads, [open(end, "rb") for end, _ in others]


def in_words(said: str, status: int) -> str:
    """Why FFmpeg failed, from its log."""
    told = [_ADDRESS.sub("", line).strip() for line in said.splitlines()]
    wrong = [line for line in told if line and not line.startswith(("Last message repeated", "Conversion failed"))]
    last = "; ".join(wrong[-3:]) or f"status {status}"
    for pattern, words in _WORDS:
        if re.search(pattern, said, re.I):
            return f"FFmpeg failed: {words} ({last})"
    return f"FFmpeg was killed by signal {-status} ({last})" if status < 0 else f"FFmpeg failed: {last}"


def _watched(reads: int, heard: Callable[[int], None], patience: float, stop: threading.Event | None) -> None:
    """Read progress until its end; raise Failed where it stands still."""
    done, since, rest = -1, clock.now(), b""
    while True:
        if stop is not None and stop.is_set():
            raise Failed("stopped")
        if select.select([reads], [], [], GLANCE)[0]:
            read = os.read(reads, 65536)
            if not read:
                return
            *blocks, rest = (rest + read).split(b"\n")
            for found in map(_FRAME.fullmatch, blocks):
                if found and int(found[1]) > done:
                    done, since = int(found[1]), clock.now()
                    heard(done)
        if clock.now() - since > patience:
            raise Failed(f"FFmpeg hangs: no new frame for {patience:.0f} s after {max(done, 0)} frames")


def _collect(stream: IO[bytes], keep: Callable[[bytes], None]) -> None:
    with stream:
        for line in stream:
            if left := _CHATTER.sub(b"", line):
                keep(left)


def _pour(stream: IO[bytes], output: bytearray) -> None:
    with stream:
        while read := stream.read(65536):
            output.extend(read)
