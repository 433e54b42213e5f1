"""Viewers of a real nginx-rtmp: they are counted while the agent is well, and watch all the same when it is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp.web
import pytest

from tests.e2e import servers
from tests.e2e.publisher import Publisher
from tests.e2e.servers import until
from tests.viewers.made import column, stored

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

KEY = "pk-edge-0123456789abcdef"
SHIPPED = Path(__file__).parent.parent.parent / "configs" / "viewers"
LONG = "50s"
"""How long nginx waits for an agent that may be slow, but does answer."""


class Place(NamedTuple):
    """An nginx whose callbacks go to the agent's address, and where metrics are."""

    nginx: servers.Nginx
    web: int
    port: int
    home: Path
    publisher: Publisher | None = None

    def told(self, metric: str) -> float | None:
        with contextlib.suppress(OSError):
            found = re.search(rf"^{re.escape(metric)} (\S+)$", servers.exposition(self.web), re.MULTILINE)
            return float(found[1]) if found else None
        return None

    @contextlib.asynccontextmanager
    async def agent(self, more: str = "") -> AsyncIterator[int]:
        """The daemon, with more in its section `ingest`; yields the process that takes events in."""
        config = self.home / "agent.yml"
        config.write_text(f"""
web: {{listen: '127.0.0.1:{self.web}'}}
agent: {{workers: 0}}
streams: [{{name: show, url: '{self.nginx.rtmp("show")}', decode: none}}]
ingest:
  listen: 127.0.0.1:{self.port}
  folder: facts
  sources: [{{name: edge, keys: [{KEY}]}}]
{more}""")
        command = (sys.executable, "-m", "qoe_agent", "run", config)
        log = self.home / "agent.log"
        async with servers.running(*command, log=log) as process:
            await servers.comes(process, lambda: self.told("qoe_viewer_ingest_up") == 1, "the agent", log)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            (taker,) = [int(each) for each in children if b"ingest" in Path(f"/proc/{each}/cmdline").read_bytes()]
            yield taker

    @contextlib.asynccontextmanager
    async def viewer(self, *more: str) -> AsyncIterator[Viewer]:
        """A viewer who has got media already."""
        url = f"{self.nginx.rtmp('show')}?{'&'.join(more)}"
        with tempfile.TemporaryFile() as taken:
            command = ("ffmpeg", "-nostdin", "-v", "error", "-analyzeduration", "500000", "-i", url, "-map", "0", "-c",
                       "copy", "-flush_packets", "1", "-f", "flv", "-")  # fmt: skip
            async with servers.running(*command, log=self.home / "viewer.log", stdout=taken) as process:
                viewer = Viewer(process, taken.fileno())
                await servers.comes(process, viewer.taken, "a viewer", self.home / "viewer.log")
                yield viewer


class Viewer(NamedTuple):
    """Someone who watches, and the file that what he gets goes to."""

    process: subprocess.Popen[bytes]
    file: int

    def taken(self) -> int:
        """Bytes that he has got."""
        return os.fstat(self.file).st_size


@contextlib.asynccontextmanager
async def placed(home: Path, waits: str = "300ms") -> AsyncIterator[Place]:
    """nginx as shipped; `waits`: how long it waits for the agent."""
    relay, port = servers.free_port(), servers.free_port()
    shipped = {path.name: path.read_text() for path in SHIPPED.glob("nginx-rtmp-*.conf")}
    assert "proxy_read_timeout 300ms" in shipped["nginx-rtmp-http.conf"]
    inside = shipped["nginx-rtmp-http.conf"].replace("127.0.0.1:9844", f"127.0.0.1:{port}").replace("YOUR-KEY", KEY)
    live = shipped["nginx-rtmp-application.conf"].replace(":8099", f":{relay}").replace("30s", "1s")
    for name, text in (("http.conf", inside.replace("300ms", waits)), ("live.conf", live)):
        (home / name).write_text(text)
    server = f"server {{ listen 127.0.0.1:{relay}; include {home}/http.conf; }}"
    async with servers.nginx(home / "nginx", server=server, live=f"include {home}/live.conf;") as nginx:
        with Publisher(nginx.rtmp("show")) as publisher:
            yield Place(nginx, servers.free_port(), port, home, publisher)


async def test_viewers_join_and_leave_in_the_figures_and_nobody_is_named_on_disk(
    servers_needed: None, tmp_path: Path
) -> None:
    async with placed(tmp_path, waits=LONG) as place, place.agent(), contextlib.AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(place.viewer(f"viewer=u{each}", "arm=hd")) for each in range(3)]
        await until(lambda: place.told('qoe_viewer_joins_total{stream="show"}') == 3, "three joins")
        await until(lambda: place.told('qoe_viewer_sessions{stream="show"}') == 3, "three sessions")
        viewers[0].process.kill()
        viewers[1].process.terminate()
        await until(lambda: place.told('qoe_viewer_exits_total{stream="show",state="playing"}') == 2, "two exits")
        await until(lambda: place.told('qoe_viewer_sessions{stream="show"}') == 1, "one session")
        await until(lambda: (place.told('qoe_viewer_events_total{source="edge",kind="heartbeat"}') or 0) > 2, "updates")
    sessions = {session for session, _ in stored(tmp_path / "facts")}
    assert len(sessions) == 3
    assert all(session.startswith("edge-1-") for session in sessions)
    logged = b"".join(path.read_bytes() for path in (tmp_path / "facts").rglob("*.log"))
    assert b'"arm":"hd"' in logged
    assert b'"u0"' not in logged
    assert b'"127.0.0.1"' not in logged


async def test_nobody_is_refused_or_dropped_while_the_agent_is_dead_hangs_or_fails(
    servers_needed: None, tmp_path: Path
) -> None:
    async with placed(tmp_path) as place, contextlib.AsyncExitStack() as stack:
        async with place.agent() as taker:
            still = [await stack.enter_async_context(place.viewer("viewer=early"))]
            os.kill(taker, signal.SIGSTOP)
            still.append(await stack.enter_async_context(place.viewer("viewer=hung")))
            with contextlib.suppress(ProcessLookupError):  # on a slow machine it is taken for dead
                os.kill(taker, signal.SIGCONT)
        still.append(await stack.enter_async_context(place.viewer("viewer=dead")))
        async with failing(place.port) as asked:
            still.append(await stack.enter_async_context(place.viewer("viewer=failed")))
            await until(lambda: sum("call=update_play" in each for each in asked) > 8, "updates that fail")
        before = [viewer.taken() for viewer in still]
        await until(
            lambda: all(now.taken() > was for now, was in zip(still, before, strict=True)), "more for everybody"
        )
        assert [viewer.process.poll() for viewer in still] == [None] * 4


async def test_a_publisher_who_reconnects_is_no_end_for_those_who_watch(servers_needed: None, tmp_path: Path) -> None:
    async with placed(tmp_path, waits=LONG) as place, place.agent(), place.viewer("viewer=u1") as viewer:
        assert place.publisher
        await until(lambda: place.told('qoe_viewer_joins_total{stream="show"}') == 1, "a join")
        place.publisher.stop()
        await until(lambda: "ended" in column(tmp_path / "facts", "state"), "the end")
        with await asyncio.to_thread(Publisher, place.nginx.rtmp("show")):
            viewer.process.kill()
            await until(lambda: place.told('qoe_viewer_exits_total{stream="show",state="playing"}') == 1, "an exit")
        assert [each for each in column(tmp_path / "facts", "cause") if each] == ["quit"]


async def test_who_watches_is_known_from_statistics_where_there_are_no_callbacks(
    servers_needed: None, tmp_path: Path
) -> None:
    relay = servers.free_port()
    server = f"server {{ listen 127.0.0.1:{relay}; location /stat {{ rtmp_stat all; }} }}"
    stats = f"  stats: [{{name: edge-2, url: 'http://127.0.0.1:{relay}/stat', every: 1s}}]\n"
    async with servers.nginx(tmp_path / "nginx", server=server) as nginx:
        place = Place(nginx, servers.free_port(), servers.free_port(), tmp_path)
        with Publisher(nginx.rtmp("show")):
            async with place.agent(stats), contextlib.AsyncExitStack() as stack:
                viewers = [await stack.enter_async_context(place.viewer()) for _ in range(2)]
                await until(lambda: place.told('qoe_viewer_joins_total{stream="show"}') == 2, "two joins")
                there = 'qoe_viewer_sessions{stream="show"}'
                await until(lambda: place.told(there) == 2, "two sessions: neither the publisher nor the agent is one")
                viewers[0].process.kill()
                before = place.told('qoe_viewer_events_total{source="edge-2",kind="heartbeat"}') or 0
                more = 'qoe_viewer_events_total{source="edge-2",kind="heartbeat"}'
                await until(lambda: (place.told(more) or 0) > before + 2, "heartbeats of who stayed")
                assert place.told('qoe_viewer_polls_total{source="edge-2",result="failed"}') is None
    found = stored(tmp_path / "facts")
    assert len({session for session, _ in found}) == 2


@contextlib.asynccontextmanager
async def failing(port: int) -> AsyncIterator[list[str]]:
    """Something in the agent's place that answers 500; yields what it was told."""
    asked: list[str] = []

    async def fail(request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        asked.append(await request.text())
        return aiohttp.web.Response(status=500)

    runner = aiohttp.web.ServerRunner(aiohttp.web.Server(fail))
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", port).start()
    yield asked
    await runner.cleanup()
