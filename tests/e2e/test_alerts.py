"""From a fault to a real Alertmanager and a webhook, and back; also across a restart of the agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from qoe_agent.demo.faults import Fault
from qoe_agent.demo.origin import Origin
from qoe_agent.demo.programme import Programme
from tests.alerts.receivers import receiver
from tests.e2e import alerted, servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

RULE = 0.5
"""Seconds of `for` and `resolve_after`."""
CONFIG = """
agent: {{workers: 1}}
alerts:
  page: https://qoe.example
  state: state.json
  alertmanagers: [{{url: "{manager}"}}]
  webhooks: [{{name: oncall, url: "{hook}", network: private, secret: "whsec_c2VjcmV0"}}]
defaults:
  alerts:
    rules:
      black: {{for: 500ms, resolve_after: 500ms, merge: 0s}}
      stall: {{for: 500ms, resolve_after: 500ms, merge: 0s}}
"""


@pytest.fixture
async def show() -> AsyncIterator[tuple[Origin, str]]:
    """A live stream and its address."""
    made = Origin(Programme(width=320, height=180))
    base = await made.start()
    yield made, f"{base}/live/show.flv"
    await made.stop()


async def test_a_black_picture_and_a_stall_reach_alertmanager_and_are_over(
    servers_needed: None, show: tuple[Origin, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    origin, url = show
    async with receiver() as hook, servers.alertmanager(tmp_path / "am") as manager:
        more = CONFIG.format(manager=manager, hook=hook.base)
        async with servers.agent(tmp_path / "agent", {"show": url}, "all", more) as agent:
            await servers.until(lambda: 'qoe_buffer_seconds{stream="show"}' in servers.exposition(agent.port), "media")
            black = await alerted.tell(origin, manager, "black", 2.0, "QoeBlack")
            stall = await alerted.tell(origin, manager, "stall", 3.0, "QoeStall")
            await servers.until(lambda: len(hook.alerts()) == 4, "the webhook's notifications")
            said = agent.told()
    for name, told in (("black", black), ("stall", stall)):
        fired = told.fired - (told.began if name == "black" else told.incident) - RULE
        with capsys.disabled():
            print(f"\n{name}: at Alertmanager {fired:.2f} s after `for`, over there "  # noqa: T201 # measured
                  f"{told.resolved - told.ended - RULE:.2f} s after `resolve_after`")  # fmt: skip
        assert told.alert["labels"] == {"alertname": f"Qoe{name.capitalize()}", "severity": "warning", "stream": "show"}
        assert told.alert["generatorURL"].startswith("https://qoe.example/streams/show?at=")
        assert told.alert["annotations"]["summary"].startswith("show: ")
        assert told.incident == pytest.approx(told.began, abs=1.5)
        assert told.resolved > told.ended
    assert hook.alerts() == [("firing", "black"), ("resolved", "black"), ("firing", "stall"), ("resolved", "stall")]
    assert "Webhook-Signature" in {header.title() for header in hook.taken[0].headers}
    assert "whsec" not in said


async def test_a_restart_of_the_agent_neither_repeats_nor_forgets_what_is_wrong(
    servers_needed: None, show: tuple[Origin, str], tmp_path: Path
) -> None:
    """The stream stays black while the agent is away; then it is good again."""
    origin, url = show
    async with receiver() as hook, servers.alertmanager(tmp_path / "am") as manager:
        more = CONFIG.format(manager=manager, hook=hook.base)
        origin.schedule([Fault("black", 0.0, 600.0)])
        async with servers.agent(tmp_path / "agent", {"show": url}, "all", more):
            await servers.until(lambda: ("firing", "black") in hook.alerts(), "the black picture")
            (before,) = await servers.until(lambda: servers.alerts(manager), "the alert")
        assert json.loads((tmp_path / "agent" / "state.json").read_text())["cases"]
        async with servers.agent(tmp_path / "agent", {"show": url}, "all", more) as agent:
            await servers.until(lambda: "show: black began" in agent.told().partition("were firing")[2], "it again")
            (after,) = servers.alerts(manager)
            origin.schedule([])
            await servers.until(lambda: ("resolved", "black") in hook.alerts(), "its end")
            await servers.until(lambda: not servers.alerts(manager), "its end at Alertmanager")
    assert (after["fingerprint"], after["startsAt"]) == (before["fingerprint"], before["startsAt"])
    assert hook.alerts() == [("firing", "black"), ("resolved", "black")]
    assert hook.taken[-1].told["alerts"][0]["observed"] is True
