"""How often two live outputs that are alike are called different, and how soon two that are not are told apart.

Run: python -m tests.accuracy.live_pairs [--part simulated|replayed] [--runs 500] [--only TEXT] [FOLDER]
With FOLDER, encodes' measures are kept there. First by simulation: differences by second as autoregression and as
scenes make them, eight measures at once. Then by replay: independent encodes of one programme (live_encodes.py),
measured by second, cut into stretches of 30 s on average; a run is two minutes of such stretches drawn anew, in each of
which two different encodes are drawn for the two outputs: whatever an encode has of its own, the two are alike in
expectation. A false alarm is a run in which any measure is said to differ. Then crf 26 against crf 28; "vmaf sampled"
has one second in three, as a live comparison has at best.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from math import isfinite, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.figures import paired
from qoe_agent.compare.figures.autocorrelation import mean
from qoe_agent.compare.figures.paired import Sums
from tests.accuracy.live_encodes import MEASURES, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.live.shapes import Difference

    Floats = NDArray[np.float64]

TWO_MINUTES, FAMILY = 120, 8
STRETCH = 30.0
LOOKS = (30, 45, 60, 75, 90, 105, 120)
PEEKED = 5
"""One run in so many is looked at twelve times on the way."""
SIGNALS = ("qp", "vmaf", "vmaf sampled")
SAMPLED = 3


def autoregressive(rng: np.random.Generator, n: int, *weights: float) -> Floats:
    """A family of measures, shape (n, FAMILY), that have half of their variance in common."""
    shocks = rng.standard_normal((n + 300, FAMILY)) + rng.standard_normal((n + 300, 1))
    found = np.zeros_like(shocks)
    for t in range(len(weights), len(shocks)):
        found[t] = shocks[t] + sum(weight * found[t - 1 - lag] for lag, weight in enumerate(weights))
    return found[300:]


def scenes(rng: np.random.Generator, n: int, share: float, length: float) -> Floats:
    """Scenes of exponential length, each with a difference of its own that makes up `share` of the variance."""
    which = np.cumsum(rng.random(n) < 1.0 / length)
    own = rng.standard_normal((n + 1, FAMILY)) + rng.standard_normal((n + 1, 1))
    noise = rng.standard_normal((n, FAMILY)) + rng.standard_normal((n, 1))
    return np.asarray(sqrt(share) * own[which] + sqrt(1.0 - share) * noise)


SIMULATED: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "white": lambda rng, n: autoregressive(rng, n, 0.0),
    "AR(1) 0.3": lambda rng, n: autoregressive(rng, n, 0.3),
    "AR(1) 0.6": lambda rng, n: autoregressive(rng, n, 0.6),
    "AR(1) 0.8": lambda rng, n: autoregressive(rng, n, 0.8),
    "AR(2) 0.5 0.2": lambda rng, n: autoregressive(rng, n, 0.5, 0.2),
    "AR(2) 0.6 -0.3": lambda rng, n: autoregressive(rng, n, 0.6, -0.3),
    **{
        f"scenes {length} s, {words}": partial(scenes, share=share, length=float(length))
        for length in (6, 12, 20, 30, 60)
        for words, share in (("a fifth", 0.2), ("half", 0.5))
    },
}


def judged(
    a: dict[str, Floats], b: dict[str, Floats], looks: Sequence[int], *, final: bool = True
) -> Iterator[tuple[Difference, ...]]:
    """Two outputs by their seconds, after so many."""
    sums = Sums([("a", "b")], list(a))
    for n in range(looks[-1]):
        one, other = ({name: float(v) for name in of if isfinite(v := of[name][n])} for of in (a, b))
        sums.add(n, {"a": one, "b": other})
        if n + 1 in looks:
            yield paired.judged(sums, final=final)


def simulated(rng: np.random.Generator, runs: int, only: str) -> None:
    """Print the table."""
    say(f"\nSimulation: {runs} runs each, {FAMILY} measures at once")
    say("differences by second   seconds  false alarms       cover 95 %  more time needed  any of 12 looks")
    for name, make in SIMULATED.items():
        for n in (TWO_MINUTES, 600) if only in name else ():
            alarms, covered, told, peeked = 0, 0, 0, 0
            for run in range(runs):
                values = make(rng, n)
                b = {str(k): values[:, k] for k in range(FAMILY)}
                a = {each: np.zeros(n) for each in b}
                (found,) = judged(a, b, [n])
                alarms += any(each.word == "differs" for each in found)
                ready = [each for each in found if each.low is not None and each.high is not None]
                told += len(ready)
                covered += sum((each.low or 0.0) <= 0.0 <= (each.high or 0.0) for each in ready)
                peeked += n == TWO_MINUTES and run % PEEKED == 0 and _peeked(a, b, n)
            looks = share_of(peeked, len(range(0, runs, PEEKED))) if n == TWO_MINUTES else ""
            kept = covered / told if told else float("nan")
            late = 1 - told / runs / FAMILY
            say(f"{name:22}  {n:7}  {share_of(alarms, runs):18} {kept:9.1%}  {late:16.1%}  {looks}")


def _peeked(a: dict[str, Floats], b: dict[str, Floats], n: int) -> bool:
    """Whether anything is said to differ at any of twelve looks on the way, by provisional intervals."""
    looks = range(n // 12, n + 1, n // 12)
    return any(each.word == "differs" for found in judged(a, b, looks, final=False) for each in found)


def drawn(
    ours: Sequence[dict[str, Floats]], theirs: Sequence[dict[str, Floats]] | None, rng: np.random.Generator
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Two minutes of two outputs; `theirs` None: the other is one more of ours."""
    total = min(len(each["qp"]) for each in (*ours, *(theirs or ())))
    parts: tuple[list[dict[str, Floats]], list[dict[str, Floats]]] = ([], [])
    left = TWO_MINUTES
    while left > 0:
        length = min(left, 5 + int(rng.exponential(STRETCH - 5)))
        rows = (int(rng.integers(total)) + np.arange(length)) % total
        one = int(rng.integers(len(ours)))
        other = (one + 1 + int(rng.integers(len(ours) - 1))) % len(ours)
        second = ours[other] if theirs is None else theirs[int(rng.integers(len(theirs)))]
        for kept, of in zip(parts, (ours[one], second), strict=True):
            kept.append({name: values[rows] for name, values in of.items()})
        left -= length
    first, last = ({name: np.concatenate([each[name] for each in part]) for name in MEASURES} for part in parts)
    return first, last


def replayed(folder: Path, rng: np.random.Generator, runs: int) -> None:
    """Print what real encodes give."""
    crf, rate = series(folder, "crf 26", 4), series(folder, "300 kb/s", 3)
    worse = series(folder, "crf 28", 3)
    say(f"\nReplay: {len(crf[0]['qp'])} s of programme, {runs} runs of {TWO_MINUTES} s, {len(MEASURES)} measures")
    for name, encodes in (("crf 26", crf), ("300 kb/s", rate)):
        _alike(name, encodes, rng, runs)
    found = {name: [0] * len(LOOKS) for name in SIGNALS}
    for _ in range(runs):
        a, b = drawn(crf, worse, rng)
        for each in (a, b):
            each["vmaf sampled"] = np.where(np.arange(TWO_MINUTES) % SAMPLED == 0, each["vmaf"], np.nan)
        for k, told in enumerate(judged(a, b, LOOKS)):
            real = {each.measure for each in told if each.word == "differs"}
            for name in SIGNALS:
                found[name][k] += name in real
    say("\ncrf 26 against crf 28, found after so many seconds (one look each)")
    say("              " + "".join(f"{upto:>7} s" for upto in LOOKS))
    for name, counts in found.items():
        say(f"{name:12}  " + "".join(f"{count / runs:9.1%}" for count in counts))
    later = {name: np.mean([each[name].mean() for each in worse]) - np.mean([each[name].mean() for each in crf])
             for name in SIGNALS[:2]}  # fmt: skip
    say("mean difference: " + ", ".join(f"{name} {value:+.2f}" for name, value in later.items()))


def _alike(mode: str, encodes: Sequence[dict[str, Floats]], rng: np.random.Generator, runs: int) -> None:
    alarms, each_alarm, rhos, worths, late, peeked = 0, dict.fromkeys(MEASURES, 0), [], [], 0, 0
    for run in range(runs):
        a, b = drawn(encodes, None, rng)
        (found,) = judged(a, b, [TWO_MINUTES])
        said = [each.measure for each in found if each.word == "differs"]
        alarms += bool(said)
        for name in said:
            each_alarm[name] += 1
        peeked += run % PEEKED == 0 and _peeked(a, b, TWO_MINUTES)
        of = {name: mean(b[name] - a[name]) for name in MEASURES}
        rhos.append([each.rho for each in of.values()])
        worths.append([each.effective for each in of.values()])
        late += sum(not each.enough for each in of.values())
    say(f"\nAlike, {mode}: false alarms {share_of(alarms, runs)}; at any of 12 looks "
        f"{share_of(peeked, len(range(0, runs, PEEKED)))}; "
        f"more time needed {late / runs / len(MEASURES):.1%}")  # fmt: skip
    say("measure   rho  worth of 120 s  differs")
    for name, rho, worth in zip(MEASURES, np.median(rhos, axis=0), np.median(worths, axis=0), strict=True):
        say(f"{name:8} {rho:5.2f}  {worth:14.0f}  {each_alarm[name] / runs:7.1%}")


def share_of(count: int, of: int) -> str:
    """With its Monte-Carlo standard error."""
    part = count / of
    return f"{part:.1%} ± {sqrt(max(part * (1 - part), 1 / of / of) / of):.1%}"


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path)
    options.add_argument("--part", choices=("simulated", "replayed"))
    options.add_argument("--runs", type=int, default=500)
    options.add_argument("--only", default="", help="rows of the simulation with this in their name")
    asked = options.parse_args()
    rng = np.random.default_rng(58)
    if asked.part != "replayed":
        simulated(rng, asked.runs, asked.only)
    if asked.part == "simulated":
        return
    with tempfile.TemporaryDirectory() as folder:
        replayed(asked.folder or Path(folder), rng, asked.runs)


if __name__ == "__main__":
    main()
