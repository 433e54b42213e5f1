"""The listener: who may ask what, and what is answered. What it takes is on disk before it says so.

Answers: 204 stored (SRS: 200 and `0`); 200 stored but for the faults that the body names; 400 nothing in it that can be
used; 403 a page of a site that may not send; 404; 405; 408; 410 stop, for the key is revoked or the session not wanted;
413; 415; 429 and 503 later, see Retry-After. Callbacks are never refused: a server would refuse its viewer.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aiohttp import web

from qoe_agent import clock
from qoe_agent.viewers import cmcd
from qoe_agent.viewers.cmcd_keys import HEADERS
from qoe_agent.viewers.facts.log import Busy
from qoe_agent.viewers.facts.writer import Refused
from qoe_agent.viewers.ingest import bodies, meter
from qoe_agent.viewers.ingest.door import Door, admits
from qoe_agent.viewers.ingest.store import reason

if TYPE_CHECKING:
    from qoe_agent.config import Source
    from qoe_agent.viewers.ingest.store import Store
    from qoe_agent.viewers.ingest.whose import Whose
    from qoe_agent.viewers.pseudonyms import Ring

log = logging.getLogger(__name__)

DEADLINE = 10.0
"""Seconds that a body may take."""
HELD = 64 << 20
"""Bytes of bodies that are held at once."""
LARGE = 64 << 10
"""Bytes of a body from which on it is read in a thread, one at a time: others are not to wait for it."""
MOST_LARGE = 8
"""Large bodies that may wait for that."""
LATER, FULL_LATER = 1, 10
"""Seconds to wait where too much comes at once, and where the disk does not take it."""
CALLBACKS = ("rtmp", "srs", "mediamtx")
METHODS = {"cmcd": ("POST", "GET", "HEAD"), "events": ("POST",), "beacon.js": ("GET", "HEAD"),
           **dict.fromkeys(CALLBACKS, ("POST",))}  # fmt: skip
_HEADERS = ", ".join(("Content-Type", *HEADERS))
_STRICT = {"Server": "qoe-agent", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_UNKNOWN = "unknown"
"""Source of those whose key opens nothing."""


class Answered(Exception):
    """What to say instead of going on."""

    def __init__(self, status: int, reason: str, text: str = "", **headers: str) -> None:
        self.status, self.reason, self.text, self.headers = status, reason, text, headers


class Listener:
    """Answers requests. `door` and `whose` may be replaced at any time."""

    def __init__(self, store: Store, door: Door, whose: Whose) -> None:
        self.store, self.door, self.whose = store, door, whose
        self.spoke: set[web.RequestHandler] = set()
        """Connections over which a request came; whoever reads it takes out those that are gone."""
        self.idle: dict[web.RequestHandler, None] = {}
        """Connections without a request, that idle longest first; whoever reads it takes out those that are gone."""
        self.crowded = False
        """Whether there are so many connections that none is to be kept open."""
        self._held = 0
        self._one, self._large = asyncio.Lock(), 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request."""
        self.spoke.add(request.protocol)
        self.idle.pop(request.protocol, None)
        try:
            return await self._handled(request)
        finally:
            self.idle[request.protocol] = None

    async def _handled(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        parts = path.split("/")
        known = len(parts) == 4 and parts[:2] == ["", "in"] and parts[3] in METHODS
        if not known:
            return self._answer(request, None, "", Answered(404, "", "not here"))
        key, what = parts[2], parts[3]
        entry = self.door.entry(key)
        source = entry.source if entry else None
        try:
            if source is None:
                raise Answered(404, "key", "no such key")
            answer = await self._admitted(request, source, entry is not None and entry.revoked, what, query)
        except Answered as said:
            answer = said
        except Exception:  # task top: a callback's server must not hear of our bugs, and others go on
            log.exception("a request with viewers' events met a bug of the agent's")
            answer = Answered(500, "bug")
        return self._answer(request, source, what, answer)

    async def _admitted(
        self, request: web.BaseRequest, source: Source, revoked: bool, what: str, query: str
    ) -> Answered:
        if not admits(source, request.headers.get("Origin")):
            raise Answered(403, "origin", "this site may not send")
        if request.method == "OPTIONS":
            return Answered(204, "")
        if request.method not in METHODS[what]:
            raise Answered(405, "method", "", Allow=", ".join(METHODS[what]))
        if what == "beacon.js":
            return Answered(200, "", _beacon())
        if revoked:
            raise Answered(410, "revoked", "this key is no longer taken")
        now = clock.now()
        wait = self.door.address_wait(request.remote, request.headers.get("X-Forwarded-For"), now)
        wait = wait or self.door.source_wait(source, now)
        if wait:
            raise Answered(429, "rate", "too much at once", **{"Retry-After": str(math.ceil(wait))})
        if not self.store.ready:
            raise Answered(503, "disk", "", **{"Retry-After": str(FULL_LATER)})
        taken = await self._read(request, source, what, query)
        for why, count in taken.rejected.items():
            self.store.live.sums.count(meter.REJECTED, None, (source.name, why), count)
        if taken.events:
            region = None if taken.told else self.door.region(request.remote, request.headers)
            if region is not None:
                taken.events = [each if each.region else each._replace(region=region) for each in taken.events]
            await self._keep(taken, source)
        return Answered(taken.status, "", taken.text)

    async def _read(self, request: web.BaseRequest, source: Source, what: str, query: str) -> bodies.Taken:
        ring, now_ms = self.store.ring, int(clock.realtime() * 1000)
        assert ring is not None  # the store is ready
        if request.method != "POST":
            return bodies.reports(cmcd.from_request(query, request.headers.items()), source, now_ms, ring)
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        known = content_type in (cmcd.CONTENT_TYPES if what == "cmcd" else bodies.JSON)
        if what not in CALLBACKS and not known:
            raise Answered(415, "type", "not a content type that is known here")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Answered(415, "type", "not compressed, please")
        body = await self._body(request)
        if what not in CALLBACKS:
            return await self._understood(what, body, source, now_ms, ring)
        said = dict(parse_qsl(query, max_num_fields=20)) if query else {}
        return bodies.called(what, body, content_type, said, source, self.store.playing.of(source.name), now_ms, ring)

    async def _understood(self, what: str, body: bytes, source: Source, now_ms: int, ring: Ring) -> bodies.Taken:
        def read() -> bodies.Taken:
            if what == "cmcd":
                return bodies.reports(cmcd.from_body(body, bodies.LIMITS), source, now_ms, ring)
            return bodies.plain_events(body, source, now_ms, ring)

        if len(body) < LARGE:
            return read()
        if self._large >= MOST_LARGE:
            raise Answered(503, "busy", "", **{"Retry-After": str(LATER)})
        self._large += 1
        try:
            async with self._one:
                return await asyncio.to_thread(read)
        finally:
            self._large -= 1

    async def _body(self, request: web.BaseRequest) -> bytes:
        size = request.content_length or 0
        if size > bodies.LARGEST:
            raise Answered(413, "large", f"at most {bodies.LARGEST} bytes")
        if request.content.is_eof():  # all of it came with the head
            return request.content.read_nowait(-1)
        if self._held + size > HELD:
            raise Answered(503, "busy", "", **{"Retry-After": str(LATER)})
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        chunks, held = [], 0
        try:
            async with asyncio.timeout(DEADLINE):
                async for chunk in request.content.iter_any():
                    chunks.append(chunk)
                    held += len(chunk)
                    self._held += len(chunk)
                    if held > bodies.LARGEST:
                        raise Answered(413, "large", f"at most {bodies.LARGEST} bytes")
                    if self._held > HELD:
                        raise Answered(503, "busy", "", **{"Retry-After": str(LATER)})
        except TimeoutError:
            raise Answered(408, "slow", "", Connection="close") from None
        except (ConnectionError, web.RequestPayloadError, web.PayloadAccessError):
            raise Answered(400, "gone", "", Connection="close") from None
        finally:
            self._held -= held
        return b"".join(chunks)

    async def _keep(self, taken: bodies.Taken, source: Source) -> None:
        try:
            await self.store.put(taken.events, self.whose, source.name, taken.told)
        except Refused as refused:
            wait = LATER if isinstance(refused, Busy) else FULL_LATER
            self.store.live.sums.count(meter.REJECTED, None, (source.name, reason(refused)), len(taken.events))
            raise Answered(503, "", "", **{"Retry-After": str(wait)}) from None
        self.door.came(source, len(taken.events), clock.now())

    def _answer(self, request: web.BaseRequest, source: Source | None, what: str, said: Answered) -> web.Response:
        if said.reason:
            name = source.name if source else _UNKNOWN
            self.store.live.sums.count(meter.REJECTED, None, (name, said.reason))
        status, text = said.status, said.text
        if what in CALLBACKS and status != 405:  # whoever is refused here is refused his stream
            status, text = (200, "0") if what == "srs" else (204, "")
        self.store.live.sums.count(meter.REQUESTS, None, (str(status),))
        headers = {**_STRICT, **said.headers, **_cors(request, source)}
        if what == "beacon.js" and status == 200:
            headers |= {"Cache-Control": "public, max-age=3600", "Content-Type": "text/javascript; charset=utf-8"}
        elif text:
            kind = "application/json" if text[0] == "{" else "text/plain"
            headers["Content-Type"] = f"{kind}; charset=utf-8"
        answer = web.Response(status=status, body=text.encode() if text else None, headers=headers)
        if self.crowded:
            answer.force_close()
        return answer


def _cors(request: web.BaseRequest, source: Source | None) -> dict[str, str]:
    origin = request.headers.get("Origin")
    if origin is None or source is None or not admits(source, origin):
        return {}
    allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if request.method == "OPTIONS":
        allowed |= {
            "Access-Control-Allow-Methods": "GET, HEAD, POST", "Access-Control-Allow-Headers": _HEADERS,
            "Access-Control-Max-Age": "86400",
        }  # fmt: skip
    return allowed


@functools.cache
def _beacon() -> str:
    return files("qoe_agent.viewers.ingest").joinpath("beacon.js").read_text("utf-8")
