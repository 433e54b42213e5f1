"""Is it me? What becomes of content incidents while the agent itself is overloaded (`maths.overload`).

An incident is about content when its probe looks at pictures or sound. The rule, at level

- 1 and above: it is told with the detail `agent_overloaded: true`, whether it begins, changes or ends, so that
  nobody is woken by it. One that is still open when the level is back at 0 is told again, without.
- 3 and above (4, for probes of sound alone): too little is seen and heard to tell a fault from chance. None begins
  that has not lasted for a minute, which is three pictures or twelve stretches of sound more; what ends before is not
  told at all. What was held back and is still open when the level falls is told then, as of its start. What was open
  before goes on, and ends as ever.

Incidents that packets tell, whoever reports them, are only marked. Metrics are as they are: they count what was seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from qoe_agent.maths.overload import HUSHED, RARE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.model import Incident

_Name: TypeAlias = tuple[str, str, float]

PACKETS_TELL = frozenset({"audio_missing", "damage"})
"""Kinds of probes that look or listen, but need no picture or sound for these."""
LASTS = 60.0
"""Seconds after which an incident is told however little was seen of it."""
MARK = "agent_overloaded"


class Doubt:
    """One probe's incidents of one stream, on their way to the board."""

    def __init__(self, *, pictures: bool) -> None:
        """`pictures`: the probe looks at pictures; otherwise it listens to sound alone."""
        self._thin = RARE if pictures else HUSHED
        self._open: dict[_Name, Incident] = {}
        """Told, and not over."""
        self._marked: set[_Name] = set()
        self._held: dict[_Name, Incident] = {}

    def take(self, found: Incident, level: int) -> Iterator[Incident]:
        """The probe reports it: what is told."""
        name = found.kind, found.key, found.start
        thin = level >= self._thin and name not in self._open and found.kind not in PACKETS_TELL
        if not thin:
            yield self._tell(found, level)
        elif found.end is None:
            self._held[name] = found
        elif found.end - found.start >= LASTS:
            yield self._tell(found, level)
        else:
            self._held.pop(name, None)

    def passed(self, level: int, now: float) -> Iterator[Incident]:
        """A second has passed: what is told by now, and what no longer is in doubt."""
        for found in list(self._held.values()):
            if level < self._thin or now - found.start >= LASTS:
                yield self._tell(found, level)
        if not level:
            for name in sorted(self._marked):
                yield self._open[name]
            self._marked.clear()

    def forget(self) -> None:
        """The probe is out, or the stream is no longer watched."""
        self._open.clear()
        self._marked.clear()
        self._held.clear()

    def _tell(self, found: Incident, level: int) -> Incident:
        name = found.kind, found.key, found.start
        self._held.pop(name, None)
        self._open.pop(name, None)
        self._marked.discard(name)
        if found.end is None:
            self._open[name] = found
            if level:
                self._marked.add(name)
        return replace(found, detail={**found.detail, MARK: True}) if level else found
