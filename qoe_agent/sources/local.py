"""Files, named pipes and standard input: which of them a target names, and how to read them without hanging."""

from __future__ import annotations

import os
import select
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from qoe_agent import clock

if TYPE_CHECKING:
    import threading

_POLL = 0.1
"""Seconds between looks at whether to stop."""


class Stopped(Exception):
    """Ends a reading thread."""


@dataclass(frozen=True, slots=True)
class Local:
    """Something on this machine."""

    path: str
    """Empty for a descriptor."""
    descriptor: int = -1
    protocol: str = "file"
    """`file` or `pipe`."""
    paced: bool = False
    """Whether it can be read faster than real time, and so must be held back."""
    extra_protocols: str = ""
    """What its content may make libavformat speak (an SDP file names RTP ports)."""

    def pipe(self, stop: threading.Event, open_timeout: float, read_timeout: float) -> Pipe | None:
        """The file object that PyAV should read; None for a plain file."""
        if self.protocol == "file":
            return None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK) if self.path else self.descriptor
        return Pipe(descriptor, bool(self.path), stop, open_timeout, read_timeout)


def local(url: str) -> Local | None:
    """What `url` names on this machine; None if it names something on the network.

    `-` and `pipe:N` are descriptors; `file:` and bare paths are files. Raises nothing: a file that is not
    there fails when it is opened.
    """
    if url == "-":
        return Local("", 0, "pipe")
    scheme, _, rest = url.partition(":")
    if scheme == "pipe":
        return Local("", int(rest) if rest.isdigit() else 0, "pipe")
    if scheme == "file":
        path = unquote(urlsplit(url).path) if rest.startswith("//") else rest
    elif "://" in url:
        return None
    else:
        path = url
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return Local(path)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return Local(path, protocol="pipe")
    if path.endswith(".sdp"):
        return Local(path, extra_protocols=",rtp,srtp,udp")
    return Local(path, paced=True)


class Pipe:
    """A pipe as a file object for PyAV: its reads end at a deadline, and at once when `stop` is set.

    libavformat's own pipe protocol sits in read(2), which no interrupt callback reaches (libavformat/file.c).
    """

    def __init__(
        self, descriptor: int, ours: bool, stop: threading.Event, open_timeout: float, read_timeout: float
    ) -> None:
        self._descriptor, self._ours, self._stop = descriptor, ours, stop
        self._patience, self._later = open_timeout, read_timeout

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end."""
        deadline = clock.now() + self._patience
        while not select.select([self._descriptor], [], [], _POLL)[0]:
            if self._stop.is_set():
                raise Stopped
            if clock.now() >= deadline:
                raise TimeoutError("nothing came through the pipe")
        self._patience = self._later
        return os.read(self._descriptor, size)

    def close(self) -> None:
        """Let go of a pipe that we opened."""
        if self._ours:
            self._ours = False
            os.close(self._descriptor)
