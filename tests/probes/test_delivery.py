"""Delivery gaps: true edges, counted while open, not on what the transport explains."""

from __future__ import annotations

import pytest

from qoe_agent.model import Tick
from qoe_agent.probes.delivery import GAP_SECONDS, GAPS, Delivery
from tests.findings import Kept, keep
from tests.script import Script, jitter


def of(script: Script, tick: float = 1.0) -> Kept:
    return keep(script.run(tick=tick).observations, Delivery())


@pytest.mark.parametrize("tick", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("kind", ["burst", "pause"])
def test_a_gap_has_the_edges_of_the_packets_around_it(kind: str, tick: float) -> None:
    script = Script().open().play(10)
    script = script.stop(5).burst() if kind == "burst" else script.pause(5)
    kept = of(script.play(5), tick)
    [gap] = kept.of("delivery_gap")
    assert gap.start == pytest.approx(1010.1 + 0.02 - 0.016, abs=0.02)
    assert gap.end is not None
    assert gap.end == pytest.approx(1015.1 + 0.02, abs=0.001)
    assert kept.counter(GAPS) == 1
    assert kept.counter(GAP_SECONDS) == pytest.approx(gap.end - gap.start)


def test_an_open_gap_counts_and_a_lost_connection_ends_it() -> None:
    kept = of(Script().open().play(10).wait(6))
    [gap] = kept.of("delivery_gap")
    assert gap.end is None
    assert kept.counter(GAP_SECONDS) == pytest.approx(6.0, abs=0.1)
    kept = of(Script().open().play(10).wait(6).lost("silent").wait(20))
    [gap] = kept.of("delivery_gap")
    assert gap.end == 1016.1


def test_time_between_connections_is_no_gap() -> None:
    kept = of(Script().open().play(10).lost().reconnect(8, cache=2.0).play(5))
    assert kept.incidents == []


def test_hls_gaps_are_overdue_segments() -> None:
    """Segments of 4 s: one and a half targets and its predecessor's length after the last, so 10 s."""
    assert of(Script(protocol="hls", segment=4).open().play(20).pause(5).play(20)).incidents == []
    kept = of(Script(protocol="hls", segment=4).open().play(20).pause(9).play(20))
    [gap] = kept.of("delivery_gap")
    assert gap.end is not None
    assert gap.end - gap.start == pytest.approx(13, abs=0.01)


def test_an_agent_that_was_late_blames_nobody() -> None:
    run = Script().open().play(10).stop(3).burst().play(5).run(tick=100.0)
    seen = [*(it for it in run.observations if not isinstance(it, Tick)), Tick(run.end + 0.1, 3.2)]
    assert keep(seen, Delivery()).incidents == []


@pytest.mark.parametrize(("lag", "gaps"), [(2.9, 0), (1.5, 1)])
def test_what_is_beyond_the_agents_own_lateness_must_be_a_gap_by_itself(lag: float, gaps: int) -> None:
    run = Script().open().play(10).stop(3).burst().play(5).run(tick=100.0)
    seen = [*(it for it in run.observations if not isinstance(it, Tick)), Tick(run.end + 0.1, lag)]
    assert len(keep(seen, Delivery()).incidents) == gaps


@pytest.mark.parametrize(
    "script",
    [
        Script(jitter=jitter(1, 0.04)),
        Script(protocol="hls", segment=2, jitter=jitter(3, 0.3)),
        Script(protocol="hls", segment=6, jitter=jitter(4, 0.3)),
    ],
    ids=["rtmp", "hls2", "hls6"],
)
def test_ten_quiet_minutes(script: Script) -> None:
    assert of(script.open().play(600)).incidents == []
