"""How a connection came about, or why it did not: TLS contexts, phases, and errors as reasons."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qoe_agent import clock

if TYPE_CHECKING:
    from qoe_agent.model import Target


@dataclass(slots=True)
class Phases:
    """When the steps of one connection were done (agent clock); None: not reached, or not needed."""

    requested: float
    redirected: float | None = None
    """The last redirection: what follows is about the connection after it."""
    resolved: float | None = None
    connected: float | None = None
    """The TCP connection stands; TLS, if any, begins."""
    secured: float | None = None
    shaken: float | None = None
    """The protocol's own handshake (RTMP) is done."""
    first_byte: float | None = None

    def seconds(self) -> dict[str, float]:
        """Seconds of each phase that was passed, by the names in `Opened.phases`."""
        marks = {
            "resolve": self.resolved,
            "connect": self.connected,
            "tls": self.secured,
            "handshake": self.shaken,
            "first_byte": self.first_byte,
        }
        out: dict[str, float] = {}
        last = self.redirected or self.requested
        for name, at in marks.items():
            if at is not None:
                out[name] = max(0.0, at - last)
                last = at
        return out


under_way: ContextVar[Phases | None] = ContextVar("under_way", default=None)
"""Whose connection this task is making."""


class _Context(ssl.SSLContext):
    """Notes when a handshake begins, which aiohttp's tracing cannot tell from the end of connecting."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        phases = under_way.get()
        if phases and phases.connected is None:
            phases.connected = clock.now()
        return super().wrap_bio(*args, **options)


def tls(target: Target) -> ssl.SSLContext:
    """The TLS settings that `target` asks for. Raises OSError where `ca_file` cannot be read."""
    changed = os.stat(target.ca_file).st_mtime_ns if target.verify_tls and target.ca_file else 0
    return _context(target.verify_tls, target.ca_file, changed)


@lru_cache(maxsize=16)  # reading the system's certificates takes 25 ms
def _context(verify: bool, ca_file: str | None, _changed: int) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs()
    return context


_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN}


def explain(error: OSError) -> tuple[str, str]:
    """Reason (of LOST_REASONS) and one line for a failure of the network, without addresses or secrets."""
    if isinstance(error, socket.gaierror):
        return "resolve", "the host name has no address"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls", f"certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "tls", f"TLS: {error.reason or 'handshake failed'}".replace("_", " ").lower()
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return "failed", "the CA file cannot be read"
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return "timeout", "the connection timed out"
    if error.errno == errno.ECONNREFUSED:
        return "refused", "connection refused"
    if error.errno in _UNREACHABLE:
        return "unreachable", os.strerror(error.errno or 0).lower()
    if error.errno in _RESET or isinstance(error, ConnectionError):
        return "reset", "the connection broke"
    return "failed", os.strerror(error.errno).lower() if error.errno else type(error).__name__
