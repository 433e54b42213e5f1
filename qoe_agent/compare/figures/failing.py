"""Conditions on which a comparison fails, such as `vmaf[neg].p5 < 80`: how they are written, and whether they hold.

    condition = name, ["[", model, "]"], [".", statistic], operator, number
    name      = a metric (vmaf, psnr_y, ssim, xpsnr_y, …) or a property of the test (bitrate_bits_per_second, …)
    statistic = "mean" | "harmonic_mean" | "p1" | "p5" | "median" | "min_1s"      (of metrics only; mean, if not named)
    operator  = "<" | "<=" | ">" | ">=" | "==" | "!="
    number    = as in JSON, and inf

`vmaf` without a model is the first one asked for. A name that does not exist, or has no value, is an error and never
passes.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.compare.shapes import Tested

STATISTICS = ("mean", "harmonic_mean", "p1", "p5", "median", "min_1s")
METRICS = ("vmaf", "psnr_y", "psnr_u", "psnr_v", "psnr_avg", "ssim_y", "ssim_u", "ssim_v", "ssim", "xpsnr_y",
           "xpsnr_u", "xpsnr_v")  # fmt: skip
EXTRA = ("cambi", "ms_ssim")
PROPERTIES = ("bitrate_bits_per_second", "size_bytes", "offset_frames", "offset_seconds", "dropped", "duplicated",
              "confidence", "av_offset_seconds", "missing_sound_seconds", "loudness_difference",
              "spectral_distance")  # fmt: skip
OPERATORS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt,
             ">": operator.gt}  # fmt: skip
_NAME, _NUMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|inf")


@dataclass(frozen=True, slots=True)
class Condition:
    """What must not hold of a test."""

    text: str
    """As it was written."""
    name: str
    model: str
    """"": the first that was asked for."""
    statistic: str
    """"": of a property."""
    sign: str
    number: float


class Outcome(NamedTuple):
    """Of a condition, for one test."""

    condition: Condition
    value: float | None
    """None: it cannot be told, as `why` says."""
    fails: bool
    why: str = ""


class _Reader:
    """Reads a condition from left to right; whatever is wrong is pointed at."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def wrong(self, why: str, at: int | None = None) -> Unfit:
        """The condition, a mark below where it goes wrong, and what was expected there."""
        lead = "--fail-if "
        return Unfit(f"{lead}{self.text}\n{' ' * (len(lead) + (self.at if at is None else at))}^ {why}")

    def past(self, signs: Sequence[str]) -> str:
        """Which of the signs comes next; "" if none does."""
        self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        found = next((each for each in signs if self.text.startswith(each, self.at)), "")
        self.at += len(found)
        return found

    def match(self, pattern: re.Pattern[str], expected: str) -> str:
        """What comes next."""
        self.past(())
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self.wrong(f"expected {expected}")
        self.at = found.end()
        return found[0]


def condition(text: str) -> Condition:
    """As written. Raises Unfit, with a line that points at what is wrong."""
    read = _Reader(text)
    name = read.match(_NAME, "a name, such as vmaf")
    start = read.at - len(name)
    if name not in (*METRICS, *EXTRA, *PROPERTIES):
        raise read.wrong(f"no such name; there are {', '.join((*METRICS, *EXTRA, *PROPERTIES))}", start)
    model = _model(read, name)
    statistic = "" if name in PROPERTIES else "mean"
    if read.past("."):
        if not statistic:
            raise read.wrong(f"{name} is one number, and has no statistics")
        statistic = read.match(_NAME, f"one of {', '.join(STATISTICS)}")
        if statistic not in STATISTICS:
            raise read.wrong(f"no such statistic; there are {', '.join(STATISTICS)}", read.at - len(statistic))
    sign = read.past(tuple(OPERATORS))
    if not sign:
        raise read.wrong("expected <, <=, >, >=, == or !=")
    number = float(read.match(_NUMBER, "a number"))
    read.past(())
    if read.at < len(text):
        raise read.wrong("expected nothing more; write --fail-if once for each condition")
    return Condition(text, name, model, statistic, sign, number)


def _model(read: _Reader, name: str) -> str:
    if not read.past("["):
        return ""
    if name != "vmaf":
        raise read.wrong(f"only vmaf has models, {name} has none", read.at - 1)
    end = read.text.find("]", read.at)
    model = read.text[read.at : end].strip()
    if end < 0 or not model:
        raise read.wrong("expected a model and ], such as vmaf[neg]")
    read.at = end + 1
    return model


def measured(found: Condition, models: Sequence[str], more: Sequence[str], *, plain: bool = True) -> None:
    """Raises Unfit if what the condition is about will not be measured: models and metrics that are asked for."""
    read = _Reader(found.text)
    if not plain and found.name in METRICS and found.name != "vmaf":
        raise read.wrong(f"{found.name} is not measured with --vmaf-only", 0)
    if found.name in EXTRA and found.name not in more:
        raise read.wrong(f"{found.name} is not measured; add --metric {found.name}", 0)
    if found.model and found.model not in models:
        at = found.text.index("[") + 1
        raise read.wrong(f"not among the models measured: {', '.join(models)}; add --vmaf-model {found.model}", at)


def outcome(found: Condition, test: Tested, models: Sequence[str]) -> Outcome:
    """Whether the condition holds of a test, by the number that is said. `models`: as asked for."""
    if test.refused:
        return Outcome(found, None, True, f"not compared: {'; '.join(test.refused)}")
    if found.statistic:
        value, there = _statistic(found, test, models), _metrics(test)
    else:
        told = properties(test)
        value, there = told[found.name], ", ".join(each for each in PROPERTIES if told[each] is not None)
    if value is None:
        return Outcome(found, None, True, f"it has no value here; there are {there}")
    return Outcome(found, value, bool(OPERATORS[found.sign](value, found.number)))


def _statistic(found: Condition, test: Tested, models: Sequence[str]) -> float | None:
    key = f"vmaf[{found.model or models[0]}]" if found.name == "vmaf" else found.name
    pooled = test.pooled.get(key)
    value: float | None = getattr(pooled, found.statistic) if pooled else None
    return None if value is None or value != value else value


def _metrics(test: Tested) -> str:
    return ", ".join(test.pooled) or "no scores"


def properties(test: Tested) -> Mapping[str, float | None]:
    """What is known of a test beside its scores; None: not known."""
    laid, heard = test.alignment, test.heard
    loudness = (heard.loudness_reference, heard.loudness_test) if heard else (None, None)
    return {
        "bitrate_bits_per_second": test.media.video.bits_per_second,
        "size_bytes": test.media.size,
        "offset_frames": laid.offset_frames if laid else None,
        "offset_seconds": laid.offset_seconds if laid else None,
        "dropped": laid.dropped if laid else None,
        "duplicated": laid.duplicated if laid else None,
        "confidence": laid.confidence if laid else None,
        "av_offset_seconds": heard.offset_seconds if heard else None,
        "missing_sound_seconds": heard.missing_seconds if heard else None,
        "loudness_difference": None if None in loudness else loudness[1] - loudness[0],  # type: ignore[operator]
        "spectral_distance": heard.spectral_distance if heard else None,
    }
