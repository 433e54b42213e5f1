"""From a value as written to what a CMCD key holds: a quick look at how players write, and the careful way.

`quick` says None for whatever it does not know at first sight, also where the value is good; `careful` decides. Both
give the same for what both accept. Version 1 is converted up: its scalars become lists of one, `nor` with `nrr` too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import unquote

from qoe_agent.viewers.cmcd_keys import CUSTOM_LENGTH, KEYS, MODES, TABLE, TYPES, Kind, Mode
from qoe_agent.viewers.fields import Item, Other, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.viewers.fields import Bare, Member

Amounts: TypeAlias = "tuple[tuple[int, str | None], ...]"
"""Integers with the object type that each is about; None: none is named."""
Paths: TypeAlias = "tuple[tuple[str, str | None], ...]"
"""Relative paths with the range of bytes (`"0-99"`, `"100-"`, `"-500"`), or None for the whole object."""
Value: TypeAlias = "bool | int | float | str | Amounts | Paths | tuple[str, ...]"
"""Also `tuple[str, ...]`, the error codes. Equal values of different types are told apart by the key."""
Reason: TypeAlias = Literal[
    "malformed", "unknown", "mode", "type", "token", "range", "long", "many", "empty", "event", "version"
]
"""Why something was dropped. malformed: no structured field; unknown: no such key in that version; mode: not in that
mode; type: another type than the key's; token: not one of the key's; range: below 0; long: more characters than
allowed; many: beyond a limit in number; empty: a list of nothing; event: only with events `rr` (or `ce`); version:
the whole report is of a version not understood."""

MOST_ITEMS = 100
"""Items of an inner list."""

_RANGE = re.compile(r"[0-9]++-[0-9]*+|-[0-9]++")
_RATE = re.compile(r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})")
_CUSTOM = re.compile(r"[^-]++-.")


class Unfit(Exception):
    """The value is not what the key holds."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def custom(key: str) -> bool:
    """Whether a key has the hyphenated prefix of keys that are not reserved (CTA-5004-B §4.1)."""
    return _CUSTOM.match(key) is not None


def careful(name: str, raw: str, version: int) -> Value:
    """The value of a reserved key of that version. Raises Unfit."""
    key = KEYS[name]
    kind = key.kind if version > 1 else key.first
    assert kind is not None, "a key of that version"
    member = value_of(raw)
    if kind in ("amounts", "texts", "paths"):
        return _listed(kind, member)
    if isinstance(member, tuple):
        raise Unfit("type")
    value = _scalar(kind, member.value)
    if kind == "token" and value not in (key.tokens if version > 1 else key.first_tokens):
        raise Unfit("token")
    longest = key.longest if version > 1 else key.first_longest
    if longest is not None and isinstance(value, str) and len(value) > longest:
        raise Unfit("long")
    return raised(name, value) if version == 1 else value


def raised(name: str, value: Value) -> Value:
    """The value of a key of version 1 as version 2 has it."""
    if KEYS[name].kind == "amounts":
        return ((value, None),)  # type: ignore[return-value] # the first kind is whole
    if name == "nor":
        return ((unquote(str(value)), None),)
    return value


def careful_text(raw: str) -> str:
    """A custom key's value as text: strings and tokens, and what players send against §4.1: numbers and booleans."""
    member = value_of(raw)
    if isinstance(member, tuple) or isinstance(member.value, Other):
        raise Unfit("type")
    value = member.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > CUSTOM_LENGTH:
        raise Unfit("long")
    return text


def byte_range(raw: str) -> str:
    """The range of `nor` in version 1, key `nrr`. Raises Unfit."""
    member = value_of(raw)
    value = None if isinstance(member, tuple) else member.value
    if type(value) is not str or not _RANGE.fullmatch(value):
        raise Unfit("type")
    return value


def _scalar(kind: Kind, value: Bare) -> bool | int | float | str:
    what = type(value)
    if (kind == "text" and what is str) or (kind == "flag" and what is bool):
        return value  # type: ignore[return-value] # not Other
    if kind == "token" and isinstance(value, str) and what is not str:
        return str(value)
    if kind == "rate" and isinstance(value, int | float) and what is not bool:
        return float(value)
    if kind in ("whole", "signed") and isinstance(value, int) and what is not bool:
        if kind == "whole" and value < 0:
            raise Unfit("range")
        return value
    raise Unfit("type")


def _listed(kind: Kind, member: Member) -> Value:
    if not isinstance(member, tuple):
        raise Unfit("type")
    if not member:
        raise Unfit("empty")
    if len(member) > MOST_ITEMS:
        raise Unfit("many")
    if kind == "amounts":
        return tuple(pair for item in member for pair in _amount(item))
    if any(type(item.value) is not str for item in member):
        raise Unfit("type")
    if kind == "texts":
        return tuple(str(item.value) for item in member)
    return tuple(_path(item) for item in member)


def _amount(item: Item) -> list[tuple[int, str | None]]:
    """One item may be about several object types; parameters that are none are not ours (§4.1)."""
    number = _scalar("whole", item.value)
    types: list[str | None] = []
    for name, value in item.parameters.items():
        if name in TYPES:
            if not isinstance(value, bool):
                raise Unfit("type")
            if value:
                types.append(name)
    return [(int(number), one) for one in types or [None]]


def _path(item: Item) -> tuple[str, str | None]:
    bytes_ = item.parameters.get("r")
    if bytes_ is not None and (type(bytes_) is not str or not _RANGE.fullmatch(bytes_)):
        raise Unfit("type")
    return str(item.value), bytes_


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
    found: list[tuple[int, str | None]] = []
    for item in inner.split(" "):
        number, semicolon, kind = item.partition(";")
        if not number.isdecimal() or len(number) > 15 or (semicolon and kind not in TYPES):
            return None
        found.append((int(number), kind or None))
    return tuple(found) if len(found) <= MOST_ITEMS else None


def _text(longest: int | None) -> Callable[[str], str | None]:
    most = longest or 1 << 30

    def read(raw: str) -> str | None:
        if raw[:1] == '"' and raw[-1] == '"' and raw.count('"') == 2 and len(raw) <= most + 2:
            return raw[1:-1]
        return None

    return read


def _texts(raw: str) -> tuple[str, ...] | None:
    return (raw[2:-2],) if raw[:2] == '("' and raw[-2:] == '")' and raw.count('"') == 2 else None


def _paths(raw: str) -> Paths | None:
    return ((raw[2:-2], None),) if raw[:2] == '("' and raw[-2:] == '")' and raw.count('"') == 2 else None


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
    return raw[1:-1] if raw[:1] == raw[-1:] == '"' and _RANGE.fullmatch(raw, 1, len(raw) - 1) else None


_version = {"1": 1, "2": 2}.get


def _readers(version: int, requests: bool) -> dict[str, Callable[[str], Value | None]]:
    keys = [key for key in TABLE if key.name != "v" and (key.header or not requests)]
    if version > 1:
        return {"v": _version, **{key.name: _reader(key.kind, key.tokens, key.longest) for key in keys}}
    first = {
        key.name: _first(key.name, _reader(key.first, key.first_tokens, key.first_longest)) for key in keys if key.first
    }
    return {"v": _version, **first, "nrr": _range}


_PLAIN = re.compile(
    r'(?P<key>(?>[a-z*][a-z0-9_.*]*+)-[a-z0-9_.*\-]++)=(?:"(?P<text>[ !#-\[\]-~]{0,64}+)"'
    r"|(?P<token>[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]{0,63}+))"
)
"""A custom key with a string or a token."""


class Pieces(dict[str, "tuple[str, Any]"]):
    """What pieces such as `br=(3000)` say at first sight, as (key, value), or KeyError: look more carefully.

    With a memory: sessions repeat most of what they report. Integers are not remembered, for they change, nor are long
    pieces: strangers can take no more than a few MiB. A piece is to be a good structured field of printable ASCII
    without a backslash, or any such text without a comma; `settled` gives such pieces.
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
            if type(value) is int:
                return key, value
        elif plain := _PLAIN.fullmatch(piece):
            key, value = plain["key"], plain["token"] or plain["text"]
        else:
            raise KeyError
        if len(piece) <= self.LENGTH:
            if len(self) >= self.KEPT:
                self.clear()
            self[piece] = key, value
        return key, value


PIECES = {(version, mode): Pieces(version, mode) for version in (1, 2) for mode in MODES}
