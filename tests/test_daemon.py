"""The daemon over real HTTP: it follows its configuration, probes on demand, and ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from qoe_agent import clock, config, daemon, discovery
from qoe_agent.daemon import Daemon
from qoe_agent.demo.origin import Origin
from qoe_agent.demo.programme import Programme
from qoe_agent.evidence import mark as marks
from qoe_agent.maths.rendezvous import owns
from qoe_agent.sink import Key
from tests.media import h264
from tests.stage import Stage, stage, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

ALONE = "agent: {workers: 0}\n"
"""All in this process, so that it can be looked into; worker processes are tested in test_crew.py."""
WEB = ALONE + "web: {listen: '127.0.0.1:0', probe_targets: ['http://127.0.0.1:*/live/*']}\n"
CALLBACKS = 'discovery: {callbacks: [{app: live, url: "rtmp://127.0.0.1/{app}/{name}"}]}\n'
DEADLINE = 60.0


def streams(*names: str, more: str = "") -> str:
    lines = [f"  - {{name: {name}, url: 'rtmp://127.0.0.1/live/{name}?token=abcdef', join: {{every: off}}{more}}}"
             for name in names]  # fmt: skip
    return WEB + CALLBACKS + "\n".join(["streams:", *lines]) + "\n"


def agent(text: str, options: str) -> str:
    """`text` with these options in its section `agent`."""
    return f"agent: {{{options}}}\n{text}".replace("}\nagent: {", ", ")


class Client:
    """Asks a daemon."""

    def __init__(self, made: Daemon, base: str, http: aiohttp.ClientSession, path: Path) -> None:
        self.daemon, self.base, self._http, self.path = made, base, http, path

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with self._http.get(self.base + path, **more) as answer:
            return answer.status, await answer.text()

    async def fetch(self, path: str) -> tuple[int, bytes]:
        async with self._http.get(self.base + path) as answer:
            return answer.status, await answer.read()

    async def post(self, path: str, **more: Any) -> tuple[int, str]:
        async with self._http.post(self.base + path, **more) as answer:
            return answer.status, await answer.text()

    async def publish(self, **said: str) -> int:
        return (await self.post("/-/publish", data={"app": "live", "clientid": "1", **said}))[0]

    def names(self) -> set[str]:
        return {stream.name for stream in self.daemon.fleet.streams()}


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(daemon, "LOOK", 0.02)
    return stage(monkeypatch)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Callable[[str], Any]]:
    """Starts a daemon on a configuration; afterwards nothing of it is left."""
    path = tmp_path / "agent.yml"
    async with contextlib.AsyncExitStack() as stack:

        async def start(text: str, path: Path = path, shard: str = "") -> Client:
            path.write_text(text)
            made = Daemon(config.load(str(path), {}), str(path), {}, shard)
            stack.push_async_callback(made.stop)
            base = await made.start()
            http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(DEADLINE)))
            return Client(made, base, http, path)

        yield start
    ours = ("decode", "scrape", "container")
    await until(lambda: not [one.name for one in threading.enumerate() if one.name.startswith(ours)])
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


async def test_it_serves_what_it_watches_and_is_ready_when_all_was_tried(asked: Any, played: Stage) -> None:
    client = await asked(streams("a", "b"))
    assert (await client.get("/-/healthy"))[0] == 200
    await until(lambda: played.begun == 2)
    assert (await client.get("/-/ready"))[0] == 503
    played.at("rtmp://127.0.0.1/live/a?token=abcdef")[0].play()
    played.at("rtmp://127.0.0.1/live/b?token=abcdef")[0].end("refused")
    await until(client.daemon.ready)
    assert (await client.get("/-/ready"))[0] == 200
    status, text = await client.get("/metrics")
    assert status == 200
    assert 'qoe_up{stream="a"} 1.0' in text
    assert 'qoe_up{stream="b"} 0.0' in text
    page = (await client.get("/"))[1]
    assert "abcdef" not in text + page


async def test_people_see_pictures_of_streams_that_may_be_seen_until_they_may_not(asked: Any, played: Stage) -> None:
    client = await asked(streams("room") + streams("private", more=", evidence: 'off'").partition("streams:\n")[2])
    await until(lambda: played.begun == 2)
    form, packets = h264(frames=1)
    showing = "/thumbnails?stream=room"

    async def show() -> bool:
        for name in ("room", "private"):
            (pull,) = played.at(f"rtmp://127.0.0.1/live/{name}?token=abcdef")
            for seen in (replace(form, at=clock.now()), replace(packets[0], at=clock.now())):
                pull.emit(seen)
        await asyncio.sleep(0.01)
        return (await client.fetch(showing))[0] == 200

    assert (await client.fetch(showing))[0] == 404
    async with asyncio.timeout(DEADLINE):
        while not await show():
            pass
    assert (await client.fetch(showing))[1][:2] == b"\xff\xd8"
    assert (await client.fetch("/thumbnails?stream=private"))[0] == 404
    client.path.write_text(streams("room", more=", evidence: 'off'"))
    await client.post("/-/reload")
    assert (await client.fetch(showing))[0] == 404


async def test_cases_of_a_stream_that_became_private_are_not_shown(asked: Any, played: Stage, tmp_path: Path) -> None:
    kept = f"evidence: {{folder: {tmp_path}/kept, bytes: 1MB}}"
    client = await asked(agent(streams("room"), kept))
    marked, at = marks.mark("room", "", "black", "", 1.8e9), clock.realtime()
    case, said = (
        marks.name("room", "black", marked, at),
        {"stream": "room", "incidents": [{"mark": marked, "start": at}]},
    )
    client.daemon.evidence.put(case, {"case.json": json.dumps(said).encode()}, at)
    file, shown = f"/evidence/{case}/case.json", []
    for more in ("", ", evidence: 'off'"):
        client.path.write_text(agent(streams("room", more=more), kept))
        await client.post("/-/reload")
        shown.append((json.loads((await client.get("/evidence"))[1]) != [], (await client.get(file))[0]))
    assert shown == [(True, 200), (False, 404)]


async def test_a_reload_touches_only_what_changed(asked: Any, played: Stage) -> None:
    client = await asked(streams("a", "b"))
    await until(lambda: played.begun == 2)
    (same,) = client.daemon.fleet._kept["a"].sessions
    client.daemon._tasks.pop().cancel()  # nobody looks at the file: only what is posted counts
    client.path.write_text(streams("a", "c"))
    assert await client.post("/-/reload") == (200, "reloaded\n")
    assert client.names() == {"a", "c"}
    await until(lambda: played.begun == 3)
    assert client.daemon.fleet._kept["a"].sessions == [same]


async def test_the_cpu_budget_of_decoding_follows_the_configuration(asked: Any, played: Stage) -> None:
    client = await asked(agent(streams("a"), "decode_cpu: 1.5"))
    assert client.daemon.fleet.decode_cpu == 1.5
    client.path.write_text(agent(streams("a"), "decode_cpu: 0.25"))
    await until(lambda: client.daemon.fleet.decode_cpu == 0.25)
    client.path.write_text(streams("a"))
    await until(lambda: client.daemon.fleet.decode_cpu is None)


async def test_a_bad_configuration_is_told_and_the_old_one_stays(asked: Any, played: Stage) -> None:
    client = await asked(streams("a"))
    client.path.write_text(streams("a", "c", more=", colour: red"))
    status, text = await client.post("/-/reload")
    assert status == 500
    assert "colour" in text
    assert client.names() == {"a"}
    assert "qoe_agent_config_last_reload_successful 0" in (await client.get("/metrics"))[1]


async def test_a_changed_file_is_read_by_itself(asked: Any, played: Stage) -> None:
    client = await asked(streams("a"))
    client.path.write_text(streams("a", "longer"))
    await until(lambda: client.names() == {"a", "longer"})


class Mounted:
    """A folder as kubelet mounts a ConfigMap: files are links through `..data`, which alone is exchanged."""

    def __init__(self, folder: Path, **texts: str) -> None:
        self.folder = folder
        self._n = 0
        folder.mkdir()
        self.exchange(**texts)
        for name in texts:
            (folder / f"{name}.yml").symlink_to(f"..data/{name}.yml")

    def exchange(self, **texts: str) -> None:
        """All files at once, and times and sizes that tell nothing."""
        before, self._n = self.folder / f"..{self._n}", self._n + 1
        fresh = self.folder / f"..{self._n}"
        fresh.mkdir()
        for name, text in texts.items():
            (fresh / f"{name}.yml").write_text(text)
            os.utime(fresh / f"{name}.yml", (1e9, 1e9))
        (self.folder / "..data_tmp").symlink_to(fresh.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")
        shutil.rmtree(before, ignore_errors=True)


async def test_a_configmap_that_is_exchanged_is_read_by_itself(
    asked: Any, played: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "POLL", 0.02)
    listed = "discovery: {file_sd: [{files: [more.yml]}]}\n"
    more = "- {name: NAME, url: 'rtmp://127.0.0.1/live/1', join: {every: off}}\n"
    one = streams("a").replace(CALLBACKS, listed)
    mounted = Mounted(tmp_path / "mounted", agent=one, more=more.replace("NAME", "x"))
    client = await asked(one, mounted.folder / "agent.yml")
    assert client.names() == {"a", "x"}
    mounted.exchange(agent=one, more=more.replace("NAME", "y"))
    await until(lambda: client.names() == {"a", "y"})
    mounted.exchange(agent=one.replace("name: a", "name: b"), more=more.replace("NAME", "y"))
    await until(lambda: client.names() == {"b", "y"})


async def test_what_another_shard_takes_over_is_let_go_after_the_handover(asked: Any, played: Stage) -> None:
    names = [f"show-{n}" for n in range(8)]
    text = streams(*names)
    client = await asked(agent(text, "shards: 1"), shard="0")
    assert client.names() == set(names)
    assert "owns 8 of 8 streams" in (await client.get("/"))[1]
    await until(lambda: played.begun == 8)
    client.path.write_text(agent(text, "shards: 2, handover: 1s"))
    assert (await client.post("/-/reload"))[0] == 200
    assert client.names() == set(names)
    await until(lambda: len(client.names()) < 8)
    mine = {name for name in names if owns(name, 0, 2)}
    assert client.names() == mine
    assert played.begun == 8
    text = (await client.get("/metrics"))[1]
    assert f"qoe_agent_streams_owned {len(mine)}.0" in text
    assert "qoe_agent_streams_known 8.0" in text
    (other, *_) = set(names) - mine
    assert client.daemon.stream(other, "").name == other  # /probe may come to any of the agents


async def test_while_two_agents_follow_a_change_no_stream_is_left_alone(asked: Any, played: Stage) -> None:
    names = [f"show-{n}" for n in range(8)]
    client = await asked(agent(streams(*names), "shards: 1"), shard="0")
    other = await asked(agent(streams(*names), "shards: 1"), shard="1")
    await until(lambda: len(played.pulls) == 8)
    assert other.names() == set()
    client.path.write_text(agent(streams(*names), "shards: 2, handover: 1s"))
    fewest = most = 1
    while len(client.names()) + len(other.names()) != 8 or not other.names():
        pulls = [len(pulled) for pulled in played.pulls.values()]
        fewest, most = min(fewest, *pulls), max(most, *pulls)
        await asyncio.sleep(0.005)
    assert (fewest, most) == (1, 2)
    assert client.names().isdisjoint(other.names())
    await until(lambda: all(len(pulled) == 1 for pulled in played.pulls.values()))


async def test_an_agent_beyond_the_last_shard_watches_nothing_and_is_ready(asked: Any, played: Stage) -> None:
    client = await asked(agent(streams("a", "b"), "shards: 2"), shard="2")
    assert client.names() == set()
    assert (await client.get("/-/ready"))[0] == 200
    assert "shard 2/2: owns none of 2 streams" in (await client.get("/"))[1]


async def test_a_number_of_shards_without_an_ordinal_is_refused_and_the_old_one_stays(
    asked: Any, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    client = await asked(streams("a"))
    client.path.write_text(agent(streams("a", "b"), "shards: 2"))
    status, text = await client.post("/-/reload")
    assert status == 500
    assert "laptop" in text
    assert client.names() == {"a"}


async def test_what_publishers_announce_is_shared_too(asked: Any, played: Stage) -> None:
    client = await asked(WEB + CALLBACKS, shard="0/2")
    names = [f"show-{n}" for n in range(8)]
    for name in names:
        assert await client.publish(call="publish", name=name) == 200
    assert client.names() == {name for name in names if owns(name, 0, 2)}


async def test_what_waits_for_a_restart_is_said(asked: Any, played: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = await asked(streams("a"))
    client.path.write_text(streams("a").replace(ALONE, "agent: {workers: 0, log_level: debug, vantage: home}\n"))
    assert (await client.post("/-/reload"))[0] == 200
    said = [record.getMessage() for record in caplog.records if "restart" in record.getMessage()]
    assert [line.split()[0] for line in said[:2]] == ["agent.vantage", "agent.log_level"]


async def test_a_publisher_that_restarts_is_watched_anew(asked: Any, played: Stage) -> None:
    client = await asked(WEB + CALLBACKS)
    url = "rtmp://127.0.0.1/live/show"
    assert await client.publish(call="publish", name="show") == 200
    await until(lambda: played.at(url))
    played.at(url)[0].play()
    played.leave.clear()
    assert await client.publish(call="publish_done", name="show") == 200
    assert client.names() == set()
    assert await client.publish(call="publish", name="show", clientid="2") == 200
    played.leave.set()
    await until(lambda: played.begun == 2)
    played.at(url)[0].play()
    await until(lambda: dict(client.daemon.streams()).get(Key("show")) == "up")
    text = (await client.get("/metrics"))[1]
    assert 'qoe_up{stream="show"} 1.0' in text
    assert played.most == 1


async def test_callbacks_that_make_no_sense_are_refused(asked: Any, played: Stage) -> None:
    client = await asked(WEB + CALLBACKS)
    assert (await client.post("/-/publish", data=b"garbage"))[0] == 400
    assert client.names() == set()


async def test_a_part_that_dies_ends_the_agent(asked: Any, played: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = await asked(streams("a"))
    stop = asyncio.Event()
    waiting = asyncio.create_task(client.daemon.until(stop))
    await until(lambda: played.begun == 1)
    assert not waiting.done()
    client.daemon.fleet.expected = lambda stream, at: 1 // 0
    assert await asyncio.wait_for(waiting, 30.0) is True
    assert "ZeroDivisionError" in caplog.text


async def test_probes_pull_afresh_what_is_configured_or_allowed(asked: Any, tmp_path: Path) -> None:
    origin = Origin(Programme(width=320, height=180))
    base = await origin.start()
    try:
        client = await asked(f"{WEB}streams: [{{name: show, url: '{base}/live/show.flv', join: {{every: off}}}}]\n")
        patience = {"X-Prometheus-Scrape-Timeout-Seconds": "10"}
        found = await asyncio.gather(
            client.get("/probe?target=show&debug=true", headers=patience),
            client.get(f"/probe?target={base}/live/show.flv", headers=patience),
            client.get(f"/probe?target={base}/live/none.flv&module=rtc", headers=patience),
        )
        for status, text in found[:2]:
            assert status == 200
            assert "qoe_probe_success 1.0" in text
        assert "opened: flv" in found[0][1]
        assert "joined: ok" in found[0][1]
        assert "qoe_probe_success 0.0" in found[2][1]
        assert (await client.get("/probe?target=none"))[0] == 400
        assert (await client.get("/probe?target=show&module=none"))[0] == 400
        assert (await client.get("/probe?target=http://127.0.0.1/else"))[0] == 403
        assert "qoe_probe_success" not in (await client.get("/metrics"))[1]
    finally:
        await origin.stop()


async def test_a_module_judges_a_stream_by_its_own_tiles_and_without_any_by_the_stream_s(
    asked: Any, played: Stage
) -> None:
    client = await asked(f"{WEB}streams: [{{name: a, url: 'rtmp://127.0.0.1/live/a', tiles: 2x1}}]\n")

    def tiles(module: str) -> list[str]:
        return [tile.name for tile in client.daemon.stream("a", module).tiles]

    assert tiles("") == tiles("rtc") == ["r1c1", "r2c1"]
    assert tiles("co_hosting") == ["host", "guest"]


async def run(path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qoe_agent", "run", str(path), stderr=asyncio.subprocess.PIPE
    )


async def test_told_to_end_it_ends_and_hears_the_hangup_before(tmp_path: Path) -> None:
    path = tmp_path / "agent.yml"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        path.write_text(f"{WEB}streams: [{{name: a, url: 'rtmp://127.0.0.1:{port}/live/a'}}]\n")
        process = await run(path)
        assert process.stderr
        async with asyncio.timeout(DEADLINE):
            while b"metrics at" not in await process.stderr.readline():
                pass
            process.send_signal(signal.SIGHUP)
            while b"configuration read: 1 streams" not in await process.stderr.readline():
                pass
            process.send_signal(signal.SIGTERM)
            rest = await process.stderr.read()
            assert await process.wait() == 0
    assert b"Traceback" not in rest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("streams: [{name: a, url: 'rtmp://h/x', colour: red}]\n", "colour"),
        ("web: {listen: '127.0.0.1:PORT'}\n", "cannot listen"),
    ],
)
async def test_what_cannot_begin_ends_with_two_and_a_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "agent.yml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path.write_text(text.replace("PORT", str(taken.getsockname()[1])))
        process = await run(path)
        _, errors = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert process.returncode == 2
    assert told in errors.decode()
    assert "Traceback" not in errors.decode()
