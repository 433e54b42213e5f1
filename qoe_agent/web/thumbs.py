"""Thumbnails over HTTP. Browsers may not keep them: rooms can be private, and the next one is seconds away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import clock
from qoe_agent.sink import Key
from qoe_agent.web.shield import say

if TYPE_CHECKING:
    from qoe_agent.thumbnails import Thumbnails


def routes(thumbnails: Thumbnails) -> list[web.RouteDef]:
    """GET /thumbnails?stream=…&rendition=…"""

    async def thumbnail(request: web.Request) -> web.Response:
        """The latest one; asking for it is looking, so that there will be another."""
        thumbnails.want(clock.now())
        found = thumbnails.of(Key(request.query.get("stream", ""), request.query.get("rendition", "")))
        return web.Response(body=found.jpeg, content_type="image/jpeg") if found else say(404, "no thumbnail")

    return [web.get("/thumbnails", thumbnail)]
