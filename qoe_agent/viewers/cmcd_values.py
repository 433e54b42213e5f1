"""From a value as written to what a CMCD key holds, with the reason where it does not. `cmcd_pieces` is quicker.

Version 1 is converted up: its scalars become lists of one, `nor` with `nrr` too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote

from qoe_agent.viewers.cmcd_keys import CUSTOM_LENGTH, KEYS, TYPES, Kind
from qoe_agent.viewers.fields import Item, Other, value_of

if TYPE_CHECKING:
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

RANGE = re.compile(r"[0-9]++-[0-9]*+|-[0-9]++")
"""The parameter `r` of `nor`."""
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
    member = value_of(raw, MOST_ITEMS + 1)
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
    if type(value) is not str or not RANGE.fullmatch(value):
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
    if bytes_ is not None and (type(bytes_) is not str or not RANGE.fullmatch(bytes_)):
        raise Unfit("type")
    return str(item.value), bytes_
