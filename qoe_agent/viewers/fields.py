"""HTTP structured fields (RFC 8941, RFC 9651) as damaged players send them: every good dictionary member survives.

On a valid dictionary this gives what the RFCs say. Where they make a reader throw the whole field away, only the
member that is wrong goes: the search goes on behind the next comma. So after a quote that never closes no member is
lost but that one; what stood between the quotes of a string with something behind it may be read as members.

All patterns are possessive, so time is linear in the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class Token(str):
    """A bare word (RFC 9651 §3.3.4), as opposed to a quoted string."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Other:
    """A valid item of a type that nobody here asks for: byte sequence, date, display string (§3.3.5, .7, .8)."""

    text: str


Bare: TypeAlias = "bool | int | float | str | Token | Other"
"""`str` alone is a quoted string, unescaped."""


@dataclass(frozen=True, slots=True)
class Item:
    """A bare item with its parameters (§3.3, §3.1.2)."""

    value: Bare
    parameters: Mapping[str, Bare]


Member: TypeAlias = "Item | tuple[Item, ...]"
"""A tuple is an inner list (§3.1.1); the parameters of a list as a whole are not kept: CMCD has none."""

_B64 = "[A-Za-z0-9+/]"
_BARE = "|".join(
    (
        r'"(?:[ !#-\[\]-~]|\\["\\])*+"',
        r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})",
        r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*+",
        r"\?[01]",
        rf":(?!=)(?:{_B64}{{4}})*+(?:{_B64}{{2,3}})?+={{0,2}}:",
        "@-?[0-9]{1,15}",
        r'%"(?:[ !#$&-~]|%[0-9a-f]{2})*+"',
    )
)
_PARAMETER = rf";[ ]*+(?P<name>[a-z*][a-z0-9_.*\-]*+)(?:=(?P<of>{_BARE}))?+"
_PARAMETERS = f"(?:{_PARAMETER})*+".replace("?P<name>", "?:").replace("?P<of>", "?:")
_ITEM = f"(?>{_BARE}){_PARAMETERS}"
_LIST = rf"\([ ]*+(?:{_ITEM}(?:[ ]++|(?=\))))*+\)"

_SEGMENT = re.compile(
    rf"[ \t]*+([A-Za-z*][A-Za-z0-9_.*\-]*+)(?:=({_LIST}|(?>{_BARE})))?+{_PARAMETERS}[ \t]*+(?:,|\Z)"
    r"|[^,]*+(?:,|\Z)"
)
"""Keys may hold capitals, which RFC 9651 §3.2 forbids: CTA-5004 gives examples of such custom keys. What is no
member, up to the next comma, has no key."""
_ITEMS = re.compile(rf"(?P<bare>{_BARE})(?P<rest>{_PARAMETERS})")
_NAMED = re.compile(_PARAMETER)
_ESCAPED = re.compile(r'\\(["\\])')


def members(text: str) -> tuple[list[tuple[str, str]], int]:
    """The good members of a dictionary as (key, value as written), in order; and how many others there were.

    A key alone has the value `?1` (§3.2). A key that comes twice is here twice; the last one counts.
    """
    segments = _SEGMENT.findall(text)
    found = [(key, value or "?1") for key, value in segments if key]
    return found, len(segments) - 1 - len(found) + text.endswith(",")  # the last one is the empty end


def value_of(raw: str, most: int | None = None) -> Member:
    """What a value that `members` gave means; `most`: items of a list, of which the others are not read."""
    if not raw.startswith("("):
        return Item(_bare(raw), {})
    found = islice(_ITEMS.finditer(raw, 1), most)
    return tuple(Item(_bare(match["bare"]), _parameters(match["rest"])) for match in found)


def _parameters(text: str) -> dict[str, Bare]:
    """A parameter without a value is true; the last of a name counts (§4.2.3.2)."""
    return {
        match["name"]: True if match["of"] is None else _bare(match["of"]) for match in _NAMED.finditer(text) if text
    }


def _bare(raw: str) -> Bare:
    first = raw[0]
    if first == '"':
        inner = raw[1:-1]
        return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
    if first in "-0123456789":
        return float(raw) if "." in raw else int(raw)
    if first == "?":
        return raw == "?1"
    return Other(raw) if first in ":@%" else Token(raw)
