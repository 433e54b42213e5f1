"""Reports in words: plain JSON events, and event records of CMCD version 2 (CTA-5004-B)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.audience import reports as said
from qoe_agent.viewers.audience.people import WORDS
from qoe_agent.viewers.audience.seen import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.audience.reports import Reports

CHUNK = 50_000
KINDS = ("join", "heartbeat", "heartbeat", "stall", "heartbeat", "order", "message_sent", "message_shown", "leave",
         "leave")  # fmt: skip
CAUSES = ("quit", "failed", "backgrounded", "switched")
BITRATES = {360: 800, 540: 1400, 720: 2800, 1080: 5000}
"""Kilobits a second by height."""
PLAIN = ("region", "device", "cdn")
EXPERIMENT = "quality"
FAILURE = "3016"
_EVENTS = ("ps", "ps", "t", "ps", "ps", "ce", "ce", "ce", "ps", "ps")
_STATES = ("s", "p", "r", "e")
_NAMES = ("order", "message_sent", "message_shown")


class _Sessions:
    """What is said of a session again and again, as Python's own values."""

    def __init__(self, reports: Reports) -> None:
        plan, people = reports.fates.plan, reports.fates.people
        self.names, self.users, self.streams = names(reports.fates).values()
        self.heights = people.height.tolist()
        self.latencies = people.latency.round(3).tolist()
        self.startups = people.startup.round(3).tolist()
        self.causes = reports.fates.cause.tolist()
        self.intervals = reports.interval.tolist()
        self.words = {name: people.word(name).tolist() for name in WORDS}
        self.begins = plan.begins


def _listed(reports: Reports) -> Iterator[tuple[int, int, int, float, float, float, int, int, float, int]]:
    columns = (reports.session, reports.what, reports.sn, reports.true, reports.at, reports.arrival, reports.state,
               reports.stalls, reports.stalled, reports.number)  # fmt: skip
    for low in range(0, len(reports), CHUNK):
        yield from zip(*(each[low : low + CHUNK].tolist() for each in columns), strict=True)


def plain(reports: Reports) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """(arrival, session, event by the plain schema), as they arrive."""
    of, worth = _Sessions(reports), reports.worth.tolist()
    for who, what, sn, true, at, arrival, state, stalls, stalled, number in _listed(reports):
        event: dict[str, Any] = {
            "at": round(at, 3), "kind": KINDS[what], "session": of.names[who], "sn": sn, "user": of.users[who],
            "stream": of.streams[who],
        }  # fmt: skip
        if what == said.LEAVE:
            event["cause"] = CAUSES[of.causes[who]]
            if event["cause"] == "failed":
                event["error"] = FAILURE
        elif what == said.ENDED:
            event |= {"cause": "ended", "state": "ended"}
        else:
            event["state"] = said.STATES[state]
        if what == said.JOIN:
            event |= {name: of.words[name][who] for name in PLAIN}
            event |= {"interval_seconds": of.intervals[who], "experiment": EXPERIMENT, "arm": of.words["arm"][who]}
            event["attributes"] = {name: of.words[name][who] for name in ("stage", "tier", "behaviour")}
        elif what == said.STARTED:
            event |= {"startup_seconds": of.startups[who], "height": of.heights[who],
                      "bytes_per_second": BITRATES[of.heights[who]] * 125}  # fmt: skip
        if what in (said.STARTED, said.BEAT, said.RESUMED) and state:
            media = round(of.begins + true - of.latencies[who], 3)
            event |= {"latency_seconds": of.latencies[who], "media_at": media}
        if what in (said.BEAT, said.STALL, said.RESUMED):
            event |= {"stalls_total": stalls, "stalled_total_seconds": round(stalled, 3)}
        elif what == said.ORDER:
            event |= {"value": worth[number], "currency": "EUR"}
        elif what in (said.SENT, said.SHOWN):
            event["message"] = f"m{number}"
        yield arrival, of.names[who], event


def cmcd(reports: Reports) -> Iterator[tuple[float, str, str]]:
    """(arrival, session, record), as they arrive; keys as the reference library orders them."""
    of, worth = _Sessions(reports), reports.worth.tolist()
    custom = {name: [f'com.qoe-{name}="{value}"' for value in of.words[name]] for name in ("arm", "region", "device")}
    for who, what, sn, true, at, arrival, state, stalls, stalled, number in _listed(reports):
        keys = [f"br=({BITRATES[of.heights[who]]})"]
        if stalls and state:
            keys += [f"bsa=({stalls})", f"bsda=({round(stalled * 1000)})"]
        if said.ORDER <= what <= said.SHOWN:
            keys.append(f'cen="{_NAMES[what - said.ORDER]}"')
        keys += [f'cid="{of.streams[who]}"', custom["arm"][who]]
        if what == said.ORDER:
            keys.append('com.qoe-currency="EUR"')
        keys += [custom["device"][who], f'com.qoe-experiment="{EXPERIMENT}"']
        keys.append(f'com.qoe-height="{of.heights[who]}"')
        if what in (said.SENT, said.SHOWN):
            keys.append(f'com.qoe-message="m{number}"')
        keys += [custom["region"][who], f'com.qoe-user="{of.users[who]}"']
        if what == said.ORDER:
            keys.append(f'com.qoe-value="{worth[number]}"')
        failed = what == said.LEAVE and CAUSES[of.causes[who]] == "failed"
        keys.append(f"e={_EVENTS[what]}")
        keys += [f'ec=("{FAILURE}")'] if failed else []
        keys.append(f'h="{of.words["cdn"][who]}"')
        if state:
            keys.append(f"ltc={round(of.latencies[who] * 1000)}")
            keys += [f"msd={round(of.startups[who] * 1000)}"] if what == said.STARTED else []
            keys.append(f"pt={round((of.begins + true - of.latencies[who]) * 1000)}")
        now = "f" if failed else "q" if what == said.LEAVE else _STATES[state]
        keys += [f'sid="{of.names[who]}"', f"sn={sn}", f"sta={now}", f"ts={round(at * 1000)}", "v=2"]
        yield arrival, of.names[who], ",".join(keys)
