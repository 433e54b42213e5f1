"""Publish callbacks: what a media server says when a show begins and ends.

nginx-rtmp posts forms (https://github.com/arut/nginx-rtmp-module/wiki/Directives#notify): `call=publish`,
`publish_done` and `done` (also for players), `update_publish`, `disconnect`, each with `clientid`.
SRS posts JSON (https://ossrs.io/lts/en-us/docs/v6/doc/http-callback): `on_publish`, `on_unpublish`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, quote

from qoe_agent.config import ConfigError, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.config import Callback, Profile, Stream

MAX_BODY = 64 << 10
"""The longest callback that is read, in bytes."""

_NGINX: Mapping[str, Literal["start", "stop"]] = {
    "publish": "start",
    "update_publish": "start",
    "publish_done": "stop",
    "done": "stop",
    "disconnect": "stop",
}
_SRS: Mapping[str, Literal["start", "stop"]] = {"on_publish": "start", "on_unpublish": "stop"}


@dataclass(frozen=True, slots=True)
class Publish:
    """A publisher came or went."""

    event: Literal["start", "stop"]
    app: str
    name: str
    """Empty where the server tells only which client left."""
    client: str
    """The server's own number for the connection; empty where it gives none."""


def parse(body: bytes, content_type: str) -> Publish | None:
    """What a callback says; None if it speaks of no publisher. ValueError: it cannot be understood."""
    if len(body) > MAX_BODY:
        raise ValueError("longer than any callback")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or (kind != "application/x-www-form-urlencoded" and body[:1] == b"{"):
        return _srs(body)
    return _nginx(body)


def _srs(body: bytes) -> Publish | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(said, dict) or not isinstance(said.get("action"), str):
        raise ValueError("no callback of SRS: it has no action")
    event = _SRS.get(said["action"])
    app, name, client = (_text(said.get(key)) for key in ("app", "stream", "client_id"))
    return Publish(event, app, name, client) if event and app and name else None


def _nginx(body: bytes) -> Publish | None:
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
    said: dict[str, str] = {}
    for key, value in pairs:
        said.setdefault(key, value)  # the publisher's own arguments come last and must not win
    if not said.get("call"):
        raise ValueError("no callback of nginx-rtmp: it has no call")
    event = _NGINX.get(said["call"])
    name, client = said.get("name", ""), said.get("clientid", "")
    if event is None or not said.get("app") or not (name if event == "start" else name or client):
        return None
    if said["call"] in ("done", "disconnect") and not client:
        return None  # a player's, for all we can tell
    return Publish(event, said["app"], name, client)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


@dataclass(slots=True)
class Publishers:
    """Who is publishing now."""

    _clients: dict[tuple[str, str], str] = field(default_factory=dict)
    """The client that publishes each (app, name)."""

    def take(self, publish: Publish, callbacks: tuple[Callback, ...]) -> bool:
        """Note what `publish` says; whether anything is different now."""
        if publish.event == "stop":
            return self._stop(publish)
        key = (publish.app, publish.name)
        callback = chosen(callbacks, *key)
        if callback is None:
            return False
        known = key in self._clients
        if not known and self.count(callback, callbacks) >= callback.max_streams:
            return False
        self._clients[key] = publish.client
        return not known

    def count(self, callback: Callback, callbacks: tuple[Callback, ...]) -> int:
        """How many publishers `callback` stands for."""
        return sum(chosen(callbacks, *key) is callback for key in self._clients)

    def streams(
        self, callbacks: tuple[Callback, ...], profiles: Mapping[str, Profile]
    ) -> tuple[list[Stream], list[str]]:
        """A stream for each publisher, and what is wrong with those that cannot have one."""
        made, errors = [], []
        for app, name in self._clients:
            callback = chosen(callbacks, app, name)
            if callback is None:
                continue
            try:
                made.append(_stream(callback, app, name, profiles))
            except ConfigError as error:
                errors += error.errors
        return made, errors

    def _stop(self, publish: Publish) -> bool:
        gone = [
            key
            for key, client in self._clients.items()
            if key[0] == publish.app
            and publish.name in ("", key[1])
            and (publish.client == client if client and publish.client else bool(publish.name))
        ]
        for key in gone:
            del self._clients[key]
        return bool(gone)


def chosen(callbacks: tuple[Callback, ...], app: str, name: str) -> Callback | None:
    """The first entry that wants this publisher."""
    for callback in callbacks:
        if callback.app == app and re.fullmatch(callback.match, name) and name.strip("."):
            return callback
    return None


def _stream(callback: Callback, app: str, name: str, profiles: Mapping[str, Profile]) -> Stream:
    entry = {
        "name": callback.stream.replace("{app}", app).replace("{name}", name),
        "url": callback.url.replace("{app}", quote(app, "")).replace("{name}", quote(name, "")),
        "labels": callback.labels,
        "profile": callback.profile,
        "expected": "on_publish",
    }
    return reading.one(entry, profiles, "publish callback")
