"""A real Prometheus scrapes the agent, and a query returns the stall."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import pytest

from qoe_agent.demo.faults import Fault
from tests.e2e import servers
from tests.e2e.publisher import Publisher

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.beside]


async def test_prometheus_knows_of_the_stall(nginx: servers.Nginx, tmp_path: Path) -> None:
    """Also: promtool's linter accepts what the agent exports of a live stream."""
    url = nginx.rtmp("show")
    with Publisher(url) as publisher:
        async with (
            servers.agent(tmp_path / "agent", {"show": url}) as agent,
            servers.prometheus(tmp_path / "prometheus", agent.port) as base,
        ):

            def holds(expression: str) -> bool:
                return bool(servers.query(base, expression))

            await servers.until(lambda: holds('qoe_up{stream="show"} == 1'), "the stream is up")
            await servers.until(lambda: holds('qoe_buffer_seconds{stream="show"} > 0'), "it plays")
            publisher.inject(Fault("stall", 0.5, 5))
            await servers.until(
                lambda: holds('increase(qoe_stall_seconds_total{stream="show"}[1m]) > 0.5'), "the stall"
            )
            await servers.until(lambda: holds('qoe_stalls_total{stream="show"} >= 1'), "its count")
            linted = await asyncio.to_thread(
                subprocess.run,
                ["promtool", "check", "metrics"],
                input=servers.exposition(agent.port),
                text=True,
                capture_output=True,
                check=False,
            )
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")
