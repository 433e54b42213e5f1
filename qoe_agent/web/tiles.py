"""Streams as tiles: what each shows, written again only when it has changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from qoe_agent import clock
from qoe_agent.alerts.payload import RUNBOOK
from qoe_agent.alerts.words import duration, phrase
from qoe_agent.history import STEP
from qoe_agent.web.chart import HOUR, spark
from qoe_agent.web.html import Safe, html, ident, joined
from qoe_agent.web.live import Fragment
from qoe_agent.web.words import DASH, bitrate, offset

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from qoe_agent.model import Incident
    from qoe_agent.sink import Key
    from qoe_agent.web.chart import Points
    from qoe_agent.web.stand import Scene, Stand
    from qoe_agent.web.words import Reader

MINUTE = 60.0
LINE = 10.0
"""Seconds for which a tile's line is good."""
TURNS = 5
"""Over so many renderings the lines of all tiles are drawn anew, not all at once."""
NAMED = 3
"""Incidents that a tile names."""
SYMBOLS = {"down": "■", "faulty": "▲", "up": "●", "ended": "◆", "unknown": "○"}
"""Shapes of the moods, for those who do not see colours."""


class Stalled(NamedTuple):
    """How long playback stalled."""

    seconds: float
    within: float
    """Of the latest so many seconds."""
    times: int = 0
    """How often; 0 beside seconds: not known."""


class _Hour(NamedTuple):
    """What a tile shows of the last hour."""

    at: float
    line: Safe
    stalled: Stalled | None


class Tiles:
    """All tiles for one kind of reader."""

    def __init__(self, scene: Scene, said: Reader) -> None:
        self._scene, self._said = scene, said
        self.stands: dict[str, Stand] = {}
        """As they were when the tiles were written, by the tiles' ids."""
        self._written: dict[str, tuple[Hashable, Fragment]] = {}
        self._hours: dict[str, _Hour] = {}

    def fragments(self) -> dict[str, Fragment]:
        """The summary, what is wrong with the agent, and each tile."""
        now = clock.now()
        self._scene.source.thumbnails.want(now)
        self.stands = {tile_id(stand.key): stand for stand in self._scene.stands()}
        for gone in self._hours.keys() - self.stands.keys():
            del self._hours[gone], self._written[gone]
        self._draw(now)
        found = {"summary": _summary(self.stands.values(), self._said, now), "agent": _agent(self._scene, self._said)}
        return {**{name: Fragment(text) for name, text in found.items()}, **{
            each: self._tile(each, stand) for each, stand in self.stands.items()
        }}  # fmt: skip

    def _draw(self, now: float) -> None:
        """Draw the lines that are missing, and some of those that are old."""
        some = len(self.stands) // TURNS + 1
        for each, stand in self.stands.items():
            known = self._hours.get(each)
            if known is None or now - known.at >= 2 * LINE or (now - known.at >= LINE and some > 0):
                some -= known is not None
                history = self._scene.source.history
                points, stalls = history.of(stand.key, "bytes_per_second"), history.of(stand.key, "stalled")
                stalled = stalled_in(stalls, now, self._scene.stalls(stand.key, now - HOUR))
                self._hours[each] = _Hour(now, _line(points, stalls, stalled, now - HOUR, self._said), stalled)

    def _tile(self, each: str, stand: Stand) -> Fragment:
        said, hour, taken = self._said, self._hours[each], self._scene.taken(stand)
        measured = facts(self._scene.now(stand.key), self._scene.method(stand.key), hour.stalled, said)
        wrong = wrongs(stand.wrong, said)
        made_of = stand.mood, stand.state, stand.quiet, wrong, measured, hour.line, taken
        known = self._written.get(each)
        if known is None or known[0] != made_of:
            text = _written(each, stand, measured, hour.line, thumbnail(stand.key, taken, said), said)
            known = self._written[each] = made_of, Fragment(text, spoken(stand, said))
        return known[1]


def tile_id(key: Key) -> str:
    """The id of a stream's tile."""
    return ident("tile", *key)


def stream_link(key: Key, said: Reader, **query: str) -> str:
    """The page of a stream."""
    return said.link(f"/streams/{quote(key.stream, safe='')}", rendition=key.rendition, **query)


def mood_word(stand: Stand, said: Reader) -> str:
    """How it stands, in words, and why if it is down."""
    if stand.mood == "ended" and stand.quiet == "unexpected":
        return said("off_air")
    if stand.mood == "down":
        return f"{said.state('down')}{said('colon')}{said.state(stand.state)}"
    return said.state(stand.state if stand.mood == "unknown" else stand.mood)


def spoken(stand: Stand, said: Reader) -> str:
    """How it stands, in a sentence for those who listen."""
    wrong = (what for _, what in wrongs(stand.wrong, said))
    return f"{stand.key.shown}{said('colon')}{said('and').join((mood_word(stand, said), *wrong))}"


def badge(stand: Stand, said: Reader) -> Safe:
    """How it stands, in colour, shape and words; and that nobody is told of it, if so."""
    return html(
        '<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>{}',
        stand.mood, SYMBOLS[stand.mood], mood_word(stand, said),
        html('<span class="dim">{}</span>', said("maintenance")) if stand.quiet == "maintenance" else "",
    )  # fmt: skip


def thumbnail(key: Key, taken: float | None, said: Reader, lazy: bool = True) -> Safe:
    """Its latest picture, or the place where one would be."""
    if taken is None:
        return html('<span class="thumb none">{}</span>', said("no_picture"))
    where = {"stream": key.stream, **({"rendition": key.rendition} if key.rendition else {}), "at": f"{taken:.1f}"}
    return html(
        '<img class="thumb" src="/thumbnails?{}" alt="{}" width="320" height="180"{}>',
        urlencode(where), said("picture", key.shown, said.clock(taken)), Safe(' loading="lazy"' if lazy else ""),
    )  # fmt: skip


def stalled_in(stalls: Points, now: float, times: int = 0) -> Stalled | None:
    """The sum of an hour of stalls, or of as much of it as is known; None below a minute, which tells nothing."""
    if len(stalls) * STEP < MINUTE:
        return None
    return Stalled(sum(value for _, value in stalls), min(HOUR, now - stalls[0][0] + STEP), times)


def facts(now: Mapping[str, float], method: str, stalled: Stalled | None, said: Reader) -> tuple[tuple[str, str], ...]:
    """What a tile says: names and values, `DASH` for what is not known."""
    within = stalled.within if stalled else HOUR
    lately = said("stalled_lately", f"{within / MINUTE:.0f}") if within < HOUR - MINUTE else said("stalled")
    return tuple(
        (lately if name == "stalled" else said(name), value or DASH)
        for name, value in (
            ("size", _size(now)),
            ("bitrate", bitrate(now["bytes_per_second"]) if "bytes_per_second" in now else ""),
            ("latency", f"{now['latency']:.1f} s ({said.label(method)})" if "latency" in now else ""),
            ("stalled", _stalls(stalled) if stalled else ""),
            ("offset", offset(now["av_offset"], said) if "av_offset" in now else ""),
        )
    )


def _stalls(stalled: Stalled) -> str:
    times = f" ({stalled.times}×)" if stalled.times else ""
    return f"{stalled.seconds:.1f} s{times}" if stalled.seconds else "0 s"


def _size(now: Mapping[str, float]) -> str:
    parts = [f"{now['width']:.0f}×{now['height']:.0f}" if {"width", "height"} <= now.keys() else ""]
    parts += [f"{round(now['frame_rate'], 1):g} fps" if "frame_rate" in now else ""]
    return " @ ".join(filter(None, parts))


def wrongs(incidents: Iterable[Incident], said: Reader, advise: bool = False) -> list[tuple[str, Safe]]:
    """Severity and phrase of what is wrong, each once; `advise`: and where to read what to do."""
    found: dict[str, Incident] = {}
    for one in incidents:
        found.setdefault(phrase(one.kind, said.language, one.key), one)
    return [
        (one.severity, html('{} <a class="advice" href="{}">{}</a>', what, f"{said.link(RUNBOOK)}#{one.kind}",
                            said("what_to_do")) if advise else html("{}", what))
        for what, one in found.items()
    ]  # fmt: skip


def _written(
    each: str, stand: Stand, measured: Iterable[tuple[str, str]], line: Safe, picture: Safe, said: Reader
) -> Safe:
    wrong = wrongs(stand.wrong, said)
    named = [html('<li class="{}">{}</li>', *one) for one in wrong[:NAMED]]
    if len(wrong) > NAMED:
        named.append(html("<li>+{}</li>", len(wrong) - NAMED))
    return html(
        '<li id="{}" class="tile {}">{}<h2><a href="{}">{}</a></h2>{}{}<dl>{}</dl>{}</li>',
        each, stand.mood, picture, stream_link(stand.key, said), stand.key.shown, badge(stand, said),
        html('<ul class="wrong" aria-label="{}">{}</ul>', said("wrong"), joined(named)) if named else "",
        joined(html("<div><dt>{}</dt><dd>{}</dd></div>", *one) for one in measured), line,
    )  # fmt: skip


def _line(points: Points, stalls: Points, stalled: Stalled | None, start: float, said: Reader) -> Safe:
    if not points:
        return Safe()
    values = [value for _, value in points]
    label = said("spark", bitrate(min(values)), bitrate(max(values)))
    if stalled and stalled.seconds:
        label += said("and") + said("spark_stalls", duration(stalled.seconds, said.language))
    return spark(points, stalls, start, label)


def _summary(stands: Iterable[Stand], said: Reader, now: float) -> Safe:
    counts = Counter(stand.mood for stand in stands)
    shown = joined(
        html('<li class="badge {}"><span aria-hidden="true">{}</span> {}</li>',
             mood, SYMBOLS[mood], said(f"count_{mood}", counts[mood]))
        for mood in SYMBOLS if counts[mood] or mood in ("up", "faulty", "down")
    )  # fmt: skip
    return html(
        '<div id="summary"><ul aria-label="{}">{}</ul><p class="dim">{}</p></div>',
        said("summary"), shown, said("as_of", f"{said.clock(now)} {said.zone_name}"),
    )  # fmt: skip


def _agent(scene: Scene, said: Reader) -> Safe:
    """What is wrong with the agent itself."""
    wrong = wrongs(scene.wrong(None), said, advise=True)
    shown = joined(html('<li class="{}">{}</li>', *one) for one in wrong)
    if not wrong:
        return Safe('<div id="agent"></div>')
    return html('<div id="agent"><p>{}</p><ul class="wrong">{}</ul></div>', said("agent"), shown)
