"""Real servers on free loopback ports, each in a directory of its own: nginx with RTMP, FFmpeg, Prometheus and its
Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
PROGRAMS = ("nginx", "ffmpeg", "prometheus", "promtool", "prometheus-alertmanager", "chromium")
DEADLINE = 60.0
"""Seconds within which a server must answer, on a machine that has much else to do."""
ANSWER = 20.0
"""Seconds that a request may take."""
PORTS, SHARES = range(20_000, 32_000), 8
"""What `free_port` gives: below Linux' and IANA's ephemeral ports."""
MEMORY, ROOM = Path("/dev/shm"), 2e9
"""A file system in memory, and bytes that must be free there."""
_given = itertools.count(random.SystemRandom().randrange(1_000))
"""Where to look on: two runs beside each other do not try the same ports."""

NGINX = """
load_module {module};
daemon off; master_process off; pid {home}/nginx.pid; error_log {home}/error.log notice;
events {{ worker_connections 512; }}
http {{
  log_format served '$msec $status $uri';
  access_log {home}/served.log served;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  server {{
    listen 127.0.0.1:{http};
    location /hls {{ root {home}; add_header Cache-Control no-store; }}
  }}
  {server}
}}
rtmp {{
  access_log off;
  server {{
    listen 127.0.0.1:{rtmp}; chunk_size {chunk}; netcall_timeout 60s;
    application live {{ live on; {live} }}
    application hls {{
      live on; hls on; hls_path {home}/hls; hls_fragment {fragment}s; hls_playlist_length {length}s;
    }}
  }}
}}
"""

PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: qoe-agent
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""

ALERTMANAGER = """
route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: test
"""


def missing() -> list[str]:
    """What these tests need and this machine lacks."""
    found = [program for program in PROGRAMS if not _program(program)]
    return found if RTMP_MODULE.exists() else [*found, "nginx's rtmp module"]


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def free_port() -> int:
    """A port on loopback that is free, and stays so until the test takes it.

    No other test is given it, nor does the kernel give it to a connection or to who asks for any port: it lies below
    those, where each worker of pytest-xdist has a share.
    """
    share = PORTS[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % SHARES :: SHARES]
    while True:
        port = share[next(_given) % len(share)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def until(true: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Look ten times a second until `true()` is; returns what it returned."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (found := true()):
        assert loop.time() < end, f"waited {seconds:g} s in vain: {what}"
        await asyncio.sleep(0.1)
    return found


async def comes(process: subprocess.Popen[bytes], true: Callable[[], Any], what: str, log: Path) -> None:
    """Wait until a program that was started does what it is for; fails with its log when it ends instead."""
    try:
        await until(lambda: true() or process.poll() is not None, what)
        assert process.poll() is None, f"{what} ended with {process.returncode}"
    except AssertionError as failure:
        failure.add_note(log.read_text()[-4000:])
        raise


@contextlib.asynccontextmanager
async def running(*command: str | Path, log: Path, **more: Any) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A program that is ended, gently at first, when the block is left."""
    with log.open("ab") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, **more}
        process = subprocess.Popen([*map(str, command)], **streams)
    try:
        yield process
    finally:
        await end(process)


async def end(process: subprocess.Popen[bytes], patience: float = 5.0) -> int:
    """Ask a process to end, then make it."""
    process.terminate()
    try:
        return await asyncio.to_thread(process.wait, patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return await asyncio.to_thread(process.wait)


def answers(port: int) -> bool:
    """Something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx: publish to `live` or `hls`, pull from the same or the playlist."""

    home: Path
    rtmp_port: int
    http_port: int

    def rtmp(self, name: str, app: str = "live") -> str:
        """Where to publish, and to pull RTMP."""
        return f"rtmp://127.0.0.1:{self.rtmp_port}/{app}/{name}"

    def playlist(self, name: str) -> str:
        """The HLS playlist of what is published to the application `hls`."""
        return f"http://127.0.0.1:{self.http_port}/hls/{name}.m3u8"

    def served(self, name: str) -> list[tuple[float, int, float]]:
        """When each segment of that playlist was sent whole (Unix seconds), its number, and when the playlist was."""
        found, told = [], 0.0
        for line in (self.home / "served.log").read_text().splitlines():
            at, status, path = line.split()
            if status != "200":
                continue
            if path == f"/hls/{name}.m3u8":
                told = float(at)
            elif match := re.fullmatch(rf"/hls/{name}-(\d+)\.ts", path):
                found.append((float(at), int(match[1]), told))
        return found

    def viewers(self) -> int:
        """Connections to the RTMP port, beside a publisher's."""
        there = psutil.net_connections("tcp4")
        mine = [each for each in there if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self.rtmp_port]
        return max(0, len(mine) - 1)

    def listed(self, name: str, segments: int = 2) -> bool:
        """Whether that playlist holds so many segments by now."""
        path = self.home / "hls" / f"{name}.m3u8"
        return path.exists() and path.read_text().count("#EXTINF") >= segments


@contextlib.contextmanager
def _light(home: Path) -> Iterator[None]:
    """A folder, in memory if there is room: while a disk is busy nginx stands still for seconds, and so do streams."""
    home.parent.mkdir(parents=True, exist_ok=True)
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        with tempfile.TemporaryDirectory(prefix="qoe-nginx-", dir=MEMORY) as folder:
            home.symlink_to(folder)
            yield
    else:
        home.mkdir()
        yield


@contextlib.asynccontextmanager
async def nginx(
    home: Path, fragment: int = 1, length: int = 6, chunk: int = 4096, server: str = "", live: str = ""
) -> AsyncIterator[Nginx]:
    """nginx with the RTMP module, as the current user; `chunk`: bytes in an RTMP chunk (4096 is nginx's default);
    `server`: more for `http`, `live`: more for the application of that name."""
    with _light(home):
        (home / "hls").mkdir()
        made = Nginx(home, free_port(), free_port())
        config = home / "nginx.conf"
        text = NGINX.format(
            module=RTMP_MODULE,
            home=home,
            chunk=chunk,
            http=made.http_port,
            rtmp=made.rtmp_port,
            fragment=fragment,
            length=length,
            server=server,
            live=live,
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        config.write_text(user + text)
        log = home / "out.log"
        started = running(_program("nginx") or "", "-p", home, "-c", config, "-e", home / "error.log", log=log)
        async with started as process:
            await comes(process, lambda: answers(made.rtmp_port) and answers(made.http_port), "nginx", log)
            yield made


@contextlib.asynccontextmanager
async def ffmpeg(*options: str | Path, log: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    """FFmpeg as a publisher."""
    async with running("ffmpeg", "-nostdin", "-v", "warning", *options, log=log) as process:
        yield process


@contextlib.asynccontextmanager
async def prometheus(home: Path, target: int | Path) -> AsyncIterator[str]:
    """A Prometheus that scrapes the agent at the port `target` once a second, or is configured by the file `target`.

    Yields its base URL.
    """
    home.mkdir()
    config, port = home / "prometheus.yml", free_port()
    if isinstance(target, Path):
        config = target
    else:
        config.write_text(PROMETHEUS.format(port=target))
    options = [f"--config.file={config}", f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{port}"]
    async with running("prometheus", *options, log=home / "out.log") as process:
        base = f"http://127.0.0.1:{port}"
        await comes(process, lambda: _ready(base), "prometheus", home / "out.log")
        yield base


@contextlib.asynccontextmanager
async def alertmanager(home: Path, config: Path | None = None) -> AsyncIterator[str]:
    """A Prometheus Alertmanager, alone, configured by a file or to tell nobody; yields its base URL."""
    home.mkdir()
    port = free_port()
    if config is None:
        config = home / "alertmanager.yml"
        config.write_text(ALERTMANAGER)
    options = [f"--config.file={config}", f"--storage.path={home}/data", f"--web.listen-address=127.0.0.1:{port}",
               "--cluster.listen-address="]  # fmt: skip
    async with running("prometheus-alertmanager", *options, log=home / "out.log") as process:
        base = f"http://127.0.0.1:{port}"
        await comes(process, lambda: _ready(base), "alertmanager", home / "out.log")
        yield base


def alerts(base: str) -> list[dict[str, Any]]:
    """What Alertmanager holds to be firing."""
    with urllib.request.urlopen(f"{base}/api/v2/alerts", timeout=ANSWER) as response:
        found: list[dict[str, Any]] = json.load(response)
        return found


def _ready(base: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{base}/-/ready", timeout=ANSWER):
        return True
    return False


def query(base: str, expression: str) -> list[dict[str, Any]]:
    """What Prometheus answers to an instant query."""
    url = f"{base}/api/v1/query?query={urllib.parse.quote(expression)}"
    with urllib.request.urlopen(url, timeout=ANSWER) as response:
        found: list[dict[str, Any]] = json.load(response)["data"]["result"]
        return found


@dataclass(frozen=True, slots=True)
class Watched:
    """What came out of `qoe-agent watch --json`."""

    status: int
    document: dict[str, Any]
    errors: str

    def incidents(self, *kinds: str) -> list[dict[str, Any]]:
        """The incidents of these kinds in order of time."""
        chosen = [each for each in self.document["incidents"] if each["kind"] in kinds]
        return sorted(chosen, key=lambda each: float(each["start"]))

    def value(self, name: str, **labels: str) -> float | None:
        """A metric's value, if it is there."""
        for one in self.document["metrics"]:
            if one["name"] == name and labels.items() <= one["labels"].items():
                value: float = one["value"]
                return value
        return None


async def watch(url: str, seconds: float, *options: str, patience: float = DEADLINE) -> Watched:
    """Run `qoe-agent watch` for `seconds`; it must end by itself within `patience` more."""
    command = [sys.executable, "-m", "qoe_agent", "watch", url, "--for", f"{seconds:g}s", "--json"]
    process = await asyncio.create_subprocess_exec(
        *command, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), seconds + patience)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"watch hangs on {url}: {err.decode()[-2000:]}") from None
    errors = err.decode()
    assert "Traceback" not in errors, errors
    assert out.count(b"\n") == 1, f"more than the document on standard output, or nothing: {out!r} {errors}"
    return Watched(process.returncode or 0, json.loads(out), errors)


@dataclass(frozen=True, slots=True)
class Agent:
    """A running daemon."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def told(self) -> str:
        """Its log so far."""
        return self.log.read_text()


@contextlib.asynccontextmanager
async def agent(
    home: Path, streams: dict[str, str], decode: str = "keyframes", more: str = "", token: str = ""
) -> AsyncIterator[Agent]:
    """The daemon on these streams (name: URL); `more` is added to its configuration."""
    home.mkdir(exist_ok=True)
    port, config = free_port(), home / "agent.yml"
    guarded = f", token: {token}" if token else ""
    lines = [f"web: {{listen: '127.0.0.1:{port}'{guarded}}}", "streams:"]
    lines += [f"  - {{name: {name}, url: '{url}', decode: {decode}}}" for name, url in streams.items()]
    config.write_text("\n".join(lines) + f"\n{more}")
    log = home / "agent.log"
    async with running(sys.executable, "-m", "qoe_agent", "run", config, log=log) as process:
        await comes(process, lambda: answers(port), "the agent", log)
        yield Agent(process, port, log)
    assert "Traceback" not in log.read_text(), log.read_text()


def exposition(port: int) -> str:
    """What the agent exports right now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=ANSWER) as response:
        text: str = response.read().decode()
        return text
