"""The publishers of a soak, in a process of their own: `python -m tests.soak.shows COUNT URL`, orders on its input.

Each order is a line of JSON, {"show": 1, "do": "stall", "seconds": 8}; each line of output is one, too: what happened.
`{}` in the URL is the show's number.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import threading
from time import monotonic, sleep

from qoe_agent import clock
from qoe_agent.demo.faults import Fault
from qoe_agent.demo.programme import Programme
from tests.e2e.publisher import Publisher

RATE = 10
LATE = 0.2
"""Seconds between two pictures beyond which it is said that the publisher itself was late."""
FAULTS = {"stall": "stall", "resolution": "resolution_drop", "black": "black", "silence": "silence"}


def say(**what: object) -> None:
    """Tell the soak."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Show:
    """One publisher, that comes and goes."""

    def __init__(self, number: int, url: str) -> None:
        self.number, self._url = number, url
        self._publisher: Publisher | None = None
        self._last: list[float] = []
        """When the last picture left."""
        self._quiet = 0.0
        """Until when gaps are ordered."""

    def begin(self) -> None:
        for _ in range(20):
            try:
                made = Publisher(self._url, Programme(width=320, height=180, rate=RATE))
            except OSError:
                sleep(0.5)  # the server still has the one before
                continue
            self._publisher, self._last = made.__enter__(), []
            self._quiet = monotonic() + 2.0
            return
        say(trouble="it cannot be published", show=self.number, at=monotonic())

    def end(self) -> None:
        made, self._publisher = self._publisher, None
        if made:
            try:
                made.kill()
            except OSError as error:
                say(trouble=str(error), show=self.number, at=monotonic())

    def order(self, what: str, seconds: float) -> None:
        if what == "begin":
            self.begin()
        elif what == "end":
            self.end()
        elif self._publisher:
            self._publisher.inject(Fault(FAULTS[what], 0.2, seconds))  # type: ignore[arg-type]
            if what == "stall":
                self._quiet = monotonic() + seconds + 2.0

    def look(self) -> None:
        """Say if it was late by itself, or ended."""
        made = self._publisher
        if made is None:
            return
        sent, made.log = made.log, []
        times = [*self._last, *(packet.at for packet in sent if packet.kind == "video")]
        self._last = times[-1:]
        for before, after in itertools.pairwise(times):
            if after - before > LATE and monotonic() > self._quiet:
                at = after - (clock.now() - monotonic())
                say(late=round(after - before, 2), show=self.number, at=at)
        if made.failure:
            say(trouble=str(made.failure), show=self.number, at=monotonic())
            made.failure = None
            self.end()
            self.begin()


def main() -> None:
    with contextlib.suppress(OSError):  # so that they are seldom late by themselves; it takes a privilege
        os.nice(-10)
    shows = [Show(number, sys.argv[2].format(number)) for number in range(int(sys.argv[1]))]
    lock = threading.Lock()
    for show in shows:
        show.begin()
    say(ready=len(shows))

    def look() -> None:
        while True:
            sleep(2.0)
            with lock:
                for show in shows:
                    show.look()

    threading.Thread(target=look, daemon=True).start()
    for line in sys.stdin:
        order = json.loads(line)
        with lock:
            shows[order["show"]].order(order["do"], order.get("seconds", 0.0))
    for show in shows:
        show.end()


if __name__ == "__main__":
    main()
