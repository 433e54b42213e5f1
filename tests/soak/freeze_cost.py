"""`python -m tests.soak.freeze_cost [--minutes 15]`: what a freeze cost, by the agent, beside what it truly cost.

Everything is real but the viewers: a publisher whose picture stands for eight seconds, nginx, the agent that watches it
by RTMP and takes viewers' events in, its report. A simulated audience reports in real time by CMCD, as it would over a
relay, with clocks that are seconds off; most of its exits are not told. Exit status 0: the report's interval holds the
truth, 1: it does not, or there is no figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from qoe_agent import clock
from qoe_agent.demo.faults import Fault
from qoe_agent.demo.programme import Programme
from qoe_agent.viewers.audience.drive import drive
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import Injected, Plan, Reporting
from qoe_agent.viewers.audience.truth import truth
from tests.e2e import servers
from tests.e2e.publisher import Publisher

KEY = "a-public-key-of-players"
SECONDS, RATIO = 8.0, 6.0
ARRIVALS = 13.0
"""Viewers a second."""
SHARE = 0.85
"""Of the whole time, before the freeze: it must be known what is usual."""
CONFIGURATION = """
web: {{listen: '127.0.0.1:{web}'}}
ingest:
  listen: '127.0.0.1:{port}'
  folder: {home}/facts
  sources:
    - {{name: players, keys: [{key}]}}
streams:
  - {{name: show, url: '{url}', decode: all, viewers: {{cid: [live-1]}}}}
"""


def planned(seconds: float) -> Plan:
    """An audience with a freeze of its content."""
    return Plan(
        sessions=round(seconds * ARRIVALS), seconds=seconds, rush=0.05, bursts=0.15, begins=0.0,
        incidents=(Injected("freeze", SHARE * seconds, SECONDS, RATIO),),
        reporting=Reporting(intervals=(5.0,), skew=3.0),
    )  # fmt: skip


async def exits(facts: Path) -> dict[str, Any]:
    """What `qoe-agent exits --json` says."""
    command = [sys.executable, "-m", "qoe_agent", "exits", "--facts", facts, "--json", "--quiet"]
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    found: dict[str, Any] = json.loads(out)
    return found


async def run(minutes: float) -> int:
    """The whole of it."""
    home, plan = Path(tempfile.mkdtemp(prefix="freeze-cost-")), planned(60 * minutes)
    async with servers.nginx(home / "nginx") as nginx:
        port, url = servers.free_port(), nginx.rtmp("show")
        config = home / "agent.yml"
        config.write_text(CONFIGURATION.format(web=servers.free_port(), port=port, home=home, key=KEY, url=url))
        with Publisher(url, Programme()) as publisher:
            async with servers.running(sys.executable, "-m", "qoe_agent", "run", config, log=home / "agent.log"):
                await servers.until(lambda: servers.answers(port), "ingest", 30.0)
                freeze = plan.incidents[0]
                publisher.inject(Fault("standing", freeze.at, freeze.seconds))
                found = fates(replace(plan, begins=clock.wall(clock.now())))
                sent = await drive(
                    found, f"http://127.0.0.1:{port}/in/{KEY}/cmcd", 1.0, together=200, patience=1.0, mixed=True
                )
                print(sent)
                report = await exits(home / "facts")
    (true,) = truth(found)["incidents"]
    print(json.dumps({"truth": true, "incidents": report["incidents"], "home": str(home)}, indent=1))
    held = [one for one in report["incidents"] if one["kind"] == "content_freeze" and one["low"] is not None]
    return 0 if len(held) == 1 and held[0]["low"] <= true["excess_exits"] <= held[0]["high"] else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=15.0)
    sys.exit(asyncio.run(run(parser.parse_args().minutes)))
