"""Arms that are worked out: evenly, alike wherever that happens, and apart for each experiment."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from qoe_agent.viewers.lift import assignment
from qoe_agent.viewers.lift.assignment import arm, block_arm, murmur3, place
from tests.e2e.browser import browse

HERE = Path(assignment.__file__)
VECTORS: dict[str, list[dict[str, Any]]] = json.loads(HERE.with_suffix(".json").read_text("utf-8"))
HALVES = (("sd", 0.5), ("hd", 0.5))
MANY = 20_000

KNOWN = {
    (b"", 1): 0x514E28B7, (b"", 0xFFFFFFFF): 0x81F16F39, (b"\xff\xff\xff\xff", 0): 0x76293B50,
    (b"!Ce\x87", 0): 0xF55B516B, (b"!Ce\x87", 0x5082EDEE): 0x2362F9DE, (b"!Ce", 0): 0x7E4A8634,
    (b"!C", 0): 0xA0F7B07A, (b"!", 0): 0x72661CF4, (b"\0\0\0\0", 0): 0x2362F9DE, (b"aaaa", 0x9747B28C): 0x5A97808A,
    (b"abc", 0x9747B28C): 0xC84A62DD, (b"Hello, world!", 0x9747B28C): 0x24884CBA,
    (b"The quick brown fox jumps over the lazy dog", 0x9747B28C): 0x2FA826CD,
}  # fmt: skip
"""Of https://stackoverflow.com/a/31929528 and the reference implementation's own test."""


def test_the_hash_is_murmur3() -> None:
    assert {given: murmur3(*given) for given in KNOWN} == KNOWN
    # as SMHasher verifies it: hashes of 0, 1 … 255 bytes, and the hash of these
    whole = b"".join(murmur3(bytes(range(n)), 256 - n).to_bytes(4, "little") for n in range(256))
    assert murmur3(whole) == 0xB0F57EE3


def test_the_published_vectors_are_what_is_worked_out() -> None:
    for row in VECTORS["hashes"]:
        assert murmur3(row["text"].encode(), row["seed"]) == row["hash"]
    for row in VECTORS["units"]:
        assert place(row["experiment"], row["unit"], row["salt"]) == row["place"]
        assert arm(row["experiment"], row["unit"], row["shares"], row["salt"]) == row["arm"], row
    for row in VECTORS["blocks"]:
        assert block_arm(row["experiment"], row["stream"], row["at"], row["seconds"], row["shares"]) == row["arm"]
    assert {row["arm"] for row in VECTORS["units"]} >= {"sd", "hd", "a", "b", "c", "720", "1080", None}


@pytest.mark.e2e
@pytest.mark.beside
async def test_a_browser_works_out_the_same() -> None:
    script = """(() => { const rows = %s; const found = [];
      for (const r of rows.units) found.push([qoePlace(r.experiment, r.unit, r.salt),
        qoeArm(r.experiment, r.unit, r.shares, r.salt)]);
      for (const r of rows.blocks) found.push([0, qoeBlockArm(r.experiment, r.stream, r.at, r.seconds, r.shares)]);
      for (const bad of [["", "u", [["a", 1]]], ["x:y", "u", [["a", 1]]], ["x", "u", [["a", 0.7], ["b", 0.7]]],
          ["x", "u", []], ["x", "u", [["", 1]]], ["x", "u", [["a", -1], ["b", 1]]], ["x", undefined, [["a", 1]]],
          ["x", null, [["a", 1]]], ["x", "", [["a", 1]]], ["x", NaN, [["a", 1]]]]) {
        try { qoeArm(...bad); found.push("taken"); } catch (error) { found.push(error.name); } }
      for (const bad of [["s", NaN, 60], ["s", undefined, 60], [undefined, 0, 60], ["s", 0, NaN]]) {
        try { qoeBlockArm("x", ...bad, [["a", 1]]); found.push("taken"); } catch (error) { found.push(error.name); } }
      return found; })()"""
    async with browse("data:text/html,<title>arms</title>") as page:
        await page.run(HERE.with_suffix(".js").read_text("utf-8"))
        found = await page.run(script % json.dumps(VECTORS))
    units, blocks = VECTORS["units"], VECTORS["blocks"]
    assert found[: len(units)] == [[row["place"], row["arm"]] for row in units]
    assert found[len(units) : -14] == [[0, row["arm"]] for row in blocks]
    assert found[-14:] == [*["RangeError"] * 6, *["TypeError"] * 4,
                           "RangeError", "RangeError", "TypeError", "RangeError"]  # fmt: skip


@pytest.mark.parametrize("name", ["{}", "user-{:08d}", "{:032x}"])
def test_places_are_even_for_ids_that_count(name: str) -> None:
    places = np.array([place("hd-2026", name.format(each)) for each in range(MANY)])
    counts = np.histogram(places, 200, (0.0, 1.0))[0]
    assert stats.chisquare(counts).pvalue > 1e-4
    assert abs(np.corrcoef(places[1:], places[:-1])[0, 1]) < 4 / MANY**0.5, "neighbours have nothing in common"


def test_shares_are_kept() -> None:
    shares = (("a", 0.1), ("b", 0.25), ("c", 0.6))
    given = [arm("three", f"u{each}", shares) for each in range(MANY)]
    counts = [given.count(name) for name in ("a", "b", "c", None)]
    assert stats.chisquare(counts, np.array([0.1, 0.25, 0.6, 0.05]) * MANY).pvalue > 1e-4


def test_experiments_and_salts_have_nothing_to_do_with_each_other() -> None:
    users = [f"u{each}" for each in range(5000)]
    tried = [("one", ""), ("two", ""), ("ones", ""), ("one", "x"), ("one", "y")]
    drawn = [np.array([arm(*((name, user)), HALVES, salt) == "hd" for user in users]) for name, salt in tried]
    for one, other in combinations(drawn, 2):
        table = [[np.sum(one & other), np.sum(one & ~other)], [np.sum(~one & other), np.sum(~one & ~other)]]
        assert stats.chi2_contingency(table).pvalue > 1e-5


def test_each_bit_of_a_name_turns_half_of_the_hash() -> None:
    flips = np.zeros((64, 32))
    words = [f"user{each:04d}".encode() for each in range(400)]
    for word in words:
        whole = murmur3(word)
        for bit in range(64):
            turned = bytearray(word)
            turned[bit // 8] ^= 1 << bit % 8
            changed = whole ^ murmur3(bytes(turned))
            flips[bit] += [changed >> place & 1 for place in range(32)]
    assert np.abs(flips / len(words) - 0.5).max() < 0.13  # of 2,048 fair coins, 400 throws each: 5.2 errors


def test_an_arm_that_is_last_and_grows_takes_from_nobody() -> None:
    users = [f"u{each}" for each in range(2000)]
    before = {user: arm("ramp", user, (("sd", 0.45), ("hd", 0.05))) for user in users}
    after = {user: arm("ramp", user, (("sd", 0.45), ("hd", 0.55))) for user in users}
    assert all(after[user] == was for user, was in before.items() if was)
    assert None not in after.values()


def test_a_block_of_a_stream_has_one_arm_and_blocks_differ() -> None:
    def given(at: float) -> str | None:
        return block_arm("switch", "show", at, 600.0, HALVES)

    assert len({given(1_800_000_000.0 + each) for each in range(0, 600, 7)}) == 1
    arms = [given(1_800_000_000.0 + 600.0 * each) for each in range(2000)]
    assert 900 < arms.count("hd") < 1100
    same = sum(one == other for one, other in pairwise(arms))
    assert 900 < same < 1100, "a block says nothing about the next"


@pytest.mark.parametrize(
    ("experiment", "shares"),
    [("", HALVES), ("a:b", HALVES), ("x", ()), ("x", (("a", 0.6), ("b", 0.6))), ("x", (("a", -0.1), ("b", 0.5))),
     ("x", (("", 0.5),)), ("x", (("a", float("nan")),)), ("x", (("a", 0.0),))],
)  # fmt: skip
def test_what_is_no_experiment_is_refused(experiment: str, shares: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(ValueError, match="must"):
        arm(experiment, "u", shares)
    with pytest.raises(ValueError, match="must"):
        block_arm("x", "s", 0.0, 0.0, HALVES)


@pytest.mark.parametrize("unit", [None, float("nan"), "", 7])
def test_nobody_without_a_name_shares_an_arm(unit: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="a unit's name must"):
        arm("x", unit, HALVES)
    with pytest.raises((TypeError, ValueError), match="must"):
        block_arm("x", unit, 0.0, 60.0, HALVES)
    with pytest.raises(ValueError, match="must have a stream's name, and a time"):
        block_arm("x", "s", float("nan"), 60.0, HALVES)
