"""One CMCD record: the value, and how it comes of text. `cmcd` has the ways in."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.cmcd_keys import KEYS, NEWEST, RESPONSE_KEYS, Mode
from qoe_agent.viewers.cmcd_pieces import PIECES, covered
from qoe_agent.viewers.cmcd_values import Reason, Unfit, Value, byte_range, careful, careful_text, custom
from qoe_agent.viewers.fields import members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


class Record(NamedTuple):
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


def read(texts: Sequence[str], mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """The record of texts that are parts of one report and do not run into each other."""
    whole = texts[0] if len(texts) == 1 else ",".join(texts)
    if len(whole) > limits.record:
        _count(dropped, "long")
        return None
    return _quickly(whole, mode, limits, dropped) or _carefully(texts, mode, limits, dropped)


def _count(dropped: dict[str, int], reason: Reason, times: int = 1) -> None:
    if times:
        dropped[reason] = dropped.get(reason, 0) + times


def _quickly(text: str, mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """A record in which all is as players write it, else None."""
    if not (text.isascii() and text.isprintable()):
        return None
    record = None if "\\" in text else _cut(text, mode, limits, dropped)
    if record is None and '"' in text and (hidden := covered(text)):
        return _cut(hidden, mode, limits, dropped)
    return record


def _cut(text: str, mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """When every piece between commas is a member by itself, no comma stood in a string: cutting there was right."""
    pieces = text.split(",")
    version = _version_at_sight(text, pieces)
    if version is None or len(pieces) > limits.keys:
        return None
    try:
        values = dict(map(PIECES[version, mode].__getitem__, pieces))
    except KeyError:
        return None
    others = {key: values.pop(key) for key in [key for key in values if "-" in key]}
    if others and (len(others) > limits.custom or max(map(len, others)) > limits.name):
        return None
    return _finished(mode, version, values, others, dropped)


def _version_at_sight(text: str, pieces: Sequence[str]) -> int | None:
    if pieces[-1] == "v=2":
        return 2
    if "v=" not in text:
        return 1
    said = [piece for piece in pieces if piece.startswith("v=")]
    return {"v=1": 1, "v=2": 2}.get(said[-1]) if said else 1


def _carefully(texts: Sequence[str], mode: Mode, limits: Limits, dropped: dict[str, int]) -> Record | None:
    """A record of anything at all."""
    found: list[tuple[str, str]] = []
    for text in texts:
        good, bad = members(text.strip(" \t\r"))
        found += good
        _count(dropped, "malformed", bad)
    said = dict(found)
    version = _version(said)
    if version > NEWEST:
        _count(dropped, "version")
        return None
    values: dict[str, Value] = {}
    others: dict[str, str] = {}
    _count(dropped, "many", max(0, len(said) - limits.keys))
    for key, raw in islice(said.items(), limits.keys):
        try:
            if custom(key) and key not in KEYS:
                others[key] = _custom(key, raw, len(others), limits)
            else:
                values[key] = _reserved(key, raw, version, mode)
        except Unfit as unfit:
            _count(dropped, unfit.reason)
    return _finished(mode, version, values, others, dropped)


def _finished(
    mode: Mode, version: int, values: dict[str, Value], others: dict[str, str], dropped: dict[str, int]
) -> Record | None:
    if "nrr" in values:
        _merge_range(values)
    event = values.get("e")
    if event is not None:
        _place(event, values, dropped)
    return Record(mode, version, values, others) if values or others else None


def _version(said: Mapping[str, str]) -> int:
    try:
        version = careful("v", said.get("v", "1"), NEWEST)
    except Unfit:
        return 1
    assert isinstance(version, int)
    return max(1, version)


def _reserved(key: str, raw: str, version: int, mode: Mode) -> Value:
    value: Value | None = None if "\\" in raw else PIECES[version, mode].look(f"{key}={raw}")
    if value is not None:
        return value
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


def _merge_range(values: dict[str, Value]) -> None:
    """`nrr` of version 1 is about `nor` or, alone, about the object that is requested: the path is empty."""
    nor, bytes_ = values.get("nor"), values.pop("nrr")
    path = nor[0][0] if isinstance(nor, tuple) else ""
    values["nor"] = ((str(path), str(bytes_)),)


def _place(event: Value, values: dict[str, Value], dropped: dict[str, int]) -> None:
    """Drop what another kind of event may have alone (CTA-5004-B §4.3)."""
    if event != "rr" and not RESPONSE_KEYS.isdisjoint(values):
        for key in RESPONSE_KEYS & values.keys():
            del values[key]
            _count(dropped, "event")
    if event != "ce" and values.pop("cen", None) is not None:
        _count(dropped, "event")
