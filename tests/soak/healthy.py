"""`python -m tests.soak.healthy [--minutes 60] [--seed 1]`: a show with nothing wrong, and whom the agent tells of it.

One publisher sends `fixtures.healthy`, drawn anew all the time, through nginx. The agent watches it by RTMP in every
decode mode and by HLS, with its own defaults, and tells a webhook. Exit status 0: nobody was paged (nothing critical
was told), 1: somebody was, 2: it could not run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import aiohttp
import av

from fixtures import healthy
from tests.alerts.receivers import receiver
from tests.e2e import servers
from tests.soak.session import CANNOT, NICE, apart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from multiprocessing.synchronize import Event

AHEAD = 0.5
"""Seconds by which the encoder may be late before it is said."""


def broadcast(url: str, seed: int, over: Event, late: Any) -> None:
    """Encode and send in real time until `over`; `late` counts the times at which the machine was too busy for it."""
    with contextlib.suppress(OSError):  # it takes a privilege
        os.nice(-10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with av.open(url, "w", format="flv") as out:
        began = monotonic()
        for number, _ in enumerate(healthy.encoded(out, seed, 1e6)):
            left = began + number / healthy.FPS - monotonic()
            if left > 0:
                sleep(left)
            elif left < -AHEAD:
                late.value += 1
                began -= left
            if over.is_set():
                return


def configured(nginx: servers.Nginx, port: int, hook: str) -> str:
    """The agent's own defaults, in every mode."""
    show = nginx.rtmp("healthy", "hls")
    streams = [{"name": mode, "url": show, "decode": mode} for mode in ("all", "adaptive", "keyframes")]
    streams.append({"name": "hls", "url": nginx.playlist("healthy")})
    hooks = [{"name": "soak", "url": hook, "network": "private"}]
    return json.dumps({"web": {"listen": f"127.0.0.1:{port}"}, "alerts": {"webhooks": hooks}, "streams": streams})


@contextlib.asynccontextmanager
async def publishing(url: str, seed: int) -> AsyncIterator[Any]:
    """The publisher, in a process of its own; gives its count of delays."""
    apart = multiprocessing.get_context("spawn")
    over, late = apart.Event(), apart.Value("i", 0)
    sending = apart.Process(target=broadcast, args=(url, seed, over, late))
    sending.start()
    try:
        yield late
    finally:
        over.set()
        await asyncio.to_thread(sending.join, 10.0)
        sending.kill()


async def counted(url: str) -> dict[str, float]:
    """Incidents of all severities, told or not, by stream and kind."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0)) as http, http.get(url) as answer:
        text = await answer.text()
    lines = [line.removeprefix("qoe_incidents_total") for line in text.splitlines()]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith("{kind")}


async def told(minutes: float, seed: int, home: Path) -> dict[str, Any]:
    """The document: what was told in so many minutes."""
    port = servers.free_port()
    async with contextlib.AsyncExitStack() as stack:
        hook = await stack.enter_async_context(receiver())
        nginx = await stack.enter_async_context(servers.nginx(home / "nginx", fragment=2, length=12))
        late = await stack.enter_async_context(publishing(nginx.rtmp("healthy", "hls"), seed))
        await servers.until(lambda: nginx.listed("healthy", 4), "four segments", 60.0)
        config = home / "agent.yml"
        config.write_text(configured(nginx, port, hook.base))
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "qoe_agent", "run", str(config),
            stdout=subprocess.DEVNULL, stderr=(home / "agent.log").open("wb"),
        )  # fmt: skip
        try:
            await asyncio.wait_for(agent.wait(), minutes * 60)
        except TimeoutError:
            counts = await counted(f"http://127.0.0.1:{port}/metrics")
        else:
            raise RuntimeError(f"the agent ended: {(home / 'agent.log').read_text()[-500:]}")
        notices = [one for each in list(hook.taken) for one in each.told["alerts"] if one["status"] == "firing"]
        agent.terminate()
        await agent.wait()
        return {"minutes": minutes, "seed": seed, "late": late.value, "told": notices, "incidents": counts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nice", type=int, default=NICE, help=f"of all of it beside other sessions; default: {NICE}")
    parser.add_argument("--out", type=Path, help="where the JSON document goes")
    said = parser.parse_args()
    status = apart(lambda: played(said), said.nice)
    return CANNOT if status < 0 else status


def played(said: argparse.Namespace) -> int:
    """Play it, and say what came of it."""
    with tempfile.TemporaryDirectory(prefix="qoe-healthy-") as home:
        try:
            document = asyncio.run(told(said.minutes, said.seed, Path(home)))
        except (OSError, RuntimeError, TimeoutError) as error:
            sys.stderr.write(f"cannot run: {error}\n")
            return CANNOT
    if said.out:
        said.out.write_text(json.dumps(document, indent=1))
    paged = [one for one in document["told"] if one["severity"] == "critical"]
    lines = [f"{said.minutes:g} minutes, seed {said.seed}; the publisher was late {document['late']} times by itself"]
    lines += [f"told: {one['severity']} {one['kind']} on {one['stream']} at {one['start']}" for one in document["told"]]
    lines += [f"incidents: {name} {count:g}" for name, count in sorted(document["incidents"].items())]
    lines += [f"{len(document['told'])} told, {len(paged)} of them critical"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if paged else 0


if __name__ == "__main__":
    sys.exit(main())
