"""How well the viewers' estimators keep what their intervals promise: `python -m tests.accuracy.viewers [DRAWS]`.

Audiences and streams come from generators whose truth is known. Prints the tables of
qoe_agent/docs/viewers.md; some minutes at 1,000.
"""

from __future__ import annotations

import sys
from math import log, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.estimates import cost, hazards, retention
from qoe_agent.viewers.shapes import TENURE
from tests.viewers.crowd import NEVER, TRUE, cells, crowd, heartbeats
from tests.viewers.streams import struck

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSIONS = 20_000
DRAWS = 1000


def main() -> None:
    """Print all tables."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    for table in (_ratios(max(20, draws // 10)), _starts(5), _errors(max(5, draws // 100)), _costs(draws)):
        sys.stdout.writelines(line + "\n" for line in table)
        sys.stdout.write("\n")
        sys.stdout.flush()


class Told(NamedTuple):
    value: float
    held: bool


def _ratios(draws: int) -> Iterator[str]:
    yield f"{draws} audiences of {SESSIONS:,} sessions; a stall makes all leave 3.0 times as fast for 30 s, then 1.3"
    yield "| reports every | 3.0 by EM | interval holds it | 1.3 by EM | holds | 3.0 by the middle | 3.0 by last seen |"
    yield "|---|---|---|---|---|---|---|"
    for every in (5.0, 10.0, 30.0):
        found: dict[str, list[Told]] = {"recent": [], "earlier": [], "middle": [], "last": []}
        for draw in range(draws):
            source = np.random.default_rng([draw, int(every)])
            people = crowd(source, SESSIONS)
            low, high = heartbeats(source, people, every)
            for each in hazards(cells(people, low, high))[:2]:
                held = each.low <= TRUE[each.level] <= each.high
                found[each.level].append(Told(each.hazard_ratio, held))
            for name, at in (("middle", (low + high) / 2), ("last", low)):
                found[name].append(Told(hazards(cells(people, at, at))[0].hazard_ratio, held=False))
        means = {name: np.mean([each.value for each in told]) for name, told in found.items()}
        holds = {name: _share([each.held for each in told]) for name, told in found.items()}
        pairs = " | ".join(f"{means[name]:.2f} | {holds[name]}" for name in ("recent", "earlier"))
        yield f"| {every:.0f} s | {pairs} | {means['middle']:.2f} | {means['last']:.2f} |"


def _starts(draws: int) -> Iterator[str]:
    yield f"who still watches after 3 s, means of {draws} audiences of {SESSIONS:,} sessions"
    yield "| reports every | from | true | told | interval |"
    yield "|---|---|---|---|---|"
    for every in (5.0, 10.0, 30.0):
        for start in ("any moment", "the session's start"):
            rows = []
            for draw in range(draws):
                source = np.random.default_rng([draw, int(every), 3])
                people = crowd(source, SESSIONS)
                low, high = heartbeats(source, people, every)
                if start != "any moment":
                    low = np.floor(people.exit / every) * every
                    high = low + every
                mark = retention(cells(people, low, high), [3.0])[0]
                rows.append((float((people.exit >= 3.0).mean()), mark.share, mark.low, mark.high))
            true, told, least, most = np.mean(rows, axis=0)
            yield f"| {every:.0f} s | {start} | {true:.1%} | {told:.1%} | {least:.1%} to {most:.1%} |"


def _errors(draws: int) -> Iterator[str]:
    yield f"{draws} audiences of 100,000 sessions of 25,000 users who differ (log sd 0.8): error of retention at 2 min"
    yield "| | mean of the ratio to the exact user-level error | spread |"
    yield "|---|---|---|"
    found = np.array([_error(np.random.default_rng([9, draw])) for draw in range(draws)])
    for name, column in zip(("jackknife over 1,000 buckets", "sessions taken as independent"), found.T, strict=True):
        yield f"| {name} | {column.mean():.3f} | {column.std(ddof=1):.3f} |"


def _error(source: np.random.Generator) -> tuple[float, float]:
    people = crowd(source, 100_000, users=25_000, frailty=0.8, stalls=0)
    edges = np.array([*TENURE[:9], NEVER])
    watched = np.clip(np.minimum(edges[1:], people.watched[:, None]) - edges[:-1], 0.0, None)
    left = (people.exit[:, None] > edges[:-1]) & (people.exit[:, None] <= edges[1:]) & (people.exit[:, None] < NEVER)
    rates = left.sum(axis=0) / watched.sum(axis=0)
    lasting = np.clip(np.minimum(edges[1:], 120.0) - edges[:-1], 0.0, None)
    pulls = (left - rates * watched) @ (lasting / watched.sum(axis=0)) / float(rates @ lasting)
    exact, alone = (sqrt(float((each**2).sum())) for each in (np.bincount(people.user, pulls), pulls))
    told = retention(cells(people), [120.0])[0]
    return log(log(told.low) / log(told.high)) / 2 / 1.9623 / exact, alone / exact


def _costs(draws: int) -> Iterator[str]:
    yield f"{draws} streams each: 5,000 viewers, exits come in bursts (content; log sd 0.3), an incident of 8 s;"
    yield "A: 40 % were exposed, B: everybody was"
    yield "| design | bursts last | exits in it | interval holds truth | p < 0.05 | plain Poisson p < 0.05 | ± exits |"
    yield "|---|---|---|---|---|---|---|"
    for design, exposed in (("A", 0.4), ("B", 1.0)):
        for lasting in (10.0, 60.0, 300.0):
            for ratio in (1.0, 2.0, 3.0):
                yield _cost(draws, design, exposed, lasting, ratio)
        yield _cost(draws, design, exposed, 60.0, 2.0, heartbeat=10.0)
    yield _cost(draws, "A", 0.4, 60.0, 1.0, apart=0.2)
    yield _cost(draws, "A", 0.4, 60.0, 2.0, apart=0.2)


def _cost(draws: int, design: str, exposed: float, lasting: float, ratio: float, **options: float) -> str:
    source = np.random.default_rng([int(lasting), int(ratio), int(exposed * 10), len(options)])
    held, found, naive, wide = [], [], [], []
    for _ in range(draws):
        made = struck(source, exposed=exposed, ratio=ratio, lasting=lasting, **options)
        told = cost(made.timeline, made.incident)
        held.append(told.low <= made.truth <= told.high)
        found.append(told.p < 0.05)
        naive.append(made.naive_p < 0.05)
        wide.append((told.high - told.low) / 2)
    also = {"heartbeat": ", reports every 10 s", "apart": ", groups burst apart too (0.2)"}
    what = "".join(also[name] for name in options)
    times = "as ever" if ratio == 1.0 else f"{ratio:.0f} times"
    return (f"| {design}{what} | {lasting:.0f} s | {times} | {_share(held)} | {_share(found)} | {_share(naive)} | "
            f"{np.median(wide):.0f} |")  # fmt: skip


def _share(found: list[bool]) -> str:
    return f"{100 * np.mean(found):.1f} %"


if __name__ == "__main__":
    main()
