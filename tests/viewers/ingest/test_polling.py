"""Who watches, by what servers list. The forms are those of nginx-rtmp 1.2.2, SRS 5 to 7 and MediaMTX 1.19.

SRS: SrsStatisticClient::dumps in trunk/src/app/srs_app_statistic.cpp; MediaMTX: internal/defs/api_path.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from qoe_agent import config
from qoe_agent.viewers.ingest import callbacks
from qoe_agent.viewers.ingest.callbacks import Malformed
from qoe_agent.viewers.ingest.listing import Client, listed
from qoe_agent.viewers.ingest.live import Live
from qoe_agent.viewers.ingest.playing import Playing
from qoe_agent.viewers.ingest.polling import Polling, changes
from qoe_agent.viewers.ingest.store import Store
from qoe_agent.viewers.ingest.whose import Whose

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_014_400_000
KEY = "pk-edge-0123456789abcdef"
CLIENT = (
    "<client><id>{id}</id><address>10.1.2.3</address><time>{time}</time><flashver>{flashver}</flashver>{more}</client>"
)
STAT = """<?xml version="1.0" encoding="utf-8" ?>
<rtmp><nginx_version>1.22.1</nginx_version><pid>7</pid><uptime>60</uptime><server><application><name>live</name><live>
<stream><name>show</name><time>9000</time><nclients>3</nclients><publishing/><active/>{clients}</stream>
<nclients>3</nclients></live></application></server></rtmp>"""


def stat(*listed: str) -> bytes:
    return STAT.format(clients="".join(listed)).encode()


def client(name: int, time: int, flashver: str = "LNX 9,0,124,2", more: str = "<active/>") -> str:
    return CLIENT.format(id=name, time=time, flashver=flashver, more=more)


def test_who_plays_is_listed_without_publishers_and_the_agent_itself() -> None:
    body = stat(client(4, 1500), client(1, 9000, more="<publishing/>"), client(5, 700, flashver="qoe-agent"))
    assert listed("nginx-rtmp", body, NOW).clients == [Client("4", "live/show", NOW - 1500)]


SRS = """{"code":0,"server":"vid-k21d7y2","service":"r9f0w3k2","pid":"1","clients":[
{"id":"9308h583","vhost":"vid-1","stream":"vid-2","ip":"10.1.2.3","pageUrl":"","swfUrl":"","tcUrl":"rtmp://h/live",
"url":"/live/show","name":"show","type":"rtmp-play","publish":false,"alive":12.345,"send_bytes":4,"recv_bytes":5,
"kbps":{"recv_30s":0,"send_30s":0}},{"id":"p","url":"v.example.com/live/show","type":"fmle-publish","publish":true,
"alive":99.0}]}"""
MEDIAMTX = """{"itemCount":1,"pageCount":1,"items":[{"name":"live/show","confName":"all_others","ready":true,
"available":true,"source":{"type":"rtmpConn","id":"p"},"tracks":["H264"],"readers":[{"type":"webRTCSession",
"id":"b9ea6a9f"},{"type":"hidden","id":""},{"type":"hlsMuxer","id":"m"}],"inboundBytes":1,"outboundBytes":2}]}"""


def test_srs_and_mediamtx_list_who_plays() -> None:
    found = listed("srs", SRS.encode(), NOW)
    assert found == ([Client("9308h583", "live/show", NOW - 12_345)], "vid-k21d7y2")
    assert listed("mediamtx", MEDIAMTX.encode(), NOW).clients == [Client("b9ea6a9f", "live/show", None)]


@pytest.mark.parametrize("kind", ["srs", "mediamtx"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"clients":[1],"items":[{"name":1}]}', b"<rtmp/>"])
def test_what_is_no_list_says_so(kind: str, body: bytes) -> None:
    with pytest.raises(Malformed):
        listed(kind, body, NOW)


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<rtmp>", b'<!DOCTYPE r [<!ENTITY a "x">]><rtmp/>'])
def test_what_is_no_statistics_says_so(body: bytes) -> None:
    with pytest.raises(Malformed):
        listed("nginx-rtmp", body, NOW)


def test_a_client_joins_when_it_came_and_is_there_until_it_is_listed_no_more() -> None:
    playing = Playing()
    first = changes([Client("4", "live/show", NOW - 1500)], "edge", 10.0, playing, NOW)
    assert [(said["kind"], said["at_ms"]) for said in first] == [("join", NOW - 1500), ("heartbeat", NOW)]
    assert {said["interval_ms"] for said in first} == {10_000}
    (again,) = changes([Client("4", "live/show", NOW - 1490)], "edge", 10.0, playing, NOW + 10_000)
    assert (again["kind"], again["session"]) == ("heartbeat", first[0]["session"])
    assert changes([], "edge", 10.0, playing, NOW + 20_000) == []
    assert playing.get(("edge", "4")) is None


def test_an_id_that_is_given_again_is_somebody_else() -> None:
    playing = Playing()
    first = changes([Client("4", "live/show", NOW - 60_000)], "edge", 10.0, playing, NOW)
    second = changes([Client("4", "live/show", NOW + 8000)], "edge", 10.0, playing, NOW + 10_000)
    assert second[0]["kind"] == "join"
    assert second[0]["session"] != first[0]["session"]


def test_servers_do_not_know_each_others_clients() -> None:
    playing = Playing()
    changes([Client("4", "live/show", NOW)], "one", 10.0, playing, NOW)
    assert changes([], "two", 10.0, playing, NOW) == []
    assert playing.get(("one", "4"))


def test_of_a_server_that_calls_back_the_list_tells_whose_callback_was_lost() -> None:
    playing = Playing()
    said = "app=live&name=show&clientid={}&call={}&viewer=u42&session={}"
    for client in ("4", "5"):
        callbacks.nginx(said.format(client, "play", f"s{client}").encode(), {"server": "edge"}, playing, NOW)
    now = NOW + 20_000
    there = [Client("4", "live/show", NOW - 200), Client("6", "live/show", NOW + 100)]
    found = changes(there, "edge", 10.0, playing, now)
    assert [(each["kind"], each["session"], each["interval_ms"]) for each in found] == [
        ("heartbeat", "s4", 10_000), ("join", f"edge-6-{NOW + 100}", 10_000),
        ("heartbeat", f"edge-6-{NOW + 100}", 10_000),
    ]  # fmt: skip
    assert playing.get(("edge", "5")) is None
    (left,) = callbacks.nginx(said.format("6", "play_done", "").encode(), {"server": "edge"}, playing, now)
    assert (left["kind"], left["session"]) == ("leave", f"edge-6-{NOW + 100}")


def test_who_called_back_while_the_server_was_asked_is_not_taken_for_gone() -> None:
    playing = Playing()
    playing.begin(("edge", "4"), "s4", "live/show", NOW)
    assert changes([], "edge", 10.0, playing, NOW + 500, NOW - 100) == []
    assert playing.get(("edge", "4"))


def test_who_was_there_before_the_agent_is_known_by_his_updates_and_the_list() -> None:
    playing = Playing()
    update = b"app=live&name=show&clientid=4&call=update_play&session=s4"
    (beat,) = callbacks.nginx(update, {"server": "edge", "every": "30"}, playing, NOW)
    assert (beat["session"], beat["interval_ms"]) == ("s4", 30_000)
    (again,) = changes([Client("4", "live/show", NOW - 60_000)], "edge", 10.0, playing, NOW)
    assert (again["kind"], again["session"]) == ("heartbeat", "s4")


@pytest.mark.parametrize("every", ["0", "3601", "1000000", "36009999", "-30", "half"])
def test_an_interval_between_updates_that_no_server_has_is_none(every: str) -> None:
    (join,) = callbacks.nginx(b"app=live&name=show&clientid=4&call=play", {"every": every}, Playing(), NOW)
    assert "interval_ms" not in join


@pytest.mark.parametrize(("kind", "body"), [("srs", SRS), ("mediamtx", MEDIAMTX)])
async def test_a_server_is_asked_for_all_and_what_it_lists_is_stored(tmp_path: Path, kind: str, body: str) -> None:
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.path_qs)
        return web.Response(text=body)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stat = config.Stat(name="edge-2", url=f"{site.name}/list?token=1", kind=kind, source="edge")
    options = config.Ingest(folder=str(tmp_path), sources=(config.Source(name="edge", keys=(KEY,)),), stats=(stat,))
    store = Store(options, Live(10, 0.0))
    assert store.open()
    async with aiohttp.ClientSession() as http:
        assert await Polling(stat, store, lambda: Whose(()))._once(http) == ""
    await store.close()
    await runner.cleanup()
    assert len(store.playing.of("edge").those("vid-k21d7y2" if kind == "srs" else "")) == 1
    (path,) = asked
    assert path.startswith("/list?token=1&")
    (logged,) = [found.read_bytes() for found in tmp_path.rglob("*.log")]
    assert b'"source":"edge"' in logged
    assert b'"stream":"live/show"' in logged
