"""Recorded observations: gzip JSON Lines, written by `Recorder`, read by `read`, replayed by `watch`.

The first line says what follows: {"recording": "qoe-agent observations", "version": 1, "start": Unix seconds,
"protocol": …}. Every other line is one observation: {"seen": its type, then its fields}, where a field with its
default is left out. Packets keep their size, but of their data only parameter sets and SEI messages; nothing
here holds a URL or a picture.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from qoe_agent import clock
from qoe_agent.bitstream import nal
from qoe_agent.model import Format, Lost, Opened, Packet, Picture, Sound, Tick
from qoe_agent.sources.lines import BadLine, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from qoe_agent.model import Observation, Target
    from qoe_agent.sources import Emit

VERSION = 1
_TITLE = "qoe-agent observations"
_TIMES = ("at", "requested", "first_byte", "decoded")
"""Fields that hold an instant of the agent's clock: a replay moves them to now. What streams say of time stays."""
_BREATH = 200
"""Observations after which a replay lets others run."""


class RecordingError(ValueError):
    """A recording that cannot be read; the text names file and line."""


class Recorder:
    """Writes what was seen to a file, ready to be replayed."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        self._file = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
        self._started = False
        self._formats: dict[int, tuple[str, int]] = {}

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def write(self, seen: Observation) -> None:
        """Take one observation."""
        if not self._started:
            self._started = True
            self._line(json.dumps(_header(seen)))
        if isinstance(seen, Format):
            self._formats[seen.track] = seen.codec, nal.length_size(seen.extradata, seen.codec)
        elif isinstance(seen, Packet):
            codec, framing = self._formats.get(seen.track, ("", 0))
            seen = replace(seen, data=nal.headers(codec, seen.data, framing))
        self._line(encode(seen))
        if isinstance(seen, Tick):
            self._file.flush()  # a recording that is killed loses one second

    def _line(self, text: str) -> None:
        self._file.write(text.encode() + b"\n")

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        finally:
            self._raw.close()


def _header(first: Observation) -> dict[str, object]:
    protocol = first.protocol if isinstance(first, Opened) else None
    return {"recording": _TITLE, "version": VERSION, "start": clock.wall(first.at), "protocol": protocol}


def read(path: Path) -> Iterator[Observation]:
    """The observations of a recording, with their original times. Raises OSError, RecordingError."""
    number = 0
    with gzip.open(path, "rb") as file:
        try:
            for number, line in enumerate(file, 1):
                if number == 1:
                    _check(line)
                else:
                    yield decode(line)
        except BadLine as error:
            raise RecordingError(f"{path}:{number}: {error}") from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise RecordingError(f"{path}:{number + 1}: the compressed data ends or breaks here") from error
    if not number:
        raise RecordingError(f"{path}:1: empty, so not a recording")


def started(target: Target) -> float | None:
    """When a recording begins, as its header says in Unix seconds."""
    try:
        with gzip.open(_path(target), "rb") as file:
            start = _check(file.readline()).get("start")
    except (OSError, EOFError, zlib.error, BadLine):
        return None
    return float(start) if isinstance(start, int | float) else None


def _path(target: Target) -> Path:
    return Path(unquote(urlsplit(target.url).path) if target.url.startswith("file:") else target.url)


def _check(line: bytes) -> dict[str, object]:
    """The header. Raises BadLine."""
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("recording") != _TITLE:
        raise BadLine("not a recording of observations")
    if header.get("version") != VERSION:
        raise BadLine(f"version {header.get('version')!r} is not {VERSION}, the one that can be read")
    return header


async def watch(target: Target, emit: Emit) -> Lost:
    """Replay a recording at the speed of time, moved to now.

    Ticks are left out (the session makes its own). A recorded Lost is emitted, the last one returned.
    """
    path = _path(target)
    shift: float | None = None
    held: Lost | None = None
    try:
        for number, seen in enumerate(read(path)):
            if isinstance(seen, Tick):
                continue
            late = isinstance(seen, Picture | Sound)  # decoded from packets before the Lost
            if held and not late:
                emit(held)
            if shift is None:
                shift = clock.now() - seen.at
            moved = _moved(seen, shift)
            wait = moved.at - clock.now()
            if wait > 0 or number % _BREATH == 0:
                await asyncio.sleep(max(wait, 0.0))
            if isinstance(moved, Lost):
                held = moved
            else:
                held = held if late else None
                emit(moved)
    except FileNotFoundError:
        return Lost(clock.now(), "not_found", "no such recording")
    except OSError as error:
        return Lost(clock.now(), "failed", error.strerror or "the recording cannot be read")
    except RecordingError as error:
        return Lost(clock.now(), "protocol", str(error))
    return held or Lost(clock.now(), "ended" if shift is not None else "empty", "end of the recording")


def _moved(seen: Observation, shift: float) -> Observation:
    """`seen`, `shift` seconds later."""
    times = {name: getattr(seen, name) + shift for name in _TIMES if getattr(seen, name, None) is not None}
    return replace(seen, **times)
