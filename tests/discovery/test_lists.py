"""Streams from files and from HTTP servers."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from qoe_agent import config, discovery
from qoe_agent.discovery import Discovery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Followed:
    """A discovery at work; `change` waits for the next change."""

    def __init__(self, text: str, folder: Path, **environ: str) -> None:
        self.folder = folder
        self._event = asyncio.Event()
        made = config.parse(text, str(folder / "agent.yml"), environ)
        self.discovery = Discovery(made, self._event.set, environ)

    @property
    def urls(self) -> dict[str, str]:
        return {stream.name: stream.url for stream in self.discovery.streams()}

    async def change(self) -> None:
        async with asyncio.timeout(30):
            await self._event.wait()
        self._event.clear()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.discovery.run())
        try:
            yield
        finally:
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "POLL", 0.01)


FILES = "discovery: {file_sd: [{files: ['streams/*.yml', 'streams/*.json'], labels: {team: a}, profile: rtc}]}"


def put(folder: Path, name: str, text: str) -> Path:
    """Write whole, as `mv` does, so that no one reads half of it."""
    file = folder / "streams" / name
    file.parent.mkdir(exist_ok=True)
    (folder / "half").write_text(text)
    os.replace(folder / "half", file)
    return file


async def test_streams_of_our_own_kind_come_from_files_with_what_the_entry_adds(tmp_path: Path) -> None:
    put(tmp_path, "a.yml", "- {name: a, url: 'rtmp://u:${P}@127.0.0.1/a', labels: {kind: pk}}\n")
    followed = Followed(FILES, tmp_path, P="hunter2")
    (stream,) = followed.discovery.streams()
    assert stream.url == "rtmp://u:hunter2@127.0.0.1/a"
    assert stream.labels == {"team": "a", "kind": "pk"}
    assert stream.profile == "rtc"
    assert stream.lost_after == 5.0


async def test_target_groups_of_prometheus_are_streams_too(tmp_path: Path) -> None:
    groups = [
        {"targets": ["rtmp://10.0.0.1/live/a", "http://10.0.0.2/hls/b/index.m3u8?token=x"], "labels": {"room": "7"}},
        {"targets": ["rtmp://10.0.0.3/live/c"], "labels": {"stream": "main", "__meta_zone": "z"}},
    ]
    put(tmp_path, "a.json", json.dumps(groups, indent="\t"))
    followed = Followed(FILES, tmp_path)
    assert followed.urls == {
        "live/a": "rtmp://10.0.0.1/live/a",
        "hls/b/index.m3u8": "http://10.0.0.2/hls/b/index.m3u8?token=x",
        "main": "rtmp://10.0.0.3/live/c",
    }
    assert [stream.labels for stream in followed.discovery.streams()] == [
        {"team": "a", "room": "7"}, {"team": "a", "room": "7"}, {"team": "a"},
    ]  # fmt: skip


async def test_files_that_come_change_and_go_are_followed(tmp_path: Path) -> None:
    followed = Followed(FILES, tmp_path)
    assert followed.urls == {}
    async with followed.running():
        put(tmp_path, "a.yml", "- {name: a, url: 'rtmp://127.0.0.1/a'}\n")
        await followed.change()
        assert followed.urls == {"a": "rtmp://127.0.0.1/a"}
        put(tmp_path, "a.yml", "- {name: a, url: 'rtmp://127.0.0.1/a2'}\n")
        await followed.change()
        assert followed.urls == {"a": "rtmp://127.0.0.1/a2"}
        (tmp_path / "streams" / "a.yml").unlink()
        await followed.change()
        assert followed.urls == {}


async def test_a_bad_file_keeps_the_last_good_one_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = put(tmp_path, "a.yml", "- {name: a, url: 'rtmp://127.0.0.1/a'}\n")
    followed = Followed(FILES, tmp_path)
    async with followed.running():
        put(tmp_path, "a.yml", "- {name: a, url: 'rmtp://u:hunter2@127.0.0.1/a2'}\n- {name: a\n")
        put(tmp_path, "b.yml", "- {name: b, url: 'rtmp://127.0.0.1/b'}\n")
        await followed.change()
        put(tmp_path, "c.yml", "- {name: c, url: 'rtmp://127.0.0.1/c'}\n")
        await followed.change()
    assert set(followed.urls) == {"a", "b", "c"}
    said = f"{file}:3:1: not YAML: while parsing a flow mapping, did not find expected ',' or '}}'"
    assert followed.discovery.errors() == (said,)
    assert [record.message for record in caplog.records] == [said]
    put(tmp_path, "a.yml", "- {name: a, url: 'rtmp://127.0.0.1/a3'}\n")
    async with followed.running():
        await followed.change()
    assert followed.urls["a"] == "rtmp://127.0.0.1/a3"
    assert followed.discovery.errors() == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("streams: []", "1:10: streams: must be the list itself, without the word streams"),
        ("a", "1:1: must be a list of streams, or of targets with labels"),
        ("- 1", "1:3: [0]: must be a mapping of options"),
        ("- targets: x", "1:12: [0].targets: must be a list of URLs"),
        ("- {targets: [], labels: x}", "1:25: [0].labels: must be a mapping"),
        ("- {targets: [], lables: {}}", "1:25: [0].lables: unknown key: a group has targets and labels"),
        ("- {targets: ['rtmp://h/a', 'rtmp://h/b'], labels: {stream: x}}",
         "1:60: [0].labels.stream: names one target: give each target a group of its own"),
        ("- targets:\n  - rtmp://h/a\n  - rmtp://h/b",
         '3:5: [0].targets[1]: no source reads this kind of URL; did you mean "rtmp"?'),
        ("- targets:\n  - rtmp://h/a\n  - rtmp://g/a", "3:5: [0].targets[1]: duplicate stream name, first on line 2"),
        ("- {name: a, url: 'rtmp://h/a', decod: all}", '1:32: [0].decod: unknown key; did you mean "decode"?'),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_list_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = put(tmp_path, "a.yml", text)
    assert Followed(FILES, tmp_path).discovery.errors() == (f"{file}:{said}",)


async def test_what_is_wrong_with_json_is_said_with_its_place(tmp_path: Path) -> None:
    file = put(tmp_path, "a.json", '[{"targets": [],\n}]')
    said = Followed(FILES, tmp_path).discovery.errors()
    assert len(said) == 1
    assert said[0].startswith(f"{file}:")
    assert ": not JSON: " in said[0]


async def test_the_first_to_use_a_name_keeps_it(tmp_path: Path) -> None:
    put(tmp_path, "a.yml", "- {name: x, url: 'rtmp://127.0.0.1/a'}\n")
    second = put(tmp_path, "b.yml", "- {name: x, url: 'rtmp://127.0.0.1/b'}\n- {name: y, url: 'rtmp://127.0.0.1/y'}\n")
    followed = Followed(FILES, tmp_path)
    assert followed.urls == {"x": "rtmp://127.0.0.1/a", "y": "rtmp://127.0.0.1/y"}
    assert followed.discovery.errors() == (f"{second}: stream 'x' is configured elsewhere too; this one is left out",)


async def test_a_name_that_reads_like_a_rendition_is_said(tmp_path: Path) -> None:
    put(tmp_path, "a.yml", "- {name: x, url: 'http://127.0.0.1/a.m3u8', variant: all}\n")
    put(tmp_path, "b.yml", "- {name: x/720p, url: 'rtmp://127.0.0.1/b'}\n")
    followed = Followed(FILES, tmp_path)
    assert followed.discovery.errors() == ("stream 'x/720p' could be taken for a rendition of 'x'",)
    assert set(followed.urls) == {"x", "x/720p"}


async def test_streams_beyond_the_limit_are_left_out_and_said(tmp_path: Path) -> None:
    put(tmp_path, "a.yml", "".join(f"- {{name: s{n}, url: 'rtmp://127.0.0.1/{n}'}}\n" for n in range(5)))
    followed = Followed(f"agent: {{max_streams: 3}}\n{FILES}", tmp_path)
    assert list(followed.urls) == ["s0", "s1", "s2"]
    assert followed.discovery.errors() == ("2 streams left out: agent.max_streams is 3",)


async def test_a_reload_follows_the_new_files(tmp_path: Path) -> None:
    put(tmp_path, "a.yml", "- {name: a, url: 'rtmp://127.0.0.1/a'}\n")
    followed = Followed("", tmp_path)
    async with followed.running():
        assert followed.urls == {}
        followed.discovery.reconfigure(config.parse(FILES, str(tmp_path / "agent.yml"), {}))
        assert set(followed.urls) == {"a"}
        put(tmp_path, "b.yml", "- {name: b, url: 'rtmp://127.0.0.1/b'}\n")
        await followed.change()
        assert set(followed.urls) == {"a", "b"}


class Lists:
    """An HTTP server whose answer the test sets."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: web.Response | str | bytes = "[]"
        self.seen: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(dict(request.headers))
        answer = self.answer
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, headers=answer.headers)
        body = answer.encode() if isinstance(answer, str) else answer
        return web.Response(body=body, content_type="application/json")


@pytest.fixture
async def lists() -> AsyncIterator[Lists]:
    made = Lists()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/streams?token=hunter2"))
        yield made


def asking(lists: Lists) -> str:
    entry = f"{{url: '{lists.url}', headers: {{X-Key: k}}, labels: {{team: b}}}}"
    return f"discovery: {{http_sd: [{entry}]}}"


async def ask(followed: Followed) -> None:
    (server,) = followed.discovery._servers
    await server.ask()
    followed.discovery._changed()


async def test_streams_come_from_a_server_while_it_runs(tmp_path: Path, lists: Lists) -> None:
    lists.answer = json.dumps([{"targets": ["rtmp://10.0.0.1/live/a"], "labels": {"stream": "a"}}])
    followed = Followed(asking(lists), tmp_path)
    async with followed.running():
        await followed.change()
    (stream,) = followed.discovery.streams()
    assert (stream.name, stream.url, stream.labels) == ("a", "rtmp://10.0.0.1/live/a", {"team": "b"})
    assert lists.seen[0]["X-Key"] == "k"


NETWORK_ONLY = ": [0].url: a list from the network may only name network addresses"
REFUSALS: list[tuple[str | bytes | web.Response, str]] = [
    ("<html>", ":1:1: not JSON: Expecting value"),
    ("{}", ": must be a list of streams, or of targets with labels"),
    (b"\xff", ": answered no UTF-8 text"),
    ("[" * 100_000, ": not JSON: nested too deeply, or a number beyond reason"),
    ('[{"name": "a", "url": "file:///etc/passwd"}]', NETWORK_ONLY),
    ('[{"name": "a", "url": "/etc/passwd"}]', NETWORK_ONLY),
    ('[{"name": "a", "url": "rtmp://h/", "ca_file": "/etc/passwd"}]',
     ": [0].ca_file: a list from the network may not name files"),
    (b" " * (8 << 20) + b"[]", ": answered more than 8 MiB"),
    (web.Response(status=500), ": answered 500"),
    (web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), ": answered 302"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), REFUSALS, ids=[said for _, said in REFUSALS])
async def test_a_bad_answer_keeps_the_last_good_one(
    tmp_path: Path, lists: Lists, answer: str | bytes | web.Response, said: str
) -> None:
    lists.answer = '[{"name": "a", "url": "rtmp://127.0.0.1/a"}]'
    followed = Followed(asking(lists), tmp_path)
    await ask(followed)
    assert set(followed.urls) == {"a"}
    lists.answer = answer
    await ask(followed)
    assert set(followed.urls) == {"a"}
    shown = lists.url.replace("hunter2", "***")
    assert followed.discovery.errors() == (shown + said,)


async def test_a_server_may_not_read_our_environment(tmp_path: Path, lists: Lists) -> None:
    lists.answer = '[{"name": "a", "url": "http://127.0.0.1/${SECRET}"}]'
    followed = Followed(asking(lists), tmp_path, SECRET="hunter2")
    await ask(followed)
    assert followed.urls == {"a": "http://127.0.0.1/${SECRET}"}


async def test_a_server_that_is_not_there_is_said_without_its_secrets(tmp_path: Path) -> None:
    followed = Followed("discovery: {http_sd: [{url: 'http://u:hunter2@127.0.0.1:1/?token=hunter2'}]}", tmp_path)
    await ask(followed)
    (said,) = followed.discovery.errors()
    assert said.startswith("http://***@127.0.0.1:1/?token=***: ")
    assert "hunter2" not in said


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        followed = Followed(f"discovery: {{http_sd: [{{url: 'http://127.0.0.1:{port}/', timeout: 100ms}}]}}", tmp_path)
        await ask(followed)
        gone.set()
    assert followed.discovery.errors() == (f"http://127.0.0.1:{port}/: no answer within 0.1 s",)
