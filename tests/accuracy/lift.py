"""How well effects keep what their intervals promise: `python -m tests.accuracy.lift [DRAWS]`.

Experiments are drawn with replacement from the watch times of a real one (Puffer's live television, ../shared/data),
10,000 users an arm (a session is a user there: nobody knows whose it was); switchbacks come from a generator. Prints
tables for qoe_agent/docs/viewers.md; two minutes at 10,000 draws.
"""

from __future__ import annotations

import sys
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.effects import compare, needed, rank, switchback, variation
from qoe_agent.viewers.effects.sequential import widening
from qoe_agent.viewers.lift.shapes import HOUR, LONG, Amount, Metric
from tests.viewers.effects.blocks import DESIGNS, SESSIONS, Design, switched
from tests.viewers.effects.counted import FILES, MEAN, WATCH, binned, moments, puffer, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Moments

    Floats = NDArray[np.float64]

DRAWS, USERS, LOOKS, LIFT, ALPHA = 10_000, 10_000, 40, 0.103, 0.05
CHUNK = 20
NAMES = {None: "none", LONG: "2.5 h", HOUR: "1 h"}
ONE_LOOK = 1.959963984540054


def main() -> None:
    """Print all tables."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    fifth, tenth = max(20, draws // 5), max(10, draws // 10)
    for table in (_coverage(draws), _looks(draws), _plans(fifth), _ways(fifth), _users(fifth), _blocks(tenth)):
        sys.stdout.writelines(line + "\n" for line in table)
        sys.stdout.write("\n")
        sys.stdout.flush()


class Arm(NamedTuple):
    """Sums over users after each look, of each draw: (draws, looks)."""

    users: Floats
    total: Floats
    squares: Floats


class Found(NamedTuple):
    """Log ratios and their standard errors, (draws, looks)."""

    theta: Floats
    error: Floats


def _sums(seconds: Floats, cap: float | None) -> Arm:
    """Of (draws, looks, users)."""
    there = seconds if cap is None else np.minimum(seconds, cap)
    total, squares = there.sum(axis=2).cumsum(axis=1), np.einsum("dlu,dlu->dl", there, there).cumsum(axis=1)
    return Arm(np.arange(1.0, there.shape[1] + 1.0) * there.shape[2], total, squares)


def _compared(control: Arm, treatment: Arm) -> Found:
    """As `compare` does, for all draws and looks at once."""
    spread = [(each.squares / each.users / (each.total / each.users) ** 2 - 1.0) / (each.users - 1.0)
              for each in (control, treatment)]  # fmt: skip
    return Found(np.log(treatment.total / control.total), np.sqrt(spread[0] + spread[1]))


def drawn(draws: int, control: Floats, treatment: Floats, lift: float, users: int = USERS, looks: int = LOOKS,
           seed: int = 7) -> dict[float | None, Found]:  # fmt: skip
    """By cap: experiments in which the treated watch `lift` longer than `treatment` says, before caps."""
    found: dict[float | None, list[Found]] = {cap: [] for cap in NAMES}
    for first in range(0, draws, CHUNK):
        source = np.random.default_rng([seed, first])
        shape = (min(CHUNK, draws - first), looks, users // looks)
        one, other = (each[source.integers(0, len(each), shape, np.int32)] for each in (control, treatment))
        other *= 1.0 + lift
        for cap, parts in found.items():
            parts.append(_compared(_sums(one, cap), _sums(other, cap)))
        if first == 0:
            _same(one[0].ravel(), other[0].ravel(), {cap: parts[0] for cap, parts in found.items()})
    return {cap: Found(*(np.concatenate(each) for each in zip(*parts, strict=True))) for cap, parts in found.items()}


def _same(control: Floats, treatment: Floats, found: dict[float | None, Found]) -> None:
    """What is counted here is what the product says."""
    sums = {"sd": watched(control, LONG, HOUR), "hd": watched(treatment, LONG, HOUR)}
    for cap, each in found.items():
        told = compare(MEAN, "sd", "hd", sums, cap=cap)
        theta, reach = each.theta[0, -1], ONE_LOOK * each.error[0, -1]
        assert np.allclose(np.log1p([told.low, told.high]), [theta - reach, theta + reach], atol=1e-9)


def true(control: Floats, treatment: Floats, lift: float, cap: float | None) -> float:
    ends = (each if cap is None else np.minimum(each, cap) for each in (control, treatment * (1.0 + lift)))
    first, second = (each.mean() for each in ends)
    return float(np.log(second / first))


def whole() -> Floats:
    return np.concatenate([puffer(arm) for arm in FILES])


def _coverage(draws: int) -> Iterator[str]:
    yield f"{draws:,} experiments of {USERS:,} users an arm: 95 % intervals that hold the truth"
    yield f"| cap | no effect | all watch {LIFT:.1%} longer | Fugu and BBA as they were |"
    yield "|---|---|---|---|"
    cases = [(whole(), whole(), 0.0), (whole(), whole(), LIFT), (puffer("bba"), puffer("fugu"), 0.0)]
    columns = []
    for number, (control, treatment, lift) in enumerate(cases):
        found = drawn(draws, control, treatment, lift, looks=1, seed=number)
        truth = {cap: true(control, treatment, lift, cap) for cap in NAMES}
        columns.append({cap: np.abs(each.theta[:, -1] - truth[cap]) <= ONE_LOOK * each.error[:, -1]
                        for cap, each in found.items()})  # fmt: skip
    for cap in NAMES:
        yield f"| {NAMES[cap]} | " + " | ".join(_share(each[cap]) for each in columns) + " |"


def _looks(draws: int) -> Iterator[str]:
    yield f"{draws:,} experiments of {USERS:,} users an arm, looked at {LOOKS} times ({LIFT:.1%} is before caps)"
    yield ("| cap | false alarms of the fixed interval | of the always-valid band | band / fixed interval at the end | "
           f"{LIFT:.1%} seen at the end | seen by the band at any look |")  # fmt: skip
    yield "|---|---|---|---|---|---|"
    all_arms = whole()
    none, some = (drawn(draws, all_arms, all_arms, lift, seed=11) for lift in (0.0, LIFT))
    wide = band(USERS)
    for cap in NAMES:
        z, lifted = (np.abs(each[cap].theta / each[cap].error) for each in (none, some))
        figures = [_share((z > ONE_LOOK).any(axis=1)), _share((z > wide).any(axis=1)), f"{wide[-1] / ONE_LOOK:.2f}",
                   _share(lifted[:, -1] > ONE_LOOK), _share((lifted > wide).any(axis=1))]  # fmt: skip
        yield f"| {NAMES[cap]} | " + " | ".join(figures) + " |"


def band(users: int) -> Floats:
    """In standard errors, at each look."""
    return np.array([widening(2.0 * users * look / LOOKS, 2.0 * users, ALPHA) for look in range(1, LOOKS + 1)])


def _plans(draws: int) -> Iterator[str]:
    yield f"{draws:,} experiments of as many users as planning says that {LIFT:.1%} needs for 80 % power"
    yield "| cap | coefficient of variation | users an arm, fixed | power | users an arm, always-valid | power |"
    yield "|---|---|---|---|---|---|"
    all_arms = whole()
    past = watched(all_arms, LONG, HOUR)
    for cap in NAMES:
        there = all_arms if cap is None else np.minimum(all_arms, cap)
        known = variation(MEAN, past, cap=cap) or 0.0
        figures = [f"{known:.2f}"]
        for always in (False, True):
            users = round(needed(known, LIFT, always_valid=always) / LOOKS) * LOOKS
            found = drawn(draws, there, there, LIFT, users=users, seed=13)[None]
            z = np.abs(found.theta / found.error)
            seen = (z > band(users)).any(axis=1) if always else z[:, -1] > ONE_LOOK
            figures += [f"{users:,}", _share(seen)]
        yield f"| {NAMES[cap]} | " + " | ".join(figures) + " |"


def _ways(draws: int) -> Iterator[str]:
    yield (f"{draws:,} experiments of {USERS:,} users an arm who watch {LIFT:.1%} longer, cap 2.5 h, two covariates "
           "and four strata made from what they watch and noise")  # fmt: skip
    yield "| method | interval holds the truth | width, of the plain interval |"
    yield "|---|---|---|"
    all_arms = whole()
    levels = np.quantile(np.log1p(all_arms), (0.25, 0.5, 0.75))
    pre = Amount("past", before=True), Amount("recent", before=True)
    ways = {"delta": ((), False), "cuped": (pre, False), "post-stratified": ((), True), "both": (pre, True)}
    bins = {"sd": binned(all_arms), "hd": binned(all_arms * (1 + LIFT))}
    truth = {"rank": rank("watch", "sd", "hd", bins).lift or 0.0,
             **dict.fromkeys(ways, true(all_arms, all_arms, LIFT, LONG))}  # fmt: skip
    found: dict[str, list[tuple[bool, float]]] = {name: [] for name in truth}
    for draw in range(draws):
        source = np.random.default_rng([17, draw])
        units = {arm: all_arms[source.integers(0, len(all_arms), USERS)] for arm in ("sd", "hd")}
        cells = {arm: _covered(source, each, 1 + LIFT * (arm == "hd"), pre, levels) for arm, each in units.items()}
        by = {key: {arm: each[key] for arm, each in cells.items()} for key in cells["sd"] if key}
        for name, (used, stratified) in ways.items():
            told = compare(MEAN, "sd", "hd", {arm: each[()] for arm, each in cells.items()}, cap=LONG, pre=used,
                           strata=by if stratified else None)  # fmt: skip
            low, high = np.log1p([told.low, told.high])
            found[name].append((low <= truth[name] <= high, high - low))
        told = rank("watch", "sd", "hd", {"sd": binned(units["sd"]), "hd": binned(units["hd"] * (1 + LIFT))})
        found["rank"].append((told.low <= truth["rank"] <= told.high, 0.0))
    plain = np.mean([width for _, width in found["delta"]])
    for name in (*ways, "rank"):
        held, width = np.array(found[name]).T
        yield f"| {name} | {_share(held)} | {f'{width.mean() / plain:.2f}' if name in ways else ''} |"


def _users(draws: int) -> Iterator[str]:
    yield f"{draws:,} experiments of {USERS:,} users an arm who come often and differ (log sd 0.8): watch per session"
    yield "| unit | interval holds the truth |"
    yield "|---|---|"
    all_arms, metric = whole(), Metric("watch_per_session", WATCH, SESSIONS)
    held: dict[str, list[bool]] = {"user": [], "session": []}
    for draw in range(draws):
        source = np.random.default_rng([23, draw])
        sums: dict[str, dict[str, Moments]] = {unit: {} for unit in held}
        for arm, more in (("sd", 1.0), ("hd", 1.0 + LIFT)):
            sessions = source.geometric(0.4, USERS)
            user = np.repeat(np.arange(USERS), sessions)
            seconds = all_arms[source.integers(0, len(all_arms), len(user))] * more
            seconds *= source.lognormal(0.0, 0.8, USERS)[user]
            sums["user"][arm] = moments({WATCH: np.bincount(user, seconds), SESSIONS: sessions.astype(float)})
            sums["session"][arm] = moments({WATCH: seconds, SESSIONS: np.ones(len(user))})
        for unit, each in sums.items():
            told = compare(metric, "sd", "hd", each)
            held[unit].append(told.low <= LIFT <= told.high)
    for unit, each in held.items():
        yield f"| {unit} | {_share(np.array(each))} |"


def _covered(source: np.random.Generator, seconds: Floats, more: float, pre: tuple[Amount, ...],
             levels: Floats) -> dict[tuple[str, ...], Moments]:  # fmt: skip
    """Sums by stratum; () is all of them."""
    taste = np.log1p(seconds)
    columns = {WATCH._replace(cap=LONG): np.minimum(seconds * more, LONG),
               **{each: np.exp((taste + source.normal(0.0, 1.5, len(taste))) / 3.0) for each in pre}}  # fmt: skip
    level = np.searchsorted(levels, taste + source.normal(0.0, 1.5, len(taste)))
    parts = {(str(at),): level == at for at in range(len(levels) + 1)} | {(): level >= 0}
    return {key: moments({name: each[mine] for name, each in columns.items()}) for key, mine in parts.items()}


def _blocks(draws: int) -> Iterator[str]:
    yield (f"{draws:,} switchbacks each, +5 %, noise of log sd 0.3 that correlates 0.8 from block to block: intervals "
           "that hold the truth, and their median half-width (of logarithms)")  # fmt: skip
    shapes = ((1, 28), (1, 84), (6, 28), (20, 56))
    yield "| arms | " + " | ".join(f"{streams} x {blocks} blocks" for streams, blocks in shapes) + " |"
    yield "|---" * (len(shapes) + 1) + "|"
    metric = Metric("watch", WATCH)
    for number, drawn in enumerate(DESIGNS):
        cells = []
        for streams, blocks in shapes:
            told = [switchback(switched(np.random.default_rng([19, number, draw]), Design(streams, blocks, drawn)),
                               metric, "sd", "hd") for draw in range(draws)]  # fmt: skip
            known = [each for each in told if each.low is not None]
            held = np.array([each.low <= Design(1, 1).lift <= each.high for each in known])
            half = np.median([np.log1p(each.high) - np.log1p(each.low) for each in known]) / 2.0
            said = "" if len(known) == draws else f", no answer in {1 - len(known) / draws:.0%}"
            cells.append(f"{_share(held)}, ±{half:.2f}{said}")
        yield f"| {drawn} | " + " | ".join(cells) + " |"


def _share(held: NDArray[np.bool_]) -> str:
    """With its Monte-Carlo standard error."""
    share = float(np.mean(held))
    return f"{share:.2%} ± {sqrt(share * (1.0 - share) / len(held)):.2%}"


if __name__ == "__main__":
    main()
