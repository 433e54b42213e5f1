"""Common Media Client Data, versions 1 and 2 (CTA-5004, CTA-5004-B): from a request or an event's body to records.

Nothing here raises on any text. What does not follow the standard is dropped by itself and counted by reason; all
else stays (CTA-5004-B §6: unknown keys and malformed values MUST be ignored without affecting others, keys come in any
order, a report of a higher version than understood MUST be ignored whole). The server has the status codes (§6.13).

Units are the standard's: milliseconds and kilobits a second (see `cmcd_keys`). Counters such as `bsa` and lists such as
`bsd` may be repeated in later reports: they are not sums.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from qoe_agent.viewers.cmcd_keys import CUSTOM_LENGTH, HEADERS, KEYS, NEWEST, RESPONSE_KEYS, Mode
from qoe_agent.viewers.cmcd_values import QUICK, Reason, Unfit, Value, byte_range, careful, careful_text, custom
from qoe_agent.viewers.fields import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CONTENT_TYPES = ("application/cmcd", "text/cmcd")
"""Of event bodies: CTA-5004-B §3.3, and CTA-5004-A, which players still send."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read; what is beyond is dropped as `long` or `many`."""

    body: int = 1 << 20
    """Bytes (of text: characters) of a body."""
    records: int = 1000
    """Records of a body."""
    record: int = 16384
    """Characters of a record, decoded."""
    keys: int = 128
    """Keys of a record."""
    custom: int = 32
    """Custom keys of a record."""
    name: int = 128
    """Characters of a custom key."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Record:
    """One report: what a player said at one moment, or with one request."""

    mode: Mode
    """request: with a media request (§2.1); event: in a body (§2.2)."""
    version: int
    """1 when the player names none (§4.3, `v`). Values of version 1 are converted up to those of version 2."""
    values: Mapping[str, Value]
    """By reserved key (see `cmcd_keys.TABLE`), in the standard's units: integers, booleans, text (also for tokens), a
    decimal as float, `((3000, "v"), (164, "a"))` for lists by object type, `(path, range)` for `nor`. Unknown is
    absent. Not to be changed."""
    custom: Mapping[str, str]
    """Custom keys (§4.1), as text."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys that MUST be there and are not: `e` and `ts` on events (§2.2), and what some events need (`e`, §4.3)."""
        if self.mode == "request":
            return ()
        event = self.values.get("e")
        also = _NEEDED.get(event) if isinstance(event, str) else None
        return tuple(key for key in ("e", "ts", also) if key and key not in self.values)


_NEEDED = {"ps": "sta", "e": "ec", "ce": "cen", "rr": "url"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request or a body held."""

    records: tuple[Record, ...] = ()
    """In order. Nothing good in it, no record."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """What was not taken, by `cmcd_values.Reason`: keys, or whole records (long, many, version)."""


def is_body(content_type: str) -> bool:
    """Whether a Content-Type announces CMCD records."""
    return content_type.partition(";")[0].strip().lower() in CONTENT_TYPES


def from_request(query: str, headers: Iterable[tuple[str, str]], limits: Limits = LIMITS) -> Reading:
    """The record of a media request. With any CMCD header the query MUST be ignored (CTA-5004-B §6.7).

    `query` is what follows `?`, still encoded; `headers` are names and values.
    """
    found = [(name.lower(), value) for name, value in headers]
    if any(name in HEADERS for name, _ in found):
        return from_headers(found, limits)
    return from_query(query, limits)


def from_headers(headers: Iterable[tuple[str, str]], limits: Limits = LIMITS) -> Reading:
    """The record in CMCD-Object, -Request, -Session and -Status (§3.1), whichever of them a key is in.

    Their values are not URL-encoded (§4.1). Other headers are passed over.
    """
    texts = [value for name, value in headers if name.lower() in HEADERS]
    return _one(texts, limits)


def from_query(query: str, limits: Limits = LIMITS) -> Reading:
    """The record in the argument `CMCD` (in capitals, §3.2) of a query, still encoded. The first counts."""
    for argument in query.removeprefix("?").partition("#")[0].split("&"):
        name, _, value = argument.partition("=")
        if name == "CMCD":
            return from_argument(value, limits)
    return Reading()


def from_argument(value: str, limits: Limits = LIMITS) -> Reading:
    """The record in the value of the query argument, still URL-encoded, as nginx logs it (`$arg_CMCD`).

    One reserved character may stand at its end (§3.2).
    """
    if len(value) > 3 * limits.record:
        return Reading((), {"long": 1})
    return _one([unquote_plus(value.rstrip("&;#?"))], limits)


def from_body(body: bytes | str, limits: Limits = LIMITS) -> Reading:
    """The records of an event body: one a line, UTF-8, not URL-encoded; spaces around them do not count (§3.3)."""
    if len(body) > limits.body:
        return Reading((), {"long": 1})
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    lines = [line for line in map(_trimmed, text.removeprefix("\ufeff").split("\n")) if line]
    dropped: dict[str, int] = {}
    if len(lines) > limits.records:
        dropped["many"] = len(lines) - limits.records
    records = (_record([line], "event", limits, dropped) for line in lines[: limits.records])
    return Reading(tuple(record for record in records if record is not None), dropped)


def _trimmed(text: str) -> str:
    return text.strip(" \t\r")


def _one(texts: Sequence[str], limits: Limits) -> Reading:
    dropped: dict[str, int] = {}
    record = _record(texts, "request", limits, dropped)
    return Reading(() if record is None else (record,), dropped)


def _record(texts: Sequence[str], mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """Texts are of one report, and do not run into each other."""
    if sum(map(len, texts)) > limits.record:
        _count(dropped, "long")
        return None
    whole = texts[0] if len(texts) == 1 else ",".join(texts)
    return _quickly(whole, mode, limits, dropped) or _carefully(texts, mode, limits, dropped)


def _count(dropped: dict[str, int], reason: Reason, times: int = 1) -> None:
    if times:
        dropped[reason] = dropped.get(reason, 0) + times


_PLAIN = re.compile(
    r'(?>[a-z*][a-z0-9_.*]*+)-[a-z0-9_.*\-]++=(?:"([ !#-\[\]-~]*+)"|([A-Za-z*][!#$%&\'*+\-.^_`|~\w:/]*+))'
)
"""A custom key with a string or a token."""


def _quickly(text: str, mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """A record in which all is as players write it, else None.

    When every piece between commas is a member by itself, no comma stood in a string: cutting there was right.
    """
    if "\\" in text or not (text.isascii() and text.isprintable()):
        return None
    pieces = [piece.partition("=") for piece in text.split(",")]
    last = pieces[-1]
    version = last[2] if last[0] == "v" else next((raw for key, _, raw in reversed(pieces) if key == "v"), "1")
    if version not in ("1", "2") or len(pieces) > limits.keys:
        return None
    readers = QUICK[int(version), mode]
    values: dict[str, Value] = {}
    others: dict[str, str] = {}
    for key, equals, raw in pieces:
        read = readers.get(key)
        if read is not None:
            value = read(raw if equals else "?1")
            if value is None:
                return None
            values[key] = value
        else:
            plain = _PLAIN.fullmatch(f"{key}={raw}")
            if plain is None:
                return None
            others[key] = plain[1] if plain[2] is None else plain[2]
    if others and (len(others) > limits.custom or any(_big(key, value, limits) for key, value in others.items())):
        return None
    return Record(mode, int(version), _placed(values, dropped), others) if values or others else None


def _carefully(texts: Sequence[str], mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """A record of anything at all."""
    found: list[tuple[str, str]] = []
    for text in texts:
        good, bad = members(_trimmed(text))
        found += good
        _count(dropped, "malformed", bad)
    _count(dropped, "many", len(found) - limits.keys if len(found) > limits.keys else 0)
    said = dict(found[: limits.keys])
    version = _version(said)
    if version > NEWEST:
        _count(dropped, "version")
        return None
    values: dict[str, Value] = {}
    others: dict[str, str] = {}
    for key, raw in said.items():
        try:
            if key in KEYS or not custom(key):
                values[key] = _reserved(key, raw, version, mode)
            else:
                others[key] = _custom(key, raw, len(others), limits)
        except Unfit as unfit:
            _count(dropped, unfit.reason)
    if "nrr" in values:
        _merge_range(values)
    return Record(mode, version, _placed(values, dropped), others) if values or others else None


def _version(said: Mapping[str, str]) -> int:
    try:
        version = careful("v", said.get("v", "1"), NEWEST)
    except Unfit:
        return 1
    assert isinstance(version, int)
    return max(1, version)


def _reserved(key: str, raw: str, version: int, mode: Mode) -> Value:
    if key == "nrr" and version == 1:
        return byte_range(raw)
    known = KEYS.get(key)
    if known is None or (version == 1 and known.first is None):
        raise Unfit("unknown")
    if mode not in known.modes:
        raise Unfit("mode")
    value = careful(key, raw, version)
    if key == "v" and value == 0:
        raise Unfit("range")
    return value


def _custom(key: str, raw: str, have: int, limits: Limits) -> str:
    if have >= limits.custom:
        raise Unfit("many")
    if len(key) > limits.name:
        raise Unfit("long")
    return careful_text(raw)


def _big(key: str, value: str, limits: Limits) -> bool:
    return len(value) > CUSTOM_LENGTH or len(key) > limits.name


def _merge_range(values: dict[str, Value]) -> None:
    """`nrr` of version 1 is about `nor` or, alone, about the object that is requested: the path is empty."""
    nor, bytes_ = values.get("nor"), values.pop("nrr")
    path = nor[0][0] if isinstance(nor, tuple) else ""
    values["nor"] = ((str(path), str(bytes_)),)


def _placed(values: dict[str, Value], dropped: dict[str, int]) -> dict[str, Value]:
    """Without what another kind of event may have alone (CTA-5004-B §4.3)."""
    event = values.get("e")
    if event is None:
        return values
    if event != "rr" and not RESPONSE_KEYS.isdisjoint(values):
        _count(dropped, "event", len(RESPONSE_KEYS & values.keys()))
        values = {key: value for key, value in values.items() if key not in RESPONSE_KEYS}
    if event != "ce" and "cen" in values:
        _count(dropped, "event")
        del values["cen"]
    return values
