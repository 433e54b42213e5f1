"""What a soak found, as a value for machines and as text for people."""

from __future__ import annotations

from statistics import quantiles
from typing import TYPE_CHECKING, Any

from tests.soak import judge
from tests.soak.plan import MEANING

if TYPE_CHECKING:
    from tests.soak.inject import Injector
    from tests.soak.judge import Late
    from tests.soak.seen import Seen

STOPPED = 5.0
"""Seconds in which the agent must end."""
MORE = 0.1
"""Share of files or threads more at the end than at the beginning that is no growth: fresh pulls come and go."""


def made(
    injector: Injector, seen: Seen, late: list[Late], skipped: dict[str, str], ended: dict[str, Any] | None, warm: float
) -> dict[str, Any]:
    """The document; `broken` is empty if all promises held. `ended`: how the agent did; None: it still runs."""
    faults, broken = injector.injected, [*injector.broken]
    rows: list[dict[str, Any]] = []
    for fault in faults:
        missed, left_out = judge.missed(fault, seen.events), list[str]()
        if fault.kind in judge.DECODED and any(judge.covers(fault, at) for at in seen.overloaded):
            missed, left_out = left_out, missed
        rows.append({
            "kind": fault.kind, "start": round(fault.start, 1), "seconds": round(fault.end - fault.start, 1),
            "streams": len(fault.streams), "missed": missed, "left_out": left_out,
        })  # fmt: skip
        broken += [f"{fault.kind} at {fault.start:.0f} s: not found on {', '.join(missed)}"] if missed else []
    playing = [event for event in seen.events if event.stream in seen.watched or not event.stream]
    causes, contended = [*faults, *injector.doing], seen.machine.contended
    invented = [
        event
        for event in judge.invented(causes, playing, late)
        if event.kind != "agent_overloaded" or not contended(event.at - 10.0, event.at)
    ]
    echoes = judge.echoes(faults, invented, seen.stalled)
    invented = [event for event in invented if event not in echoes]
    broken += [f"invented: {_told(event, seen)}" for event in invented]
    silent = judge.unexplained(causes, seen.gaps, late)
    broken += [f"no packets of {gap.stream} from {gap.start:.0f} s to {gap.end:.0f} s" for gap in silent]
    broken += [f"a counter went down: {line}" for line in seen.backwards]
    broken += seen.bugs()
    broken += [f"zombies: {sorted(seen.zombies)}"] if seen.zombies else []
    grown = growth(seen, warm, broken)
    broken += _ending(ended) if ended else []
    ordered = quantiles(seen.took, n=100) if len(seen.took) > 1 else []
    return {
        "seconds": round(seen.now()), "streams": len(seen.watched), "injected": rows, "not_injected": skipped,
        "excused": len(judge.invented(causes, playing)) - len(invented) - len(echoes),
        "echoes": [_told(event, seen) for event in echoes],
        "invented": [event._asdict() for event in invented], "silent": [gap._asdict() for gap in silent],
        "measured_again": injector.times, "growth": grown, "zombies": len(seen.zombies), "ended": ended,
        "scrapes": {
            "count": len(seen.took), "unanswered": seen.unanswered,
            "p99_seconds": round(ordered[98], 3) if ordered else None,
            "worst_seconds": round(max([0.0, *seen.took]), 3),
        },
        "starved": _often(seen.machine.starved), "sluggish": _often(seen.machine.sluggish),
        "processors": seen.machine.summary(warm),
        "joins": dict(seen.joins), "broken": broken,
    }  # fmt: skip


def _often(times: list[tuple[float, float]]) -> dict[str, float]:
    return {"times": len(times), "seconds": round(sum(seconds for _, seconds in times), 1)}


def status(document: dict[str, Any]) -> int:
    """The exit status: 0: all promises held, 1: not all, 2: they did, but it was cut short."""
    return 1 if document["broken"] else 2 if document["cut"] else 0


def _ending(ended: dict[str, Any]) -> list[str]:
    slow = ended["seconds"] is None or ended["seconds"] > STOPPED
    found = [f"the agent took {ended['seconds']} s to end"] if slow else []
    found += [f"the agent ended with status {ended['status']}"] if ended["status"] else []
    return found + ([f"left behind: {ended['orphans']}"] if ended["orphans"] else [])


def _told(event: judge.Event, seen: Seen) -> str:
    said = f"{event.kind} on {event.stream or 'the agent'} at {event.at:.0f} s"
    long = seen.stalled(event.stream, event.at - 1.5, event.at + 5.0) if event.kind == "stall" else 0.0
    return f"{said}, {long:.3f} s long" if long else said


def growth(seen: Seen, warm: float, broken: list[str]) -> dict[str, Any]:
    """Memory by halves, files and threads by quarters."""
    found: dict[str, Any] = {}
    for name, samples in (("memory", seen.memory), ("parent_memory", seen.parent)):
        pair, share = judge.halves(samples, warm), judge.grew(samples, warm)
        found[name] = None if pair is None else {"first": round(pair[0]), "last": round(pair[1]), "share": share}
        if share is not None and share > judge.GROWTH:
            broken.append(f"{name} grew by {share:.1%} from the first to the last half")
    for name, samples in (("files", seen.files), ("threads", seen.threads)):
        ends = judge.counted(samples, warm)
        found[name] = None if ends is None else {"first": ends[0], "last": ends[1]}
        if ends and ends[1] > ends[0] * (1.0 + MORE):
            broken.append(f"{name} grew from {ends[0]:g} to {ends[1]:g}")
    return found


def text(said: dict[str, Any]) -> str:
    """For people."""
    lines = [f"{said['seconds']} s, {said['streams']} playing streams", "", "injected:"]
    kinds = sorted({row["kind"] for row in said["injected"]})
    for kind in kinds:
        rows = [row for row in said["injected"] if row["kind"] == kind]
        asked = sum(row["streams"] for row in rows) if kind in judge.EXPECTED else 0
        lost = sum(len(row["missed"] + row["left_out"]) for row in rows)
        lines.append(
            f"  {kind:14} {len(rows):3} x  {f'found on {asked - lost} of {asked} streams' if asked else '':32} "
            f"{MEANING[kind]}"
        )
    lines += [f"  not injected: {kind}: {why}" for kind, why in said["not_injected"].items()]
    starved, sluggish, had = said["starved"], said["sluggish"], said["processors"]
    lines += [
        f"the machine was too busy {starved['times']} times, {starved['seconds']} s in all; nginx let requests wait "
        f"{sluggish['times']} times, {sluggish['seconds']} s in all",
        f"processors after the warm-up: agent {had['agent']}, with servers {had['ours']}, other programs "
        f"{had['others']}; {had['waited']} of the agent's threads waited for one; it was contended for a share of "
        f"{had['contended']} of the time: there overload and the start of workers are not judged",
    ]
    lines += [f"incidents explained by that, or by a publisher that was late by itself: {said['excused']}"]
    lines += [
        f"stalls of players of segments that had run dry in a fault before and had little ahead since, at most "
        f"{judge.ECHO:g} s in all after each: {len(said['echoes'])}",
        *(f"  {line}" for line in said["echoes"]),
    ]
    lines += [f"invented incidents: {len(said['invented'])}", f"unexplained silences: {len(said['silent'])}"]
    for kind, times in said["measured_again"].items():
        lines.append(f"measured again after {kind}: {', '.join(f'{one:g}' for one in times)} s")
    for name, pair in said["growth"].items():
        if pair is None:
            lines.append(f"{name}: too short to say")
        elif "share" in pair:
            lines.append(
                f"{name}: {pair['first'] / 1e6:.1f} MB, then {pair['last'] / 1e6:.1f} MB ({pair['share']:+.1%})"
            )
        else:
            lines.append(f"{name}: {pair['first']:g}, then {pair['last']:g}")
    scrapes, ended = said["scrapes"], said["ended"]
    lines.append(f"scrapes: {scrapes['count']}, {scrapes['unanswered']} unanswered, 99 % in {scrapes['p99_seconds']} s")
    if ended:
        lines.append(f"ended in {ended['seconds']} s, status {ended['status']}, left: {len(ended['orphans'])}")
    lines.append(f"zombies: {said['zombies']}; joins: {judge.summary(said['joins'])}")
    lines += ["", *(f"BROKEN: {line}" for line in said["broken"])]
    lines += [f"CUT SHORT: {said['cut']}"] if said["cut"] else []
    lines += ["it goes on"] if not ended else []
    return "\n".join(lines if said["broken"] or said["cut"] else [*lines, "all promises held"])
