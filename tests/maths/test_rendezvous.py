"""Rendezvous hashing: everyone agrees, the parts are even, and a change of n moves no more than it must."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.rendezvous import owns, weight

NAMES = [f"show-{n}" for n in range(3000)]


def owner(name: str, shards: int) -> int:
    """The one shard that owns it."""
    (found,) = [shard for shard in range(shards) if owns(name, shard, shards)]
    return found


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 40))
def test_every_name_has_one_owner_and_a_new_shard_takes_only_for_itself(name: str, shards: int) -> None:
    assert owner(name, shards + 1) in (owner(name, shards), shards)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 40), st.integers(0, 40))
def test_a_shard_that_does_not_exist_owns_nothing(name: str, shards: int, beyond: int) -> None:
    assert not owns(name, shards + beyond, shards)


@pytest.mark.parametrize("shards", [2, 3, 5, 16])
def test_the_parts_are_even(shards: int) -> None:
    """Within four standard deviations of the binomial distribution that fair draws have."""
    counts = [sum(owns(name, shard, shards) for name in NAMES) for shard in range(shards)]
    share = 1 / shards
    allowed = 4 * math.sqrt(len(NAMES) * share * (1 - share))
    assert all(abs(count - len(NAMES) * share) < allowed for count in counts), counts


@pytest.mark.parametrize("shards", [1, 2, 3, 9])
def test_one_shard_more_moves_its_own_part_alone(shards: int) -> None:
    moved = [name for name in NAMES if owner(name, shards) != owner(name, shards + 1)]
    assert all(owner(name, shards + 1) == shards for name in moved)
    share = 1 / (shards + 1)
    assert abs(len(moved) - len(NAMES) * share) < 4 * math.sqrt(len(NAMES) * share * (1 - share))


def test_names_that_differ_in_a_digit_are_spread_like_any_others() -> None:
    """Weights look random: the mean of uniform numbers, and no two alike."""
    weights = [weight(name, shard) for name in NAMES for shard in range(3)]
    assert len(set(weights)) == len(weights)
    mean = sum(weights) / len(weights) / 2**64
    assert abs(mean - 0.5) < 4 * math.sqrt(1 / 12 / len(weights))


def test_the_draws_never_change_between_versions() -> None:
    """Agents of two versions share streams while one replaces the other."""
    assert weight("show-1", 0) == 0x7DFA78386DCF22A7
    assert [owner(name, 3) for name in ("show-1", "show-2", "直播间", "")] == [1, 2, 1, 1]
