"""Who plays, out of what media servers tell of themselves. What they say of addresses is not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from qoe_agent.viewers.ingest.callbacks import OURSELVES, Malformed, as_object
from qoe_agent.viewers.privacy import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PATH = 128
_MOST = 1_000_000
"""Clients that are asked for: servers tell ten, or a hundred, of those who say nothing."""
ALL: Mapping[str, Mapping[str, int]] = {"nginx-rtmp": {}, "srs": {"count": _MOST}, "mediamtx": {"itemsPerPage": _MOST}}
"""Arguments with which each kind of server tells of all who play."""
_HIDDEN = ("hidden", "hlsMuxer")
"""Readers of MediaMTX that are no viewers: of older versions, what makes HLS for all of them."""


class Client(NamedTuple):
    """One who plays."""

    id: str
    path: str
    """app/name"""
    joined_ms: int | None
    """None: the server does not say."""


class Listed(NamedTuple):
    """All of them."""

    clients: list[Client]
    server: str | None = None
    """What the server calls itself; None: nothing."""


def listed(kind: str, body: bytes, now_ms: int) -> Listed:
    """Who plays, without publishers and (of nginx-rtmp) this agent's own pulls. Raises Malformed."""
    readers: dict[str, Callable[[bytes, int], Listed]] = {"nginx-rtmp": _nginx, "srs": _srs, "mediamtx": _mediamtx}
    return readers[kind](body, now_ms)


def _nginx(body: bytes, now_ms: int) -> Listed:
    """The statistics of nginx-rtmp, `rtmp_stat all`."""
    if b"<!DOCTYPE" in body:
        raise Malformed("declares a document type")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Malformed("not XML") from None
    if root.tag != "rtmp":
        raise Malformed("not the statistics of nginx-rtmp")
    return Listed(list(_of_streams(root, now_ms)))


def _of_streams(root: ElementTree.Element, now_ms: int) -> Iterator[Client]:
    for application in root.iterfind("server/application"):
        for stream in application.iterfind("live/stream"):
            path = f"{application.findtext('name', '')}/{stream.findtext('name', '')}"
            for client in stream.iterfind("client"):
                name, passed = client.findtext("id", ""), client.findtext("time", "")
                ours = client.findtext("flashver", "").startswith(OURSELVES)
                if name.isdigit() and passed.isdigit() and client.find("publishing") is None and not ours:
                    yield Client(name, bare(path)[:_PATH], now_ms - int(passed))


def _srs(body: bytes, now_ms: int) -> Listed:
    """SRS's /api/v1/clients/ (5 and later)."""
    said = as_object(body)
    found = []
    for each in _list(said, "clients", "not the clients of SRS"):
        name, url, alive = each.get("id"), each.get("url"), each.get("alive")
        if not (isinstance(name, str) and name and isinstance(url, str) and isinstance(alive, int | float)):
            raise Malformed("a client of SRS without id, url or alive")
        if not each.get("publish"):
            path = "/".join(url.strip("/").split("/")[-2:])  # of other than the default, a virtual host stands before
            found.append(Client(name, bare(path)[:_PATH], now_ms - round(alive * 1000)))
    server = said.get("server")
    return Listed(found, server if isinstance(server, str) else "")


def _mediamtx(body: bytes, now_ms: int) -> Listed:
    """MediaMTX's /v3/paths/list."""
    found = []
    for path in _list(as_object(body), "items", "not the paths of MediaMTX"):
        name = path.get("name")
        if not isinstance(name, str):
            raise Malformed("a path of MediaMTX without name")
        for each in _list(path, "readers", "a path of MediaMTX without readers"):
            if isinstance(each.get("id"), str) and each["id"] and each.get("type") not in _HIDDEN:
                found.append(Client(each["id"], bare(name)[:_PATH], None))
    return Listed(found)


def _list(said: Mapping[str, Any], key: str, wrong: str) -> list[dict[str, Any]]:
    found = said.get(key)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Malformed(wrong)
    return found
