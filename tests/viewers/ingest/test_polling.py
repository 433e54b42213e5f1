"""Who watches, by nginx-rtmp's statistics. The form is that of nginx-rtmp 1.2.2."""

from __future__ import annotations

import pytest

from qoe_agent.viewers.ingest.playing import Playing
from qoe_agent.viewers.ingest.polling import Client, Malformed, changes, clients

NOW = 1_800_014_400_000
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
    assert clients(body, NOW) == [Client("4", "live/show", NOW - 1500)]


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<rtmp>", b'<!DOCTYPE r [<!ENTITY a "x">]><rtmp/>'])
def test_what_is_no_statistics_says_so(body: bytes) -> None:
    with pytest.raises(Malformed):
        clients(body, NOW)


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
