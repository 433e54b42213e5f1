"""How an incident's evidence is called: the same for whoever knows the incident, on either side of a worker's pipe."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

NAME = re.compile(r"\d{8}T\d{6}Z-[\w.-]{1,60}-[0-9a-f]{12}", re.ASCII)
"""A case's folder."""
FILES = {
    "case.json": "application/json",
    "playlist.m3u8": "text/plain; charset=utf-8",
    "before.jpg": "image/jpeg",
    "at.jpg": "image/jpeg",
    "clip.mp4": "video/mp4",
}
"""What may be in it, by content type."""


def mark(stream: str, rendition: str, kind: str, key: str, start: float) -> str:
    """Twelve digits for (stream, rendition, kind, key, start): the incident's identity (DECISIONS 22)."""
    said = "\0".join((stream, rendition, kind, key, f"{start:.3f}"))
    return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()


def name(stream: str, kind: str, marked: str, wall: float) -> str:
    """The folder of a case that began at `wall` (Unix seconds)."""
    when = datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dT%H%M%SZ")
    plain = re.sub(r"[^\w.-]+", "_", f"{stream}-{kind}", flags=re.ASCII)[-60:]
    return f"{when}-{plain}-{marked}"
