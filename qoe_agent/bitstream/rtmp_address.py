"""RTMP addresses, in the parts that the protocol wants apart."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """An rtmp:// URL in the parts that the protocol wants apart."""

    host: str
    port: int
    secure: bool
    app: str
    stream: str
    """The stream's key with its query."""
    tc_url: str


def address(url: str) -> Address:
    """The parts of `url`: the application is the path up to its last slash. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("rtmp", "rtmps") or not parts.hostname:
        raise ValueError("not an RTMP address")
    app, _, stream = parts.path.strip("/").rpartition("/")
    if app:
        stream += f"?{parts.query}" if parts.query else ""
    else:  # rtmp://host/app?vhost=name/stream
        query, slash, behind = parts.query.rpartition("/")
        app, stream = (f"{stream}?{query}", behind) if slash else (stream, "")
    if not app or not stream:
        raise ValueError("an RTMP address needs an application and a stream: rtmp://host/app/stream")
    secure = parts.scheme == "rtmps"
    port = parts.port or (443 if secure else 1935)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(parts.hostname, port, secure, app, stream, f"{parts.scheme}://{host}:{port}/{app}")
