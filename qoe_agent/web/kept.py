"""Evidence over HTTP: a list of cases, and their files. Who took which is logged: rooms may be private."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent.evidence.mark import FILES
from qoe_agent.web.shield import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.evidence.shelf import Shelf

ALONE = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""What a browser may load for a file that is opened by itself: a clip, by the browser's own player."""
FOREVER = "private, max-age=86400, immutable"
"""A case does not change: a page that is asked for again does not fetch its stills again."""
MOST = 200
"""Cases in one list."""
audit = logging.getLogger(__name__)


def routes(shelf_of: Callable[[], Shelf | None]) -> list[web.RouteDef]:
    """GET /evidence?stream=…&incident=… and /evidence/CASE/FILE."""

    async def cases(request: web.Request) -> web.Response:
        """What is kept, the newest first: of one stream, or of one incident by its mark."""
        shelf = shelf_of()
        if shelf is None:
            return say(404, "no evidence is kept: agent.evidence.folder is not set")
        stream, mark = request.query.get("stream", ""), request.query.get("incident", "")
        return web.json_response(await asyncio.to_thread(shelf.cases, stream, mark, MOST))

    async def file(request: web.Request) -> web.StreamResponse:
        """A file of a case; ranges are answered, so that a clip can be wound."""
        shelf, name, called = shelf_of(), request.match_info["case"], request.match_info["file"]
        path = shelf.file(name, called) if shelf else None
        if path is None:
            return say(404, "no such evidence")
        audit.info("evidence %s/%s was given to %s", name, called, request.remote)
        headers = {"Content-Type": FILES[called], "Content-Security-Policy": ALONE, "Cache-Control": FOREVER}
        return web.FileResponse(path, headers=headers)

    return [web.get("/evidence", cases), web.get("/evidence/{case}/{file}", file)]
