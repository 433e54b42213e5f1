"""The HTTP side: who is let in, what comes out in which form, and what never comes out."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import shutil
import ssl
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from qoe_agent.about import About
from qoe_agent.board import Board
from qoe_agent.catalogue import metrics, table
from qoe_agent.config import Stream, Web
from qoe_agent.exporter import DEADLINE, GRACE, LONGEST, Exporter, deadline
from qoe_agent.history import History
from qoe_agent.model import Metric, Sample
from qoe_agent.sink import Key
from qoe_agent.thumbnails import Thumbnails
from qoe_agent.web.access import host_allowed, origin_allowed, token_fits
from qoe_agent.web.answer import wants_gzip, wants_openmetrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from qoe_agent.model import Incident, Severity

UP = Metric("qoe_up", "gauge", "1 while media packets arrive.", kept=True)
SECRET = "s3cr3t-in-the-address"
TOKEN = "t0ken-of-the-agent-itself"
ROOM = Stream(name="room", url=f"rtmp://user:{SECRET}@origin.example/live/room?key={SECRET}")


@dataclass
class Seen:
    """What a visit brought."""

    board: Board
    success: bool = True


@dataclass
class Wishes:
    """What people want to be told."""

    severities: dict[str, Severity] = field(default_factory=dict)
    """By kind of incident, where another than its own."""
    quieted: dict[str, str] = field(default_factory=dict)
    """Why streams are not told of."""

    def severity(self, stream: str, incident: Incident) -> Severity:
        return self.severities.get(incident.kind, incident.severity)

    def quiet(self, stream: str) -> str:
        return self.quieted.get(stream, "")


@dataclass
class Standin:
    """An agent that does what the test tells it."""

    is_ready: bool = True
    errors: list[str] = field(default_factory=list)
    published: list[tuple[bytes, str]] = field(default_factory=list)
    visited: list[tuple[Stream, float]] = field(default_factory=list)
    going: asyncio.Event = field(default_factory=asyncio.Event)
    """While clear, visits last."""
    refused: bool = False
    names: tuple[tuple[Key, str], ...] = ((Key("room"), "up"),)
    evidence: Any = None
    history: History = field(default_factory=lambda: History(Board()))
    left: dict[tuple[str, float], tuple[float, float]] = field(default_factory=dict)
    alerts: Wishes = field(default_factory=Wishes)
    thumbnails: Thumbnails = field(default_factory=lambda: Thumbnails(lambda until: None))

    def ready(self) -> bool:
        return self.is_ready

    async def reload(self) -> list[str]:
        return self.errors

    def streams(self) -> tuple[tuple[Key, str], ...]:
        return self.names

    def zone(self) -> str:
        return "UTC"

    def exits(self, key: Key) -> dict[tuple[str, float], tuple[float, float]]:
        return self.left

    def share(self) -> str:
        return "shard 1/3: <3 of 9>"

    def stream(self, name: str, module: str) -> Stream | None:
        if module not in ("", "strict"):
            raise LookupError(f"no profile {module}")
        return ROOM if name == "room" else None

    def stranger(self, url: str, module: str) -> Stream:
        return Stream(name="probe", url=url)

    async def visit(self, stream: Stream, seconds: float, log: list[str]) -> Seen:
        self.visited.append((stream, seconds))
        log.append(f"opening {stream.url}")
        await self.going.wait()
        board = Board()
        board.add(Key(stream.name), {})
        board.put(Key(stream.name), Sample(UP, 1.0), 1.0)
        return Seen(board, not self.refused)

    def publish(self, body: bytes, content_type: str) -> None:
        if body == b"nonsense":
            raise ValueError("the callback says neither app nor name")
        if body == b"bug":
            raise KeyError(SECRET)
        self.published.append((body, content_type))


@dataclass
class Bench:
    """An exporter on a loopback port, its agent and a client of it."""

    client: TestClient[Any, Any]
    agent: Standin
    exporter: Exporter

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()}) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, data: bytes = b"", **headers: str) -> tuple[int, str]:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        async with self.client.post(path, data=data, headers=named) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def bench() -> AsyncIterator[Callable[..., Awaitable[Bench]]]:
    """Makes a bench with the given options of `web`."""
    made = []

    async def make(**options: Any) -> Bench:
        board, agent = Board(), Standin()
        agent.going.set()
        board.add(Key("room"), {})
        board.put(Key("room"), Sample(UP, 1.0), 1.0)
        exporter = Exporter(board, agent, About(board), Web(**options))
        plain = {"Accept-Encoding": "identity"}
        client = TestClient(TestServer(exporter.application()), auto_decompress=False, headers=plain)
        await client.start_server()
        made.append((client, exporter))
        return Bench(client, agent, exporter)

    yield make
    for client, exporter in made:
        await client.close()
        await exporter.stop()


Make = "Callable[..., Awaitable[Bench]]"


async def test_metrics_are_text_by_default_and_openmetrics_on_request(bench: Make) -> None:
    b = await bench()
    async with b.client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        names = {s.name: s.value for f in read_text(await answer.text()) for s in f.samples}
    assert names["qoe_up"] == 1.0
    assert names["qoe_agent_build_info"] == 1.0
    assert names["qoe_agent_scrapes_total"] == 1.0
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
    async with b.client.get("/metrics", headers={"Accept": accept}) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        names = {s.name: s.value for f in read_openmetrics(await answer.text()) for s in f.samples}
    assert names["qoe_agent_scrapes_total"] == 2.0
    assert names["qoe_agent_scrape_render_seconds"] >= 0.0


async def test_process_numbers_come_from_proc(bench: Make) -> None:
    _, text = await (await bench()).get("/metrics")
    names = {s.name: s.value for f in read_text(text) for s in f.samples}
    assert names["process_resident_memory_bytes"] > 1e6
    assert names["process_cpu_seconds_total"] > 0.0
    assert names["process_start_time_seconds"] > 1.6e9


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; escaping=allow-utf-8;q=0.6,text/plain;q=0.5", True),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=rubbish", False),
        (";;;,,,;q=", False),
    ],
)
def test_format_follows_the_accept_header(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("", False), ("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("*", True), ("*, gzip;q=0", False)],
)
def test_compression_follows_the_accept_encoding_header(header: str, wanted: bool) -> None:
    assert wants_gzip(header) is wanted


async def test_large_answers_are_compressed_when_accepted(bench: Make) -> None:
    b = await bench()
    async with b.client.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert b'qoe_up{stream="room"} 1.0' in gzip.decompress(await answer.read())
    async with b.client.get("/metrics", headers={"Accept-Encoding": "identity"}) as answer:
        assert "Content-Encoding" not in answer.headers


async def test_every_path_but_health_needs_the_token(bench: Make) -> None:
    b = await bench(token=TOKEN)
    for path in ("/", "/metrics", "/probe?target=room", "/nowhere", "/-/healthy/"):
        async with b.client.get(path) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for wrong in (f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", "Bearer ", TOKEN, "Bearer ünïcode"):
        assert (await b.get("/metrics", Authorization=wrong))[0] == 401
    for path in ("/-/reload", "/-/publish", "/-/publish?token=wrong"):
        assert (await b.post(path))[0] == 401
    assert b.agent.published == []
    assert (await b.get("/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 200
    assert (await b.get("/metrics", Authorization=f"bearer {TOKEN}"))[0] == 200
    assert await b.get("/-/healthy") == (200, "healthy\n")
    assert (await b.get("/runbook"))[0] == 200
    assert await b.get("/-/ready") == (200, "ready\n")


async def test_the_token_in_a_query_opens_the_callbacks_only(bench: Make) -> None:
    b = await bench(token=TOKEN)
    assert (await b.get(f"/metrics?token={TOKEN}"))[0] == 401
    assert (await b.post(f"/-/reload?token={TOKEN}"))[0] == 401
    assert (await b.post(f"/-/publish?token={TOKEN}", b"call=publish"))[0] == 200


async def test_a_reload_can_change_the_token_but_not_bare_a_public_address(bench: Make) -> None:
    b = await bench(listen="0.0.0.0:9843", token=TOKEN)
    b.exporter.options = Web(token="another-token-of-16", allowed_hosts=("new.example",))
    assert (await b.get("/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 401
    assert (await b.get("/metrics", Authorization="Bearer another-token-of-16", Host="new.example"))[0] == 200
    b.exporter.options = Web(listen="127.0.0.1:9843", token=None)
    assert (await b.get("/metrics"))[0] == 401
    assert (await b.get("/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 200


async def test_not_ready_is_503_and_says_nothing_else(bench: Make) -> None:
    b = await bench()
    b.agent.is_ready = False
    assert await b.get("/-/ready") == (503, "not ready yet\n")
    assert (await b.get("/-/healthy"))[0] == 200


async def test_a_rebound_name_is_refused_on_every_path(bench: Make) -> None:
    b = await bench(allowed_hosts=("Agent.example",))
    for path in ("/", "/metrics", "/-/healthy", "/-/ready"):
        assert (await b.get(path, Host="evil.example"))[0] == 421
    assert (await b.post("/-/reload", Host="evil.example:9843"))[0] == 421
    assert (await b.get("/metrics", Host="agent.example:9843"))[0] == 200


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:9843", True),
        ("127.0.0.1:9843", True),
        ("[::1]:9843", True),
        ("10.1.2.3", True),
        ("agent.internal", True),
        ("agent.internal.evil.net", False),
        ("evil.net", False),
        ("localhost.evil.net", False),
        ("", False),
        (":9843", False),
        ("[evil.net]", False),
        ("127.0.0.1.evil.net", False),
        ("a:b:c", False),
    ],
)
def test_hosts_are_names_of_ours_or_literal_addresses(host: str, allowed: bool) -> None:
    assert host_allowed(host, ("", "agent.internal")) is allowed


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Host": "a:1"}, True),
        ({"Host": "a:1", "Origin": "http://a:1"}, True),
        ({"Host": "a:1", "Origin": "http://a:2"}, False),
        ({"Host": "a:1", "Origin": "null"}, False),
        ({"Host": "a:1", "Origin": "http://[a"}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_origins_are_none_or_our_own(headers: dict[str, str], allowed: bool) -> None:
    assert origin_allowed(headers) is allowed


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_no_header_makes_the_guards_raise(text: str) -> None:
    assert wants_openmetrics(text) in (True, False)
    assert wants_gzip(text) in (True, False)
    assert host_allowed(text, ("", "agent.internal")) in (True, False)
    assert origin_allowed({"Host": "a:1", "Origin": text}) in (True, False)
    assert token_fits({"Authorization": text}, TOKEN) in (True, False)


def test_a_token_of_any_letters_is_compared() -> None:
    assert token_fits({"Authorization": "Bearer \udcff"}, "x") is False
    assert token_fits({}, "") is False


async def test_reload_is_a_post_from_no_other_site(bench: Make) -> None:
    b = await bench()
    assert (await b.get("/-/reload"))[0] == 405
    assert (await b.post("/-/reload", Origin="https://evil.example"))[0] == 403
    assert await b.post("/-/reload") == (200, "reloaded\n")
    b.agent.errors = ["agent.yml:3:5: streams.0: unknown key", "agent.yml:4:1: x: y"]
    assert await b.post("/-/reload") == (500, "agent.yml:3:5: streams.0: unknown key\nagent.yml:4:1: x: y\n")


async def test_callbacks_are_handed_on_and_answered_as_their_servers_want(bench: Make) -> None:
    b = await bench()
    form = "application/x-www-form-urlencoded"
    assert await b.post("/-/publish", b"call=publish&name=x", Content_Type=form) == (200, "noted\n")
    assert await b.post("/-/publish", b'{"action":"on_publish"}', Content_Type="application/json") == (
        200,
        '{"code": 0}',
    )
    assert [kind for _, kind in b.agent.published] == [form, "application/json"]
    assert (await b.post("/-/publish", b"nonsense")) == (400, "the callback says neither app nor name\n")
    assert (await b.post("/-/publish", b"x" * 100_000))[0] == 413


async def test_a_bug_is_counted_and_tells_neither_the_client_nor_the_log(
    bench: Make, caplog: pytest.LogCaptureFixture
) -> None:
    b = await bench()
    assert await b.post("/-/publish", b"bug") == (500, "internal error; the log says where\n")
    assert "KeyError" in caplog.text
    assert SECRET not in caplog.text
    assert "qoe_agent_request_errors_total 1.0" in (await b.get("/metrics"))[1]


async def test_a_probe_says_success_and_duration_beside_what_it_saw(bench: Make) -> None:
    b = await bench()
    status, text = await b.get("/probe?target=room&module=strict", X_Prometheus_Scrape_Timeout_Seconds="5")
    names = {s.name: s.value for f in read_text(text) for s in f.samples}
    assert (status, names["qoe_probe_success"], names["qoe_up"]) == (200, 1.0, 1.0)
    assert 0.0 <= names["qoe_probe_duration_seconds"] < 5.0
    assert b.agent.visited == [(ROOM, 4.5)]
    b.agent.refused = True
    assert "qoe_probe_success 0.0" in (await b.get("/probe?target=room"))[1]
    assert b.agent.visited[-1] == (ROOM, DEADLINE)


async def test_a_probe_that_hangs_is_cut_off_and_failed(bench: Make) -> None:
    b = await bench()
    b.agent.going.clear()
    started = asyncio.get_running_loop().time()
    status, text = await b.get("/probe?target=room&debug=true", X_Prometheus_Scrape_Timeout_Seconds="0.6")
    assert (status, "qoe_probe_success 0.0" in text, "cut off" in text) == (200, True, True)
    assert asyncio.get_running_loop().time() - started < 0.1 + GRACE + 2.0


async def test_debug_shows_the_log_without_secrets(bench: Make) -> None:
    b = await bench()
    async with b.client.get("/probe?target=room&debug=true") as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert "opening rtmp://***@origin.example/live/room?key=***" in text
    assert "qoe_probe_success 1.0" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("", 400, "which target"),
        ("?target=nobody", 400, "neither a configured stream"),
        ("?target=room&module=nosuch", 400, "no profile nosuch"),
        (f"?target=https://evil.example/{SECRET}", 403, "not covered by web.probe_targets"),
        (f"?target=https://user:{SECRET}@cdn.example/live/a", 403, "not covered"),
        ("?target=https://cdn.example.evil.net/live/a", 403, "not covered"),
        ("?target=https://cdn.example/live/../admin", 403, "not covered"),
        ("?target=file:///etc/passwd", 403, "not covered"),
        ("?target=https://[/", 403, "not covered"),
        ("?target=https://cdn.example/live/a.m3u8", 200, "qoe_probe_success 1.0"),
    ],
)
async def test_only_configured_names_and_admitted_addresses_are_probed(
    bench: Make, query: str, status: int, says: str
) -> None:
    b = await bench(probe_targets=("https://cdn.example/live/*",))
    got, text = await b.get(f"/probe{query}")
    assert got == status
    assert says in text
    assert SECRET not in text
    assert len(b.agent.visited) == (status == 200)


async def test_probes_beyond_the_limit_are_told_to_come_back(bench: Make) -> None:
    b = await bench(probe_concurrency=2)
    b.agent.going.clear()
    first = [asyncio.create_task(b.get("/probe?target=room")) for _ in range(2)]
    async with asyncio.timeout(30):
        while len(b.agent.visited) < 2:
            await asyncio.sleep(0)
        async with b.client.get("/probe?target=room") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        b.agent.going.set()
        assert [status for status, _ in await asyncio.gather(*first)] == [200, 200]
        assert (await b.get("/probe?target=room"))[0] == 200


@pytest.mark.parametrize(("header", "seconds"), [(None, DEADLINE), ("10", 9.5), ("0.3", 0.3), ("1e9", LONGEST)])
def test_the_deadline_leaves_room_for_the_way_back(header: str | None, seconds: float) -> None:
    assert deadline(header) == seconds


@pytest.mark.parametrize("header", ["", "x", "0", "-1", "nan", "inf"])
async def test_a_timeout_that_is_no_number_is_refused(bench: Make, header: str) -> None:
    b = await bench()
    assert (await b.get("/probe?target=room", X_Prometheus_Scrape_Timeout_Seconds=header))[0] == 400


async def test_the_page_escapes_names_and_runs_nothing_but_our_script(bench: Make) -> None:
    b = await bench()
    b.agent.names = ((Key("<script>alert(1)<"), 'up"&'),)
    async with b.client.get("/") as answer:
        text = await answer.text()
        assert "<script>" not in text
        assert '<a href="/streams/%3Cscript%3Ealert%281%29%3C">&lt;script&gt;alert(1)&lt;</a>' in text
        assert "shard 1/3: &lt;3 of 9&gt;" in text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


async def test_every_answer_has_the_strict_headers_and_hides_the_server(bench: Make) -> None:
    b = await bench(token=TOKEN)
    for path in ("/-/healthy", "/metrics", "/nowhere"):
        async with b.client.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Server"] == "qoe-agent"


async def test_no_secret_is_in_any_answer(bench: Make) -> None:
    b = await bench(token=TOKEN)
    for path in ("/", "/metrics", "/probe?target=room&debug=true", "/probe?target=room", "/-/ready", "/nowhere"):
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            async with b.client.get(path, headers=headers) as answer:
                text = await answer.text() + str(answer.headers)
            assert SECRET not in text
            assert TOKEN not in text


async def test_it_listens_where_told_and_lets_go(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    board = Board()
    exporter = Exporter(board, Standin(), About(board), Web(listen="127.0.0.1:0"))
    url = await exporter.start()
    host, port = url.removeprefix("http://").split(":")
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\x16\x03\x01 not HTTP\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 400")
        writer.close()
        await writer.wait_closed()
        await exporter.stop()
        with pytest.raises(OSError):  # noqa: PT011 # which one depends on the kernel
            await asyncio.open_connection(host, int(port))
    assert "Traceback" not in caplog.text


def certificate(folder: Path) -> str:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=36500))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "agent.pem"
    path.write_bytes(private + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return str(path)


async def test_it_serves_tls_by_certificate_files(tmp_path: Path) -> None:
    pem, board = certificate(tmp_path), Board()
    exporter = Exporter(board, Standin(), About(board), Web(listen="127.0.0.1:0", tls_cert=pem, tls_key=pem))
    url = await exporter.start()
    assert url.startswith("https://127.0.0.1:")
    tls = ssl.create_default_context(cafile=pem)
    async with aiohttp.ClientSession() as client, client.get(f"{url}/-/healthy", ssl=tls) as answer:
        assert await answer.text() == "healthy\n"
    await exporter.stop()


async def test_a_certificate_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    board = Board()
    missing = str(tmp_path / "none.pem")
    exporter = Exporter(board, Standin(), About(board), Web(listen="127.0.0.1:0", tls_cert=missing, tls_key=missing))
    with pytest.raises(OSError, match="No such file"):
        await exporter.start()
    await exporter.stop()


def test_reloads_are_told_by_success_and_time() -> None:
    board = Board()
    about = About(board)
    about.reloaded(True)
    good = board.render().decode()
    about.reloaded(False)
    bad = board.render().decode()
    assert "qoe_agent_config_last_reload_successful 1.0" in good
    assert "qoe_agent_config_last_reload_successful 0.0" in bad
    stamp = [line for line in good.splitlines() if line.startswith("qoe_agent_config_last_reload_success_timestamp")]
    assert stamp[0] in bad


def test_the_catalogue_has_every_metric_once_and_all_are_well_formed() -> None:
    names = [metric.name for metric in metrics()]
    assert names == sorted(set(names))
    assert {"qoe_agent_build_info", "qoe_stream_info", "qoe_probe_success", "qoe_agent_scrapes_total"} <= set(names)
    Board(metrics(), {"vantage": "x", "region": "y"})


@pytest.mark.e2e
@pytest.mark.beside
def test_promtool_accepts_every_metric_in_the_catalogue() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "CI must have promtool (Debian package prometheus)"
        pytest.skip("promtool is not installed (Debian package prometheus)")
    board = Board(metrics())
    board.add(Key("room"), {})
    for metric in metrics():
        if metric.name != "qoe_stream_info":
            board.put(Key("room"), Sample(metric, 1.0, ("x",) * len(metric.labels)), 1.0)
    done = subprocess.run([promtool, "check", "metrics"], input=board.render(), capture_output=True, timeout=120)
    assert (done.returncode, (done.stdout + done.stderr).decode()) == (0, "")


def test_the_table_has_a_row_a_metric() -> None:
    shown = table([Metric("qoe_x_seconds", "histogram", "A|B.", ("track", "kind"), (0.2, 1.0))])
    assert shown.splitlines()[2] == "| `qoe_x_seconds` | histogram | `track`, `kind` | A\\|B. Buckets: 0.2 1. |"
    assert len(table(metrics()).splitlines()) == len(metrics()) + 2
