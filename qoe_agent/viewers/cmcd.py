"""Common Media Client Data, versions 1 and 2 (CTA-5004, CTA-5004-B): from a request or an event's body to records.

Nothing here raises on any text. What does not follow the standard is dropped by itself and counted by reason; all
else stays (CTA-5004-B §6: unknown keys and malformed values MUST be ignored without affecting others, keys come in any
order, a report of a higher version than understood MUST be ignored whole). The server has the status codes (§6.13).

Units are the standard's: milliseconds and kilobits a second (see `cmcd_keys`). Counters such as `bsa` and lists such as
`bsd` may be repeated in later reports: they are not sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from qoe_agent.viewers.cmcd_keys import HEADERS
from qoe_agent.viewers.cmcd_record import LIMITS, Limits, Reading, Record, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["LIMITS", "Limits", "Reading", "Record"]
"""Also to be had here."""

CONTENT_TYPES = ("application/cmcd", "text/cmcd")
"""Of event bodies: CTA-5004-B §3.3, and CTA-5004-A, which players still send."""


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
    lines = [line for line in (line.strip(" \t\r") for line in text.removeprefix("\ufeff").split("\n")) if line]
    dropped: dict[str, int] = {}
    if len(lines) > limits.records:
        dropped["many"] = len(lines) - limits.records
    records = [read((line,), "event", limits, dropped) for line in lines[: limits.records]]
    return Reading(tuple(record for record in records if record), dropped)


def _one(texts: Sequence[str], limits: Limits) -> Reading:
    dropped: dict[str, int] = {}
    record = read(texts, "request", limits, dropped)
    return Reading(() if record is None else (record,), dropped)
