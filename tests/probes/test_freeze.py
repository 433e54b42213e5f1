"""Freezes on three time bases, and what of them is an incident."""

from __future__ import annotations

import pytest

from qoe_agent.maths.freeze import ANALYTICS_600, CTA2066, EXCESS_600, SDK_500, W3C
from qoe_agent.probes.freeze import FREEZES, FROZEN, GAP, Freezes
from qoe_agent.probes.stall import STALLED, Stall
from tests.findings import Kept, keep
from tests.script import Script, jitter


def of(script: Script, probe: Freezes | None = None) -> Kept:
    return keep(script.run().observations, probe or Freezes())


def test_a_hole_that_is_played_through_is_a_freeze() -> None:
    """0.8 s of media missing; exo has 1 s in hand, so it runs on with the last picture standing."""
    kept = of(Script().open().play(10).stop(0.8).drop().play(10), Freezes(player="exo"))
    [freeze] = kept.of("freeze")
    assert freeze.end is not None
    assert freeze.end - freeze.start == pytest.approx(0.8 + 1 / 30, abs=0.01)
    assert freeze.start_pts == pytest.approx(10 - 1 / 30, abs=0.01)
    assert freeze.end_pts == pytest.approx(10.8, abs=0.01)
    assert freeze.detail["definition"] == ANALYTICS_600
    for definition in (W3C, SDK_500, ANALYTICS_600, EXCESS_600):
        for basis in ("render", "pts", "arrival"):
            seconds = 0.8 + 1 / 30 - (0.6 if definition == EXCESS_600 else 0.0)
            assert kept.counter(FREEZES, definition, basis) == 1
            assert kept.counter(FROZEN, definition, basis) == pytest.approx(seconds, abs=0.01)
    assert kept.counter(FREEZES, CTA2066, "render") == 0


def test_a_stall_counts_but_opens_no_freeze() -> None:
    script = Script().open().play(10).stop(5).burst().play(10)
    kept = keep(script.run().observations, Freezes(), Stall())
    assert kept.of("freeze") == []
    [stall] = kept.of("stall")
    assert kept.counter(FREEZES, CTA2066, "render") == 1
    assert kept.counter(FROZEN, CTA2066, "render") == pytest.approx(kept.counter(STALLED))
    assert stall.end is not None
    assert kept.counter(FROZEN, SDK_500, "render") == pytest.approx(stall.end - stall.start + 1 / 30, abs=0.01)
    assert kept.counter(FROZEN, SDK_500, "arrival") == pytest.approx(5.02, abs=0.05)
    assert kept.counter(FREEZES, SDK_500, "pts") == 0, "no timestamp is missing"


def test_what_a_stall_does_not_explain_is_a_freeze_besides() -> None:
    """0.9 s missing with 0.5 s in hand: 0.4 s dry, then the player runs on over 0.9 s without a picture."""
    kept = keep(Script().open().play(10).stop(0.9).drop().play(10).run().observations, Freezes(), Stall())
    [freeze] = kept.of("freeze")
    [stall] = kept.of("stall")
    assert freeze.end is not None
    assert stall.end is not None
    assert freeze.start == pytest.approx(stall.end, abs=0.05), "one picture, two causes, told one after the other"
    assert freeze.end - freeze.start == pytest.approx(0.9, abs=0.05)
    assert freeze.detail["stalled"] == pytest.approx(stall.end - stall.start, abs=0.05)


def test_an_open_freeze_is_said_while_it_lasts() -> None:
    """Pictures stop while sound goes on: the player first waits for them, then runs on without."""
    script = Script().open().play(10)
    script.video = False
    kept = of(script.play(6))
    [freeze] = kept.of("freeze")
    assert freeze.end is None
    assert kept.counter(FROZEN, ANALYTICS_600, "render") == pytest.approx(16.1 - 10.577, abs=0.1)


def test_the_option_chooses_the_definition_that_speaks() -> None:
    script = Script().open().play(10).stop(0.3).drop().play(5)
    assert of(script).incidents == []
    [freeze] = of(script, Freezes(incident="w3c")).of("freeze")
    assert freeze.end is not None
    assert freeze.end - freeze.start == pytest.approx(0.333, abs=0.01)


@pytest.mark.parametrize(
    "script",
    [
        Script(jitter=jitter(1, 0.04)),
        Script(jitter=jitter(2, 0.04), bframes=2),
        Script(protocol="hls", segment=2, jitter=jitter(3, 0.3)),
        Script(protocol="hls", segment=6, jitter=jitter(4, 0.3)),
    ],
    ids=["rtmp", "b-frames", "hls2", "hls6"],
)
def test_ten_quiet_minutes(script: Script) -> None:
    kept = of(script.open().play(600))
    assert kept.incidents == []
    assert not any(kept.counters.values()), kept.counters


def test_the_histogram_holds_every_gap_and_their_exact_sum() -> None:
    kept = of(Script().open().play(10).stop(5).burst().play(10))
    count, total = kept.histograms[GAP.name,]
    played = 20 + 5 - 4.51  # media time over which pictures came, and the stall
    assert count == pytest.approx(30 * played, abs=20)
    assert total == pytest.approx(played + 4.51, abs=0.6)


def test_no_freeze_bridges_a_lost_viewer_or_the_end_of_a_show() -> None:
    kept = of(Script().open().play(10).lost().reconnect(60).play(10))
    assert kept.counter(FROZEN, SDK_500, "render") == pytest.approx(30.0, abs=0.1)
    kept = of(Script().open().play(10).lost("ended").reconnect(60, restart=True).play(10))
    assert kept.counter(FREEZES, SDK_500, "render") == 0
    assert kept.of("freeze") == []
