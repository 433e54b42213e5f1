"""The listener over real HTTP: what is answered, and what is on disk by then."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient

from qoe_agent.board import Board
from qoe_agent.config import Ingest, Source
from qoe_agent.viewers.facts.log import Busy
from qoe_agent.viewers.facts.writer import Full, Writer
from qoe_agent.viewers.ingest import bodies, listener, meter
from qoe_agent.viewers.ingest.door import Door
from qoe_agent.viewers.ingest.live import Live
from qoe_agent.viewers.ingest.store import Store
from qoe_agent.viewers.ingest.whose import Known, Whose
from tests.viewers.made import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

KEY, OLD = "pk-web-0123456789abcdef", "pk-old-0123456789abcdef"
SITE = "https://www.example.com"
REPORT = 'cid="show",e=ps,sid="%s",sn=%d,sta=p,ts=1800014400000,v=2'
AT = 1_800_014_400.0


class Ingested:
    """A listener, and what it stored."""

    def __init__(self, folder: Path, **more: Any) -> None:
        source = Source(name="web", keys=(KEY,), revoked=(OLD,), origins=(SITE,), **more)
        self.folder, self.source = folder, source
        self.store = Store(Ingest(folder=str(folder), sources=(source,)), Live(1000, 0.0))
        self.listener = listener.Listener(
            self.store, Door(Ingest(sources=(source,))), Whose([Known("show", ("content-1",), "live/show")])
        )
        self.http: Any = None

    async def ask(self, path: str, method: str = "POST", key: str = KEY, **more: Any) -> tuple[int, str]:
        async with self.http.request(method, f"/in/{key}/{path}", **more) as answer:
            self.headers = answer.headers
            return answer.status, await answer.text()

    async def cmcd(self, body: str, **more: Any) -> int:
        return (await self.ask("cmcd", data=body, headers={"Content-Type": "application/cmcd"}, **more))[0]

    async def events(self, *said: dict[str, Any], kind: str = "application/json") -> tuple[int, str]:
        return await self.ask("events", data=json.dumps(said), headers={"Content-Type": kind})

    def stored(self) -> list[tuple[str, int]]:
        return stored(self.folder)

    def counted(self, metric: str, **labels: str) -> float:
        board = Board(meter.METRICS)
        self.store.live.tell(_Any(board), 0.0)
        self.counts = {**getattr(self, "counts", {})}
        for one in board.metrics(None):
            name = one["name"], tuple(sorted(one["labels"].items()))
            self.counts[name] = self.counts.get(name, 0.0) + one["value"]
        return self.counts.get((metric, tuple(sorted(labels.items()))), 0.0)


class _Any:
    """A board that admits whom it is told of."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def put(self, key: Any, finding: Any, at: float) -> None:
        if key:
            self._board.admit(key)
        self._board.put(key, finding, at)


@contextlib.asynccontextmanager
async def serving(made: Ingested) -> AsyncIterator[Ingested]:
    made.store.open()
    async with TestClient(RawTestServer(made.listener.handle, auto_decompress=False)) as made.http:
        yield made
    await made.store.close()


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingested]:
    async with serving(Ingested(tmp_path / "facts")) as made:
        yield made


def event(session: str = "s", sn: int = 0, **more: Any) -> dict[str, Any]:
    return {"kind": "heartbeat", "session": session, "sn": sn, "at": AT, **more}


@pytest.mark.parametrize("kind", ["application/cmcd", "text/cmcd", "Application/CMCD; charset=utf-8"])
async def test_cmcd_reports_are_on_disk_when_they_are_acknowledged(ingest: Ingested, kind: str) -> None:
    body = "\n".join((REPORT % ("a", 1), REPORT % ("b", 2)))
    assert await ingest.ask("cmcd", data=body, headers={"Content-Type": kind}) == (204, "")
    assert ingest.stored() == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_cmcd_comes_by_query_and_by_headers_of_which_headers_win(ingest: Ingested, method: str) -> None:
    query = "cmcd?x=1&CMCD=sid%3D%22query%22%2Csn%3D1%2Cv%3D2"
    assert (await ingest.ask(query, method))[0] == 204
    headers = {"CMCD-Session": 'sid="header"', "CMCD-Request": "sn=2,v=2"}
    assert (await ingest.ask(query, method, headers=headers))[0] == 204
    assert ingest.stored() == [("header", 2), ("query", 1)]


async def test_a_report_of_a_version_beyond_ours_is_ignored_and_acknowledged(ingest: Ingested) -> None:
    assert await ingest.cmcd((REPORT % ("a", 1)).replace("v=2", "v=3")) == 204
    assert ingest.stored() == []
    assert ingest.counted("qoe_viewer_events_rejected_total", source="web", reason="version") == 1


@pytest.mark.parametrize("body", ["", "e=ps,sta=p,v=2", "%%%%"])
async def test_what_holds_no_report_that_can_be_used_is_refused(ingest: Ingested, body: str) -> None:
    assert await ingest.cmcd(body) == 400


@pytest.mark.parametrize("kind", ["application/json", "text/plain;charset=UTF-8", "application/x-ndjson"])
async def test_plain_events_come_as_one_as_a_list_or_one_a_line(ingest: Ingested, kind: str) -> None:
    headers = {"Content-Type": kind}
    assert (await ingest.ask("events", data=json.dumps(event("one")), headers=headers))[0] == 204
    assert (await ingest.ask("events", data=json.dumps([event("two")]), headers=headers))[0] == 204
    lines = "\n".join(json.dumps(event("lines", sn)) for sn in range(2)) + "\n"
    assert (await ingest.ask("events", data=lines, headers=headers))[0] == 204
    assert ingest.stored() == [("lines", 0), ("lines", 1), ("one", 0), ("two", 0)]


async def test_of_good_and_bad_events_the_good_are_stored_and_the_bad_are_named(ingest: Ingested) -> None:
    status, text = await ingest.events(event("good"), {"kind": "heartbeat", "session": "bad"})
    assert status == 200
    assert json.loads(text) == {"stored": 1, "faults": ["event 1: at: required where there is no sn"]}
    assert ingest.stored() == [("good", 0)]
    assert (await ingest.events({"kind": "nonsense"}))[0] == 400
    assert ingest.counted("qoe_viewer_events_rejected_total", source="web", reason="malformed") == 2


@pytest.mark.parametrize("body", ["", "[]", "{", "not json\nnor this", "\xff\xfe"])
async def test_what_is_no_json_is_refused(ingest: Ingested, body: str) -> None:
    assert (await ingest.ask("events", data=body, headers={"Content-Type": "application/json"}))[0] == 400


async def test_a_line_that_is_broken_does_not_take_the_others_with_it(ingest: Ingested) -> None:
    lines = f"{json.dumps(event('good'))}\n{{broken\n"
    status, text = await ingest.ask("events", data=lines, headers={"Content-Type": "application/x-ndjson"})
    assert (status, json.loads(text)["faults"]) == (200, ["line 2: not JSON"])


async def test_keys_that_are_unknown_are_not_found_and_those_revoked_are_told_to_stop(ingest: Ingested) -> None:
    assert await ingest.cmcd(REPORT % ("a", 1), key="pk-nobody-0123456789") == 404
    assert await ingest.cmcd(REPORT % ("a", 1), key=OLD) == 410
    assert ingest.stored() == []
    assert ingest.counted("qoe_viewer_events_rejected_total", source="unknown", reason="key") == 1


@pytest.mark.parametrize("path", ["/", "/in", "/in/", f"/in/{KEY}", f"/in/{KEY}/", f"/in/{KEY}/x", f"/in/{KEY}/cmcd/x",
                                  "/metrics", "/-/healthy", f"/x/{KEY}/cmcd"])  # fmt: skip
async def test_nothing_else_is_here(ingest: Ingested, path: str) -> None:
    async with ingest.http.get(path) as answer:
        assert answer.status == 404


async def test_a_session_beyond_the_share_is_told_to_stop(tmp_path: Path) -> None:
    async with serving(Ingested(tmp_path / "facts", share=0.5)) as ingest:
        found = {each: await ingest.cmcd(REPORT % (f"s{each}", 1)) for each in range(20)}
        assert set(found.values()) == {204, 410}
        assert {session for session, _ in ingest.stored()} == {f"s{n}" for n, status in found.items() if status == 204}
        both = "\n".join(REPORT % (f"s{each}", 2) for each in range(20))
        assert await ingest.cmcd(both) == 204


async def test_the_wrong_method_or_type_is_refused(ingest: Ingested) -> None:
    assert (await ingest.ask("cmcd", "PUT"))[0] == 405
    assert ingest.headers["Allow"] == "POST, GET, HEAD"
    assert (await ingest.ask("events", "GET"))[0] == 405
    for what in ("cmcd", "events"):
        assert (await ingest.ask(what, data="x", headers={"Content-Type": "image/png"}))[0] == 415
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await ingest.ask("events", data=b"\x1f\x8b", headers=headers))[0] == 415


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(ingest: Ingested) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await ingest.ask("events", data=io.BytesIO(b" " * (bodies.LARGEST + 1)), headers=headers))[0] == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (1 << 16)

    assert (await ingest.ask("events", data=chunks(), headers=headers))[0] == 413
    assert (await ingest.events(*[event(sn=n) for n in range(1001)]))[0] == 413
    assert await ingest.cmcd(REPORT % ("a" * 20000, 1)) == 413
    assert await ingest.cmcd("\n".join(REPORT % ("a", n) for n in range(3000))) == 413


async def test_a_body_that_never_ends_is_given_up(ingest: Ingested, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "DEADLINE", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", ingest.http.server.port)
    writer.write(f"POST /in/{KEY}/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[".encode())
    assert b" 408 " in await reader.readline()
    writer.close()


async def test_who_sends_too_much_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with serving(Ingested(tmp_path / "facts", rate=0.1)) as ingest:
        assert await ingest.cmcd("\n".join(REPORT % ("a", n) for n in range(3))) == 204
        assert await ingest.cmcd(REPORT % ("b", 1)) == 429
        assert 20 <= int(ingest.headers["Retry-After"]) <= 30
        assert len(ingest.stored()) == 3


@pytest.mark.parametrize(("fault", "reason", "wait"), [(Busy("x"), "busy", "1"), (Full("x"), "full", "10")])
async def test_what_the_disk_does_not_take_may_be_sent_again_and_then_counts_once(
    ingest: Ingested, monkeypatch: pytest.MonkeyPatch, fault: Exception, reason: str, wait: str
) -> None:
    def refuse(*_: object) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "commit", refuse)
        assert await ingest.cmcd(REPORT % ("a", 1)) == 503
        assert ingest.headers["Retry-After"] == wait
    assert ingest.counted("qoe_viewer_events_rejected_total", source="web", reason=reason) == 1
    assert await ingest.cmcd(REPORT % ("a", 1)) == 204
    assert ingest.stored() == [("a", 1)]


async def test_a_full_disk_closes_the_log_so_that_compaction_can_make_room(
    ingest: Ingested, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await ingest.cmcd(REPORT % ("a", 1)) == 204
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "commit", _full)
        assert await ingest.cmcd(REPORT % ("a", 2)) == 503
        await ingest.store.turn()
    assert [path.name for path in (ingest.folder / "log").glob("0*")] == ["000000000001.log"]
    assert await ingest.cmcd(REPORT % ("a", 2)) == 204


async def test_without_a_log_all_is_refused_for_now_but_callbacks_are_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = Ingested(tmp_path / "file" / "facts")
    async with serving(made) as ingest:
        assert await ingest.cmcd(REPORT % ("a", 1)) == 503
        assert (await ingest.ask("rtmp", data="call=play&clientid=1&app=live&name=show"))[0] == 204


async def test_what_comes_again_is_acknowledged_again_and_stored_once(ingest: Ingested) -> None:
    for _ in range(3):
        assert await ingest.cmcd(REPORT % ("a", 1)) == 204
        assert (await ingest.events(event()))[0] == 204
    assert ingest.stored() == [("a", 1), ("s", 0)]
    assert ingest.counted("qoe_viewer_events_repeated_total", source="web") == 4


async def test_events_are_matched_to_our_streams_and_strangers_only_counted(ingest: Ingested) -> None:
    await ingest.events(event("a", stream="content-1"), event("b", stream="show"), event("c", stream="stranger"))
    assert ingest.counted("qoe_viewer_events_unmatched_total", source="web") == 1
    assert len(ingest.store.live) == 2
    logged = b"".join(path.read_bytes() for path in (ingest.folder / "log").glob("*.open"))
    assert logged.count(b'"stream":"show"') == 2
    assert logged.count(b'"stream":"stranger"') == 1


async def test_the_region_is_the_events_own_else_what_a_trusted_proxy_says(ingest: Ingested) -> None:
    def regions() -> int:
        logged = b"".join(path.read_bytes() for path in (ingest.folder / "log").glob("*.open"))
        return logged.count(b'"region":"DE"')

    headers = {"CF-IPCountry": "DE", "Content-Type": "application/json"}
    await ingest.ask("events", data=json.dumps(event(sn=1)), headers=headers)
    assert regions() == 0, "anybody can send that header"
    ingest.listener.door = Door(
        Ingest(sources=(ingest.source,), region_header="CF-IPCountry", trusted_proxies=("127.0.0.0/8",))
    )
    await ingest.ask("events", data=json.dumps(event(sn=2)), headers=headers)
    await ingest.ask("events", data=json.dumps(event(sn=3, region="US")), headers=headers)
    assert regions() == 1


async def test_no_user_and_no_address_is_on_disk_in_clear(ingest: Ingested) -> None:
    await ingest.events(event(user="somebody-known"))
    await ingest.cmcd((REPORT % ("a", 1)).replace("e=ps", 'com.qoe-user="somebody-known",e=ps'))
    said = "call=play&clientid=1&app=live&name=show&addr=198.51.100.7&pageurl=x%3Fsecret&viewer=somebody-known"
    await ingest.ask("rtmp", data=said, headers={"X-Forwarded-For": "198.51.100.7"})
    logged = b"".join(path.read_bytes() for path in ingest.folder.rglob("*") if path.is_file())
    assert logged.count(b'"user_key"') == 3
    assert not [word for word in (b"somebody-known", b"198.51.100.7", b"secret") if word in logged]


async def test_pages_of_sites_that_may_send_are_told_so_and_others_are_refused(ingest: Ingested) -> None:
    headers = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    assert (await ingest.ask("cmcd", "OPTIONS", headers=headers))[0] == 204
    assert ingest.headers["Access-Control-Allow-Origin"] == SITE
    assert "cmcd-session" in ingest.headers["Access-Control-Allow-Headers"]
    assert (await ingest.ask("cmcd", "OPTIONS", headers={"Origin": "https://evil.example"}))[0] == 403
    assert "Access-Control-Allow-Origin" not in ingest.headers
    assert (await ingest.ask("events", data="[]", headers={"Origin": "https://evil.example"}))[0] == 403


async def test_the_beacon_is_served_as_a_script(ingest: Ingested) -> None:
    status, text = await ingest.ask("beacon.js", "GET")
    assert (status, ingest.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "pagehide" in text
    assert [len(text.splitlines()) <= 30, max(map(len, text.splitlines())) <= 120] == [True, True]


@pytest.mark.parametrize(("what", "answer"), [("rtmp", (204, "")), ("srs", (200, "0")), ("mediamtx", (204, ""))])
@pytest.mark.parametrize("case", ["good", "malformed", "unknown", "revoked", "large", "full"])
async def test_a_callback_is_never_refused(
    ingest: Ingested, monkeypatch: pytest.MonkeyPatch, what: str, answer: tuple[int, str], case: str
) -> None:
    key = {"unknown": "pk-nobody-0123456789", "revoked": OLD}.get(case, KEY)
    body = {"malformed": b"\xff{", "large": b" " * (bodies.LARGEST + 1)}.get(case)
    if case == "full":
        monkeypatch.setattr(Writer, "commit", _full)
    good: dict[str, Callable[[], bytes]] = {
        "rtmp": lambda: b"call=play&clientid=1&app=live&name=show",
        "srs": lambda: json.dumps({"action": "on_play", "client_id": "c", "app": "live", "stream": "show"}).encode(),
        "mediamtx": lambda: json.dumps({"event": "read", "id": "c", "path": "live/show"}).encode(),
    }
    assert await ingest.ask(what, key=key, data=io.BytesIO(body or good[what]())) == answer
    assert len(ingest.store.live) == (case == "good")


def _full(*_: object) -> None:
    raise Full("x")


async def test_a_bug_of_ours_is_no_traceback_to_others_and_refuses_no_viewer(
    ingest: Ingested, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.store, "put", None)
    assert (await ingest.events(event())) == (500, "")
    assert (await ingest.ask("rtmp", data="call=play&clientid=1&app=live&name=show"))[0] == 204


async def test_where_it_is_crowded_nobody_keeps_his_connection(ingest: Ingested) -> None:
    ingest.listener.crowded = True
    assert await ingest.cmcd(REPORT % ("a", 1)) == 204
    assert ingest.headers["Connection"] == "close"


async def test_answers_say_nothing_of_what_runs_here(ingest: Ingested) -> None:
    await ingest.cmcd(REPORT % ("a", 1))
    assert ingest.headers["Server"] == "qoe-agent"
    assert web.__name__ not in str(ingest.headers)
