"""What looks say survives being recorded: a replay's findings are those of the day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qoe_agent.model import Picture, Sound
from qoe_agent.probes import declarations
from qoe_agent.sources.lines import decode, encode
from tests.accuracy.offline import watch
from tests.findings import keep

if TYPE_CHECKING:
    from qoe_agent.model import Observation

STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"
LOOKING = [name for name, declared in declarations().items() if declared.picture or declared.sound]


def recorded(seen: Observation) -> Observation:
    """As it comes back from a recording."""
    return decode(encode(seen)) if isinstance(seen, Picture | Sound) else seen


@pytest.mark.parametrize("stream", ["black.ts", "frozen.ts", "silence.ts"])
def test_every_look_says_the_same_after_it_was_recorded(stream: str) -> None:
    seen = watch(STREAMS / stream).observations
    again = [recorded(one) for one in seen]
    for name in LOOKING:
        declared = declarations()[name]
        looked = [one for one in seen if isinstance(one, Picture | Sound) and one.looks.get(name) is not None]
        kept = [one for one in again if isinstance(one, Picture | Sound) and one.looks.get(name) is not None]
        assert len(looked) == len(kept), f"{name}: looks too large to be recorded, or not plain"
        live = keep((one for one in seen if isinstance(one, declared.sees)), declared.make())
        replayed = keep((one for one in again if isinstance(one, declared.sees)), declared.make())
        assert replayed.incidents == live.incidents, name
        assert replayed.counters == live.counters, name
        assert replayed.gauges == live.gauges, name
