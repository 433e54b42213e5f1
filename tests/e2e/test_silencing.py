"""A real Alertmanager with our example: what silences what."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests import promql
from tests.e2e import servers

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

FRA = {"region": "eu", "vantage": "fra", "stream": "show"}
SIN = {"region": "ap", "vantage": "sin", "stream": "show"}
ACTIVE = [
    {"alertname": "QoeStreamDown", **FRA},
    {"alertname": "QoePictureFrozen", **SIN},
    {"alertname": "QoeStreamStalls", **SIN},
    {"alertname": "QoeVantageBad", "region": "sa", "vantage": "gru"},
    {"alertname": "QoeAgentOverloaded", "region": "us", "vantage": "iad", "instance": "agent-0"},
    {"alertname": "QoeStreamStalls", "region": "us", "vantage": "iad", "stream": "show"},
    {"alertname": "QoeWatchQualityBurnsFast", "region": "eu"},
    {"alertname": "QoeWatchQualityBurnsSlowly", "region": "ap"},
]
SILENCED = [
    {"alertname": "QoePictureFrozen", **FRA},
    {"alertname": "QoeLatencyHigh", **FRA, "method": "sei"},
    {"alertname": "QoePictureUpscaled", **SIN},
    {"alertname": "QoeStreamBadFromVantage", "region": "sa", "vantage": "gru", "stream": "show"},
    {"alertname": "QoeLost", "region": "sa", "vantage": "gru", "stream": "other"},
    {"alertname": "QoePictureBlack", "region": "us", "vantage": "iad", "stream": "show"},
    {"alertname": "QoeWatchQualityBurnsSlowly", "region": "eu"},
]


async def test_a_fault_silences_what_follows_from_it_and_nothing_else(servers_needed: None, tmp_path: Path) -> None:
    async with servers.alertmanager(tmp_path / "am", promql.FOLDER / "alertmanager.yml") as manager:
        base = f"{manager}/api/v2/alerts"
        body = json.dumps([{"labels": labels} for labels in (*ACTIVE, *SILENCED)]).encode()
        request = urllib.request.Request(base, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=servers.ANSWER).close()

        def told() -> dict[str, list[dict[str, str]]]:
            with urllib.request.urlopen(base, timeout=servers.ANSWER) as answer:
                found: dict[str, list[dict[str, str]]] = {"active": [], "suppressed": [], "unprocessed": []}
                for alert in json.load(answer):
                    found[alert["status"]["state"]].append(alert["labels"])
                return found

        await servers.until(lambda: len(told()["suppressed"]) >= len(SILENCED), "all that follows is silenced")
        await servers.until(lambda: not told()["unprocessed"], "all alerts are processed")
        now = told()
    assert sorted(now["suppressed"], key=str) == sorted(SILENCED, key=str)
    assert sorted(now["active"], key=str) == sorted(ACTIVE, key=str)
