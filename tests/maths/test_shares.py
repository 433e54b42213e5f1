"""Dealing: even, and with few moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.shares import UNEVEN, dealt

WEIGHTS = st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from([1.0, 2.5, 12.0]), max_size=40)


def loads(owners: dict[str, int], weights: dict[str, float], hands: int) -> list[float]:
    return [sum(weights[name] for name, owner in owners.items() if owner == hand) for hand in range(hands)]


@given(WEIGHTS, WEIGHTS, st.integers(1, 5))
def test_everything_is_dealt_evenly_whatever_was_before(
    earlier: dict[str, float], weights: dict[str, float], hands: int
) -> None:
    before = dealt(earlier, {}, hands)
    after = dealt(weights, before, hands)
    assert after.keys() == weights.keys()
    assert set(after.values()) <= set(range(hands))
    found = loads(after, weights, hands)
    apart, mean = max(found) - min(found), sum(found) / hands
    lightest = min((weights[n] for n, owner in after.items() if owner == found.index(max(found))), default=0.0)
    assert apart <= max(UNEVEN * mean, lightest) + 1e-9


@given(WEIGHTS, st.integers(1, 5))
def test_nothing_moves_when_nothing_changes(weights: dict[str, float], hands: int) -> None:
    owners = dealt(weights, {}, hands)
    assert dealt(weights, owners, hands) == owners


def test_a_stream_more_moves_none_and_half_gone_moves_few() -> None:
    names = {f"s{n}": 1.0 for n in range(100)}
    owners = dealt(names, {}, 2)
    more = dealt({**names, "new": 1.0}, owners, 2)
    assert {name: more[name] for name in names} == owners
    half = {name: 1.0 for name in names if owners[name] == 0}
    kept = dealt(half, owners, 2)
    assert 20 <= sum(kept[name] == 0 for name in half) <= 30
    assert dealt(names, dict.fromkeys(names, 7), 2) == owners
