"""Media servers' callbacks as events: nginx-rtmp, SRS, MediaMTX.

What servers say of addresses, pages and players is not kept. The play URL's arguments come with every callback:
`viewer` (or `user`), `session`, `arm`, `experiment`, `region`, `device` and `network` are understood.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from pydantic_core import from_json

from qoe_agent.model import Target
from qoe_agent.viewers.plain import tidy
from qoe_agent.viewers.privacy import bare, page, telling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.ingest.playing import Players

OURSELVES = Target(url="").user_agent
"""What this agent calls itself when it pulls a stream: it is no viewer."""
_MOST_FIELDS = 100
_ARGUMENTS = {
    "viewer": "user", "user": "user", "arm": "arm", "experiment": "experiment", "region": "region", "device": "device",
    "network": "network",
}  # fmt: skip
_SESSION, _NAME = 64, 128
_LONGEST = 3600
"""Seconds between a server's updates, at most."""
_TOLD = {"on_play": "play", "on_stop": "stop", "on_unpublish": "unpublish", "on_publish": "publish"}
"""SRS's actions."""
_HOOKS = {"read": "play", "unread": "stop", "available": "publish", "unavailable": "unpublish", "ready": "publish",
          "not_ready": "unpublish"}  # fmt: skip
"""What the documented MediaMTX hooks say."""
_ESCAPED = re.compile(r"[\w.*+%-]*%3D[\w.*+%-]*", re.IGNORECASE)
"""A query as newer versions of MediaMTX give it: escaped as a whole."""


class Malformed(Exception):
    """What a server said cannot be understood; never quotes it."""


def nginx(body: bytes, query: Mapping[str, str], playing: Players, now_ms: int) -> list[dict[str, Any]]:
    """on_play, on_play_done, on_update, on_publish, on_publish_done of nginx-rtmp (form-encoded).

    An update of a player tells that he is connected, not that there is anything to see; one of a publisher tells that.

    Its ids of clients begin anew when it does, so a session is what lies between on_play and on_play_done of one id;
    `query`: of the callback's own URL, `server` tells several servers apart, `every` is its notify_update_timeout in
    seconds: of whom nothing is heard for so long has left, should his play_done get lost.
    """
    said = _form(body)
    call, path = said.get("call", ""), f"{bare(said.get('app', ''))}/{bare(said.get('name', ''))}"
    server, client = query.get("server", ""), said.get("clientid", "")
    if call in ("publish", "update_publish", "publish_done"):
        return _published(playing, server, path, call != "publish_done", now_ms)
    if call not in ("play", "play_done", "update_play") or said.get("flashver", "").startswith(OURSELVES):
        return []
    if not client:
        raise Malformed("names no client")
    who, every = (server, client), query.get("every", "")
    seconds = int(every) if every.isdecimal() and len(every) <= len(str(_LONGEST)) else 0
    known_by = {"interval_ms": 1000 * seconds} if 0 < seconds <= _LONGEST else {}
    if call == "play":
        session = _session(said) or f"{server or 'rtmp'}-{client}-{now_ms}"[-_SESSION:]
        playing.begin(who, session, path, now_ms)
        return [_event("join", session, path, said, now_ms, state="playing", **known_by)]
    known = playing.get(who)
    session = known.session if known else _session(said) or f"{client}-{now_ms}"[-_SESSION:]
    path = known.path if known else path
    if call == "update_play":
        if known is None:
            playing.begin(who, session, path)
        ended = known is not None and known.ended
        playing.updated(who)
        return [_event("heartbeat", session, path, said, now_ms, state="ended" if ended else "playing", **known_by)]
    playing.end(who)
    return [_event("leave", session, path, said, now_ms, cause="ended" if known and known.ended else "quit")]


def srs(body: bytes, playing: Players, now_ms: int) -> list[dict[str, Any]]:
    """on_play and on_stop, on_publish and on_unpublish of SRS (JSON).

    Of HLS it tells the end late (ossrs/srs#3330), and once more with an empty client: that one is left out.
    """
    said = as_object(body)
    action, client = _TOLD.get(_word(said.get("action"))), _word(said.get("client_id"))
    server, path = _word(said.get("server_id")), f"{bare(_word(said.get('app')))}/{bare(_word(said.get('stream')))}"
    return _hooked(action, (server, client), path, _word(said.get("param")), playing, now_ms)


def mediamtx(body: bytes, form: bool, playing: Players, now_ms: int) -> list[dict[str, Any]]:
    """What the documented hooks of MediaMTX send: event, path, id, type, query; as a form or as JSON."""
    said: Mapping[str, Any] = _form(body) if form else as_object(body)
    who, query = (_word(said.get("server")), _word(said.get("id"))), _word(said.get("query"))
    if _ESCAPED.fullmatch(query):
        query = unquote_plus(query)
    return _hooked(_HOOKS.get(_word(said.get("event"))), who, bare(_word(said.get("path"))), query, playing, now_ms)


def _hooked(
    action: str | None, who: tuple[str, str], path: str, query: str, playing: Players, now_ms: int
) -> list[dict[str, Any]]:
    if action in ("publish", "unpublish"):
        return _published(playing, who[0], path, action == "publish", now_ms)
    if action is None or not who[1]:
        return []
    said = _form(query.lstrip("?").encode())
    known = playing.get(who)
    session = known.session if known else _session(said) or "-".join(filter(None, who))[-_SESSION:]
    if action == "play":
        playing.begin(who, session, path, now_ms)
        return [_event("join", session, path, said, now_ms, state="playing")]
    playing.end(who)
    return [_event("leave", session, path, said, now_ms, cause="ended" if known and known.ended else "quit")]


def _published(playing: Players, server: str, path: str, begun: bool, now_ms: int) -> list[dict[str, Any]]:
    """The publisher's end leaves players connected: those who watch see it end, and may wait for more."""
    state = "playing" if begun else "ended"
    changed = playing.published(server, path, begun)
    return [_event("heartbeat", session, path, {}, now_ms, state=state) for session in changed]


def _event(
    kind: str, session: str, path: str, said: Mapping[str, str], now_ms: int, **more: str | int
) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": kind, "session": session, "at_ms": now_ms, **more}
    if name := _plain(path, _NAME):
        found["stream"] = name
    for argument, field in _ARGUMENTS.items():
        value = _plain(said.get(argument), _NAME)
        if value and (word := value if field == "user" else tidy(field, value)):
            found.setdefault(field, word)
    return found


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Malformed("not a form") from None
    said: dict[str, str] = {}
    for name, value in pairs:  # the server's own fields come first: what a viewer adds must not change them
        said.setdefault(name, value)
    return said


def as_object(body: bytes) -> dict[str, Any]:
    """The JSON object that it is; raises Malformed."""
    try:
        said = from_json(body)
    except ValueError:
        raise Malformed("not JSON") from None
    if not isinstance(said, dict):
        raise Malformed("not an object")
    return said


def _word(value: Any) -> str:
    return str(value)[:1000] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _session(said: Mapping[str, str]) -> str | None:
    """The id that the play URL gives, if it may be kept: who plays is in a file."""
    given = _plain(said.get("session"), _SESSION)
    return None if given is None or telling(given) or page(given) != given else given


def _plain(value: str | None, longest: int) -> str | None:
    if not value or not value.isprintable():
        return None
    return value[:longest]
