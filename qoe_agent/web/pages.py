"""All that people look at, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.web import compare_page, front_page, html, kept, runbook_page, stream_page, thumbs
from qoe_agent.web.stand import Scene

if TYPE_CHECKING:
    from aiohttp import web

    from qoe_agent.board import Board
    from qoe_agent.web.live import Live
    from qoe_agent.web.stand import Source


def routes(board: Board, source: Source, live: Live) -> list[web.RouteDef]:
    """The pages, what they are made of, and the evidence."""
    scene = Scene(board, source)
    return [
        *html.files(),
        *front_page.routes(scene, live),
        *stream_page.routes(scene, live),
        *compare_page.routes(scene, live),
        *runbook_page.routes(),
        *live.routes(),
        *thumbs.routes(source.thumbnails),
        *kept.routes(lambda: source.evidence),
    ]
