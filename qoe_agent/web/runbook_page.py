"""The page at `/runbook`: what each alert and incident means, and what to do; where notifications and rules lead."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent.alerts.payload import RUNBOOK
from qoe_agent.alerts.words import phrase
from qoe_agent.web.html import Safe, html, joined, other, page, switch
from qoe_agent.web.words import reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qoe_agent.web.html import Other
    from qoe_agent.web.words import Reader

TEXTS: Mapping[str, str] = {
    language: resources.files(__package__).joinpath(name).read_text("utf-8")
    for language, name in (("en", "runbook.md"), ("zh", "runbook.zh.md"))
}
"""Headings, paragraphs, words in backticks: no more Markdown than that."""
KINDS = ("Incident", "事件：")
"""How a line begins that names kinds of incident."""


def routes() -> list[web.RouteDef]:
    """GET /runbook"""

    async def runbook(request: web.Request) -> web.Response:
        said = reader(request)
        title = TEXTS[said.language].partition("\n")[0].removeprefix("# ")
        to = other(request, said)
        nav = html('<a href="{}">{}</a>{}', said.link("/"), said("all"), switch(to))
        return page(f"{title} · qoe-agent", html("<article>{}</article>", drawn(said, to)), said, nav=nav)

    return [web.get(RUNBOOK, runbook)]


def drawn(said: Reader, to: Other) -> Safe:
    """The text as HTML. A heading of an alert is there by the alert's name, an incident by its kind.

    What a link led to has one to the same place `to` the other language: the page's own would lead to its top.
    """
    return joined(_blocks(TEXTS[said.language], said, to))


def _blocks(text: str, said: Reader, to: Other) -> Iterator[Safe]:
    for block in text.strip().split("\n\n"):
        depth = len(block) - len(block.lstrip("#"))
        called = block.lstrip("# ")
        if depth > 2:
            ident = called.lower()
            yield html('<h3 id="{}">{}{}</h3>', ident, called, _same_place(ident, to))
        elif depth:
            yield html("<{}>{}</{}>", Safe(f"h{depth}"), called, Safe(f"h{depth}"))
        elif block.startswith(KINDS):
            kinds = joined(
                html('<li id="{}"><code>{}</code> <span class="dim">{}</span>{}</li>', kind, kind,
                     phrase(kind, said.language), _same_place(kind, to))
                for kind in re.findall(r"`(\w+)`", block)
            )  # fmt: skip
            yield html('<ul class="kinds">{}</ul>', kinds)
        else:
            yield html("<p>{}</p>", joined(_line(block)))


def _same_place(ident: str, to: Other) -> Safe:
    return html(' <span class="there">{}</span>', switch(to._replace(address=f"{to.address}#{ident}")))


def _line(text: str) -> Iterator[Safe]:
    """Words in backticks are code."""
    for n, part in enumerate(text.split("`")):
        yield html("<code>{}</code>" if n % 2 else "{}", part)
