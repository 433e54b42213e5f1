"""What a live comparison comes to, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.compare.live.seconds import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.compare.live.laying import Method
    from qoe_agent.compare.live.paired import Side
    from qoe_agent.compare.live.shapes import Difference

RANK = ("vmaf", "xpsnr_y", "score", "qp", "effective_height", "stalled", "frame_rate", "latency")
"""Measures that the verdict speaks of, the weightiest first."""
SMALL = {"vmaf": 1.0, "xpsnr_y": 0.2, "score": 0.05, "qp": 0.5, "effective_height": 20.0, "stalled": 0.005,
         "frame_rate": 0.1, "latency": 0.1, "bitrate": 1.0}  # fmt: skip
"""Differences below which nobody notices, though they may be real."""
FULL = ("vmaf", "psnr_y", "ssim_y", "xpsnr_y")
"""Full-reference metrics."""
LATE = 0.01
"""Share of pictures that may be left out without a word."""
LATENT = ("latency", "transport")


def sure(one: Difference) -> bool:
    """Whether the difference is real."""
    return one.word == "differs"


def wins(one: Difference) -> int:
    """1: the second output is surely better by it; -1: the first is; 0: neither."""
    better = BY_NAME[one.measure].better
    if not sure(one) or better is None or not one.difference:
        return 0
    return 1 if (one.difference > 0) == (better == "more") else -1


def amount(measure: str, value: float | None, *, signed: bool = False) -> str:
    """A value with its unit."""
    known = BY_NAME[measure]
    if value is None:
        return "unknown"
    text = f"{value:+.{known.digits}f}" if signed else f"{value:.{known.digits}f}"
    return f"{text} {known.unit}".strip()


def verdict(found: Sequence[Difference], pairs: Sequence[tuple[str, str]], seconds: int) -> str:
    """First of all, of each pair."""
    if not found:
        return f"Nothing can be said: no second in which outputs have anything in common ({seconds} were seen)."
    return " ".join(_pair([one for one in found if (one.a, one.b) == pair], *pair) for pair in pairs)


def scored(sides: Sequence[Side], reference: str | None) -> str:
    """What the samples against the reference came to, of each test; empty where there were none."""
    told = []
    for side in sides:
        known = [name for name in FULL if name in side.means and side.name != reference]
        if known:
            values = ", ".join(f"{BY_NAME[name].words} {amount(name, side.means[name])}" for name in known)
            told.append(f"{side.name} against {reference}: {values}.")
    return " ".join(told)


def _pair(found: Sequence[Difference], a: str, b: str) -> str:
    if not found:
        return f"{a} and {b} have no second in common."
    if all(one.difference == 0.0 for one in found if one.measure not in (*LATENT, "stalled", "av_offset")):
        seconds = max(one.n for one in found)
        late = next((one for one in found if one.measure == "latency"), None)
        told = f"; {b} is {_late(late.difference)}" if late and late.difference and sure(late) else ""
        return f"{a} and {b} are identical in all that was measured of their pictures, over {seconds} s{told}."
    if all(one.low is None for one in found):
        return f"{a} and {b}: more time is needed ({max(one.n for one in found)} s so far)."
    known = {one.measure: one for one in found}
    real = [known[name] for name in RANK if name in known and sure(known[name])]
    if not real:
        return f"{a} and {b}: no difference that could not be chance.{_open(known)}"
    first = next((one for one in real if abs(one.difference or 0.0) >= SMALL[one.measure]), real[0])
    side = b if wins(first) > 0 else a
    rest = [one for one in real if one is not first]
    told = f"{side} is better: {_told(first)}"
    if abs(first.difference or 0.0) < SMALL[first.measure]:
        told = f"{side} is better by less than anybody notices: {_told(first)}"
    told += "".join(f"; {_told(one)}" for one in rest[:4])
    rate = known.get("bitrate")
    if rate and rate.mean_a and rate.difference is not None:
        share = 100 * rate.difference / rate.mean_a
        told += f". {b} spends {abs(share):.0f} % {'more' if share > 0 else 'less'} bits than {a}"
        told += "" if sure(rate) else " (may be chance)"
    return f"{told}. ({b} less {a}, over {max(one.n for one in found)} s.){_open(known)}"


def _open(known: Mapping[str, Difference]) -> str:
    """Of what there is no telling yet."""
    words = [BY_NAME[name].words for name in RANK if name in known and known[name].word == "more time needed"]
    return f" More time is needed to tell of {', '.join(words)}." if words else ""


def _late(difference: float) -> str:
    return f"{abs(difference):.2f} s {'later' if difference > 0 else 'earlier'}"


def _told(one: Difference) -> str:
    return f"{BY_NAME[one.measure].words} {amount(one.measure, one.difference, signed=True)}"


def notes(method: Method, sides: Sequence[Side], found: Sequence[Difference], reference: str | None) -> list[str]:
    """What to bear in mind."""
    said = []
    if method == "content":
        said.append("Laid on each other by what the pictures show (within 100 ms): latencies are counted "
                    f"from {sides[0].name}'s at the beginning, only their differences mean anything.")  # fmt: skip
    if method == "program date-time":
        said.append("Laid on each other by the dates in their playlists, which are the packagers' word: their clocks "
                    "may differ.")  # fmt: skip
    for side in sides:
        if side.ended:
            said.append(f"{side.name} was over before the others ({side.ended}): seconds that it has are compared.")
        if side.skipped > LATE * side.pictures:
            said.append(f"{side.name}: {side.skipped} pictures were not decoded, as this machine is too slow for all: "
                        "what pictures say is of the others.")  # fmt: skip
        if side.pulls > 1:
            said.append(f"{side.name} was pulled {side.pulls} times.")
    codecs = {side.codec for side in sides if side.codec and side.name != reference}
    if len(codecs) > 1:
        said.append(f"Quantisers of {', '.join(sorted(codecs))} are on different scales: their difference says "
                    "nothing.")  # fmt: skip
    sizes = {(side.width, side.height) for side in sides if side.name != reference}
    if len(sizes) > 1:
        said.append("Pictures differ in size: a quantiser means something else at each size; look at VMAF against a "
                    "reference, or at the picture score.")  # fmt: skip
    if any(one.low is None for one in found):
        said.append("Without an interval: seconds hang together so that more time is needed.")
    return said
