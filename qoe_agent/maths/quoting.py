"""What servers say beside media, as it may be kept and shown: of bounded length, without what opens doors.

Hidden are, in addresses, user information, the values of queries, fragments, what follows a `=` in a path (as signed
paths have it) and folders that look like signatures; values that playlists define; and headers and metadata whose names
speak of secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.urls import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONGEST = 8192
"""Characters of a playlist."""
BEGINNING = 2048
"""Characters that are kept of the beginning of a longer one; the rest is its end."""
LINES, WIDEST = 60, 300
"""Headers, or values of metadata; characters of one."""

_NAMES = re.compile(
    r"auth|cookie|credential|hmac|jwt|key(?!frame)|pass(?!ed)|secret|session|sig(n|nature)?\b|ticket|token",
    re.IGNORECASE,
)
_USER = re.compile(r"(//)[^/@\s\"]+@")
_QUERY = re.compile(r"\?[^\s\"'<>]*")
_QUOTED = re.compile(r'([A-Z0-9-]+)="([^"]*)"')
_DEFINED = {"VALUE"}
"""Attributes of playlists that hold whatever their author wants (RFC 8216 bis §4.4.2.3, §4.4.6.4)."""
_PAIR = re.compile(r"=[^/;,~]+")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{32,}|(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*[0-9])[A-Za-z0-9_=-]{20,}")
SIGNED = 20
"""Characters of the shortest folder that looks like a signature."""


def playlist(text: str) -> str:
    """A playlist, or what came instead of one."""
    return "\n".join(_line(line) for line in _cut(text).splitlines())


def listed(pairs: Iterable[tuple[str, Any]]) -> str:
    """Headers or metadata, one a line: what is plain, and whose name does not speak of secrets."""
    lines = [
        f"{_printable(str(name))[:80]}: {_said(value)}"
        for name, value in pairs
        if isinstance(value, str | float | int | bool) and not _NAMES.search(str(name))
    ]
    return "\n".join(lines[:LINES])


def answered(status: int, headers: Mapping[str, str]) -> str:
    """The head of an HTTP answer."""
    return f"status: {status}\n{listed(headers.items())}"


def _said(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = _USER.sub(rf"\1{HIDDEN}@", text[: 4 * WIDEST])
    return _printable(_QUERY.sub(_values, text))[:WIDEST]


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _cut(text: str) -> str:
    """Its beginning and its end, by whole lines: a part of an address could not be told from other text."""
    if len(text) <= LONGEST:
        return text
    head = text[: text.rfind("\n", 0, BEGINNING) + 1]
    start = text.find("\n", len(text) - (LONGEST - BEGINNING)) + 1
    tail = text[start:] if start else ""
    return f"{head}# {len(text) - len(head) - len(tail)} characters are left out here\n{tail}"


def _line(line: str) -> str:
    line = _printable(line.strip())
    if line.startswith("#"):
        return _QUOTED.sub(_attribute, line) if '"' in line else line
    return _address(line)


def _attribute(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name in _DEFINED or _NAMES.search(name):
        return f'{name}="{HIDDEN}"'
    return f'{name}="{_address(value)}"' if "/" in value or "?" in value or name == "URI" else found.group()


def _address(text: str) -> str:
    """Without its secrets, however it is written."""
    text, fragment, _ = text.partition("#")
    path, asked, query = text.partition("?")
    if "=" in path or "@" in path:
        path = _PAIR.sub(f"={HIDDEN}", _USER.sub(rf"\1{HIDDEN}@", path))
    folders, slash, name = path.rpartition("/")
    if len(folders) >= SIGNED:
        folders = "/".join(HIDDEN if _SIGNATURE.fullmatch(each) else each for each in folders.split("/"))
    return f"{folders}{slash}{name}{_hidden(query) if asked else ''}{fragment and '#' + HIDDEN}"


def _values(found: re.Match[str]) -> str:
    return _hidden(found.group()[1:])


def _hidden(query: str) -> str:
    parts = [part.partition("=") for part in re.split("[&;]", query)]
    return "?" + "&".join(f"{name}={HIDDEN}" if equals else HIDDEN for name, equals, _ in parts)
