"""What goes wrong in a soak, and when: a function of the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

SHOWS = {
    # what happens to a publisher: seconds that it lasts, seconds until all is well again
    "stall": (14.0, 30.0),
    "vanish": (20.0, 30.0),
    "flap": (24.0, 30.0),
    "resolution": (14.0, 20.0),
    "black": (22.0, 20.0),
    "silence": (14.0, 20.0),
}
AGENTS = {
    # what happens to the agent or its machine
    "kill": (1.0, 20.0),
    "stop": (1.0, 25.0),
    "pause": (3.0, 15.0),
    "files_workers": (20.0, 25.0),
    "files_agent": (15.0, 25.0),
    "disk_full": (15.0, 15.0),
    "clock_forward": (20.0, 10.0),
    "clock_backward": (20.0, 10.0),
    "dns_mute": (30.0, 35.0),
    "dns_gone": (20.0, 35.0),
    "reloads": (15.0, 15.0),
    "together": (25.0, 60.0),
}
MEANING = {
    "stall": "a publisher sends nothing, and its media clock stands",
    "vanish": "a publisher's connection is reset; it comes back",
    "flap": "a publisher comes and goes every few seconds",
    "resolution": "half the width and height, and back",
    "black": "a black picture",
    "silence": "no sound",
    "kill": "SIGKILL to a worker",
    "stop": "SIGSTOP to a worker, for good",
    "pause": "SIGSTOP to a worker, SIGCONT three seconds later",
    "files_workers": "workers may open no more files (RLIMIT_NOFILE), while a publisher is reset",
    "files_agent": "the agent's own process may open no more files, while a worker is killed",
    "disk_full": "no space left where the agent logs, records, and keeps evidence, alerts' state and dead letters",
    "clock_forward": "the wall clock an hour ahead, then back",
    "clock_backward": "the wall clock two hours back, then right again",
    "dns_mute": "the name server does not answer, while a publisher is reset",
    "dns_gone": "the name server denies all names, while a publisher is reset",
    "reloads": "dozens of reloads (SIGHUP, /-/reload, one of a broken file), streams that come and go",
    "together": "a worker killed, reloads, a publisher reset, the clock stepped, all at once",
}
CONTROL = 0
"""The show to which nothing is done."""
NAMED = 1
"""The show that is also pulled by host name, and that is reset while others look at names or files."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to go wrong."""

    kind: str
    start: float
    """Seconds after the beginning."""
    seconds: float
    until: float
    """Seconds after the beginning at which all must be well again."""
    show: int | None = None
    """The publisher; None: the agent."""


def plan(seed: int, seconds: float, shows: int, kinds: frozenset[str] | None = None) -> list[Fault]:
    """Round after round of everything in a new order, as far as it fits; faults of two publishers share their time."""
    chance, found, at = random.Random(seed), list[Fault](), 0.0
    while True:
        pairs = [kind for kind in SHOWS if kinds is None or kind in kinds]
        chance.shuffle(pairs)
        rounds = [tuple(pairs[n : n + 2]) for n in range(0, len(pairs), 2)]
        rounds += [(kind,) for kind in AGENTS if kinds is None or kind in kinds]
        chance.shuffle(rounds)
        if not rounds:
            return found
        for slot in rounds:
            targets = chance.sample(range(CONTROL + 1, shows), min(len(slot), shows - CONTROL - 1))
            made = []
            for kind, show in zip(slot, targets if slot[0] in SHOWS else [None], strict=False):
                lasts, settles = (SHOWS | AGENTS)[kind]
                lasts *= chance.uniform(1.0, 1.2) if lasts > 3.0 else 1.0
                made.append(Fault(kind, at, lasts, at + lasts + settles, show))
            if max(fault.until for fault in made) > seconds:
                return found
            found += made
            at = max(fault.until for fault in made)
