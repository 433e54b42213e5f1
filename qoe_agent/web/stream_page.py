"""The page of one stream: how it is, its last hour, what is measured, its incidents, what was kept of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from qoe_agent import clock
from qoe_agent.alerts.words import SEVERITIES, duration, phrase, time_of
from qoe_agent.sink import Key
from qoe_agent.web.chart import HOUR
from qoe_agent.web.hour import drawn, incident_id
from qoe_agent.web.html import Safe, html, joined, other, page, switch
from qoe_agent.web.live import Fragment, Whole, places
from qoe_agent.web.tiles import badge, facts, spoken, stalled_in, thumbnail, wrongs
from qoe_agent.web.words import DASH, Reader, number, reader

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from qoe_agent.board import Known
    from qoe_agent.web.live import Live
    from qoe_agent.web.stand import Scene, Stand

SHOWN = 50
"""Incidents that are over, at most."""
CASES = 50
SOME = 10.0
"""Seconds between two looks at what changes slowly: the hour, the shelf."""
TABLE: tuple[tuple[str, str, str, float, str], ...] = (
    ("qoe_video_width_pixels", "Width", "宽度", 1, "px"),
    ("qoe_video_height_pixels", "Height", "高度", 1, "px"),
    ("qoe_effective_height_pixels", "Height of real detail", "有效高度", 1, "px"),
    ("qoe_frame_rate", "Frame rate", "帧率", 1, "fps"),
    ("qoe_peak_bytes_per_second", "Bitrate of the busiest second", "最忙一秒码率", 8e-6, "Mb/s"),
    ("qoe_latency_seconds", "Latency", "延迟", 1, "s"),
    ("qoe_av_offset_seconds", "Sound late (below 0: early)", "声音滞后（负值为超前）", 1000, "ms"),
    ("qoe_mos", "Quality score (P.1203-style, not certified)", "质量评分（P.1203 风格，未认证）", 1, ""),
    ("qoe_stall_seconds_total", "Stalled so far", "累计卡顿", 1, "s"),
    ("qoe_loudness_lufs", "Loudness", "响度", 1, "LUFS"),
)
"""Metric, what it is called, factor, unit: what a person asks first."""
PARTS = (("timeline", "timeline"), ("measured", "measured"), ("incidents", "incidents"), ("kept", "kept"))
"""Sections of the page: fragment and heading."""


@dataclass(slots=True)
class View(Whole):
    """The page of a stream as somebody asked for it."""

    scene: Scene
    stand: Stand
    said: Reader
    asked: str = ""
    """Whose evidence comes first: an incident's mark."""
    cases: list[dict[str, Any]] = field(default_factory=list)
    _looked: float = float("-inf")
    _hour: tuple[Hashable, Safe] = (None, Safe())

    @property
    def name(self) -> Hashable:
        return "stream", self.stand.key, self.said, self.asked

    async def fragments(self) -> Mapping[str, Fragment]:
        """All parts; most are empty while nothing is known of the stream any more."""
        key, said, now = self.stand.key, self.said, clock.now()
        numbers = self.scene.board.metrics(key)
        self.stand = stand = known(self.scene, key)
        if not numbers:
            empty = {name: Fragment(html('<div id="{}"></div>', name)) for name, _ in PARTS}
            return empty | {"asof": Fragment(as_of(said, now)), "head": Fragment(head(self.scene, stand, said, now))}
        if now - self._looked >= SOME:
            self.cases, self._looked = await self._kept(), now
        incidents = self.scene.incidents(key)
        self._draw(now, incidents)
        parts = {
            "asof": as_of(said, now),
            "head": head(self.scene, stand, said, now),
            "timeline": self._hour[1],
            "measured": _measured(numbers, said),
            "incidents": table(
                [(key, known) for known in incidents],
                said,
                {each for each, _ in _marks(self.cases)},
                exits=self.scene.source.exits(key),
            ),
            "kept": joined(_cases(self.cases, said)) or html("<p>{}</p>", said("none_kept")),
        }
        told = spoken(stand, said)
        return {
            name: Fragment(text if name in ("asof", "head") else html('<div id="{}">{}</div>', name, text),
                           told if name == "head" else "")
            for name, text in parts.items()
        }  # fmt: skip

    def _draw(self, now: float, incidents: list[Known]) -> None:
        drawn_from = now // SOME, [known.revision for known in incidents]
        if self._hour[0] != drawn_from:
            self._hour = drawn_from, drawn(self.scene, [self.stand.key], self.said, now)

    async def _kept(self) -> list[dict[str, Any]]:
        shelf, stream = self.scene.source.evidence, self.stand.key.stream
        cases = await asyncio.to_thread(shelf.cases, stream, "", CASES) if shelf else []
        cases.sort(key=lambda case: all(each["mark"] != self.asked for each in case["incidents"]))
        return cases


def routes(scene: Scene, live: Live) -> list[web.RouteDef]:
    """GET /streams/NAME?rendition=…&incident=…&lang=…"""

    def asked(request: web.Request, name: str) -> View | None:
        stand = find(scene, name, request.query.get("rendition", ""))
        said = reader(request, scene.source.zone())
        return View(scene, stand, said, request.query.get("incident", "")) if stand else None

    async def stream(request: web.Request) -> web.Response:
        view = asked(request, request.match_info["name"])
        if view is None:
            return _unknown(request, reader(request))
        found, since = await live.made(view)
        said, key = view.said, view.stand.key
        follow = said.link("/live", page="stream", since=since, stream=key.stream, rendition=key.rendition,
                           incident=view.asked)  # fmt: skip
        parts = joined(html("<section><h2>{}</h2>{}{}</section>", said(heading), _note(part, said), found.get(part, ""))
                       for part, heading in PARTS)  # fmt: skip
        body = html("<h1>{}</h1>{}{}", key.shown, places(found, ("asof", "head")), parts)
        nav = html(
            '<a href="{}">{}</a><a href="{}">{}</a>{}', said.link("/"), said("all"),
            said.link("/compare", a=key.shown), said("compare_with"), switch(other(request, said)),
        )  # fmt: skip
        return page(f"{key.shown} · qoe-agent", body, said, nav=nav, live=follow)

    live.add("stream", lambda request: asked(request, request.query.get("stream", "")))
    return [web.get("/streams/{name}", stream)]


def _unknown(request: web.Request, said: Reader) -> web.Response:
    """A link to a stream that is watched no more, or was never."""
    name = request.match_info["name"]
    nav = html('<a href="{}">{}</a>{}', said.link("/"), said("all"), switch(other(request, said)))
    body = html('<h1>{}</h1><p class="bad" role="alert">{}</p>', said("stream"), said("no_such", name))
    return page(f"{said('stream')} · qoe-agent", body, said, nav=nav, status=404)


def find(scene: Scene, name: str, rendition: str = "") -> Stand | None:
    """The stream of that name; one that was watched until lately counts."""
    stand = scene.find(name, rendition)
    if stand is None:
        keys = [Key(name, rendition)]
        keys += [Key(*name.rsplit("/", 1))] if "/" in name and not rendition else []
        stand = next((known(scene, key) for key in keys if scene.board.metrics(key)), None)
    return stand


def known(scene: Scene, key: Key) -> Stand:
    """How a stream stands, also if it is no longer watched."""
    return scene.find(*key) or scene.stand(key, "stopped")


def _note(part: str, said: Reader) -> Safe:
    return html('<p class="dim">{}</p>', said("times_in", said.zone_name)) if part == "timeline" else Safe()


def as_of(said: Reader, now: float) -> Safe:
    """When all this was so."""
    return html('<p id="asof" class="dim">{}</p>', said("as_of", f"{said.clock(now)} {said.zone_name}"))


def head(scene: Scene, stand: Stand, said: Reader, now: float, name: str = "head") -> Safe:
    """A stream at a glance."""
    source, key = scene.source, stand.key
    source.thumbnails.want(now)
    stalled = stalled_in(source.history.of(key, "stalled"), now, scene.stalls(key, now - HOUR))
    measured = facts(scene.now(key), scene.method(key), stalled, said)
    wrong = joined(html('<li class="{}">{}</li>', *one) for one in wrongs(stand.wrong, said, advise=True))
    return html(
        '<div id="{}" class="glance">{}<div>{}{}<dl>{}</dl></div></div>',
        name, thumbnail(key, scene.taken(stand), said, lazy=False), badge(stand, said),
        html('<ul class="wrong" aria-label="{}">{}</ul>', said("wrong"), wrong) if wrong else "",
        joined(html("<div><dt>{}</dt><dd>{}</dd></div>", *one) for one in measured),
    )  # fmt: skip


def _measured(numbers: Iterable[dict[str, Any]], said: Reader) -> Safe:
    """What there is of `TABLE`, with its labels, as a table."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in numbers:
        by_name.setdefault(one["name"], []).append(one)
    rows = []
    for name, english, chinese, factor, unit in TABLE:
        for one in by_name.get(name, ()):
            labels = said("and").join(
                said.label(str(value)) for label, value in one["labels"].items() if label not in _EVERYWHERE
            )
            called = chinese if said.language == "zh" else english
            called = f"{called} ({labels})" if labels else called
            rows.append(html('<tr><th scope="row">{}</th><td class="number">{}</td></tr>',
                             called, f"{number(one['value'] * factor)} {unit}".strip()))  # fmt: skip
    return html("<table>{}</table>", joined(rows)) if rows else html("<p>{}</p>", DASH)


_EVERYWHERE = ("rendition", "vantage", "region")


def table(
    found: list[tuple[Key, Known]], said: Reader, marks: set[str], named: bool = False,
    exits: Mapping[tuple[str, float], tuple[float, float]] = MappingProxyType({}),
) -> Safe:  # fmt: skip
    """Incidents, what is open first; `marks`: those of which something was kept; `named`: of which stream, too;
    `exits`: how many viewers left by kind and start, and how many would have as usual."""
    if not found:
        return html("<p>{}</p>", said("none"))
    order = sorted(found, key=lambda each: (each[1].incident.end is not None, -each[1].incident.start))[:SHOWN]
    rows = []
    for key, known in order:
        one, row = known.incident, incident_id(key, known.incident)
        lasted = said("open") if one.end is None else duration(one.end - one.start, said.language)
        severity = SEVERITIES.get(one.severity, one.severity) if said.language == "zh" else one.severity
        what = phrase(one.kind, said.language, one.key)
        opened = html(' class="open {}"', one.severity) if one.end is None else ""
        rows.append(html(
            '<tr id="{}"{}>{}<td>{}</td><td class="number">{}</td><td class="number">{}</td><td>{}</td>{}</tr>',
            row, opened, html("<td>{}</td>", key.shown) if named else "",
            html('<a href="#{}">{}</a>', row[2:], what) if row[2:] in marks else what,
            time_of(clock.wall(one.start), said.zone), lasted, severity,
            html('<td class="number">{}</td>', _left(exits.get((one.kind, one.start)), said)) if exits else "",
        ))  # fmt: skip
    names = [*(["stream"] if named else []), "what", "since", "lasted", "severity", *(["exits"] if exits else [])]
    heads = joined(html('<th scope="col">{}</th>', said(name)) for name in names)
    return html('<div class="wide" tabindex="0" role="group" aria-label="{}"><table><thead><tr>{}</tr></thead>'
                "<tbody>{}</tbody></table></div>", said("incidents"), heads, joined(rows))  # fmt: skip


def _left(exits: tuple[float, float] | None, said: Reader) -> str:
    return said("as_usual", number(exits[0]), number(exits[1])) if exits else DASH


def _marks(cases: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((each["mark"], each) for case in cases for each in case["incidents"])


def _cases(cases: list[dict[str, Any]], said: Reader) -> Iterator[Safe]:
    still = '<figure><img src="{}" alt="{}: {}" loading="lazy"><figcaption>{}</figcaption></figure>'
    for case in cases:
        at, there = f"/evidence/{quote(case['name'])}/", case["files"]
        what = said("and").join(
            phrase(each["kind"], said.language, each.get("key") or "") for each in case["incidents"]
        )
        stills = joined(
            html(still, at + file, what, said(name), said(name))
            for file, name in (("before.jpg", "before"), ("at.jpg", "at")) if file in there
        )  # fmt: skip
        links = joined(
            html('<a href="{}">{}</a> ', at + file, said(name))
            for file, name in (("clip.mp4", "clip"), ("playlist.m3u8", "playlist"), ("case.json", "facts"))
            if file in there
        )  # fmt: skip
        yield html(
            '<section id="case-{}">{}<h3>{}{}{}</h3><div class="case">{}<p>{}</p></div></section>', case["name"],
            joined(html('<span id="{}"></span>', each["mark"]) for each in case["incidents"]),
            time_of(case["incidents"][0]["start"], said.zone), said("colon"),
            f"{what} ({case['rendition']})" if case.get("rendition") else what, stills, links,
        )  # fmt: skip
