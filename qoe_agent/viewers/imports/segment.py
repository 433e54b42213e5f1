"""Segment: `track` calls of its video specification, a JSON object a line, as plain events.

Names by the specification (Playback, Content, Quality; RudderStack and customer.io have the same), also `Order
Completed` where it has the `session_id`. Waiting before the content started is startup, not a stall.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.imports.reading import chosen_words, height, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.imports.reading import Lines

HEARTBEAT = 10.0
"""Seconds: what the specification recommends."""
REMEMBERED = 200_000
"""Sessions that have not started yet, of which it is known when play was pressed."""
EVENTS: dict[str, tuple[str, str | None]] = {
    "Video Playback Started": ("join", "starting"),
    "Video Playback Paused": ("heartbeat", "paused"),
    "Video Playback Resumed": ("heartbeat", "playing"),
    "Video Playback Buffer Started": ("stall", "stalled"),
    "Video Playback Buffer Completed": ("heartbeat", "playing"),
    "Video Playback Seek Started": ("heartbeat", "seeking"),
    "Video Playback Seek Completed": ("heartbeat", "playing"),
    "Video Playback Interrupted": ("leave", None),
    "Video Playback Completed": ("leave", "ended"),
    "Video Playback Exited": ("leave", None),
    "Video Content Started": ("heartbeat", "playing"),
    "Video Content Playing": ("heartbeat", "playing"),
    "Video Content Completed": ("heartbeat", None),
    "Video Ad Started": ("heartbeat", None),
    "Video Ad Playing": ("heartbeat", None),
    "Video Ad Completed": ("heartbeat", None),
    "Video Quality Updated": ("quality", None),
    "Order Completed": ("order", None),
}
"""Kind and state."""
CAUSES = {"Video Playback Interrupted": "lost", "Video Playback Completed": "ended", "Video Playback Exited": "quit"}
_CONTENT = ("Video Content Started", "Video Content Playing")


def rows(lines: Lines, chosen: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Events of an export."""
    pressed: OrderedDict[str, float] = OrderedDict()
    for call in lines.objects():
        name, properties = call.get("event"), call.get("properties")
        if call.get("type", "track") != "track" or name not in EVENTS or not isinstance(properties, dict):
            lines.skip("no event of the video specification")
            continue
        session = properties.get("session_id")
        if session is None and name == "Order Completed":
            lines.skip("an order without session_id")
            continue
        at = lines.time("timestamp", call.get("timestamp") or call.get("originalTimestamp"))
        if at is None:
            continue
        event = _event(str(name), call, properties, at) | {"session": session if session is None else str(session)}
        _starting(str(name), str(session), at, event, pressed)
        attributes = chosen_words(properties, chosen)
        if found := lines.event(event | ({"attributes": attributes} if attributes else {})):
            yield found


def _event(name: str, call: dict[str, Any], properties: dict[str, Any], at: float) -> dict[str, Any]:
    kind, state = EVENTS[name]
    asset = properties.get("content_asset_id") or properties.get("content_asset_ids")
    rate, user = properties.get("bitrate"), call.get("userId") or call.get("anonymousId")
    event: dict[str, Any] = {
        "at": at, "kind": kind, "state": state, "cause": CAUSES.get(name), "user": None if user is None else str(user),
        "stream": word(asset[0] if isinstance(asset, list) and asset else asset),
        "height": height(properties.get("quality")),
        "bytes_per_second": round(rate * 125) if isinstance(rate, (int, float)) and 0 < rate < 1e13 else None,
        "interval_seconds": HEARTBEAT if name == "Video Content Playing" else None,
        "device": word(_device(call)),
    }  # fmt: skip
    if kind == "order":
        value = next((properties[key] for key in ("revenue", "total", "value") if key in properties), None)
        event |= {"value": float(value) if isinstance(value, (int, float)) else None,
                  "currency": properties.get("currency")}  # fmt: skip
    return event


def _device(call: dict[str, Any]) -> object:
    context = call.get("context")
    device = context.get("device") if isinstance(context, dict) else None
    return device.get("type") if isinstance(device, dict) else None


def _starting(name: str, session: str, at: float, event: dict[str, Any], pressed: OrderedDict[str, float]) -> None:
    """Startup: from play pressed to the first content."""
    if name == "Video Playback Started":
        pressed[session] = at
        if len(pressed) > REMEMBERED:
            pressed.popitem(last=False)
    elif session in pressed:
        if name in _CONTENT:
            event["startup_seconds"] = round(max(at - pressed.pop(session), 0.0), 3)
        elif event["kind"] == "stall" or event["state"] == "playing":
            event |= {"kind": "heartbeat", "state": "starting"}
