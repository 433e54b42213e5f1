"""A simulated audience reports to a real ingest process; the report on exits finds what was put in."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent import clock
from qoe_agent.viewers.audience.drive import drive
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import Plan, Reporting
from qoe_agent.viewers.audience.reports import reports
from qoe_agent.viewers.audience.truth import truth
from tests.e2e import players

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ibis", reason="needs the extra viewers")
pytestmark = pytest.mark.e2e

PLAN = Plan(
    sessions=4000, seconds=8.0, rush=0.8, stalls_per_hour=500.0, incidents=(), frailty=0.0, bursts=0.0, patient=True,
    reporting=Reporting(intervals=(2.0,), skew=5.0, lost=0.003, twice=0.02, late=0.0),
)  # fmt: skip
"""Seconds in which thousands come, stall and go, by clocks that are seconds off."""


async def exits(facts: Path) -> dict[str, Any]:
    """What `qoe-agent exits --json` says."""
    command = [sys.executable, "-m", "qoe_agent", "exits", "--facts", facts, "--json", "--quiet"]
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_effects_are_found_again_behind_the_whole_pipeline(tmp_path: Path) -> None:
    async with players.ingest(tmp_path) as ingest:
        found = fates(replace(PLAN, begins=clock.wall(clock.now())))
        url = f"http://127.0.0.1:{ingest.port}/in/{players.KEY}/cmcd"
        sent = await drive(found, url, speed=1.0, together=200, patience=0.5, mixed=True)
        assert not sent.refused
        stored = ingest.events()
        told = reports(found)
        assert len(stored) == len(np.unique(told.session * 1_000_000 + told.sn)), "each report once, and none lost"
        report = await exits(ingest.facts)
    assert report["sessions"] == len(np.unique(told.session))
    known = {(row["factor"], row["level"]): row for row in report["hazards"]}
    recent = known["stall", "recent"]
    assert recent["low"] <= PLAN.effects.recent <= recent["high"]
    assert recent["low"] > 1.8
    shares = {mark["seconds"]: mark["share"] for mark in truth(found)["retention"]}
    (three,) = (mark for mark in report["retention"] if mark["seconds"] == 3)
    assert three["low"] - 0.01 <= shares[3] <= three["high"] + 0.01
