"""Events to disk, once each as far as is known here, and then to the live figures."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.viewers import pseudonyms
from qoe_agent.viewers.events import encoded
from qoe_agent.viewers.facts.log import Busy, Log
from qoe_agent.viewers.facts.writer import Full, Refused, Taken
from qoe_agent.viewers.ingest import bodies, meter
from qoe_agent.viewers.ingest.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.config import Ingest
    from qoe_agent.viewers.events import ViewerEvent
    from qoe_agent.viewers.ingest.live import Live
    from qoe_agent.viewers.ingest.whose import Whose
    from qoe_agent.viewers.pseudonyms import Ring

log = logging.getLogger(__name__)

REMEMBERED = 250_000
"""Events of which it is known that they are stored, in each of two generations; what repeats older ones is found when
the log is compacted."""
PLAYING = "playing.json"


class Recent:
    """Keys of the latest events."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._now: set[int] = set()
        self._before: set[int] = set()

    def __contains__(self, key: int) -> bool:
        return key in self._now or key in self._before

    def add(self, key: int) -> None:
        """Remember it."""
        if len(self._now) >= self._most:
            self._now, self._before = set(), self._now
        self._now.add(key)


class Store:
    """The log of a folder, opened as soon as it can be; until then all is refused."""

    def __init__(self, options: Ingest, live: Live) -> None:
        assert options.folder is not None
        self._folder, self._ring_path = Path(options.folder), Path(options.ring)
        self.live, self.playing = live, Remembering()
        self.ring: Ring | None = None
        self._log: Log | None = None
        self._recent = Recent()
        self._why = ""
        self._saving, self._full = 0.0, False

    @property
    def ready(self) -> bool:
        """Whether events can be stored."""
        return self._log is not None

    def open(self) -> bool:
        """Open the log, if it is not; whether it is now. What stands in the way is logged once."""
        if self._log is not None:
            return True
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.ring = pseudonyms.create(self._ring_path)
            self._log = Log(self._folder)
        except (OSError, Taken, pseudonyms.BadRing) as error:
            why = f"{self._folder}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            if why != self._why:
                log.error("viewers' events are refused: %s", why)
            self._why = why
            return False
        self._why = ""
        with contextlib.suppress(OSError):
            self.playing.load(self._folder / PLAYING)
        return True

    async def put(self, events: Sequence[ViewerEvent], whose: Whose, source: str, told: bool) -> None:
        """Have them on disk. Refused: none of them is."""
        fresh = [each for each in events if each.key not in self._recent]
        sums, now = self.live.sums, clock.now()
        if len(fresh) < len(events):
            sums.count(meter.REPEATED, None, (source,), len(events) - len(fresh))
        if not fresh:
            return
        if self._log is None:
            raise Refused("the log is not open")
        matched = [self._match(each, whose, told) for each in fresh]
        fresh = [each if stream is None or stream == each.stream else each._replace(stream=stream)
                 for each, stream in zip(fresh, matched, strict=True)]  # fmt: skip
        try:
            await self._log.append([encoded(fresh)])
        except Full:
            self._full = True
            raise
        for kind, count in bodies.kinds(fresh).items():
            sums.count(meter.EVENTS, None, (source, kind), count)
        for each, stream in zip(fresh, matched, strict=True):
            if each.key in self._recent:
                continue  # twice at the same moment
            self._recent.add(each.key)
            if stream or each.stream is None:
                self.live.take(each, stream, now, told)
        if strangers := sum(stream is None and each.stream is not None
                            for each, stream in zip(fresh, matched, strict=True)):  # fmt: skip
            sums.count(meter.UNMATCHED, None, (source,), strangers)

    @staticmethod
    def _match(event: ViewerEvent, whose: Whose, told: bool) -> str | None:
        if event.stream is None:
            return None
        return (whose.path(event.stream) if told else None) or whose.content(event.stream)

    async def turn(self) -> None:
        """Every second: close a segment whose time has come, note who plays."""
        if self._log is None:
            return
        try:
            if self._full:  # what is closed can be compacted, which makes room
                self._full = False
                await self._log.rotate()
            await self._log.turn()
        except Refused as error:
            log.error("facts: %s", error)
        if clock.now() >= self._saving:
            begun = clock.now()
            self._save()
            self._saving = clock.now() + max(5.0, 50 * (clock.now() - begun))

    def _save(self) -> None:
        try:
            self.playing.save(self._folder / PLAYING)
        except OSError as error:
            log.warning("%s cannot be written: %s", PLAYING, error.strerror or error)

    async def close(self) -> None:
        """Write what waits."""
        if self._log is not None:
            self._save()
            await self._log.close()


def reason(refused: Refused) -> str:
    """Why, in a word."""
    return "busy" if isinstance(refused, Busy) else "full" if isinstance(refused, Full) else "disk"
