"""The page at `/runbook`: what each alert and incident means, and what to do; where notifications and rules lead."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent.alerts.payload import RUNBOOK
from qoe_agent.alerts.words import phrase
from qoe_agent.web.html import Safe, html, joined, page
from qoe_agent.web.words import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.web.words import Reader

TEXT = resources.files(__package__).joinpath("runbook.md").read_text("utf-8")
"""Headings, paragraphs, words in backticks: no more Markdown than that."""


def routes() -> list[web.RouteDef]:
    """GET /runbook"""

    async def runbook(request: web.Request) -> web.Response:
        said = reader(request)
        title = TEXT.partition("\n")[0].removeprefix("# ")
        nav = html('<a href="{}">{}</a>', said.link("/"), said("all"))
        return page(f"{title} · qoe-agent", html('<article lang="en">{}</article>', drawn(TEXT, said)), said, nav=nav)

    return [web.get(RUNBOOK, runbook)]


def drawn(text: str, said: Reader) -> Safe:
    """Markdown as HTML. A heading of an alert is there by the alert's name, an incident by its kind."""
    return joined(_blocks(text, said))


def _blocks(text: str, said: Reader) -> Iterator[Safe]:
    for block in text.strip().split("\n\n"):
        depth = len(block) - len(block.lstrip("#"))
        if depth:
            called = block.lstrip("# ")
            ident = called.lower() if depth > 2 else ""
            tag = Safe(f"h{depth}")
            yield html("<{}{}>{}</{}>", tag, html(' id="{}"', ident) if ident else "", called, tag)
        elif block.startswith("Incident"):
            kinds = joined(
                html('<li id="{}"><code>{}</code> <span class="dim">{}</span></li>', kind, kind,
                     phrase(kind, said.language))
                for kind in re.findall(r"`(\w+)`", block)
            )  # fmt: skip
            yield html('<ul class="kinds" lang="{}">{}</ul>', said.language, kinds)
        else:
            yield html("<p>{}</p>", joined(_line(block)))


def _line(text: str) -> Iterator[Safe]:
    """Words in backticks are code."""
    for n, part in enumerate(text.split("`")):
        yield html("<code>{}</code>" if n % 2 else "{}", part)
