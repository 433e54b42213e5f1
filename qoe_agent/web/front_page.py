"""The page at `/`: every stream as a tile, those with something wrong first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import __version__
from qoe_agent.alerts.payload import RUNBOOK
from qoe_agent.web.html import Other, Safe, html, joined, other, page, switch
from qoe_agent.web.live import places
from qoe_agent.web.tiles import Tiles
from qoe_agent.web.words import Reader, reader

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from qoe_agent.web.live import Fragment, Live
    from qoe_agent.web.stand import Scene, Stand

LINKS = ("/metrics", "/evidence", "/-/healthy", "/-/ready")
FIXED = ("agent", "summary")
"""Fragments beside the tiles."""
LONGEST = 200
"""Letters of what is looked for."""


@dataclass(frozen=True, slots=True)
class Front:
    """The page as somebody asked for it."""

    tiles: Tiles
    said: Reader
    find: str = ""
    """Part of the name."""
    only_bad: bool = False
    by_name: bool = False

    @property
    def name(self) -> Hashable:
        """What does not depend on the wishes of one reader."""
        return "front", self.said

    async def fragments(self) -> Mapping[str, Fragment]:
        """All tiles."""
        return self.tiles.fragments()

    def wants(self, ident: str) -> bool:
        """Whether it may show this tile."""
        stand = self.tiles.stands.get(ident)
        return stand is None or self.find.casefold() in stand.key.shown.casefold()

    def adds(self, ident: str) -> bool:
        """Whether it shows this tile though it did not before."""
        stand = self.tiles.stands.get(ident)
        return stand is not None and (stand.bad or not self.only_bad)

    def summed(self, changes: int) -> str:
        """Many changes of state, in words."""
        return self.said("changed", changes)

    def order(self) -> list[str]:
        """The tiles to show, in order."""
        shown = [each for each in self.tiles.stands if self.wants(each) and self.adds(each)]

        def place(each: str) -> tuple[int, int, str]:
            stand: Stand = self.tiles.stands[each]
            return (0, 0, stand.key.shown) if self.by_name else stand.rank

        return sorted(shown, key=place)

    @property
    def query(self) -> dict[str, str]:
        """What was asked for, as a query."""
        return {"find": self.find, "only": "bad" if self.only_bad else "", "sort": "name" if self.by_name else ""}


def routes(scene: Scene, live: Live) -> list[web.RouteDef]:
    """GET /?find=…&only=bad&sort=name&lang=…"""
    written: dict[Reader, Tiles] = {}

    def asked(request: web.Request) -> Front:
        said, query = reader(request, scene.source.zone()), request.query
        tiles = written.get(said) or written.setdefault(said, Tiles(scene, said))
        find = query.get("find", "").strip()[:LONGEST]
        return Front(tiles, said, find, query.get("only") == "bad", query.get("sort") == "name")

    async def front(request: web.Request) -> web.Response:
        view = asked(request)
        found, since = await live.made(view)
        said = view.said
        follow = said.link("/live", page="front", since=since, **view.query)
        body = _body(view, found, scene.source.share())
        return page("qoe-agent", body, said, nav=_nav(said, other(request, said)), live=follow, foot=_foot(said))

    live.add("front", asked)
    return [web.get("/", front)]


def _body(view: Front, found: Mapping[str, Safe], share: str) -> Safe:
    said, order = view.said, view.order()
    none = "" if order else said("no_match" if view.tiles.stands else "nothing")
    return html(
        '<h1>{}</h1>{}{}{}<ul id="tiles">{}</ul><p id="none">{}</p>',
        said("streams"), html('<p class="dim">{}</p>', share) if share else "", places(found, FIXED),
        _form(view), places(found, order), none,
    )  # fmt: skip


def _form(view: Front) -> Safe:
    """What to show, in which order."""
    said = view.said
    return html(
        '<form class="bar" action="/" role="search"><label>{} '
        '<input type="search" name="find" value="{}" maxlength="{}"></label>{}{}{}<button>{}</button></form>',
        said("find"), view.find, LONGEST,
        choice("only", said("show"), {"": said("everything"), "bad": said("only_bad")}, view.query["only"]),
        choice("sort", said("sort"), {"": said("by_worst"), "name": said("by_name")}, view.query["sort"]),
        hidden(said), said("go"),
    )  # fmt: skip


def choice(name: str, label: str, options: Mapping[str, str], chosen: str) -> Safe:
    """A list to choose one from."""
    shown = joined(
        html('<option value="{}"{}>{}</option>', value, Safe(" selected" if value == chosen else ""), text)
        for value, text in options.items()
    )
    return html('<label>{} <select name="{}">{}</select></label>', label, name, shown)


def hidden(said: Reader) -> Safe:
    """The language, where it goes on with a form."""
    return html('<input type="hidden" name="lang" value="{}">', said.language) if said.asked else Safe()


def _nav(said: Reader, to: Other) -> Safe:
    return html('<span class="brand">qoe-agent</span><a href="{}">{}</a><a href="{}">{}</a>{}',
                said.link("/compare"), said("compare"), said.link(RUNBOOK), said("runbook"), switch(to))  # fmt: skip


def _foot(said: Reader) -> Safe:
    links = joined(html('<a href="{}">{}</a>', path, path) for path in LINKS)
    return html(
        '<footer><nav aria-label="{}">{}</nav><p class="dim">qoe-agent {}</p></footer>',
        said("more"),
        links,
        __version__,
    )
