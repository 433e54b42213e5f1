"""Five minutes of healthy live commerce in every decode mode: nobody is told of anything.

QOE_HEALTHY=1,2,3,4,5,6,7,8,9,10,11,12 makes it an hour (the programme is drawn from these numbers); in real time, over
a server, it runs with `python -m tests.soak.healthy`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import av
import pytest

from fixtures import healthy
from qoe_agent import config
from qoe_agent.alerts import policy
from qoe_agent.alerts.cases import Notice, Report
from qoe_agent.alerts.wishes import Configured
from tests.accuracy.offline import watch

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.alerts.cases import State
    from tests.accuracy.offline import Seen

SECONDS = 300.0
SIZE = (480, 270)
SEEDS = tuple(map(int, os.environ.get("QOE_HEALTHY", "2").split(",")))
BEAT = 0.25


@pytest.fixture(scope="module", params=SEEDS)
def show(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programme as a live encoder makes it."""
    path = tmp_path_factory.mktemp("healthy") / "show.mkv"
    with av.open(str(path), "w") as out:
        for _ in healthy.encoded(out, request.param, SECONDS, SIZE):
            pass
    return path


def told(seen: Seen) -> list[Notice]:
    """What the agent's own rules make of it, as time goes by."""
    wishes = Configured(config.parse("streams: []\n", "agent.yml", {}).defaults.alerts, (), lambda stream, at: True)
    reports = sorted(((at, each) for at, each in seen.revisions), key=lambda one: one[0])
    state: State = {}
    notices: list[Notice] = []
    now = reports[0][0] if reports else 0.0
    for at, incident in [*reports, (reports[-1][0] + 60.0 if reports else 0.0, None)]:
        while now < at:
            now = min(at, now + BEAT)
            state, said = policy.step(wishes, state, None, now)
            notices += [one for one in said if isinstance(one, Notice)]
        if incident is not None:
            state, said = policy.step(wishes, state, Report("show", "", incident), now)
            notices += [one for one in said if isinstance(one, Notice)]
    return notices


@pytest.mark.parametrize("mode", ["keyframes", "adaptive", "all"])
def test_nobody_is_told_of_what_is_well(show: Path, mode: str) -> None:
    seen = watch(show, decode=mode)
    assert len([one for one in seen.observations if type(one).__name__ == "Picture"]) > 50
    assert [(one.name.kind, one.severity, one.start) for one in told(seen) if one.name.kind != "ended"] == []
