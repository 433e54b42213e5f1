"""Agents with faults, and a real Prometheus with our configuration and rules that scrapes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import yaml
from aiohttp import web

from qoe_agent import clock
from qoe_agent.demo.faults import Fault
from qoe_agent.demo.origin import Origin
from qoe_agent.demo.programme import Programme
from tests import promql
from tests.e2e import replayed, servers
from tests.e2e.audience import KEY, audience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"
PROCESS = "qoe_agent.viewers.ingest.process"
SLOW = 'qoe_viewer_events_rejected_total{reason="slow"}'
"""The slowest of the viewers has been given up: the process that takes their events in may die."""
FAULTS = (Fault("stall", 12, 2),)
FAULTY = ("garbled.flv", "silence.ts", "black.ts", "frozen.ts", "resolution.flv")


@contextlib.asynccontextmanager
async def monitored(home: Path) -> AsyncIterator[Monitored]:
    """Two agents at two vantage points, replayed observations, and the Prometheus that knows of them all."""
    home.mkdir(exist_ok=True)
    origin = Origin(Programme(width=320, height=180))
    origin.schedule(FAULTS)
    often = {"decode": "all", "join": {"every": "2s"}, "tiles": "1x2"}
    async with contextlib.AsyncExitStack() as stack:
        side = await stack.enter_async_context(_side())
        ports = servers.free_port(), servers.free_port(), servers.free_port()
        prometheus = await stack.enter_async_context(_prometheus(home, ports[:2], side))  # it takes its time
        base = await origin.start()
        stack.push_async_callback(origin.stop)
        gone = f"http://127.0.0.1:{servers.free_port()}/gone.flv"
        show = {"name": "flv", "url": f"{base}/live/show.flv", **often}
        fra = await stack.enter_async_context(
            _agent(home / "fra", ports[0], "eu", [
                show,
                {"name": "hls", "url": f"{base}/live/show.m3u8", "variant": "all", **often},
                {"name": "gone", "url": gone},
                {"name": "missing", "url": f"{side}/streams/hls_missing/index.m3u8"},
                {"name": "nothing", "url": f"{side}/streams/nothing.m3u8"},
                *({"name": name, "url": f"{side}/streams/{name}", "decode": "all"} for name in FAULTY),
            ], clock={"source": "http", "server": f"{side}/replayed"}, alerts=_alerts(home, side),
                evidence={"folder": str(home / "evidence")}, ingest=_ingest(home, ports[2], side))
        )  # fmt: skip
        await stack.enter_async_context(audience(ports[2], "flv"))
        sin = await stack.enter_async_context(
            _agent(home / "sin", ports[1], "ap", [show], "--shard", "0/1", decode_cpu=0.01)
        )
        await servers.until(lambda: psutil.Process(sin).children(), "a worker")
        for worker in psutil.Process(sin).children():
            worker.kill()
        ingest = next(one for one in psutil.Process(fra).children() if PROCESS in one.cmdline())
        killing = asyncio.create_task(_killed(prometheus, ingest))
        stack.callback(killing.cancel)
        yield Monitored(prometheus)


async def _killed(prometheus: str, process: psutil.Process) -> None:
    while not await asyncio.to_thread(servers.query, prometheus, SLOW):
        await asyncio.sleep(0.5)
    process.kill()


def _alerts(home: Path, side: str) -> dict[str, Any]:
    """One receiver that takes what it is sent and one that is not there; of one stream nobody is told."""
    return {
        "webhooks": [
            {"name": "taker", "url": f"{side}/taken", "network": "any"},
            {"name": "nobody", "url": f"http://127.0.0.1:{servers.free_port()}/", "network": "any", "retry_for": "1s"},
        ],
        "dead_letters": str(home / "dead.jsonl"),
        "maintenance": [{"streams": ["gone"], "start": "2020-01-01T00:00:00Z", "end": "2120-01-01T00:00:00Z"}],
    }


def _ingest(home: Path, port: int, side: str) -> dict[str, Any]:
    """Viewers' events of one source, and a server of which no statistics can be had."""
    return {
        "listen": f"127.0.0.1:{port}",
        "folder": str(home / "viewers"),
        "max_sessions": 8,
        "sources": [{"name": "web", "keys": [KEY]}],
        "stats": [{"name": "edge", "url": f"{side}/stat", "every": "1s"}],
    }


class Monitored:
    """Ask what that Prometheus has seen since it began."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._began = clock.wall(clock.now())

    def holds(self, expression: str) -> bool:
        """Whether a query has had any answer at any time."""
        asked = {"query": expression, "start": self._began - 5.0, "end": clock.wall(clock.now()), "step": "1s"}
        try:
            with urllib.request.urlopen(
                f"{self._base}/api/v1/query_range?{urllib.parse.urlencode(asked)}", timeout=servers.ANSWER
            ) as got:
                return bool(json.load(got)["data"]["result"])
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None

    def failures(self) -> list[str]:
        """Rules that Prometheus could not evaluate, and words of alerts that it could not write."""
        with urllib.request.urlopen(f"{self._base}/api/v1/rules", timeout=servers.ANSWER) as got:
            groups = json.load(got)["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == len(promql.rules())
        alerts = [alert for rule in rules for alert in rule.get("alerts", ())]
        assert len({alert["labels"]["alertname"] for alert in alerts}) > 15, "hardly any alert fires"
        written = [text for alert in alerts for text in alert["annotations"].values()]
        failed = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
        return failed + [text for text in written if ("error" in text and "template" in text) or "{{" in text]

    def lacking(self, expressions: list[str]) -> list[str]:
        """Those that have had none."""
        return [expression for expression in expressions if not self.holds(expression)]


@contextlib.asynccontextmanager
async def _side() -> AsyncIterator[str]:
    """Files of streams, and the exposition of what was replayed, over HTTP."""
    text = replayed.exposition()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.router.add_get("/replayed", answer)
    app.router.add_post("/taken", answer)
    app.router.add_static("/streams", STREAMS)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    port = servers.free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def _agent(
    home: Path,
    port: int,
    region: str,
    streams: list[dict[str, Any]],
    *options: str,
    clock: dict[str, str] | None = None,
    alerts: dict[str, Any] | None = None,
    ingest: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[int]:
    """The process of an agent at the vantage point that its folder is named after."""
    home.mkdir()
    settings = {
        "web": {"listen": f"127.0.0.1:{port}"},
        "agent": {"vantage": home.name, "region": region, "workers": 1, **more},
        "clock": clock or {"source": "none"},
        "alerts": alerts or {},
        "ingest": ingest or {},
        "streams": streams,
    }
    (home / "agent.yml").write_text(yaml.safe_dump(settings))
    command = (sys.executable, "-m", "qoe_agent", "run", home / "agent.yml", *options)
    async with servers.running(*command, log=home / "agent.log") as process:
        await servers.comes(process, lambda: servers.answers(port), "the agent", home / "agent.log")
        yield process.pid
    assert "Traceback" not in (home / "agent.log").read_text()


@contextlib.asynccontextmanager
async def _prometheus(home: Path, agents: tuple[int, ...], side: str) -> AsyncIterator[str]:
    """Our example configuration with these targets, and our rules; all at once a second, without waiting (`for`)."""
    for name in promql.RULE_FILES:
        rules = yaml.safe_load((promql.FOLDER / name).read_text())
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
        (home / name).write_text(yaml.safe_dump(rules))
    config = yaml.safe_load((promql.FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = list(promql.RULE_FILES)
    del config["alerting"]
    watched, probed = config["scrape_configs"]
    targets = [f"127.0.0.1:{port}" for port in agents]
    watched["static_configs"] = [{"targets": targets}]
    probed |= {"scrape_interval": "6s", "scrape_timeout": "5s", "static_configs": [{"targets": ["flv", "gone"]}]}
    probed["relabel_configs"][-1]["replacement"] = targets[0]
    again = {"job_name": "qoe-agent", "metrics_path": "/replayed", "static_configs": [{"targets": [side[7:]]}]}
    config["scrape_configs"].append(again)
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    async with servers.prometheus(home / "prometheus", home / "prometheus.yml") as base:
        yield base
