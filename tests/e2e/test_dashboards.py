"""Every panel shows something, and every rule has something to go by, in a real Prometheus that scraped real agents."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests import dashboards, promql
from tests.e2e.monitored import monitored

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

NOT_PRODUCED = {
    "qoe_agent_probe_errors_total": "a bug of the agent's",
    "qoe_agent_stream_errors_total": "a bug of the agent's",
    "qoe_agent_request_errors_total": "a bug of the agent's",
    "qoe_agent_decode_crashes_total": "a crash of a native decoder",
    "qoe_agent_decode_suspended": "two crashes of a native decoder",
    "qoe_agent_series_dropped_total": "more label sets of a metric than any stream has",
    "qoe_agent_clock_steps_total": "a step of the machine's clock",
    "qoe_viewer_messages_lost_total": "a minute after a message that nobody is shown",
}
"""Metrics that these agents do not come to export, and what it would take."""
DEADLINE = 240.0
"""Seconds until everything must have shown."""


def expected() -> dict[str, str]:
    """By query: where it is asked."""
    found = {each.plain: each.where for each in dashboards.asked()}
    for mark in dashboards.marks():
        found |= dict.fromkeys(promql.selectors(mark.plain), mark.where)
    for rule in promql.rules():
        found |= dict.fromkeys(promql.selectors(rule["expr"]), rule.get("record") or rule["alert"])
    return {query: where for query, where in found.items() if not promql.named(query) & NOT_PRODUCED.keys()}


async def shown(home: Path) -> tuple[list[str], list[str]]:
    """Queries without an answer after all that, and rules that failed."""
    lacking = list(expected())
    async with monitored(home) as prometheus:
        end = asyncio.get_running_loop().time() + DEADLINE
        while lacking and asyncio.get_running_loop().time() < end:
            lacking = await asyncio.to_thread(prometheus.lacking, lacking)
            await asyncio.sleep(0.2)
        return lacking, await asyncio.to_thread(prometheus.failures)


async def test_every_query_has_an_answer(servers_needed: None, tmp_path: Path) -> None:
    """Panels, annotations, and the series that rules are made of."""
    where = expected()
    lacking, failures = await shown(tmp_path / "monitored")
    assert [f"{where[query]}: {query}" for query in lacking] == []
    assert failures == []


def test_what_is_not_produced_is_little_and_is_asked_for() -> None:
    asked = {name for each in dashboards.asked() for name in promql.named(each.plain)}
    assert NOT_PRODUCED.keys() <= asked
    assert len(NOT_PRODUCED) <= 8
