"""What servers say beside media, as it may be kept and shown: of bounded length, without what opens doors.

Hidden are, in addresses, user information, the values of queries, fragments, what follows a `=` in a path (as signed
paths have it), folders that look like signatures, and addresses that are data themselves; values that playlists define
or whose names speak of secrets; and headers and metadata whose names do. Of what came instead of a playlist nothing is
kept but what it looks like.
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
_USER = re.compile(r"(//)[^/\s\"?#]+@")
_LOGIN = re.compile(r"(?<![^\s\"'<>,=/@])(?!#EXT)[^\s\"'<>,=/@:]+:[^\s\"'<>/@]+@")
_QUOTED = re.compile(r'(?<![A-Z0-9_-])([A-Z0-9_-]+)="([^"]*)"', re.IGNORECASE)
_NAMED = re.compile(
    rf"(?<![\w-])(?!(?<=#)EXT[\w-]*:)((?:[\w-]{{0,40}}(?:{_NAMES.pattern})[\w-]{{0,40}}|value)\"?\s?[=:]\s?\"?)[^\",\s]+",
    re.IGNORECASE,
)
"""A value without quotes, or of another notation, whose name speaks of secrets. `#EXT-X-KEY:` names a tag, no value."""
_BARE = re.compile(r"#EXT[A-Z-]*(?::[0-9TZ:.,+-]*)?")
"""Lines with nothing to hide: durations and times, which are most."""
_DEFINED = {"VALUE"}
"""Attributes of playlists that hold whatever their author wants (RFC 8216 bis §4.4.2.3, §4.4.6.4)."""
_PLACE = re.compile(r"(?<![^\s\"'<>,=#:])[^\s\"'<>,=#:]*[/?@][^\s\"'<>]*")
"""What may be an address, from the end of its scheme on, in any text."""
_DATA = re.compile(r"\bdata:[^\s\"'<>]+", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![\w-])ey[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?<=\bbearer )\S+", re.IGNORECASE)
"""A JSON web token (RFC 7519), or another bearer token (RFC 6750)."""
_PAIR = re.compile(r"=[^/;,~]+")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{32,}|(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*[0-9])[A-Za-z0-9_=.%+-]{20,}")
_KINDS = (("HTML", ("<!doctype html", "<html")), ("XML", ("<",)), ("JSON", ("{", "[")))
_ADDRESSES = ("location", "content-location")
"""Headers that are an address as a whole."""
SIGNED = 20
"""Characters of the shortest folder that looks like a signature."""


def playlist(text: str) -> str:
    """A playlist; of what came instead of one, what it looks like."""
    begin = text[:LONGEST].lstrip("\ufeff \t\r\n").lower()
    if not begin.startswith("#extm3u"):
        kind = next((kind for kind, begins in _KINDS if begin.startswith(begins)), "text")
        return f"# no playlist, but {kind} of {len(text)} characters"
    return "\n".join(_line(line) for line in _cut(text).splitlines())


def listed(pairs: Iterable[tuple[str, Any]]) -> str:
    """Headers or metadata, one a line: what is plain, and whose name does not speak of secrets."""
    lines = [
        f"{_printable(str(name))[:80]}: {_said(str(name), value)}"
        for name, value in pairs
        if isinstance(value, str | float | int | bool) and not _NAMES.search(str(name))
    ]
    return "\n".join(lines[:LINES])


def answered(status: int, headers: Mapping[str, str]) -> str:
    """The head of an HTTP answer."""
    return f"status: {status}\n{listed(headers.items())}"


def _said(name: str, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)[:LONGEST]
    text = _address(text) if name.lower() in _ADDRESSES else text
    return _printable(_plain(text) if name.lower() != "content-type" else text)[:WIDEST]


def _plain(text: str) -> str:
    """Any text without what addresses and names in it give away."""
    text = _NAMED.sub(rf"\1{HIDDEN}", _TOKEN.sub(HIDDEN, text))
    return _LOGIN.sub(f"{HIDDEN}@", _DATA.sub(f"data:{HIDDEN}", _PLACE.sub(lambda at: _address(at.group()), text)))


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
        return line if _BARE.fullmatch(line) else _plain(_QUOTED.sub(_attribute, line))
    return _address(line)


def _attribute(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name.upper() in _DEFINED or _NAMES.search(name):
        return f'{name}="{HIDDEN}"'
    return f'{name}="{_address(value)}"' if "/" in value or "?" in value or name.upper() == "URI" else found.group()


def _address(text: str) -> str:
    """Without its secrets, however it is written."""
    if text[:5].lower() == "data:":
        return f"data:{HIDDEN}"
    text, fragment, _ = text.partition("#")
    path, asked, query = text.partition("?")
    if "=" in path or "@" in path:
        path = _PAIR.sub(f"={HIDDEN}", _USER.sub(rf"\1{HIDDEN}@", path))
    folders, slash, name = path.rpartition("/")
    if len(folders) >= SIGNED:
        folders = "/".join(HIDDEN if _SIGNATURE.fullmatch(each) else each for each in folders.split("/"))
    return f"{folders}{slash}{_TOKEN.sub(HIDDEN, name)}{_hidden(query) if query else asked}{fragment and '#' + HIDDEN}"


def _hidden(query: str) -> str:
    parts = [part.partition("=") for part in re.split("[&;]", query)]
    return "?" + "&".join(f"{name}={HIDDEN}" if equals else HIDDEN for name, equals, _ in parts)
