"""Which agent takes viewers' events in."""

from __future__ import annotations

import pytest

from qoe_agent import config
from qoe_agent.daemon import Daemon

INGEST = "ingest: {listen: '127.0.0.1:0', folder: facts, sources: [{name: web, keys: [pk-web-0123456789abcdef]}]}\n"
STREAMS = "agent: {workers: 0}\nstreams: [{name: show, url: 'rtmp://127.0.0.1/live/show'}]\n"


def made(text: str, shard: str = "", viewers: bool = False) -> Daemon:
    return Daemon(config.parse(text, "agent.yml", {}), "agent.yml", {}, shard, viewers)


async def test_an_agent_that_is_alone_takes_events_in_if_that_is_configured() -> None:
    assert made(STREAMS + INGEST).viewers
    assert made(STREAMS).viewers is None


async def test_agents_that_share_streams_leave_it_to_the_one_whose_role_it_is() -> None:
    assert made(STREAMS + INGEST, shard="0/2").viewers is None
    role = made(STREAMS + INGEST, viewers=True)
    assert role.viewers
    role._follow()
    assert role.fleet.streams() == [], "it watches nothing"


async def test_the_role_without_a_folder_is_a_mistake_that_is_named() -> None:
    with pytest.raises(config.ConfigError, match=r"ingest\.folder: required"):
        made(STREAMS, viewers=True)


async def test_an_address_that_will_not_do_is_an_error_that_names_it() -> None:
    agent = made(f"{STREAMS}web: {{listen: '127.0.0.1:0'}}\n{INGEST.replace('127.0.0.1:0', '192.0.2.1:9')}")
    with pytest.raises(OSError, match="assign") as caught:
        await agent.start()
    await agent.stop()
    assert caught.value.filename == "192.0.2.1:9"
