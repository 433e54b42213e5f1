"""What the alert policy knows: rules, cases (one for each thing that is or was wrong lately), and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.model import Incident, Severity

ORDER: Mapping[str, int] = {"info": 0, "warning": 1, "critical": 2, "off": 3}
"""Severities as minimum: nothing reaches `off`."""


class Name(NamedTuple):
    """What is wrong with whom: the fingerprint. There is one case of it at a time."""

    stream: str
    """Empty: the agent itself."""
    rendition: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Rule:
    """When incidents of one kind on one stream are told."""

    lasting: float = 0.0
    """Seconds that it must have been wrong, in total within `lasting + merge`."""
    resolve_after: float = 10.0
    """Seconds without it after which it is over."""
    merge: float = 60.0
    """Incidents with shorter breaks between them are one case; one that flaps is over after so long without it."""
    severity: Severity | None = None
    """What it is told with; None: with the incident's own."""
    minimum: str = "warning"
    """Less severe ones are not told; `off`: none is."""
    silenced_by: frozenset[str] = frozenset()
    """Kinds that, while open on the same stream, keep this one from being told."""


class Wishes(Protocol):
    """What people want to be told."""

    def rule(self, stream: str, kind: str) -> Rule:
        """Of incidents of that kind on that stream."""

    def quiet(self, stream: str, now: float) -> str:
        """Why nothing new is told of the stream now: `maintenance` or `unexpected`; empty if it is."""

    def labels(self, stream: str) -> Mapping[str, str]:
        """The stream's own labels."""


class Report(NamedTuple):
    """An incident began, changed or ended."""

    stream: str
    rendition: str
    incident: Incident


@dataclass(frozen=True, slots=True)
class Case:
    """One fingerprint's incidents, as far back as they belong together."""

    id: str
    """The mark of its first incident."""
    start: float
    """When it went wrong: the first incident that the present alert is about."""
    spells: Mapping[float, float | None] = field(default_factory=dict)
    """Ends by starts, None while open; those that are long past are in `folded`."""
    folded: float = 0.0
    """Seconds of spells since `start` that are no longer listed."""
    count: int = 0
    """Incidents in all, also before an end was told: from FLAPS on it flaps."""
    severity: Severity = "info"
    """The worst since `start`."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    ended: float | None = None
    """When the last one ended; None while one is open."""
    grace: float = 0.0
    """Above 0: nobody looks any more, which is not to say that it is over; so long it may take until somebody does."""
    told: Severity | None = None
    """With what it was told; None: it was not, or its end was too."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The stream's own when it was told: an alert keeps the labels that it began with."""
    hushed: str = ""
    """Why it was not told though it was due."""
    number: int = 0
    """Notices of it so far."""
    mark: str = ""
    """The mark of the incident that began at `start`, as its evidence has it."""

    @property
    def open(self) -> bool:
        """Whether an incident is under way."""
        return self.ended is None


State: TypeAlias = "Mapping[Name, Case]"


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be told."""

    id: str
    """Of the case."""
    number: int
    """The case's first notice is 1: id and number together are never used twice."""
    status: Literal["firing", "resolved"]
    name: Name
    severity: Severity
    start: float
    end: float | None
    """When it ended; None while it lasts."""
    seconds: float
    """How long it was wrong since `start`, breaks not counted."""
    count: int
    """How many incidents that were; more than 2: it flaps."""
    at: float
    """When this was decided."""
    former: Severity | None = None
    """It was told before, with this severity, and has become worse."""
    observed: bool = True
    """False: nobody saw it end, nobody looks any more."""
    because: str = ""
    """The kind of what took its place, such as a stream that is lost after a stall."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The latest incident's own."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The stream's own, when it was first told."""
    mark: str = ""
    """What was kept of it is found by; empty: by `id`."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """What was due, and was not told."""

    name: Name
    reason: str
    """`maintenance`, `unexpected`, or the kind that silences it."""
