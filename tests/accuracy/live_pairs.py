"""How often two live outputs that are alike are called different, and how soon two that are not are told apart.

Run: python -m tests.accuracy.live_pairs [FOLDER]
With FOLDER, encodes' measures are kept there. First by simulation: differences by second as autoregression and as
scenes make them, eight measures at once. Then by replay: independent encodes of one programme (live_encodes.py),
measured by second, cut into stretches of 30 s on average; a run is two minutes of such stretches drawn anew, in each of
which two different encodes are drawn for the two outputs: whatever an encode has of its own, the two are alike in
expectation. A false alarm is a run in which any measure is said to differ. Then crf 26 against crf 28.
"""

from __future__ import annotations

import sys
import tempfile
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.figures.autocorrelation import mean
from qoe_agent.compare.figures.paired import differences
from qoe_agent.compare.live.shapes import Second
from tests.accuracy.live_encodes import MEASURES, series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.live.shapes import Difference

    Floats = NDArray[np.float64]

RUNS, TWO_MINUTES, FAMILY = 500, 120, 8
STRETCH = 30.0
LOOKS = (30, 45, 60, 75, 90, 105, 120)
SIGNALS = ("qp", "vmaf")


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
    "scenes 6 s, half": lambda rng, n: scenes(rng, n, 0.5, 6.0),
    "scenes 12 s, a fifth": lambda rng, n: scenes(rng, n, 0.2, 12.0),
    "scenes 12 s, half": lambda rng, n: scenes(rng, n, 0.5, 12.0),
}


def judged(a: dict[str, Floats], b: dict[str, Floats], *, final: bool = True) -> tuple[Difference, ...]:
    """Two outputs by their seconds."""
    many = len(next(iter(a.values())))
    seconds = [
        Second(float(n), {"a": {name: float(a[name][n]) for name in a}, "b": {name: float(b[name][n]) for name in b}})
        for n in range(many)
    ]
    return differences(seconds, ["a", "b"], list(a), final=final)


def simulated(rng: np.random.Generator) -> None:
    """Print the table."""
    say(f"\nSimulation: {RUNS} runs each, {FAMILY} measures at once")
    say("differences by second   seconds  false alarms       cover 95 %  more time needed  any of 12 looks")
    for name, make in SIMULATED.items():
        for n in (TWO_MINUTES, 600):
            alarms, covered, told, peeked = 0, 0, 0, 0
            for _ in range(RUNS):
                values = make(rng, n)
                b = {str(k): values[:, k] for k in range(FAMILY)}
                a = {each: np.zeros(n) for each in b}
                found = judged(a, b)
                alarms += any(each.word == "differs" for each in found)
                ready = [each for each in found if each.low is not None and each.high is not None]
                told += len(ready)
                covered += sum((each.low or 0.0) <= 0.0 <= (each.high or 0.0) for each in ready)
                peeked += n == TWO_MINUTES and _peeked(a, b, n)
            looks = share(peeked, RUNS) if n == TWO_MINUTES else ""
            kept = covered / told if told else float("nan")
            late = 1 - told / RUNS / FAMILY
            say(f"{name:22}  {n:7}  {share(alarms, RUNS):18} {kept:9.1%}  {late:16.1%}  {looks}")


def _peeked(a: dict[str, Floats], b: dict[str, Floats], n: int) -> bool:
    """Whether anything is said to differ at any of twelve looks on the way, by provisional intervals."""
    return any(
        each.word == "differs"
        for upto in range(n // 12, n + 1, n // 12)
        for each in judged({k: v[:upto] for k, v in a.items()}, {k: v[:upto] for k, v in b.items()}, final=False)
    )


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


def replayed(folder: Path, rng: np.random.Generator) -> None:
    """Print what real encodes give."""
    crf, rate = series(folder, "crf 26", 4), series(folder, "300 kb/s", 3)
    worse = series(folder, "crf 28", 3)
    say(f"\nReplay: {len(crf[0]['qp'])} s of programme, {RUNS} runs of {TWO_MINUTES} s, {len(MEASURES)} measures")
    for name, encodes in (("crf 26", crf), ("300 kb/s", rate)):
        _alike(name, encodes, rng)
    found = {name: [0] * len(LOOKS) for name in (*SIGNALS, "any")}
    for _ in range(RUNS):
        a, b = drawn(crf, worse, rng)
        for k, upto in enumerate(LOOKS):
            all_ = judged({n: v[:upto] for n, v in a.items()}, {n: v[:upto] for n, v in b.items()})
            real = {each.measure for each in all_ if each.word == "differs"}
            for name in SIGNALS:
                found[name][k] += name in real
            found["any"][k] += bool(real)
    say("\ncrf 26 against crf 28, found after so many seconds (one look each)")
    say("          " + "".join(f"{upto:>7} s" for upto in LOOKS))
    for name, counts in found.items():
        say(f"{name:8}  " + "".join(f"{count / RUNS:9.1%}" for count in counts))
    later = {name: np.mean([each[name].mean() for each in worse]) - np.mean([each[name].mean() for each in crf])
             for name in SIGNALS}  # fmt: skip
    say("mean difference: " + ", ".join(f"{name} {value:+.2f}" for name, value in later.items()))


def _alike(mode: str, encodes: Sequence[dict[str, Floats]], rng: np.random.Generator) -> None:
    alarms, each_alarm, rhos, worths, late, peeked = 0, dict.fromkeys(MEASURES, 0), [], [], 0, 0
    for _ in range(RUNS):
        a, b = drawn(encodes, None, rng)
        found = judged(a, b)
        said = [each.measure for each in found if each.word == "differs"]
        alarms += bool(said)
        for name in said:
            each_alarm[name] += 1
        peeked += _peeked(a, b, TWO_MINUTES)
        of = {name: mean(b[name] - a[name]) for name in MEASURES}
        rhos.append([each.rho for each in of.values()])
        worths.append([each.effective for each in of.values()])
        late += sum(not each.enough for each in of.values())
    say(f"\nAlike, {mode}: false alarms {share(alarms, RUNS)}; at any of 12 looks {share(peeked, RUNS)}; "
        f"more time needed {late / RUNS / len(MEASURES):.1%}")  # fmt: skip
    say("measure   rho  worth of 120 s  differs")
    for name, rho, worth in zip(MEASURES, np.median(rhos, axis=0), np.median(worths, axis=0), strict=True):
        say(f"{name:8} {rho:5.2f}  {worth:14.0f}  {each_alarm[name] / RUNS:7.1%}")


def share(count: int, of: int) -> str:
    """With its Monte-Carlo standard error."""
    part = count / of
    return f"{part:.1%} ± {sqrt(max(part * (1 - part), 1 / of / of) / of):.1%}"


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print both."""
    rng = np.random.default_rng(58)
    simulated(rng)
    if len(sys.argv) > 1:
        replayed(Path(sys.argv[1]), rng)
    else:
        with tempfile.TemporaryDirectory() as folder:
            replayed(Path(folder), rng)


if __name__ == "__main__":
    main()
