"""A live comparison as it stands: outputs watched, laid on each other, their seconds, and what those come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.compare.figures.paired import judged
from qoe_agent.compare.live import saying
from qoe_agent.compare.live.laying import Laying
from qoe_agent.compare.live.seconds import Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.figures.paired import Sums
    from qoe_agent.compare.live.history import Second
    from qoe_agent.compare.live.laying import Method
    from qoe_agent.compare.live.shapes import Difference
    from qoe_agent.compare.live.strips import Strip
    from qoe_agent.compare.live.watching import Output

GAUGES = (
    ("effective_height", ("qoe_effective_height_pixels", ("scaled",))),
    ("effective_height", ("qoe_effective_height_pixels", ("detail",))),
    ("av_offset", ("qoe_av_offset_seconds", ("stamp",))),
    ("av_offset", ("qoe_av_offset_seconds", ("events",))),
)
"""What probes say once a second: the first that is there of each."""

SKIPPED = "qoe_agent_decode_skipped_total", ("picture",)
"""Pictures that were not decoded because the machine was late."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is told of one output."""

    name: str
    url: str
    """Without secrets."""
    protocol: str
    codec: str
    width: int | None
    height: int | None
    startup: float | None
    """Seconds from request to the first picture."""
    pictures: int
    pulls: int
    shift: float | None
    """Seconds added to its media time for the source's, at last."""
    likeness: float | None
    """By content: correlation of its pictures with the first's."""
    ended: str
    """Why it was over before the others; empty if it was not."""
    incidents: tuple[dict[str, Any], ...]
    skipped: int
    """Pictures that this machine was too slow to decode."""
    means: dict[str, float]
    """Of each measure, over all its seconds; of full reference, over those that were sampled."""


@dataclass(frozen=True, slots=True)
class LiveCompared:
    """The whole of a live comparison."""

    verdict: str
    """First of all: a sentence or two for people."""
    method: Method
    sides: tuple[Side, ...]
    """The reference last, where one is named."""
    reference: str | None
    """Name of the output that is the reference."""
    differences: tuple[Difference, ...]
    """Every output against the first one."""
    seconds: tuple[Second, ...]
    """By time; of a long run, spans of several, with their means."""
    common: int
    """Seconds that outputs have in common."""
    sums: Sums
    """What any two outputs differ in, over all of those."""
    strips: tuple[Strip, ...]
    watched: float
    """Seconds."""
    notes: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)


class Paired:
    """Follows the outputs; `step` once a second."""

    def __init__(self, outputs: Sequence[Output], reference: int | None = None) -> None:
        """`reference`: which of them is one."""
        self.outputs, self.reference = outputs, reference
        taken = [each.taken for each in outputs]
        self._taken = taken
        self.laying = Laying(taken)
        self.seconds = Seconds([each.name for each in outputs], self.pairs)

    @property
    def tests(self) -> list[int]:
        """Outputs that are compared with each other."""
        return [n for n in range(len(self.outputs)) if n != self.reference]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Every test against the first one; a single test against the reference."""
        first, *others = self.tests
        if not others and self.reference is not None:
            return [(self.reference, first)]
        return [(first, other) for other in others]

    def step(self, *, last: bool = False) -> None:
        """Take account of what has come."""
        for output in self.outputs:
            _note(output)
        self.laying.step()
        self.seconds.step(self._taken, self.laying, clock.unix()[0], last=last)

    def common(self, newest: int) -> list[Second]:
        """The last seconds that all outputs have and that are surely laid, at most so many."""
        upto = min(self.laying.checked(n) for n in range(len(self.outputs)))
        return [one for one in self.seconds.latest()[-newest:] if all(one.values) and one.number < upto]

    def differences(self, *, final: bool = False) -> list[Difference]:
        """As they stand now; `final`: nobody looked before, or will again."""
        couples = [(self.outputs[a].name, self.outputs[b].name) for a, b in self.pairs]
        return list(judged(self.seconds.summed(couples), final=final))

    def sides(self) -> tuple[Side, ...]:
        """What is told of each output."""
        return tuple(self._side(n, each) for n, each in enumerate(self.outputs))

    def _side(self, n: int, output: Output) -> Side:
        taken = output.taken
        video = taken.formats.get("video")
        width, height = taken.size or (None, None)
        board, key = (output.visit.board, output.visit.key) if output.visit else (None, None)
        return Side(
            output.name, output.shown, taken.protocol, video.codec if video else "", width, height, taken.startup,
            taken.pictures, taken.pulls, self.laying.lag(n), self.laying.laid[n].likeness,
            output.why if output.ended is not None else "",
            tuple(board.incident_objects(key)) if board else (), _skipped(output), self.seconds.means(n),
        )  # fmt: skip

    def result(
        self, watched: float, strips: Sequence[Strip], notes: Sequence[str], provenance: dict[str, Any]
    ) -> LiveCompared:
        """When it is over. `laying` must be ready."""
        self.seconds.finish()
        found, sides, common = self.differences(final=True), self.sides(), len(self.seconds)
        assert self.laying.method is not None
        name = None if self.reference is None else self.outputs[self.reference].name
        told = saying.verdict(found, [(sides[a].name, sides[b].name) for a, b in self.pairs], common)
        told = f"{told} {saying.scored(sides, name)}".strip()
        notes = [*notes, *(f"By content alone, {each}." for each in self.laying.doubts())]
        said = (*notes, *saying.notes(self.laying.method, sides, found, name))
        return LiveCompared(
            told, self.laying.method, sides, name, tuple(found), tuple(self.seconds.ordered()), common,
            self.seconds.summed(), tuple(strips), watched, said, provenance,
        )  # fmt: skip


def _skipped(output: Output) -> int:
    """Pictures left out because the decoder was late."""
    if output.visit is None:
        return 0
    key = output.visit.key
    reading = output.visit.board.readings([SKIPPED], key).get(key, [None])[0]
    return int(reading[0]) if reading else 0


def _note(output: Output) -> None:
    """What probes say at this moment."""
    if output.visit is None or not output.taken.pictures:
        return
    readings = output.visit.board.readings([name for _, name in GAUGES], output.visit.key).get(output.visit.key, [])
    told: set[str] = set()
    for (measure, _), reading in zip(GAUGES, readings, strict=False):
        if reading is not None and measure not in told:
            told.add(measure)
            output.taken.note(measure, reading[0])
