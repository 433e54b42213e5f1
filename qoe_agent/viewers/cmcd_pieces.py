"""CMCD keys with their values, as players usually write them, at first sight.

What is not known at first sight, also where it is good, is for `cmcd_values` to decide. Both give the same for what
both accept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.cmcd_keys import KEYS, MODES, TABLE, TYPES, Kind, Mode
from qoe_agent.viewers.cmcd_values import MOST_ITEMS, RANGE, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.viewers.cmcd_values import Amounts, Paths, Value

_RATE = re.compile(r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})")
_PLAIN = re.compile(
    r'(?P<key>(?>[a-z*][a-z0-9_.*]*+)-[a-z0-9_.*\-]++)=(?:"(?P<text>[\0-\2 !#-\[\]-~]{0,64}+)"'
    r"|(?P<token>[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]{0,63}+))"
)
"""A custom key with a string or a token."""


def _whole(raw: str) -> int | None:
    return int(raw) if raw.isdecimal() and len(raw) <= 15 else None


def _rate(raw: str) -> float | None:
    return float(raw) if _RATE.fullmatch(raw) else None


def _amounts(raw: str) -> Amounts | None:
    if raw[:1] != "(" or raw[-1] != ")":
        return None
    inner = raw[1:-1]
    if inner.isdecimal() and len(inner) <= 15:
        return ((int(inner), None),)
    if inner.count(" ") >= MOST_ITEMS:
        return None
    found: list[tuple[int, str | None]] = []
    for item in inner.split(" "):
        number, semicolon, kind = item.partition(";")
        if not number.isdecimal() or len(number) > 15 or (semicolon and kind not in TYPES):
            return None
        found.append((int(number), kind or None))
    return tuple(found)


def _text(longest: int | None) -> Callable[[str], str | None]:
    most = longest or 1 << 30

    def read(raw: str) -> str | None:
        if raw[:1] == '"' and raw[-1] == '"' and raw.count('"') == 2 and len(raw) <= most + 2:
            return _uncovered(raw[1:-1])
        return None

    return read


def _texts(raw: str) -> tuple[str, ...] | None:
    return (_uncovered(raw[2:-2]),) if raw[:2] == '("' and raw[-2:] == '")' and raw.count('"') == 2 else None


def _paths(raw: str) -> Paths | None:
    texts = _texts(raw)
    return ((texts[0], None),) if texts else None


def covered(text: str) -> str | None:
    """The text with what would mislead a cut at commas and quotes hidden; None where quotes are odd.

    Commas in strings, escaped backslashes and escaped quotes become control characters, which no valid text holds.
    """
    parts = text.replace("\\\\", "\1").replace('\\"', "\2").split('"')
    if len(parts) % 2 == 0:
        return None
    parts[1::2] = [part.replace(",", "\0") for part in parts[1::2]]
    return '"'.join(parts)


_UNCOVERED = {0: ",", 1: "\\", 2: '"'}


def _uncovered(text: str) -> str:
    return text if text.isprintable() else text.translate(_UNCOVERED)


def _reader(kind: Kind, tokens: frozenset[str], longest: int | None) -> Callable[[str], Value | None]:
    if kind == "text":
        return _text(longest)
    if kind == "token":
        return {token: token for token in tokens}.get
    if kind == "flag":
        return {"?1": True, "?0": False}.get
    return {"amounts": _amounts, "texts": _texts, "paths": _paths, "rate": _rate}.get(kind, _whole)


def _first(name: str, read: Callable[[str], Value | None]) -> Callable[[str], Value | None]:
    def up(raw: str) -> Value | None:
        value = read(raw)
        return None if value is None else raised(name, value)

    return up if KEYS[name].kind in ("amounts", "paths") else read


def _range(raw: str) -> str | None:
    return raw[1:-1] if raw[:1] == raw[-1:] == '"' and RANGE.fullmatch(raw, 1, len(raw) - 1) else None


_version = {"1": 1, "2": 2}.get


def _readers(version: int, requests: bool) -> dict[str, Callable[[str], Value | None]]:
    keys = [key for key in TABLE if key.name != "v" and (key.header or not requests)]
    if version > 1:
        return {"v": _version, **{key.name: _reader(key.kind, key.tokens, key.longest) for key in keys}}
    first = {
        key.name: _first(key.name, _reader(key.first, key.first_tokens, key.first_longest)) for key in keys if key.first
    }
    return {"v": _version, **first, "nrr": _range}


CHANGING = frozenset(("dfa", "ltc", "msd", "pt", "sn", "ts", "ttfb", "ttfbb", "ttlb"))
"""Keys with another value in almost every report."""


class Pieces(dict[str, "tuple[str, Any]"]):
    """What pieces such as `br=(3000)` say at first sight, as (key, value), or KeyError: look more carefully.

    With a memory: sessions repeat most of what they report. What changes with every report is not remembered, nor are
    long pieces: strangers can take no more than a few MiB. A piece is to be printable ASCII without a backslash, and
    without a comma outside quotes; or such a piece `covered`.
    """

    KEPT, LENGTH = 4096, 100

    def __init__(self, version: int, mode: Mode) -> None:
        super().__init__()
        self.readers = _readers(version, mode == "request")

    def __missing__(self, piece: str) -> tuple[str, Any]:
        key, equals, raw = piece.partition("=")
        value: Value | None
        if reader := self.readers.get(key):
            value = reader(raw if equals else "?1")
            if value is None:
                raise KeyError
            if key in CHANGING:
                return key, value
        elif plain := _PLAIN.fullmatch(piece):
            key, value = plain["key"], plain["token"] or _uncovered(plain["text"])
        else:
            raise KeyError
        if len(piece) <= self.LENGTH:
            if len(self) >= self.KEPT:
                self.clear()
            self[piece] = key, value
        return key, value

    def look(self, piece: str) -> Any:
        """The value, or None."""
        try:
            return self[piece][1]
        except KeyError:
            return None


PIECES = {(version, mode): Pieces(version, mode) for version in (1, 2) for mode in MODES}
