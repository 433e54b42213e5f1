"""What an encoder refines, and what came at once, is told from what moved before it stood still."""

from __future__ import annotations

import pytest

from qoe_agent.maths.refining import appeared, refined


def led(*changes: float) -> list[tuple[float, float]]:
    """Pictures 0.16 s apart, oldest first."""
    return [(0.08 + 0.16 * n, change) for n, change in zip(reversed(range(len(changes))), changes, strict=True)]


@pytest.mark.parametrize(("changes", "seen", "was"), [
    ((2.6, 2.5, 1.3, 1.0), 0.6, True),
    ((2.6, 2.5, 1.3, 1.0), 30.0, False),
    ((77.3, 77.4, 77.4, 4.4, 2.5, 1.8), 30.0, True),
    ((91.6, 87.2, 87.9, 4.4, 2.5, 1.8), 30.0, False),
    ((77.3, 77.4, 4.4, 2.5, 1.8), 30.0, False),
    ((1.2, 1.2, 1.1, 1.0, 3.2, 2.4, 1.3), 30.0, True),
    ((2.2, 1.8, 1.2, 0.8, 0.6, 0.5, 0.4), 30.0, False),
    ((1.7, 1.3, 1.6, 1.0, 1.3, 0.9, 1.0, 0.8), 30.0, False),
    ((20.0, 16.0, 12.0, 8.0), 30.0, False),
    ((), 0.0, False),
], ids=["a stream begins", "slow motion", "another slide", "a cut from motion", "too little is known of before",
        "a key frame", "what creeps", "a speaker", "a pan", "nothing before"])  # fmt: skip
def test_what_gets_better_is_not_what_moves(changes: tuple[float, ...], seen: float, was: bool) -> None:
    assert refined(led(*changes), seen) == was


@pytest.mark.parametrize(("changes", "last", "usual", "came"), [
    ((91.6, 87.2, 87.9, 89.0, 86.9, 87.1, 87.3), 86.0, 7.0, True),
    ((91.6, 87.2, 87.9, 89.0, 86.9, 87.1, 87.3), 86.0, 30.0, False),
    ((93.4, 91.4, 91.0, 90.1, 86.2, 68.7, 66.2, 35.3), 35.3, 7.3, False),
    ((115.9, 111.8, 108.9, 107.6, 106.9, 106.8, 107.0, 103.4), 38.7, 8.9, False),
    ((12.0, 12.1, 11.9, 12.0), 12.0, 2.0, False),
    ((87.1, 87.3), 86.0, 7.0, False),
], ids=["a card", "fast motion", "motion leads there", "a cut before", "a jump",
        "too little is known of before"])  # fmt: skip
def test_what_comes_at_once_is_no_motion(changes: tuple[float, ...], last: float, usual: float, came: bool) -> None:
    assert appeared(led(*changes), last, usual) == came
