"""The page at `/compare`: two streams side by side, their measures and their difference, their hours on common axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import clock
from qoe_agent.web.front_page import hidden
from qoe_agent.web.hour import drawn
from qoe_agent.web.html import Safe, html, joined, other, page, switch
from qoe_agent.web.live import Fragment, Whole, places
from qoe_agent.web.stream_page import SOME, as_of, find, head, known, table
from qoe_agent.web.tiles import stream_link
from qoe_agent.web.words import DASH, MEASURES, Reader, number, reader

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from qoe_agent.sink import Key
    from qoe_agent.web.live import Live
    from qoe_agent.web.stand import Scene, Stand

LATELY = ("bytes_per_second", "stalled")
"""Measures of the last interval of the history, not of this moment."""
MARKS = ("A", "B")


@dataclass(slots=True)
class View(Whole):
    """Two streams as somebody asked for them."""

    scene: Scene
    stands: tuple[Stand, Stand]
    said: Reader
    _hour: tuple[Hashable, Safe] = (None, Safe())

    @property
    def keys(self) -> tuple[Key, Key]:
        """Which streams."""
        return self.stands[0].key, self.stands[1].key

    @property
    def name(self) -> Hashable:
        return "compare", self.keys, self.said

    async def fragments(self) -> Mapping[str, Fragment]:
        """All parts."""
        said, scene, now, keys = self.said, self.scene, clock.now(), self.keys
        first, second = self.stands = known(scene, keys[0]), known(scene, keys[1])
        incidents = [(key, each) for key in keys for each in scene.incidents(key)]
        drawn_from = now // SOME, [each.revision for _, each in incidents]
        if self._hour[0] != drawn_from:
            self._hour = drawn_from, drawn(scene, keys, said, now)
        parts = {
            "asof": as_of(said, now),
            "head-a": head(scene, first, said, now, "head-a"),
            "head-b": head(scene, second, said, now, "head-b"),
            "measured": html('<div id="measured">{}</div>', _measured(scene, keys, said)),
            "timeline": html('<div id="timeline">{}</div>', self._hour[1]),
            "incidents": html('<div id="incidents">{}</div>', table(incidents, said, set(), named=True)),
        }
        return {name: Fragment(text) for name, text in parts.items()}


def routes(scene: Scene, live: Live) -> list[web.RouteDef]:
    """GET /compare?a=NAME&b=NAME&lang=…"""

    def asked(request: web.Request) -> View | None:
        found = [find(scene, request.query.get(name, "")) for name in "ab"]
        said = reader(request, scene.source.zone())
        return (
            View(scene, (found[0], found[1]), said) if found[0] and found[1] and found[0].key != found[1].key else None
        )

    async def compare(request: web.Request) -> web.Response:
        said, view = reader(request, scene.source.zone()), asked(request)
        nav = html('<a href="{}">{}</a>{}', said.link("/"), said("all"), switch(other(request, said)))
        names = [request.query.get(name, "").strip() for name in "ab"]
        if view is not None:
            found, since = await live.made(view)
            follow = said.link("/live", page="compare", since=since, a=names[0], b=names[1])
            title = f"{view.keys[0].shown} / {view.keys[1].shown} · qoe-agent"
            return page(title, _body(view, found, _form(scene, names, said)), said, nav=nav, live=follow)
        missing = [name for name in names if name and find(scene, name) is None]
        wrong = joined(html('<p class="bad" role="alert">{}</p>', said("no_such", name)) for name in missing)
        if all(names) and not missing:
            wrong = html('<p class="bad" role="alert">{}</p>', said("choose_two"))
        status = 404 if missing else 400 if all(names) else 200
        body = html("<h1>{}</h1>{}{}", said("compare"), wrong, _form(scene, names, said))
        return page(f"{said('compare')} · qoe-agent", body, said, nav=nav, status=status)

    live.add("compare", asked)
    return [web.get("/compare", compare)]


def _body(view: View, found: Mapping[str, Safe], form: Safe) -> Safe:
    said = view.said
    heads = joined(
        html('<section class="side line{}"><h2><span class="which">{}</span> <a href="{}">{}</a></h2>{}</section>',
             n, MARKS[n], stream_link(stand.key, said), stand.key.shown, found.get(f"head-{MARKS[n].lower()}", ""))
        for n, stand in enumerate(view.stands)
    )  # fmt: skip
    return html(
        "<h1>{}</h1>{}{}<div class=\"sides\">{}</div><section><h2>{}</h2>{}</section><section><h2>{}</h2>"
        '<p class="dim"><span class="key line0">A {}</span> <span class="key line1">B {}</span> {}</p>{}</section>'
        "<section><h2>{}</h2>{}</section>",
        said("compare"), form, places(found, ["asof"]), heads, said("measured"), places(found, ["measured"]),
        said("both"), view.keys[0].shown, view.keys[1].shown, said("times_in", said.zone_name),
        places(found, ["timeline"]), said("incidents"), places(found, ["incidents"]),
    )  # fmt: skip


def _form(scene: Scene, names: list[str], said: Reader) -> Safe:
    options = joined(html('<option value="{}"></option>', shown) for shown in
                     sorted(stand.key.shown for stand in scene.stands()))  # fmt: skip
    fields = joined(
        html('<label>{} <input name="{}" value="{}" list="names" required autocomplete="off"></label>',
             said(label), name, value)
        for label, name, value in zip(("first", "second"), "ab", names, strict=True)
    )  # fmt: skip
    return html(
        '<form class="bar" action="/compare">{}{}<button>{}</button><datalist id="names">{}</datalist></form>',
        fields, hidden(said), said("compare"), options,
    )  # fmt: skip


def _measured(scene: Scene, keys: tuple[Key, Key], said: Reader) -> Safe:
    """What is known of either, and the difference where both are known."""
    left, right = (scene.now(key) for key in keys)
    rows = []
    for name in MEASURES:
        if name not in left and name not in right:
            continue
        called, factor, unit = said.measure(name)
        called = said("lately", called) if name in LATELY else called
        first, second = left.get(name), right.get(name)
        less = None if first is None or second is None else (second - first) * factor
        cells = [_cell(None if value is None else value * factor, unit, "") for value in (first, second)]
        cells.append(_cell(less, unit, "+"))
        rows.append(html('<tr><th scope="row">{}</th>{}</tr>', called, joined(cells)))
    heads = [
        said("measure"),
        *(f"{mark} {key.shown}" for mark, key in zip(MARKS, keys, strict=True)),
        said("difference"),
    ]
    return html(
        '<div class="wide" tabindex="0" role="group" aria-label="{}"><table><thead><tr>{}</tr></thead><tbody>{}</tbody>'
        "</table></div>",
        said("measured"), joined(html('<th scope="col">{}</th>', each) for each in heads), joined(rows),
    )  # fmt: skip


def _cell(value: float | None, unit: str, sign: str) -> Safe:
    text = DASH if value is None else f"{sign if value > 0 else ''}{number(value)} {unit}".strip()
    return html('<td class="number">{}</td>', text)
