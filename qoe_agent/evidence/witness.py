"""One stream's eye for evidence: opens a case when an incident does, gathers some seconds more, hands it over."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from qoe_agent import clock
from qoe_agent.evidence.case import Case
from qoe_agent.model import Answer, Format, Lost, Opened, Packet, Playlist, Tick

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.evidence.keeper import Keeper
    from qoe_agent.model import Incident, Observation
    from qoe_agent.ring import Ring
    from qoe_agent.sink import Key

BEFORE, AFTER = 10.0, 5.0
"""Seconds of packets from before an incident was told, as far as the ring reaches, and from after."""
APART = 30.0
"""Seconds between two cases of one stream."""
LARGEST = 16 << 20
"""Bytes of packets that one case gathers after it was opened."""
KNOWN = 100
"""Incidents that are remembered."""
LINES = 40
"""Of the stream's log."""
PLAYLISTS = 3
"""The latest of a track, when a case is opened and when it is complete."""
MOST_ANSWERS = 16
"""Kinds and tracks of which answers are remembered."""


class Witness:
    """Asked by the stream's session; costs nothing while nothing is wrong."""

    __slots__ = (
        "_answers", "_bare", "_case", "_closed", "_keeper", "_key", "_known", "_last", "_lines", "_policy", "_ring",
        "_seen",
    )  # fmt: skip

    def __init__(
        self,
        key: Key,
        policy: Literal["full", "thumbnail", "off"],
        ring: Ring,
        keeper: Keeper | None,
        *,
        bare: bool = False,
    ) -> None:
        """`bare`: nothing of the stream is to be decoded."""
        self._key, self._policy, self._ring, self._keeper, self._bare = key, policy, ring, keeper, bare
        self._case: Case | None = None
        self._known: deque[tuple[str, str, float]] = deque(maxlen=KNOWN)
        """Incidents that were told of lately: each has one chance to open a case."""
        self._closed = False
        self._last = float("-inf")
        """When the last case was opened."""
        self._lines: deque[tuple[float, str]] = deque(maxlen=LINES)
        self._seen: dict[str, Observation] = {}
        self._answers: dict[tuple[str, int], deque[Answer]] = {}

    def line(self, text: str) -> None:
        """The stream's log says something."""
        self._lines.append((clock.now(), text))

    def see(self, seen: Observation) -> None:
        """Every observation: packets, while a case is open; how the stream is pulled; that a second has passed."""
        if isinstance(seen, Packet):
            case = self._case
            if case is not None:
                case.gather(seen, LARGEST)
        elif isinstance(seen, Tick):
            if self._case is not None and seen.at >= self._case.opened + AFTER:
                self._hand_over(self._case)
        elif isinstance(seen, Format):
            if self._case is not None:
                self._case.format(seen)
        elif isinstance(seen, Answer):
            self._answer(seen)
        elif isinstance(seen, Opened | Playlist | Lost):
            self._seen[type(seen).__name__.lower()] = seen

    def _answer(self, seen: Answer) -> None:
        which = seen.kind, seen.track
        if which in self._answers or len(self._answers) < MOST_ANSWERS:
            kept = self._answers.setdefault(which, deque(maxlen=PLAYLISTS if seen.kind == "playlist" else 1))
            kept.append(seen)

    def told(self, incident: Incident, now: float) -> None:
        """An incident opened, changed or ended."""
        if self._policy == "off" or self._keeper is None or incident.severity == "info":
            return
        identity = incident.kind, incident.key, incident.start
        new = identity not in self._known
        if new:
            self._known.append(identity)
        if self._case is not None:
            self._case.take(incident)
            return
        if self._closed or not new:
            return
        fresh = incident.end is None or now - incident.end <= BEFORE
        if not fresh or now - self._last < APART or not self._keeper.opens():
            return
        self._last = now
        packets = list(_since_key(self._ring, now - BEFORE))
        formats, clip = dict(self._ring.formats), self._policy == "full"
        self._case = Case(self._key, now, {}, formats, packets, clip=clip, bare=self._bare)
        self._case.answers = self._answered()
        self._case.take(incident)

    def close(self) -> None:
        """The stream is no longer watched: what there is is all that there will be."""
        self._closed = True
        if self._case is not None:
            self._hand_over(self._case)

    def _hand_over(self, case: Case) -> None:
        """The case has all that it waited for."""
        assert self._keeper is not None
        self._case = None
        case.answers = sorted({*case.answers, *self._answered()}, key=lambda seen: seen.at)
        case.facts = {
            "pull": {name: _plain(seen) for name, seen in self._seen.items()},
            "log": [{"at": clock.wall(at), "line": line} for at, line in self._lines],
        }
        self._keeper.keep(case)

    def _answered(self) -> list[Answer]:
        return [seen for kept in self._answers.values() for seen in kept]


def _since_key(ring: Ring, since: float) -> Iterable[Packet]:
    """What arrived since then, from the key frame before on."""
    packets = list(ring)
    starts = [n for n, seen in enumerate(packets) if seen.key and seen.kind == "video"] or [0]
    first = max((n for n in starts if packets and packets[n].at <= since), default=starts[0])
    return packets[first:]


def _plain(seen: Any) -> dict[str, Any]:
    """An observation in plain values, with times as the world counts them."""
    said = asdict(seen)
    return {name: clock.wall(value) if name in ("at", "requested") else value for name, value in said.items()}
