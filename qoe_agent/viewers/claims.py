"""What is said in the field about why viewers leave, beside what this audience shows. Pure.

None of the claims has a primary source: they are tested, never repeated as facts. A claim agrees where the whole
interval lies in the range that `design` names, disagrees where the whole interval lies outside, else it is unclear;
without what it takes to tell it is not testable. What heights and startups cause is unclear unless viewers were
assigned to them; stalls and incidents are told beside what would have been without them, and `design` says how that is
known.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qoe_agent.viewers.judging import MINUTES, OBSERVED, claim, percent, share, times, within
from qoe_agent.viewers.proof import DAMAGE, SENSES, Figure, pooled
from qoe_agent.viewers.sayings import NEEDS, SAID
from qoe_agent.viewers.shapes import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.viewers.proof import Material, Pooled


def claims(known: Material) -> tuple[Claim, ...]:
    """All of them, in a fixed order."""
    tests: dict[str, Callable[[Material], Claim | None]] = {
        "hd_retention": _hd, "stall_exit": _stall, "half_in_30s": _half, "three_seconds": _three,
        "connect_600ms": _connect, "first_screen": _startup, "av_unsynced": _unsynced, "av_damage_silent": _silent,
        "message_delay": _talked, "replay_blur": _replayed, "peak_crash": _peaks, "rhythm": _rhythm,
    }  # fmt: skip
    found = {name: test(known) for name, test in tests.items()}
    return tuple(found.get(name) or untestable(name) for name in SAID)


def untestable(name: str) -> Claim:
    """What it would take."""
    return Claim(name, SAID[name], f"not testable here: needs {NEEDS[name]}")


def evalue(ratio: float) -> float:
    """How strongly something unseen must go with both to explain a hazard ratio of a common outcome away.

    VanderWeele and Ding 2017; the ratio of risks approximated from that of hazards.
    """
    ratio = max(ratio, 1 / ratio)
    risk = (1 - math.pow(0.5, math.sqrt(ratio))) / (1 - math.pow(0.5, math.sqrt(1 / ratio)))
    return risk + math.sqrt(risk * (risk - 1))


def _of(known: Material, factor: str, *levels: str) -> dict[str, Figure]:
    """Hazard ratios with an interval, of one factor; all levels, or those named."""
    return {
        one.level: Figure(one.hazard_ratio, one.low, one.high)
        for one in known.hazards
        if one.factor == factor and one.hazard_ratio and one.low and one.high and one.level != "unknown"
        and one.low < one.high and (not levels or one.level in levels)
    }  # fmt: skip


def _reference(known: Material, factor: str) -> str:
    return next((one.level for one in known.hazards if one.factor == factor
                 and one.hazard_ratio == one.low == one.high == 1), "the reference")  # fmt: skip


def _hd(known: Material) -> Claim | None:
    """Randomised arms decide; heights that were met are tied to networks and devices."""
    if known.longer:
        cap, ratio = known.longer
        return claim(
            "hd_retention", f"sessions of arm hd last {percent(ratio)} longer than those of sd, on average, each "
            f"counted up to {cap:,.0f} s", ratio, "restricted mean watch time of arms hd and sd, taken to be assigned "
            "by chance; agrees: 10.3 % or more", within(ratio, 0.103, math.inf),
        )  # fmt: skip
    found = _of(known, "height")
    if not found:
        return None
    reference = _reference(known, "height")
    told = ", ".join(f"{times(each)} at {level}" for level, each in found.items())
    nearest = min(found.values(), key=lambda each: abs(math.log(each.value)))
    limit = nearest.low if nearest.low > 1 else nearest.high if nearest.high < 1 else 1.0
    return claim(
        "hd_retention", f"viewers leave {told} lines times as fast as at {reference}; whatever goes with both height "
        f"and leaving by a risk ratio of {evalue(limit):.2f} could explain the smallest of these away (E-value)",
        nearest, f"exit hazards by height played; {OBSERVED}, above all in their network", "unclear",
    )  # fmt: skip


def _stall(known: Material) -> Claim | None:
    if not known.stalled:
        return None
    last = known.stalled[-1]
    told = ", ".join(f"{percent(each.gone)} within {each.seconds:g} s" for each in known.stalled)
    shown = f"after {last.stalls:,.0f} stalls are gone {told}; "
    design = (
        "exits by time since a stall began, every stall counted (Kaplan–Meier; an exit spread evenly over its "
        "interval), less those expected without it, by the hazard ratio of the 30 s after a stall beside no stall yet; "
        f"{OBSERVED}; agrees: over 70 % are gone within {last.seconds:g} s beyond those who go anyway"
    )
    if last.usual is None or last.excess is None:
        verdict = "disagrees" if last.gone.high < 0.7 else "unclear"
        shown += "how many would have gone without is not known: too few leave without one at the same time watched"
        return claim("stall_exit", shown, last.gone, design, verdict)
    shown += (
        f"{share(last.usual)} would have gone within {last.seconds:g} s without one: a stall adds "
        f"{percent(last.excess)}"
    )
    return claim("stall_exit", shown, last.excess, design, within(last.excess, 0.7, 1.0))


def _half(known: Material) -> Claim | None:
    mark = known.retention.get(30.0)
    if mark is None:
        return None
    gone = Figure(1 - mark.share, 1 - mark.high, 1 - mark.low)
    verdict = within(gone, 0.4, 0.6)
    shown = f"{percent(gone)} are gone after 30 s"
    if known.later:
        shown += f"; from 30 s to 3 min those left go {times(known.later)} times as fast as in the first 30 s"
        faster = within(known.later, 1.0, math.inf)
        verdict = next((word for word in ("disagrees", "unclear") if word in (verdict, faster)), "agrees")
    return claim(
        "half_in_30s", shown, gone,
        "retention curve; agrees: 40 to 60 % are gone after 30 s, and those left go faster until 3 min", verdict,
    )  # fmt: skip


def _three(known: Material) -> Claim | None:
    mark = known.retention.get(3.0)
    if mark is None or known.early is None:
        return None
    gone = Figure(1 - mark.share, 1 - mark.high, 1 - mark.low)
    return claim(
        "three_seconds",
        f"{percent(gone)} are gone after 3 s; until then viewers leave {times(known.early)} times as fast as from 3 "
        "to 30 s", known.early, "hazard by time watched; agrees: at least twice as fast in the first 3 s",
        within(known.early, 2.0, math.inf),
    )  # fmt: skip


def _connect(known: Material) -> Claim | None:
    if known.quick is None:
        return None
    return claim(
        "connect_600ms", f"{percent(known.quick)} of sessions that last 10 s and tell their startup begin in 0.6 s",
        known.quick,
        "startup until the first picture, which is more than a connection; agrees: at least 95 % of sessions",
        within(known.quick, 0.95, 1.0),
    )  # fmt: skip


def _startup(known: Material) -> Claim | None:
    found = _of(known, "startup")
    slow = next((found[level] for level in reversed(found)), None)
    if slow is None:
        return None
    reference = _reference(known, "startup")
    told = ", ".join(f"{times(each)} at {level} s" for level, each in found.items())
    return claim(
        "first_screen", f"once they see a picture, viewers leave {told} times as fast as at {reference} s", slow,
        f"exit hazards by startup time; {OBSERVED}; whoever leaves before the first picture has no startup time",
        "unclear",
    )  # fmt: skip


def _unsynced(known: Material) -> Claim | None:
    found = pooled(known, SENSES)
    if found is None or found.excess is None:
        return _early_or_late(known) or _mixed("av_unsynced", found)
    return claim(
        "av_unsynced", f"{_exits(found.excess)} exits too many at {_number(found, 'time')} of sound out of "
        f"step{_rest(found)}", found.excess,
        "incidents beside who was not struck, or other times of the stream; agrees: above 0",
        within(found.excess, 0.0, math.inf),
    )  # fmt: skip


def _early_or_late(known: Material) -> Claim | None:
    """By what was measured, where there are no incidents that tell."""
    if _reference(known, "av_offset") != "in tolerance":
        return None
    found = {level.removeprefix("sound "): each for level, each in
             _of(known, "av_offset", "sound early", "sound late").items()}  # fmt: skip
    if not found:
        return None
    told = " and ".join(f"{times(each)} while it is {level}" for level, each in found.items())
    verdicts = {within(each, 1.0, math.inf) for each in found.values()}
    return claim(
        "av_unsynced", f"viewers leave {told} times as fast as while sound is in tolerance",
        list(found.values())[-1], "exit hazards by where the probe measured the sound, minute by minute, beyond what "
        f"ITU-R BT.1359-1 calls acceptable; {OBSERVED}, as what else the stream showed then; agrees: each above 1",
        verdicts.pop() if len(verdicts) == 1 else "unclear",
    )  # fmt: skip


def _silent(known: Material) -> Claim | None:
    found = pooled(known, DAMAGE)
    if found is None or found.excess is None:
        return _mixed("av_damage_silent", found)
    return claim(
        "av_damage_silent",
        f"{_exits(found.excess)} exits too many at {_number(found, 'fault')} seen or heard{_rest(found)}; "
        "whether anybody complained is not known", found.excess,
        "incidents beside who was not struck, or other times of the stream; of faults at the same time the longest "
        "counts; silence needs reports of viewers, so the claim stays unclear at best",
        "disagrees" if found.excess.high <= 0 else "unclear",
    )  # fmt: skip


def _replayed(known: Material) -> Claim | None:
    if not known.replays:
        return None
    words = {"startup": "begin after 2 s or more", "height": "are of fewer than 720 lines"}
    told = [f"{percent(one.share)} {words[name]}, {percent(one.more)} (points) more than of others"
            for name, one in known.replays.items()]  # fmt: skip
    verdicts = {within(one.more, 0.0, 1.0) for one in known.replays.values()}
    return claim(
        "replay_blur", "of replays " + "; ".join(told), next(iter(known.replays.values())).more,
        "sessions whose attribute scenario is replay beside all others, of those that last 10 s and tell it; what "
        f"their lines are worth is not in it; {OBSERVED}; agrees: each share is larger than that of others",
        verdicts.pop() if len(verdicts) == 1 else "unclear",
    )  # fmt: skip


def _peaks(known: Material) -> Claim | None:
    if known.crowded is None:
        return None
    return claim(
        "peak_crash", f"where a stream has twice its usual audience or more, sessions fail {times(known.crowded)} "
        "times as often as otherwise; whether those who met it come back is not counted", known.crowded,
        f"exits for an error, minute by minute, beside those to be expected by time watched; {MINUTES}; {OBSERVED}; "
        "agrees: above 1", within(known.crowded, 1.0, math.inf),
    )  # fmt: skip


def _rhythm(known: Material) -> Claim | None:
    if known.paced is None:
        return None
    return claim(
        "rhythm", f"more than 8 min after the last highlight viewers leave {times(known.paced)} times as fast as "
        "until then", known.paced, "exits, minute by minute, beside those to be expected by time watched; "
        f"{MINUTES}; observed, not randomised: highlights may come when something else holds viewers, too; agrees: "
        "above 1", within(known.paced, 1.0, math.inf),
    )  # fmt: skip


def _talked(known: Material) -> Claim | None:
    found = known.talked
    if found is None or found.late is None:
        return None
    shown = (
        f"half of {found.shown:,.0f} messages are shown within {found.middle:.1f} s, 95 % within {found.most:.1f} s, "
    )
    shown += f"{percent(found.late)} later than 2 s"
    if found.lost is not None:
        shown += f"; {percent(found.lost)} of {found.sent:,.0f} that were sent are shown to nobody"
    else:
        shown += "; how many are lost is not known: players do not tell it, or too few users send"
    design = (
        "exit hazards by the messages of the last 30 s, time watched and stalls held fixed; late: shown over 2 s after "
        "it was sent (of clocks set right by their reports' arrival); lost: in 10 s nobody was shown it, which its "
        f"sender meets; {OBSERVED}, above all in their network; agrees: above 1"
    )
    if found.ratio is None:
        return claim("message_delay", f"{shown}; whether viewers leave after these is not known: {found.why}",
                      found.late, design, "unclear")  # fmt: skip
    shown += f"; after a late or lost one viewers leave {times(found.ratio)} times as fast as after one in time"
    return claim("message_delay", shown, found.ratio, design, within(found.ratio, 1.0, math.inf))


def _mixed(name: str, found: Pooled | None) -> Claim | None:
    if found is None:
        return None
    many = f"of its {found.left_out} incidents each" if found.left_out > 1 else "its incident"
    return Claim(name, SAID[name], f"not testable here: needs incidents of their own; {many} met others in time")


def _number(found: Pooled, name: str) -> str:
    return f"{found.incidents} {name}{'s' * (found.incidents != 1)}"


def _rest(found: Pooled) -> str:
    return f" ({found.left_out} left out: others struck at the same time)" if found.left_out else ""


def _exits(found: Figure) -> str:
    return f"{found.value:.0f} [{found.low:.0f}, {found.high:.0f}]".replace("-", "−")
