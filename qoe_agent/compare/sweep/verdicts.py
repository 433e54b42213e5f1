"""The first sentence of a sweep: which encoder setting needs less rate, by how much, how surely, at what cost. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.compare.sweep.averages import HULL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.shapes import BdRate, Design, Failure, Point, Priced, Speed

FEWEST_WARNINGS = 3
LEADS = 0.5
"""Share of the quality that either curve covers, which both must cover before a percentage leads: presets at the same
CRFs share 0.6; from `bd.OVERLAP` on there is no warning either."""


def verdict(
    design: Design, points: Sequence[Point], found: Sequence[BdRate], speeds: Sequence[Speed],
    failures: Sequence[Failure], anchor: str | None, priced: Sequence[Priced] = (),
) -> tuple[str, bool, BdRate | None]:  # fmt: skip
    """The sentence, whether it names a difference that is real, and what it is about."""
    if not points:
        return _nothing(failures), False, None
    main = leading(design, found)
    if not main:
        labels = {point.encoded.setting.label for point in points}
        if len(labels) == 1:
            return _alone(design, points, anchor or ""), False, None
        refused = next((one for one in found if one.rate is None and one.metric == design.quality), None)
        reason = f": {refused.warnings[-1]}" if refused and refused.warnings else ""
        return f"Nothing can be said against {anchor}{reason}.", False, refused
    first = min(main, key=lambda one: (not enough(one), one.rate or 0.0))
    if not enough(first):
        return _scant(design, main, failures), False, max(main, key=lambda one: one.overlap)
    told = [_sentence(design, first, speeds)]
    if real(first) and (pays := _pays(design, first, priced)):
        told.append(pays)
    if first.warnings:
        told.append("Beware: " + "; ".join(first.warnings[:FEWEST_WARNINGS]) + ".")
    others = [one for one in main if one is not first and enough(one)]
    if others:
        told.append(f"Against it also: {', '.join(f'{one.test} {percent(one.rate)}' for one in others)}.")
    scant = [f"{one.test} {_share(one)}" for one in main if not enough(one)]
    if scant:
        told.append(f"Too little in common with it: {', '.join(scant)}.")
    if failures:
        told.append(_counted(len(failures)))
    return " ".join(told), real(first), first


def leading(design: Design, found: Sequence[BdRate]) -> list[BdRate]:
    """Of each test the one that counts most: over all clips, in the metric of the plan, at the largest resolution where
    enough is in common, of hulls only where none has."""
    kept: dict[str, BdRate] = {}
    several = len(design.clips) > 1
    for one in sorted(found, key=lambda each: (not enough(each), each.size == HULL)):
        over = one.clip is None or not several or one.n_clips > 1
        if (
            over
            and one.metric == design.quality
            and one.rate is not None
            and (one.clip is None or not _later(one, found))
        ):
            kept.setdefault(one.test, one)
    return list(kept.values())


def _later(one: BdRate, found: Sequence[BdRate]) -> bool:
    """Whether a single clip's stands beside one over clips."""
    return any(each.clip is None and (each.test, each.size, each.metric) == (one.test, one.size, one.metric)
               for each in found)  # fmt: skip


def enough(one: BdRate) -> bool:
    """Whether both cover so much of the quality that the average speaks of more than a corner of it."""
    return one.overlap >= LEADS


def real(one: BdRate) -> bool:
    """Of enough quality, more than the method's own error, and, over clips, more than chance."""
    if one.rate is None or not enough(one) or abs(one.rate) <= (one.spread or 0.0):
        return False
    return one.low is None or one.high is None or one.low > 0 or one.high < 0


def _scant(design: Design, main: Sequence[BdRate], failures: Sequence[Failure]) -> str:
    """In place of percentages that hold for a corner of the curves only."""
    shares = ", ".join(f"{one.test} {_share(one)}" for one in sorted(main, key=lambda one: -one.overlap))
    told = (f"Too little in common with {main[0].anchor} to compare: of the {_called(design.quality)} that either "
            f"covers, both cover: {shares}; {100 * LEADS:.0f} % are needed. Choose rates by which all reach the "
            f"same quality.")  # fmt: skip
    return f"{told} {_counted(len(failures))}" if failures else told


def _share(one: BdRate) -> str:
    return f"{100 * one.overlap:.0f} %"


def _sentence(design: Design, one: BdRate, speeds: Sequence[Speed]) -> str:
    rate = one.rate or 0.0
    how = f"{_called(one.metric)}{_at(one)}"
    bounds = _bounds(design, one)
    if abs(rate) <= (one.spread or 0.0):
        return (f"No difference between {one.test} and {one.anchor} is shown at the same {how}: {percent(rate)} rate "
                f"is within the method's own error of {100 * (one.spread or 0):.1f} % {bounds}.")  # fmt: skip
    cost = _cost(one, speeds)
    if one.low is not None and one.high is not None and one.low <= 0 <= one.high:
        return (f"No difference between {one.test} and {one.anchor} is shown at the same {how}: {percent(rate)} rate "
                f"{bounds}{cost}.")  # fmt: skip
    less = "less" if rate < 0 else "more"
    return f"{one.test} needs {100 * abs(rate):.0f} % {less} rate than {one.anchor} for the same {how} {bounds}{cost}."


def _bounds(design: Design, one: BdRate) -> str:
    if one.low is not None and one.high is not None:
        return f"[{percent(one.low)}, {percent(one.high)}; {one.n_clips} clips]"
    return "(for this clip only)" if one.n_clips == 1 and len(design.clips) == 1 else f"({one.interval})"


def _at(one: BdRate) -> str:
    return " over all resolutions" if one.size == HULL else f" at {one.size}"


def _cost(one: BdRate, speeds: Sequence[Speed]) -> str:
    of = {speed.label: speed for speed in speeds}
    a, b = of.get(one.anchor), of.get(one.test)
    if a is None or b is None or a.cpu <= 0 or b.cpu <= 0:
        return ""
    return f", at {_times(b.cpu / a.cpu)} the CPU"


def _pays(design: Design, one: BdRate, priced: Sequence[Priced]) -> str:
    """From how much watching it is cheaper at the user's prices; the median of clips."""
    mine = [each for each in priced if each.label == one.test]
    if not mine or design.prices is None:
        return ""
    known = [each.break_even for each in mine if each.break_even is not None]
    if len(known) < len(mine):
        return "" if known else "At your prices it is never cheaper."
    hours = median(known)
    if hours == 0:
        return "At your prices it is always cheaper."
    return f"At your prices it is cheaper from {hours:,.{1 if hours < 10 else 0}f} hours watched of each hour."


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times" if ratio >= 1 else f"{100 * ratio:.0f} % of"


def _alone(design: Design, points: Sequence[Point], label: str) -> str:
    scores = [one.scores[design.quality] for one in points if design.quality in one.scores]
    rates = [one.encoded.bits_per_second for one in points]
    if not scores:
        return f"{label} was encoded {len(points)} times, and none of it could be scored."
    return (f"{label} alone, so there is nothing to compare it with: {_called(design.quality)} {min(scores):.1f} to "
            f"{max(scores):.1f} at {min(rates) / 1e6:.2f} to {max(rates) / 1e6:.2f} Mbit/s.")  # fmt: skip


def _nothing(failures: Sequence[Failure]) -> str:
    if not failures:
        return "Nothing was encoded."
    first = failures[0]
    return f"Nothing was encoded: all {len(failures)} jobs failed. The first, {first.title}: {first.reason}"


def _counted(many: int) -> str:
    return f"{many} job{'s' if many > 1 else ''} failed."


def _called(metric: str) -> str:
    """As reports name it."""
    return metric.replace("vmaf[neg]", "VMAF NEG").replace("vmaf[", "VMAF ").replace("]", "").replace("psnr_", "PSNR ")


def percent(ratio: float | None) -> str:
    """A signed ratio: −31 %."""
    return "–" if ratio is None else f"{100 * ratio:+.{0 if abs(ratio) >= 0.1 else 1}f} %".replace("-", "−")
