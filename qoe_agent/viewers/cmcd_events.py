"""CMCD records as events: what a player's report says in the fields of ViewerEvent.

Beside the standard's keys some custom ones are known, under the prefix `com.qoe-`: user, arm, experiment, region,
device, network, height (lines of the picture), and on custom events (`e=ce`) whose name `cen` is order, message_sent or
message_shown: value, currency, message. Other custom keys become attributes.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.plain import FIRST, LAST, private, text, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.cmcd_record import Record
    from qoe_agent.viewers.cmcd_values import Value

OURS = "com.qoe-"
STATES: Mapping[str, str] = {
    "s": "starting", "p": "playing", "k": "seeking", "r": "stalled", "a": "paused", "w": "waiting", "e": "ended",
    "f": "failed", "d": "waiting",
}  # fmt: skip
"""By `sta` (CTA-5004-B §4.3); q is a leave, d preloading."""
CUSTOM_EVENTS = {"order": (), "message_sent": ("message",), "message_shown": ("message",)}
"""Names of custom events that are kinds of ours, and what each cannot do without."""
_WORDS = ("user", "arm", "experiment", "region", "device", "network", "message")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_LONGEST_MS = 604_800_000
_MOST_ATTRIBUTES = 32
_REMEMBERED = 10_000
_BYTES = 125
"""Bytes a second in a kilobit a second."""


def said(record: Record, received_ms: int) -> dict[str, Any] | None:
    """What `event` wants; None: it names no session, without which it says nothing about anybody."""
    values = record.values
    session = values.get("sid")
    if not session:
        return None
    found: dict[str, Any] = {"session": session, "kind": "heartbeat"}
    _moment(found, values, received_ms)
    _standing(found, values)
    _quality(found, values)
    if record.custom:
        _custom(found, record.custom, values.get("cen"))
    return found


def _moment(found: dict[str, Any], values: Mapping[str, Value], received_ms: int) -> None:
    at_ms, sn = values.get("ts"), values.get("sn")
    if isinstance(at_ms, int) and FIRST * 1000 <= at_ms <= LAST * 1000:
        found["at_ms"] = at_ms
    if sn is not None:
        found["sn"] = sn
    elif "at_ms" not in found:
        found["at_ms"] = received_ms
    cid = values.get("cid")
    if isinstance(cid, str) and (stream := tidy("stream", cid)):
        found["stream"] = stream


def _standing(found: dict[str, Any], values: Mapping[str, Value]) -> None:
    """State, and what changed."""
    state, event = values.get("sta"), values.get("e")
    if isinstance(state, str) and state in STATES:
        found["state"] = STATES[state]
    if state == "q" or (event == "ps" and state in ("e", "f")):
        found["kind"], found["cause"] = "leave", {"q": "quit", "e": "ended", "f": "failed"}[str(state)]
    elif event == "ps" and state in ("s", "r"):
        found["kind"] = "join" if state == "s" else "stall"
    elif event == "bc":
        found["kind"] = "quality"
    if "bg" in values:
        found["background"] = values["bg"]
    errors = values.get("ec")
    if isinstance(errors, tuple) and errors and (error := tidy("error", str(errors[0])[:64])):
        found["error"] = error


def _quality(found: dict[str, Any], values: Mapping[str, Value]) -> None:
    for key, name in (("msd", "startup_ms"), ("ltc", "latency_ms")):
        value = values.get(key)
        if value is not None and isinstance(value, int) and 0 <= value <= _LONGEST_MS:
            found[name] = value
    media_ms = values.get("pt")
    if isinstance(media_ms, int) and FIRST * 1000 <= media_ms <= LAST * 1000:  # else it counts from the beginning
        found["media_ms"] = media_ms
    for key, name in (("bsa", "stalls_total"), ("bsda", "stalled_total_ms")):
        if key in values and (amount := _amount(values[key])) is not None:
            found[name] = amount
    rate = values.get("pb") or values.get("br")
    if rate is not None and (amount := _amount(rate)):  # 0: hls.js where the playlist names no bandwidth
        found["bytes_per_second"] = amount * _BYTES
    host = values.get("h")
    if isinstance(host, str) and (cdn := tidy("cdn", host)):
        found["cdn"] = cdn


@functools.lru_cache(_REMEMBERED)
def _amount(value: Value) -> int | None:
    """Of a list by object type that of video; of one without types the largest."""
    if not isinstance(value, tuple):
        return None
    pairs = [each if isinstance(each, tuple) else (each, None) for each in value]
    whole = [(amount, kind) for amount, kind in pairs if isinstance(amount, int) and amount >= 0]
    chosen = [amount for amount, kind in whole if kind in ("v", "av")] or [amount for amount, _ in whole]
    return max(chosen, default=None)


def _custom(found: dict[str, Any], custom: Mapping[str, str], name: Value | None) -> None:
    found.update(_fields(tuple(custom.items())))
    if isinstance(name, str) and name in CUSTOM_EVENTS and all(key in found for key in CUSTOM_EVENTS[name]):
        found["kind"] = name


@functools.lru_cache(_REMEMBERED)
def _fields(custom: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """What custom keys say, of which most are the same in each report of a session. Not to be changed."""
    ours = {key.removeprefix(OURS): value for key, value in custom if key.startswith(OURS) and value}
    found: dict[str, Any] = {}
    for word in _WORDS:
        if word in ours and (value := ours[word] if word == "user" else tidy(word, ours[word])):
            found[word] = value
    height = ours.get("height", "")
    if height.isascii() and height.isdigit() and 0 < int(height) < 65_536:
        found["height"] = int(height)
    if _CURRENCY.fullmatch(ours.get("currency", "")):
        found["currency"] = ours["currency"]
    if _NUMBER.fullmatch(ours.get("value", "")):
        found["value"] = float(ours["value"])
    others = {key: text(value) for key, value in custom
              if not key.startswith(OURS) and not private(key, value)}  # fmt: skip
    if others:
        found["attributes"] = dict(list(others.items())[:_MOST_ATTRIBUTES])
    return found
