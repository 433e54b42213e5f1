"""What `qoe-agent compare sweep` found, in words: rates, speeds, costs and settings as people read them. Pure."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

from qoe_agent.compare.sweep.verdicts import leading, percent, real
from qoe_agent.report import compare_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.shapes import BdRate, Cost, Hull, KeyFrames, Ladder, Point, Priced, Rung, Speed, Swept

__all__ = ["leading", "percent", "real"]
CODES = {True: "better", False: "inconclusive"}
"""How the first sentence is marked."""


def metric(swept: Swept) -> str:
    """What curves are of."""
    return compare_words.metric(swept.design.quality)


def clip(name: str | None, swept: Swept) -> str:
    """Of which clip; None: of all."""
    return f"all {len(swept.design.clips)} clips" if name is None else name


def interval(one: BdRate) -> str:
    """Over clips; empty where there is none."""
    return "" if one.low is None or one.high is None else f"[{percent(one.low)}, {percent(one.high)}]"


def rate(one: BdRate) -> str:
    """The BD-rate, or that there is none; what lies within the method's own error claims nothing."""
    if one.rate is None:
        return "refused"
    return percent(one.rate)


def believed(one: BdRate) -> str:
    """How far it can be believed."""
    if one.rate is None:
        return one.warnings[-1] if one.warnings else ""
    told = list(one.warnings)
    if abs(one.rate) <= (one.spread or 0.0):
        told.insert(0, "within the method's own error")
    elif one.low is not None and one.high is not None and one.low <= 0 <= one.high:
        told.insert(0, "may be chance: the interval holds 0")
    elif one.low is None:
        told.append(one.interval)
    return "; ".join(each for each in told if each)


def other(one: BdRate, name: str) -> str:
    """The same by another way."""
    return percent(one.by[name]) if name in one.by else ""


def error(one: BdRate) -> str:
    """That the method itself may make."""
    return "" if one.spread is None else f"±{100 * one.spread:.1f} %"


def quality(one: BdRate) -> str:
    """At equal rate."""
    return "" if one.quality is None else compare_words.value(one.metric, one.quality, signed=True)


def speed(one: Speed) -> dict[str, str]:
    """How fast a label is, by the names of columns."""
    spread = "one run" if one.spread is None else f"±{100 * one.spread:.1f} %"
    return {
        "frames a second": figure(one.frames_per_second), "from, to": f"{figure(one.low)}, {figure(one.high)}",
        "repeats": spread, "CPU s per s": figure(one.cpu), "decode": "–" if one.decode is None else figure(one.decode),
        "memory": "–" if one.memory is None else f"{one.memory / 1e6:.0f} MB",
    }  # fmt: skip


def figure(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    return f"{value:,.{max(0, 2 - int(log10(abs(value)) // 1))}f}" if abs(value) < 1e3 else f"{value:,.0f}"


def money(value: float, currency: str) -> str:
    """Of the user's."""
    return f"{figure(value)} {currency}"


def cost(one: Cost, currency: str) -> dict[str, str]:
    """Its parts and all of it, by the names of columns."""
    parts = {"encode": one.encode, "store": one.store, "deliver": one.deliver, "all": one.total}
    return {name: money(value, currency) for name, value in parts.items()}


def even(one: Priced, anchor: str | None) -> str:
    """From how much watching it is the cheaper one."""
    if one.label == anchor:
        return "anchor"
    if one.break_even is None:
        return "never"
    return "always" if one.break_even == 0 else f"{figure(one.break_even)} hours"


def setting(control: str, value: float) -> str:
    """crf 23.4, abr 2.50 Mbit/s."""
    return f"{control} {value:.4g}" if control in ("crf", "qp") else f"{control} {compare_words.bits(value)}"


def point(one: Point) -> str:
    """How it was encoded."""
    told = one.encoded.setting
    cap = f" max {compare_words.bits(told.maxrate)}" if told.maxrate and told.control in ("crf", "qp", "abr") else ""
    return f"{told.label} {told.width}x{told.height} {setting(told.control, told.value)}{cap}"


def rung(one: Rung, swept: Swept) -> dict[str, str]:
    """By the names of columns."""
    sign = "≈ " if one.interpolated else ""
    told = {
        "resolution": f"{one.width}x{one.height}", "rate": compare_words.bits(one.bits_per_second),
        metric(swept): compare_words.value(swept.design.quality, one.quality),
        "encode with": f"{sign}{setting(one.control, one.value)}",
    }  # fmt: skip
    if one.spread is not None:
        told["clips differ by"] = compare_words.value(swept.design.quality, one.spread)
    return told


def ladder(one: Ladder, swept: Swept) -> str:
    """Whose it is, and how good."""
    told = f"{one.label}, {clip(one.clip, swept)}"
    if one.target is not None:
        told += f": {'up to' if one.met else 'short of'} {metric(swept)} {one.target:g}"
    return told


def crossing(one: Hull) -> str:
    """Which resolution is best where."""
    told = [
        f"{each.below[0]}x{each.below[1]} up to {compare_words.bits(each.bits_per_second)}" for each in one.crossings
    ]
    return ", ".join([*told, f"{one.crossings[-1].above[0]}x{one.crossings[-1].above[1]} above"]) if told else ""


def kind(one: KeyFrames) -> str:
    """Encodes between which players may switch."""
    return f"{one.label}, {one.clip}" if one.label else one.clip


def keys(one: KeyFrames) -> str:
    """Whether players can switch."""
    if one.aligned:
        many = f"all {one.common} key frames" if one.common > 1 else "the only key frame"
        return f"{many} of {len(one.titles)} encodes at the same times"
    where = "" if one.first_apart is None else f", first at {compare_words.at(one.first_apart)}"
    return f"{one.note or 'key frames are not at the same times'}{where}"


def buffers(points: Sequence[Point]) -> list[Point]:
    """Those that were given a buffer."""
    return [one for one in points if one.encoded.buffer is not None]


def buffer(one: Point) -> str:
    """How it kept within its buffer."""
    held = one.encoded.buffer
    if held is None:
        return ""
    if not held.violations:
        return f"kept, emptiest at {100 * held.lowest:.0f} %"
    frames = f"{held.violations} frame{'s' if held.violations > 1 else ''} too late"
    return f"{frames}, first at {compare_words.at(held.first_at or 0.0)}"


def peak(one: Point) -> str:
    """The window with the most, and how many times the average."""
    made = one.encoded
    if made.peak is None:
        return "–"
    return (
        f"{compare_words.bits(made.peak)} ({made.peak / made.bits_per_second:.1f} times)"
        if made.bits_per_second
        else compare_words.bits(made.peak)
    )


def design(swept: Swept) -> list[tuple[str, str]]:
    """What was done, in pairs of name and value."""
    plan = swept.design
    labels = dict.fromkeys(one.encoded.setting.label for one in swept.points)
    told = [
        ("clips", ", ".join(f"{one.name} ({one.width}x{one.height}, {one.rate:.4g} fps, "
                            f"{compare_words.length(one.seconds)})" for one in plan.clips)),
        ("encoders", ", ".join(labels)), ("encodes", f"{len(swept.points)}"),
        ("quality", ", ".join(compare_words.metric(each) for each in plan.metrics)),
        ("timed", f"{plan.repeats} time{'s' if plan.repeats > 1 else ''} each, "
                  f"{'one at a time' if plan.alone else 'beside others'}"),
        ("threads", str(plan.threads) if plan.threads else "left to the encoder"),
        ("key frames", "as the encoder likes" if plan.gop is None else f"every {plan.gop:g} s"),
    ]  # fmt: skip
    if plan.cores:
        told.append(("cores", str(plan.cores)))
    if plan.prices:
        price = plan.prices
        stored = f", {price.storage_gb_month:g} a GB and month stored for {price.months:g}" * bool(
            price.storage_gb_month
        )
        told.append(("prices", f"{price.cpu_hour:g} {price.currency} a CPU hour, {price.egress_gb:g} a GB delivered"
                               f"{stored}; {price.viewer_hours:g} hours watched of each"))  # fmt: skip
    return [(name, value) for name, value in told if value]
