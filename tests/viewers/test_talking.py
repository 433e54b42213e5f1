"""The claim on messages: how late they come, and who leaves after late ones, where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers.claims import claims
from qoe_agent.viewers.proof import Figure, Material, Talked
from qoe_agent.viewers.tables import open_files
from qoe_agent.viewers.talking import talked, within
from tests.viewers.tables.told import event, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.shapes import Claim

RATE, GAP, LATE, FACTOR = 0.01, 25.0, 0.15, 2.5
"""Exits a second; seconds from one message to the next; share that is late; how many times as fast these make leave."""


def viewer(source: np.random.Generator, number: int) -> Iterator[dict[str, Any]]:
    """Shown messages, some of which are late; leaves without a word."""
    begin, session = float(source.uniform(0, 2000)), f"v{number}"
    left = source.exponential(1 / RATE)
    at, bad, now, told = 0.0, -1e9, 0.0, []
    while True:  # hazard gathers from one message to the next
        gap = float(source.exponential(GAP))
        hasty = min(max(bad + 30.0 - now, 0.0), gap)
        if left < hasty * FACTOR:
            at = now + left / FACTOR
            break
        left -= hasty * FACTOR
        if left < gap - hasty:
            at = now + hasty + left
            break
        left -= gap - hasty
        now += gap
        late = bool(source.random() < LATE)
        bad = now if late else bad
        told.append((now, 4.0 if late else 0.4))
    for beat in np.arange(0.0, at, 10.0):
        yield event(session, begin + beat, stream="s", interval_seconds=10)
    for place, (shown, delay) in enumerate(told):
        name = f"m{number}-{place}"
        yield event("host", begin + shown - delay, "message_sent", message=name, stream="s")
        yield event(session, begin + shown, "message_shown", message=name, stream="s")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Talked | None:
    source = np.random.default_rng(7)
    rows = [one for number in range(3000) for one in viewer(source, number)]
    path = lines(tmp_path_factory.mktemp("talking") / "events.jsonl", rows)
    with open_files([path]) as audience:
        return talked(audience)


def test_what_late_messages_do_is_found_again(found: Talked | None) -> None:
    assert found is not None
    assert found.ratio is not None, found.why
    assert found.ratio.low < FACTOR < found.ratio.high
    assert found.ratio.high / found.ratio.low < 1.4
    assert found.late is not None
    assert found.late.low < LATE < found.late.high
    assert found.middle == pytest.approx(0.5)
    assert found.most == pytest.approx(4.1)
    assert found.lost is None, "all were sent by one user"


def said(known: Talked | None) -> Claim:
    return next(one for one in claims(Material(talked=known)) if one.id == "message_delay")


TALKED = Talked(1234.0, 0.6, 1.7, Figure(0.03, 0.02, 0.04), 400.0, Figure(0.02, 0.01, 0.03), Figure(1.4, 1.2, 1.6))


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Figure(1.4, 1.2, 1.6), "agrees"), (Figure(1.1, 0.9, 1.3), "unclear"), (Figure(0.8, 0.7, 0.9), "disagrees"),
        (None, "unclear"),
    ],
)  # fmt: skip
def test_the_claim_is_about_leaving_not_about_delay(ratio: Figure | None, verdict: str) -> None:
    one = said(TALKED._replace(ratio=ratio, why="nobody met one"))
    assert one.verdict == verdict
    assert "half of 1,234 messages are shown within 0.6 s" in one.shown
    assert "2.0 % [1.0 %, 3.0 %] of 400 that were sent are shown to nobody" in one.shown
    assert one.value == (0.03 if ratio is None else ratio.value)
    assert ("nobody met one" in one.shown) == (ratio is None)
    assert "not randomised" in one.design


def test_without_messages_it_says_what_it_needs() -> None:
    assert said(None).shown.startswith("not testable here: needs events message_sent and message_shown")
    assert "how many are lost is not known" in said(TALKED._replace(lost=None)).shown


def test_delays_are_told_by_the_step_in_which_the_share_is_reached() -> None:
    assert within(np.array([0.0, 5.0, 4.0, 1.0]), 0.5) == pytest.approx(0.2)
    assert within(np.array([0.0, 5.0, 4.0, 1.0]), 0.95) == pytest.approx(0.4)
