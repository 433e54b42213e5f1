"""What a soak is played on: nginx, the publishers, a name server, a small disk, and the agent on all of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mmap
import os
import struct
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.e2e import servers
from tests.soak import names
from tests.soak.plan import NAMED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DISK, EVIDENCE = 24 << 20, 8 << 20
"""Bytes of the disk on which the agent logs, and keeps evidence and the state of its alerts; and of that evidence."""
DECODED = {1: "adaptive", 4: "all", 7: "adaptive"}
"""Which of a show's pulls are not decoded by their key frames alone, of each dozen."""
NOBODY = "http://127.0.0.1:9"
"""Where no one takes notifications: they become dead letters."""
HLS_EACH = 4
"""Every so manieth stream is pulled by HLS."""
LOOKED_UP, MUTE, GONE = 3, 16, 2
"""Streams by a name that is known, never answered, and denied."""
ROOT = Path(__file__).resolve().parent.parent.parent


class World:
    """Everything around the agent. `cannot`: what this machine does not let us inject, and why."""

    def __init__(self, home: Path, count: int, shows: int) -> None:
        self.home, self.count, self.shows = home, count, shows
        self.port, self.config = servers.free_port(), home / "agent.yml"
        self.disk, self.resolv, self._clock = home / "disk", home / "resolv.conf", home / "clock"
        self.log = self.disk / "agent.log"
        self.cannot: dict[str, str] = {}
        self.said: list[dict[str, Any]] = []
        """What publishers said."""
        self.names: names.Names | None = None
        self.nginx: servers.Nginx | None = None
        self.agent: subprocess.Popen[bytes] | None = None
        self._publishers: asyncio.subprocess.Process | None = None
        self._clock.write_bytes(bytes(8))
        with self._clock.open("r+b") as file:
            self._step = mmap.mmap(file.fileno(), 8)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def step(self, seconds: float) -> None:
        """The agent's wall clock is off by so much from now on."""
        self._step[:8] = struct.pack("d", seconds)

    def order(self, show: int, what: str, seconds: float = 0.0) -> None:
        """Tell a publisher what to do."""
        assert self._publishers
        assert self._publishers.stdin
        self._publishers.stdin.write(json.dumps({"show": show, "do": what, "seconds": seconds}).encode() + b"\n")

    def streams(self) -> dict[str, tuple[str, int | None]]:
        """Name: address and show (None: it never plays)."""
        assert self.nginx
        found: dict[str, tuple[str, int | None]] = {}
        for n in range(self.count):
            show = n % self.shows
            hls = n // self.shows % HLS_EACH == HLS_EACH - 1
            url = self.nginx.playlist(f"s{show}") if hls else self.nginx.rtmp(f"s{show}", "hls")
            found[f"{'hls' if hls else 'rtmp'}-{n}"] = url, show
        if self.names:
            port = self.nginx.rtmp_port
            for n in range(LOOKED_UP):
                found[f"named-{n}"] = f"rtmp://{names.KNOWN}:{port}/hls/s{NAMED}", NAMED
            for n in range(MUTE):
                found[f"mute-{n}"] = f"rtmp://{n}.{names.MUTE}:{port}/hls/s0", None
            for n in range(GONE):
                found[f"gone-{n}"] = f"rtmp://nowhere.soak.test:{port}/hls/s0", None
        return found

    def check(self) -> None:
        """RuntimeError: the publishers' process has ended."""
        if self._publishers and self._publishers.returncode is not None:
            raise RuntimeError(f"the publishers ended by themselves, status {self._publishers.returncode}")

    def write(self, guests: int = 0, *, broken: bool = False) -> None:
        """The configuration, perhaps with more streams or a mistake in it."""
        assert self.nginx
        kept = f"{{folder: '{self.disk / 'evidence'}', bytes: {EVIDENCE}}}"
        hook = f"{{name: nobody, url: '{NOBODY}', network: private, retry_for: 20s, queue: 100}}"
        lines = [
            f"web: {{listen: '127.0.0.1:{self.port}'}}",
            f"agent: {{workers: 2, ring_bytes: 24000000, evidence: {kept}}}",
            f"alerts: {{state: '{self.disk / 'alerts.json'}', dead_letters: '{self.disk / 'dead.jsonl'}', "
            f"dead_letter_bytes: 1000000, webhooks: [{hook}]}}",
            "streams:",
        ]
        listed = {name: url for name, (url, _) in self.streams().items()}
        listed |= {f"guest-{n}": self.nginx.rtmp(f"s{n % self.shows}", "hls") for n in range(guests)}
        lines += [
            f"  - {{name: {name}, url: '{url}', decode: {DECODED.get(n // self.shows % 12, 'keyframes')}}}"
            for n, (name, url) in enumerate(listed.items())
        ]
        lines += ["  - {name: broken, colour: red}"] if broken else []
        fresh = self.config.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        fresh.replace(self.config)

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """All of it runs."""
        async with contextlib.AsyncExitStack() as stack:
            self._mount(stack)
            try:
                self.names = await names.serve()
                stack.callback(self.names.close)
            except OSError as error:
                self.cannot["dns"] = f"no name server on {names.HOST}:53: {error.strerror}"
            self.nginx = await stack.enter_async_context(servers.nginx(self.home / "nginx", fragment=2, length=12))
            await stack.enter_async_context(self._publishing(self.nginx))
            self.write()
            yield

    def _mount(self, stack: contextlib.AsyncExitStack) -> None:
        self.disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "soak", str(self.disk)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.cannot["disk_full"] = f"no small disk: {done.stderr.strip()}"
        else:
            stack.callback(subprocess.run, ["umount", "-l", str(self.disk)], check=False)

    @contextlib.asynccontextmanager
    async def _publishing(self, nginx: servers.Nginx) -> AsyncIterator[None]:
        url = nginx.rtmp("s{}", "hls")
        self._publishers = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.soak.shows", str(self.shows), url,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert self._publishers.stdout
        assert self._publishers.stdin
        json.loads(await asyncio.wait_for(self._publishers.stdout.readline(), 60.0))
        listening = asyncio.create_task(self._hear(self._publishers.stdout))
        try:
            yield
        finally:
            self._publishers.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._publishers.wait(), 10.0)
            if self._publishers.returncode is None:
                self._publishers.kill()
                await self._publishers.wait()
            listening.cancel()

    async def _hear(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            self.said.append({"at": monotonic(), **json.loads(line)})

    def start(self) -> subprocess.Popen[bytes]:
        """The agent; by its own view of names where that is possible."""
        site = str(Path(__file__).parent / "site")
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([site, str(ROOT)]), "QOE_SOAK_CLOCK": str(self._clock)}
        command = [sys.executable, "-m", "qoe_agent", "run", str(self.config)]
        if self.names:
            self.resolv.write_text(f"nameserver {names.HOST}\n")
            mount = f'mount --bind {self.resolv} /etc/resolv.conf && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", mount, "agent", *command]
        with self.log.open("ab") as output:
            self.agent = subprocess.Popen(
                command, env=env, cwd=self.disk, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        return self.agent
