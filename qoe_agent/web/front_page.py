"""The page at `/`: which streams are watched here and how each is; where to find what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from qoe_agent import __version__
from qoe_agent.alerts.words import phrase
from qoe_agent.web.html import AGAIN, html, joined, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.board import Board

LINKS = ("/metrics", "/evidence", "/-/healthy", "/-/ready")


def routes(
    board: Board, share: Callable[[], str], states: Callable[[], Iterable[tuple[str, str]]]
) -> list[web.RouteDef]:
    """GET /"""

    async def front(_: web.Request) -> web.Response:
        wrong: dict[str, set[str]] = {}
        for known in board.incidents():
            if known.incident.end is None and known.key:
                wrong.setdefault(known.key.shown, set()).add(phrase(known.incident.kind, "en"))
        rows = sorted(states(), key=lambda row: (row[0] not in wrong, row[0]))
        shown = joined(
            html(
                '<tr><td><a href="{}">{}</a></td><td class="{}">{}</td><td class="bad">{}</td></tr>',
                link(name), name, "fine" if state == "up" else "bad", state, ", ".join(sorted(wrong.get(name, ()))),
            )
            for name, state in rows
        )  # fmt: skip
        body = html(
            "<main><h1>qoe-agent {}</h1>{}<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></main>"
            "<nav>{}</nav>",
            __version__,
            html("<p>{}</p>", share()) if share() else "",
            joined(html('<th scope="col">{}</th>', head) for head in ("Stream", "State", "Wrong now")),
            shown,
            joined(html('<a href="{}">{}</a>', path, path) for path in LINKS),
        )
        return page("qoe-agent", body, refresh=AGAIN)

    return [web.get("/", front)]


def link(shown: str) -> str:
    """The page of a stream, by the name that people see (stream/rendition where there are several)."""
    return f"/streams/{quote(shown, safe='')}"
