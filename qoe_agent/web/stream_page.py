"""The page of one stream, in English and Chinese: how it is, what is measured, its incidents, what was kept of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aiohttp import web

from qoe_agent import clock
from qoe_agent.alerts.words import SEVERITIES, duration, phrase, time_of
from qoe_agent.evidence.mark import mark
from qoe_agent.sink import Key
from qoe_agent.web.html import AGAIN, Safe, html, joined, page
from qoe_agent.web.shield import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from qoe_agent.board import Board, Known
    from qoe_agent.evidence.shelf import Shelf

SHOWN = 50
"""Incidents that are over, at most."""
OTHER = {"en": "English", "zh": "中文"}
CASES = 50
MEASURES: tuple[tuple[str, str, str, float, str], ...] = (
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
WORDS: Mapping[str, tuple[str, str]] = {
    "measured": ("Measured now", "当前测量"),
    "incidents": ("Incidents", "事件"),
    "kept": ("Evidence", "证据"),
    "none": ("None in memory.", "暂无。"),
    "what": ("What", "内容"), "since": ("Since", "开始"),
    "lasted": ("Lasted", "持续"), "severity": ("Severity", "级别"),
    "open": ("still going on", "仍在持续"),
    "before": ("before", "之前"), "at": ("at the beginning", "开始时"),
    "clip": ("clip", "片段"), "facts": ("facts", "详情"),
    "all": ("All streams", "全部直播流"),
    "up": ("up", "在播"), "down": ("down", "中断"), "unknown": ("not known yet", "尚不清楚"),
}  # fmt: skip


def routes(board: Board, shelf_of: Callable[[], Shelf | None]) -> list[web.RouteDef]:
    """GET /streams/NAME?rendition=…&incident=…&lang=…"""

    async def stream(request: web.Request) -> web.Response:
        key = Key(request.match_info["name"], request.query.get("rendition", ""))
        numbers = board.metrics(key)
        if not numbers and "/" in key.stream:  # as people see it: stream/rendition
            key = Key(*key.stream.rsplit("/", 1))
            numbers = board.metrics(key)
        if not numbers:
            return say(404, "no such stream")
        shelf = shelf_of()
        cases = await asyncio.to_thread(shelf.cases, key.stream, "", CASES) if shelf else []
        asked = request.query.get("incident", "")  # a notification's link: what it is about comes first
        cases.sort(key=lambda case: all(each["mark"] != asked for each in case["incidents"]))
        language = language_of(request)
        other = "en" if language == "zh" else "zh"
        there = html('<a href="?{}" lang="{}">{}</a>', urlencode({**request.query, "lang": other}), other, OTHER[other])
        body = _body(key, numbers, board.incidents(key), cases, language, there)
        return page(f"{key.shown} · qoe-agent", body, language=language, refresh=AGAIN)

    return [web.get("/streams/{name}", stream)]


def language_of(request: web.Request) -> str:
    """What was asked for, or else what the browser prefers: zh or en."""
    asked = request.query.get("lang", "") or request.headers.get("Accept-Language", "")
    return "zh" if asked.lower().startswith("zh") else "en"


def _body(
    key: Key,
    numbers: list[dict[str, Any]],
    incidents: list[Known],
    cases: list[dict[str, Any]],
    language: str,
    other: Safe,
) -> Safe:
    def word(name: str) -> str:
        return WORDS[name][language == "zh"]

    up = next((one["value"] for one in numbers if one["name"] == "qoe_up"), None)
    state = "unknown" if up is None else "up" if up else "down"
    row = '<tr><th scope="row">{}</th><td class="number">{}</td></tr>'
    rows = joined(html(row, *measured) for measured in _measured(numbers, language))
    return html(
        '<nav><a href="/">{}</a>{}</nav><main><h1>{} <small class="{}">{}</small></h1>'
        "<h2>{}</h2><table>{}</table><h2>{}</h2>{}<h2>{}</h2>{}</main>",
        word("all"), other, key.shown, "fine" if up else "bad", word(state),
        word("measured"), rows, word("incidents"), _incidents(key, incidents, language, word),
        word("kept"), joined(_cases(cases, language, word)) or html("<p>{}</p>", word("none")),
    )  # fmt: skip


def _measured(numbers: Iterable[dict[str, Any]], language: str) -> Iterator[tuple[str, str]]:
    """What there is of `MEASURES`, with its labels."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for one in numbers:
        by_name.setdefault(one["name"], []).append(one)
    for name, english, chinese, factor, unit in MEASURES:
        for one in by_name.get(name, ()):
            labels = ", ".join(str(value) for label, value in one["labels"].items() if label not in _EVERYWHERE)
            called = chinese if language == "zh" else english
            yield f"{called} ({labels})" if labels else called, f"{_number(one['value'] * factor)} {unit}".strip()


def _number(value: float) -> str:
    """Four digits; next to nothing is nothing."""
    return f"{value:.4g}" if abs(value) >= 0.01 else f"{round(value, 2) + 0.0:.2f}"


_EVERYWHERE = ("rendition", "vantage", "region")


def _incidents(key: Key, incidents: list[Known], language: str, word: Callable[[str], str]) -> Safe:
    if not incidents:
        return html("<p>{}</p>", word("none"))
    order = sorted(incidents, key=lambda known: (known.incident.end is not None, -known.incident.start))[:SHOWN]
    rows = []
    for known in order:
        one = known.incident
        lasted = word("open") if one.end is None else duration(one.end - one.start, language)
        severity = SEVERITIES.get(one.severity, one.severity) if language == "zh" else one.severity
        marked = mark(key.stream, key.rendition, one.kind, one.key, one.start)
        rows.append(html(
            '<tr{}><td><a href="#{}">{}</a></td><td class="number">{}</td><td class="number">{}</td><td>{}</td></tr>',
            Safe(' class="bad"' if one.end is None else ""), marked, phrase(one.kind, language),
            time_of(clock.wall(one.start), "UTC"), lasted, severity,
        ))  # fmt: skip
    heads = joined(html('<th scope="col">{}</th>', word(name)) for name in ("what", "since", "lasted", "severity"))
    return html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", heads, joined(rows))


def _cases(cases: list[dict[str, Any]], language: str, word: Callable[[str], str]) -> Iterator[Safe]:
    still = '<figure><img src="{}" alt="{}: {}" loading="lazy"><figcaption>{}</figcaption></figure>'
    for case in cases:
        at, there = f"/evidence/{quote(case['name'])}/", case["files"]
        said = ", ".join(phrase(each["kind"], language) for each in case["incidents"])
        stills = joined(
            html(still, at + file, said, word(name), word(name))
            for file, name in (("before.jpg", "before"), ("at.jpg", "at")) if file in there
        )  # fmt: skip
        links = joined(
            html('<a href="{}">{}</a> ', at + file, word(name))
            for file, name in (("clip.mp4", "clip"), ("case.json", "facts")) if file in there
        )  # fmt: skip
        yield html(
            '<section>{}<h3>{}: {}</h3><div class="case">{}<p>{}</p></div></section>',
            joined(html('<span id="{}"></span>', each["mark"]) for each in case["incidents"]),
            time_of(case["incidents"][0]["start"], "UTC"),
            f"{said} ({case['rendition']})" if case.get("rendition") else said, stills, links,
        )  # fmt: skip
