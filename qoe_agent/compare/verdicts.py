"""What may be said of a comparison in a sentence or two: which is better, by how much, at what bitrate, whether really.

Nobody is crowned where the interval holds zero, where metrics contradict each other, or where bitrates differ in the
direction of quality: more bits for more quality is a trade, and takes a sweep to be judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.compare import footing, ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.shapes import Pair, Tested

ORDER = ("xpsnr_y", "ssim_y", "ssim", "psnr_y")
"""What a verdict is about where there is no VMAF; and what must not contradict it."""
NAMES = {"xpsnr_y": "XPSNR", "ssim_y": "SSIM", "ssim": "SSIM", "psnr_y": "PSNR"}
ALIKE = 0.03
"""Bitrates that differ by less are the same."""
SEEN = 2.0
"""VMAF points that few viewers see (Kah et al., SPIE 11842, 2021: two are imperceptible, six are seen)."""
NOTHING = {"psnr_y": 0.05, "xpsnr_y": 0.05, "ssim_y": 0.0003, "ssim": 0.0003}
"""Differences up to which a metric contradicts no other."""
UNHEARD = 0.045
"""Seconds by which sound may be off unnoticed (ITU-R BT.1359: early 45 ms, late 125 ms)."""
SWEEP = "quality at different bitrates is no ranking: `compare sweep` measures it over rates"


def verdict(tests: Sequence[Tested], pairs: Sequence[Pair]) -> str:
    """The sentences. `pairs`: of all tests, in all metrics."""
    scored = [each for each in tests if not each.refused and each.scores is not None]
    refused = [f"{each.name} was not compared: {_reason(each)}." for each in tests if each.refused]
    metric = primary(scored)
    if metric is None:
        return " ".join(["Nothing could be compared.", *refused])
    ranked = ranking.by_level(scored, metric)
    said = [_alone(ranked[0], metric)] if len(ranked) == 1 else _ranked(ranked, metric, pairs)
    return " ".join([*said, *(line for each in scored for line in _sound(each)), *refused])


def primary(tests: Sequence[Tested]) -> str | None:
    """The metric that a verdict is about: the first VMAF, or what stands in for it."""
    names = list(dict.fromkeys(name for each in tests for name in each.pooled))
    vmaf = [name for name in names if name.startswith("vmaf")]
    return next(iter([*vmaf, *(name for name in ORDER if name in names), *names]), None)


def _reason(test: Tested) -> str:
    """The first, without the test's name before it."""
    said = test.refused[0].rstrip(".")
    path = test.media.path
    if said.startswith(f"{path} against "):
        return said.split(": ", 1)[-1]
    return said.removeprefix(f"{path}: ")


def _alone(test: Tested, metric: str) -> str:
    found = test.pooled[metric]
    if ranking.identical(test):
        return f"{test.name} is identical to the reference, picture by picture."
    return (f"{test.name} has {called(metric)} {number(metric, found.mean)}{_unit(metric)} at {_bits(test)}; its worst "
            f"second has {number(metric, found.min_1s)}, at {found.min_1s_at:.1f} s.")  # fmt: skip


def _ranked(ranked: Sequence[Tested], metric: str, pairs: Sequence[Pair]) -> list[str]:
    first, second = ranked[:2]
    found = ranking.between(first, second, metric, pairs)
    equal = [first, *(each for each in ranked[1:] if ranking.same(ranking.between(first, each, metric, pairs)))]
    if len(equal) > 1:
        said = _equal(equal)
    else:
        said = _pair(found) if found else f"{first.name} and {second.name} have no frames in common to compare by."
    top = {each.name for each in (equal if len(equal) > 1 else ranked[:2])}
    rest = [f"{each.name} {number(metric, each.pooled[metric].mean)} at {_bits(each)}" for each in ranked
            if metric in each.pooled and each.name not in top]  # fmt: skip
    return [said, *([f"Below them: {', '.join(rest)}."] if rest else [])]


def _equal(tests: Sequence[Tested]) -> str:
    names = f"{', '.join(each.name for each in tests[:-1])} and {tests[-1].name}"
    if len({each.media.digest for each in tests}) == 1:
        return f"{names} are the same file, at {_bits(tests[0])}."
    rates = [each.media.video.bits_per_second for each in tests]
    known = [each for each in rates if each]
    alike = len(known) == len(rates) and max(known) <= (1 + ALIKE) * min(known)
    at = _bits(tests[0]) if alike else ", ".join(_bits(each) for each in tests)
    exactly = (
        "are identical to the reference, picture by picture"
        if ranking.identical(tests[0])
        else "score exactly the same"
    )
    return f"{names} {exactly}, at {at}{'' if alike else ' in this order'}."


def _pair(found: ranking.Found) -> str:
    first = found.first
    if footing.elsewhere(found.high, found.low):
        levels = [f"{each.name} {number(first.metric, each.pooled[first.metric].mean)} at {_bits(each)}"
                  for each in (found.high, found.low)]  # fmt: skip
        return (f"{found.high.name} and {found.low.name} were compared with different parts of the reference's "
                f"picture, so their scores do not rank them: {called(first.metric)} {', '.join(levels)}.")  # fmt: skip
    if ranking.identical(found.high) and not ranking.identical(found.low):
        return (f"{found.high.name} is identical to the reference, picture by picture; {found.low.name} is not, "
                f"{_spent(found)}.")  # fmt: skip
    if first.difference == 0 and not first.low and not first.high:
        return f"{first.a} and {first.b} have the same {called(first.metric)}, {_spent(found)}."
    by = f"{_apart(first, found.sign)} {called(first.metric)}"
    if first.low is not None and first.high is not None and first.low <= 0 <= first.high:
        return (f"No difference between {found.low.name} and {found.high.name} can be told from chance: {by}, over "
                f"{first.n_scenes} scenes, {_spent(found)}.")  # fmt: skip
    against = footing.unequal(found.high, found.low, first.metric) or _against(found)
    lead = f"{found.high.name} scores {by} higher than {found.low.name}"
    if against:
        return f"{lead}, but {against}: neither is better. {found.high.name} spends {_rate(found)}.{_only(found)}"
    return f"{lead} {_trade(found)}.{_small(first)}{_only(found)}"


def _trade(found: ranking.Found) -> str:
    """What the higher one pays."""
    bits = found.bits
    if bits is None:
        return "at bitrates that are not known"
    if bits > ALIKE:
        return f"but spends {_rate(found)}; {SWEEP}"
    return f"at the same bitrate ({_bits(found.high)}), and is better" if bits >= -ALIKE else (
        f"and spends {_rate(found)}: it is better")  # fmt: skip


def _rate(found: ranking.Found) -> str:
    bits = found.bits
    if bits is None:
        return "bits that are not known"
    if abs(bits) <= ALIKE:
        return f"as many bits ({_bits(found.high)})"
    share = f"{100 * abs(bits):.0f} %" if abs(bits) < 1 else f"{bits + 1:.1f} times as many"
    more = "" if abs(bits) >= 1 else " more" if bits > 0 else " fewer"
    return f"{share}{more} bits ({_bits(found.high)} against {_bits(found.low)})"


def _spent(found: ranking.Found) -> str:
    bits = found.bits
    if bits is None or abs(bits) <= ALIKE:
        return f"at {_bits(found.high)}"
    less, more = (found.low, found.high) if bits > 0 else (found.high, found.low)
    return f"{less.name} at {_bits(less)}, {more.name} at {_bits(more)}"


def _against(found: ranking.Found) -> str:
    """What contradicts the first metric: NEG where the gain is sharpening's, others where they go the other way (SSIM
    by luma, as all planes together are mostly that)."""
    said = []
    for pair in found.others:
        difference = found.sign * pair.difference
        low, high = (pair.low, pair.high) if found.sign > 0 else (_minus(pair.high), _minus(pair.low))
        if pair.metric.startswith("vmaf[neg"):
            gone = difference <= 0 if low is None else low <= 0
            if gone and abs(found.first.difference) >= SEEN:
                said.append(f"VMAF NEG does not follow ({_signed(pair.metric, difference)}): the gain is sharpening's "
                            "or contrast's, not fidelity's")  # fmt: skip
            elif gone:
                said.append(f"VMAF NEG does not follow ({_signed(pair.metric, difference)})")
        elif pair.metric in ORDER and pair.metric != "ssim" and _contrary(pair.metric, difference, high):
            said.append(f"{called(pair.metric)} says the contrary ({_signed(pair.metric, difference)}"
                        f"{_unit(pair.metric)})")  # fmt: skip
    return ", ".join(dict.fromkeys(said))


def _contrary(metric: str, difference: float, high: float | None) -> bool:
    return difference < -NOTHING[metric] and (high is None or high < 0)


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _only(found: ranking.Found) -> str:
    if found.first.low is not None:
        return ""
    scenes = found.first.n_scenes
    return f" That is for this clip only: {scenes} scene{'s are' if scenes > 1 else ' is'} too few to say more."


def _small(first: Pair) -> str:
    small = first.metric.startswith("vmaf") and abs(first.difference) < SEEN
    return f" Few viewers see less than {SEEN:.0f} points." if small else ""


def _sound(test: Tested) -> list[str]:
    """What is wrong with its sound."""
    found = test.heard
    said: list[str] = []
    if found is None:
        return said
    if found.offset_seconds is not None and found.drift_seconds is not None:
        ends = [found.offset_seconds + sign * found.drift_seconds / 2 for sign in (-1, 1)]
        if max(map(abs, ends)) > UNHEARD:
            shown = " to ".join(f"{round(1000 * each):+d}".replace("-", "−") for each in ends)
            said.append(f"{test.name}: its sound drifts against the picture, from {shown} ms late.")
    elif found.offset_seconds is not None and abs(found.offset_seconds) > UNHEARD:
        word = "late" if found.offset_seconds > 0 else "early"
        said.append(f"{test.name}: its sound is {1000 * abs(found.offset_seconds):.0f} ms {word}.")
    if found.missing_seconds > 0:
        said.append(f"{test.name}: {found.missing_seconds:.1f} s of sound are missing.")
    return said


def called(metric: str) -> str:
    """A metric, for people."""
    if metric.startswith("vmaf["):
        model = metric[5:-1]
        return f"VMAF {'NEG' if model == 'neg' else model}"
    return NAMES.get(metric, metric)


def number(metric: str, value: float) -> str:
    """As many digits as say something."""
    return f"{value:.{4 if 'ssim' in metric else 2 if 'psnr' in metric else 1}f}".replace("-", "−")


def _signed(metric: str, value: float) -> str:
    return ("+" if value >= 0 else "") + number(metric, value)


def _unit(metric: str) -> str:
    return " dB" if "psnr" in metric else ""


def _apart(pair: Pair, sign: int) -> str:
    """The difference and its interval, as the higher one sees it."""
    ends = [number(pair.metric, sign * each) for each in (pair.low, pair.high)[::sign] if each is not None]
    interval = f" [{', '.join(ends)}]" if ends else ""
    return f"{number(pair.metric, abs(pair.difference))}{_unit(pair.metric)}{interval}"


def _bits(test: Tested) -> str:
    bits = test.media.video.bits_per_second
    if bits is None:
        return "an unknown bitrate"
    return bitrate(bits)


def bitrate(bits: float) -> str:
    """A rate in bits per second: 812 kbit/s, 4.02 Mbit/s."""
    return f"{bits / 1e6:.2f} Mbit/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kbit/s"
