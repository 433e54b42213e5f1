"""Pages for people: who gets in, what they show, and that nothing on them runs or leads astray."""

from __future__ import annotations

import asyncio
import json
import re
from html import escape, unescape
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from qoe_agent import catalogue, clock
from qoe_agent.about import About
from qoe_agent.board import Board
from qoe_agent.config import Web
from qoe_agent.evidence.mark import mark, name
from qoe_agent.evidence.shelf import Shelf
from qoe_agent.exporter import Exporter
from qoe_agent.history import History
from qoe_agent.model import Incident, Sample
from qoe_agent.sink import Key
from qoe_agent.web.login import COOKIE, seal
from qoe_agent.web.stream_page import TABLE
from tests.test_exporter import TOKEN, Standin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from qoe_agent.model import Metric

METRICS = {metric.name: metric for metric in catalogue.metrics()}
LATER = int(clock.wall(clock.now())) + 3600
PAGE = {"Accept": "text/html,application/xhtml+xml"}
TYPED = {**PAGE, "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}


class Bench:
    """An exporter whose board holds two streams, one with something wrong."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.agent = Standin(names=((Key("room"), "up"), (Key("gone"), "timeout")))
        self.agent.evidence = Shelf(str(folder / "kept"), 1 << 20, 1e9)
        self.board = Board(catalogue.metrics())
        self.now = clock.now()
        for key in ("room", "gone"):
            self.board.add(Key(key), {})
        self.put("qoe_up", 1.0, key="room")
        self.put("qoe_up", 0.0, key="gone")
        self.agent.history = History(self.board)
        self.exporter = Exporter(self.board, self.agent, About(self.board), Web(**options))
        jar = aiohttp.CookieJar(unsafe=True)
        self.client = TestClient(TestServer(self.exporter.application()), cookie_jar=jar)

    def put(self, metric: str, value: float, *labels: str, key: str = "room") -> None:
        found: Metric = METRICS[metric]
        self.board.put(Key(key), Sample(found, value, labels), self.now)

    def incident(self, kind: str, start: float, end: float | None = None, key: str = "room") -> None:
        self.board.put(Key(key), Incident(kind, self.now + start, end and self.now + end, "warning"), self.now)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.client.get(path, headers=headers or PAGE, allow_redirects=False) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    benches: list[Bench] = []

    async def make(**options: Any) -> Bench:
        bench = Bench(tmp_path, **options)
        await bench.client.start_server()
        benches.append(bench)
        return bench

    yield make
    for bench in benches:
        await bench.client.close()
        await bench.exporter.stop()


async def test_what_is_wrong_stands_first_on_the_front_page(made: Any) -> None:
    bench = await made()
    bench.agent.names = tuple((Key(name), "up") for name in ("also", "room"))
    bench.incident("black", -5)
    bench.incident("stall", -50, -40)
    status, text = await bench.get("/")
    assert status == 200
    assert text.index(">room<") < text.index(">also<")
    assert "the picture is black" in text
    assert "playback stalls" not in text
    assert '<a href="/streams/room">' in text
    assert '<a href="/runbook">Runbook</a>' in text


async def test_a_streams_page_shows_state_measures_and_incidents(made: Any) -> None:
    bench = await made()
    bench.put("qoe_video_height_pixels", 1080.0)
    bench.put("qoe_av_offset_seconds", 0.0421, "stamp")
    bench.incident("black", -5)
    bench.incident("stall", -50, -40)
    status, text = await bench.get("/streams/room")
    assert status == 200
    assert "1080 px" in text
    assert "Sound late (below 0: early) (by the stamp)" in text
    assert "42.1 ms" in text
    assert text.index("the picture is black") < text.index("playback stalls")
    assert "still going on" in text
    assert "10 s" in text


async def test_it_speaks_chinese_to_those_who_do(made: Any) -> None:
    bench = await made()
    bench.incident("black", -5)
    for asked in (bench.get("/streams/room?lang=zh"), bench.get("/streams/room", **{"Accept-Language": "zh-CN,en"})):
        _, text = await asked
        assert '<html lang="zh-CN">' in text
        assert "黑屏" in text
        assert "Incidents" not in text


async def test_unknown_streams_have_no_page(made: Any) -> None:
    bench = await made()
    assert (await bench.get("/streams/nobody"))[0] == 404


async def test_evidence_is_shown_and_what_a_link_asks_for_comes_first(made: Any) -> None:
    bench = await made()
    for n in range(2):
        start = 1_800_000_000.0 + n
        marked = mark("room", "", "black", "", start)
        said = {"stream": "room", "incidents": [{"kind": "black", "mark": marked, "start": start}]}
        files = {"case.json": json.dumps(said).encode(), "before.jpg": b"a", "at.jpg": b"b", "clip.mp4": b"c"}
        bench.agent.evidence.put(name("room", "black", marked, start), files, start)
    older = mark("room", "", "black", "", 1_800_000_000.0)
    _, text = await bench.get("/streams/room")
    assert text.count("<img") == 4
    assert text.index(older) > text.index("08:00:01 UTC")
    _, text = await bench.get(f"/streams/room?at=1800000000&incident={older}")
    assert text.index(older) < text.index("08:00:01 UTC")


INLINE = re.compile(
    r"<style|\sstyle=|\son\w+=|javascript:|<script(?! src=\"/page\.js)|<(iframe|object|base)\b", re.IGNORECASE
)


async def test_pages_have_nothing_inline_and_allow_only_what_is_ours(made: Any) -> None:
    bench = await made()
    bench.incident("black", -5)
    for path in ("/", "/?lang=zh", "/streams/room", "/compare", "/compare?a=room&b=gone", "/login"):
        async with bench.client.get(path, headers=PAGE) as answer:
            policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
            assert policy.pop("default-src") == policy.pop("base-uri") == policy.pop("frame-ancestors") == "'none'"
            assert policy.pop("require-trusted-types-for") == "'script'"
            assert policy.pop("trusted-types") == "qoe-agent"
            assert set(policy.values()) == {"'self'"}
            assert not INLINE.search(await answer.text()), path


async def test_names_are_escaped(made: Any) -> None:
    bench = await made()
    bad = '<script>alert("1")<'
    bench.board.add(Key(bad), {})
    bench.put("qoe_up", 1.0, key=bad)
    status, text = await bench.get("/streams/%3Cscript%3Ealert%28%221%22%29%3C")
    assert status == 200
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


async def test_a_browser_without_the_token_is_led_to_the_form_and_back(made: Any) -> None:
    bench = await made(token=TOKEN)
    async with bench.client.get("/streams/room?at=5", headers=TYPED, allow_redirects=False) as answer:
        assert answer.status == 303
        form = answer.headers["Location"]
        assert form == "/login?next=%2Fstreams%2Froom%3Fat%3D5"
    async with bench.client.post(form, data={"token": TOKEN}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/streams/room?at=5")
        cookie = answer.cookies[COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert TOKEN not in cookie.value
    assert (await bench.get("/streams/room"))[0] == 200
    assert (await bench.get("/metrics"))[0] == 200


async def test_the_cookie_opens_what_may_be_looked_at_and_changes_nothing(made: Any) -> None:
    bench = await made(token=TOKEN)
    bench.client.session.cookie_jar.update_cookies({COOKIE: seal(TOKEN, LATER)})
    assert (await bench.get("/"))[0] == 200
    for path in ("/-/reload", "/-/publish"):
        async with bench.client.post(path) as answer:
            assert answer.status == 401


@pytest.mark.parametrize(
    "given", ["", "wrong", TOKEN[:-1], seal(TOKEN, LATER)], ids=["none", "other", "cut short", "a cookie"]
)
async def test_a_wrong_token_gets_no_cookie(made: Any, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qoe_agent.web.login.SLOWLY", 0.0)
    bench = await made(token=TOKEN)
    async with bench.client.post("/login", data={"token": given}, allow_redirects=False) as answer:
        assert answer.status == 401
        assert not answer.cookies
    assert (await bench.get("/", **TYPED))[0] == 303
    assert (await bench.get("/", Accept="*/*"))[0] == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        TOKEN,
        seal(TOKEN + "x", LATER),
        seal(TOKEN, 5),
        seal(TOKEN, 5).replace("5.", f"{LATER}.", 1),
        "9" * 5000,
        "².",
    ],
    ids=["none", "a token", "of another token", "ended", "ended, its end changed", "huge", "no number"],
)
async def test_a_wrong_cookie_opens_nothing(made: Any, cookie: str) -> None:
    bench = await made(token=TOKEN)
    bench.client.session.cookie_jar.update_cookies({COOKIE: cookie})
    assert (await bench.get("/metrics", Accept="*/*"))[0] == 401


@pytest.mark.parametrize(
    "where",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/a b",
        "/\x7f",
        "/\x85",
        "/\u202e",
        "/\u2028",
    ],
)
async def test_the_form_leads_nowhere_else(made: Any, where: str) -> None:
    bench = await made(token=TOKEN)
    async with bench.client.post("/login", params={"next": where}, data={"token": TOKEN}, allow_redirects=False) as got:
        assert got.headers["Location"] == "/"


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"token=x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=token\r\n\r\nx"),
        (f"{FORM}; charset=bogus", b"token=x"),
        (FORM, b"token=\xff"),
        ("text/plain", b"token=x"),
    ],
)
async def test_a_form_that_is_none_is_refused_and_no_bug(made: Any, kind: str, body: bytes) -> None:
    bench = await made(token=TOKEN)
    async with bench.client.post("/login", data=body, headers={"Content-Type": kind}) as answer:
        assert answer.status == 400
    assert "qoe_agent_request_errors_total" not in bench.board.render().decode()


async def test_a_form_that_does_not_come_is_not_waited_for(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qoe_agent.web.login.SLOWEST_BODY", 0.05)
    bench, over = await made(token=TOKEN), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"token="
        await over.wait()

    async with bench.client.post("/login", data=slowly(), headers={"Content-Type": FORM}) as answer:
        assert answer.status == 408
    over.set()


async def test_a_form_of_another_site_is_refused(made: Any) -> None:
    bench = await made(token=TOKEN)
    async with bench.client.post("/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403


async def test_without_a_token_nobody_logs_in(made: Any) -> None:
    bench = await made()
    async with bench.client.post("/login", data={"token": "x"}) as answer:
        assert answer.status == 404


def test_all_that_the_page_shows_is_measured() -> None:
    assert {each[0] for each in TABLE} <= METRICS.keys()


async def test_the_cookie_ends_when_the_agent_says_so(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await made(token=TOKEN)
    now = clock.realtime()
    bench.client.session.cookie_jar.update_cookies({COOKIE: seal(TOKEN, int(now) + 100)})
    assert (await bench.get("/"))[0] == 200
    steady = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: steady + 101)
    assert (await bench.get("/", **TYPED))[0] == 303


LED = {**PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("path", ["/", "/streams/room?at=5&lang=zh", "/compare?a=room", "/evidence/x/clip.mp4"])
@pytest.mark.parametrize("headers", [LED, PAGE], ids=["told", "plain HTTP"])
async def test_who_is_led_here_from_elsewhere_goes_around_once_and_keeps_the_way(
    made: Any, path: str, headers: dict[str, str]
) -> None:
    bench = await made(token=TOKEN)
    status, text = await bench.get(path, **headers)
    assert status == 200
    onward = re.search(r'http-equiv="refresh" content="0; url=(/login/on\?next=[^"]+)"', text)
    assert onward
    assert "room" not in text.replace("streams%2Froom", "").replace("a%3Droom", "")
    around = URL(unescape(onward[1]), encoded=True)
    async with bench.client.get(around, headers=PAGE, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, str(around).replace("/login/on", "/login"))
    bench.client.session.cookie_jar.update_cookies({COOKIE: seal(TOKEN, LATER)})
    async with bench.client.get(around, headers=PAGE, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, path)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {**LED, "Sec-Fetch-Dest": "iframe"}),
        ("/", {**LED, "Sec-Fetch-Site": "none"}),
        ("/probe?target=room", LED),
        ("/metrics", LED),
    ],
)
async def test_nothing_else_from_elsewhere_goes_around(made: Any, path: str, headers: dict[str, str]) -> None:
    bench = await made(token=TOKEN)
    assert (await bench.get(path, **headers))[0] == 303
    async with bench.client.post("/", headers=headers) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("where", ["//evil.example", "/\x7f", "/\x9f"])
async def test_the_way_around_leads_nowhere_else(made: Any, where: str) -> None:
    bench = await made(token=TOKEN)
    bench.client.session.cookie_jar.update_cookies({COOKIE: seal(TOKEN, LATER)})
    async with bench.client.get("/login/on", params={"next": where}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_event_streams_want_the_token_and_end_when_it_changes(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qoe_agent.web.live.EVERY", 0.02)
    bench = await made(token=TOKEN)
    async with bench.client.get("/live?page=front") as answer:
        assert answer.status == 401
    bench.client.session.cookie_jar.update_cookies({COOKIE: seal(TOKEN, LATER)})
    async with bench.client.get("/live?page=front") as answer:
        assert answer.status == 200
        await answer.content.readline()
        bench.exporter.options = Web(token=TOKEN + "-another")
        async with asyncio.timeout(30):
            await answer.content.read()


async def test_two_streams_stand_side_by_side_with_their_difference(made: Any) -> None:
    bench = await made()
    bench.agent.names = ((Key("room"), "up"), (Key("a/b <c>"), "up"))
    bench.board.add(Key("a/b <c>"), {})
    for called, height, latency in (("room", 1080.0, 2.0), ("a/b <c>", 720.0, None)):
        bench.put("qoe_video_height_pixels", height, key=called)
        if latency:
            bench.put("qoe_latency_seconds", latency, "pdt", "transport", key=called)
    bench.incident("black", -5, key="a/b <c>")
    for after in (0.0, 10.0):
        bench.agent.history.take(bench.now + after)
    status, text = await bench.get("/compare?a=room&b=a%2Fb%20%3Cc%3E")
    assert status == 200
    assert "<c>" not in text
    cells = re.findall(r'<td class="number">([^<]*)</td>', text)
    assert cells[:9] == ["1080 px", "720 px", "−360 px", "0 Mb/s", "–", "–", "2 s", "–", "–"]
    assert "Bitrate, last 10 s" in text
    assert "the picture is black" in text
    assert '<option value="a/b &lt;c&gt;">' in text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 200, ""),
        ("?a=room", 200, ""),
        ("?a=room&b=nobody", 404, "There is no stream called nobody."),
        ("?a=room&b=room", 400, "Choose two different streams."),
        ("?a=%3Cscript%3E&b=room", 404, "no stream called &lt;script&gt;"),
        ("?a=room&b=nobody&lang=zh", 404, "没有名为 nobody 的直播流。"),
    ],
)
async def test_what_cannot_be_compared_is_said(made: Any, query: str, status: int, said: str) -> None:
    bench = await made()
    found, text = await bench.get(f"/compare{query}")
    assert found == status
    assert said in text
    assert "<form" in text
    assert 'value="room"' in text


@pytest.mark.parametrize("name", ["a/b", "主播 <b>/房间?#7%", "a b+c&d"])
async def test_streams_of_any_name_have_a_page_an_event_stream_and_links(made: Any, name: str) -> None:
    bench = await made()
    bench.agent.names = ((Key(name), "up"),)
    bench.board.add(Key(name), {})
    bench.put("qoe_up", 1.0, key=name)
    _, front = await bench.get("/?lang=zh")
    where = re.search(r'<h2><a href="(/streams/[^"]+)">', front)
    assert where
    async with bench.client.get(URL(unescape(where[1]), encoded=True), headers=PAGE) as answer:
        text = await answer.text()
        assert answer.status == 200
    assert f"<h1>{escape(name)}</h1>" in text
    live = re.search(r'data-live="([^"]+)"', text)
    assert live
    async with bench.client.get(URL(unescape(live[1]), encoded=True)) as answer:
        assert answer.status == 200
    assert "lang=zh" in live[1]


async def test_a_rendition_has_a_page_by_its_parts_and_as_people_see_it(made: Any) -> None:
    bench = await made()
    key = Key("ladder", "720p")
    bench.agent.names = ((key, "up"),)
    bench.board.add(key, {})
    for path in ("/streams/ladder?rendition=720p", "/streams/ladder%2F720p"):
        status, text = await bench.get(path)
        assert status == 200
        assert "<h1>ladder/720p</h1>" in text


async def test_what_is_open_leads_to_its_evidence_only_if_there_is_some(made: Any) -> None:
    bench = await made()
    bench.incident("black", -5)
    _, text = await bench.get("/streams/room")
    assert 'id="i-' in text
    assert "<td>the picture is black</td>" in text
    start = bench.now - 5
    marked = mark("room", "", "black", "", start)
    said = {"stream": "room", "incidents": [{"kind": "black", "mark": marked, "start": start}]}
    bench.agent.evidence.put(name("room", "black", marked, start), {"case.json": json.dumps(said).encode()}, start)
    _, text = await bench.get("/streams/room?incident=x")
    assert f'<a href="#{marked}">the picture is black</a>' in text
