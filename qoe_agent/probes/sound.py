"""Sound faults: dropouts, clipping, a dead channel, channels out of phase; mono, bandwidth and sample-rate drift.

A dropout is a hole of 5 to 500 ms within the programme: zeros, a dip of 25 dB that lossy coding made of zeros (35 dB
below 10 ms), or samples that the timestamps miss. Clipping is told by magnitudes that pile up at a level, as limited
and full-scale sound does not; sound clipped lightly, or coded at few bits afterwards, escapes. Of the channels the
first two are compared, in steps of 0.1 s; a channel is dead while it stays 40 dB below the other, and both are out of
phase while their correlation is below −0.5. Times are exact to the millisecond for dropouts, to the step for channels,
to the stretch of a second for clipping. The first audio track is heard.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.due import Due
from qoe_agent.maths.hearing import STEP, Heard, Hearing
from qoe_agent.maths.pace import Pace
from qoe_agent.maths.standing import Standing, Step
from qoe_agent.maths.timbre import CUT
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Sample, Segment, Sound, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Finding

DROPOUTS = Metric(
    "qoe_sound_dropouts_total", "counter", "Holes of 5 to 500 ms in the sound: zeros, a sudden dip (dip), or samples "
    "missing between timestamps (gap).", ("kind",),
)  # fmt: skip
DROPPED = Metric("qoe_sound_dropout_seconds_total", "counter", "Length of these holes.", ("kind",))
CLIPPED = Metric(
    "qoe_sound_clipped_ratio", "gauge", "Share of samples of the worst channel in cut-off tops, over the last 10 s.",
)  # fmt: skip
CORRELATION = Metric(
    "qoe_sound_correlation_ratio", "gauge", "Correlation of the first two channels over the last 10 s: 1 the same, -1 "
    "inverted.",
)  # fmt: skip
MONO = Metric("qoe_sound_mono", "gauge", "1 while two channels carry the same sound (correlation above 0.999), else 0.")
BANDWIDTH = Metric(
    "qoe_sound_bandwidth_hertz", "gauge", "Highest frequency within 60 dB of the loudest, over the last minute."
)  # fmt: skip
DRIFT = Metric(
    "qoe_sound_rate_drift_ratio", "gauge", "Seconds of sound gained per second, over up to 10 minutes: by count of "
    "samples against timestamps (timestamps), by timestamps against arrival (arrival; not of segments).", ("basis",),
)  # fmt: skip

KINDS = ("zeros", "dip", "gap")
WINDOW = 10.0
"""Seconds that gauges and the incident of dropouts look back."""
FRESH = 12.0
"""Seconds without decoded sound after which nothing is known."""
SILENT, FAINT = 1e-6, 1e-5
"""Mean squares: of channels whose phase says nothing (−60 dBFS), of a sound beside which none is dead (−50 dBFS)."""
DEAD, ALIVE = 1e-4, 1e-3
"""Power of the weaker channel, of that of the stronger: −40 and −30 dB."""
APART, TOGETHER = -0.5, -0.25
"""Correlation of channels that are out of phase, and that are not."""
SAME = 0.999
LONGEST = 30.0
"""Seconds of a segment that are believed."""
HOLE = 5.0
"""Seconds of unheard sound that a condition may span."""
CONDITIONS = {"left": "dead_channel", "right": "dead_channel", "phase": "out_of_phase", "clipping": "clipping"}


@probe(
    DROPOUTS, DROPPED, CLIPPED, CORRELATION, MONO, BANDWIDTH, DRIFT,
    sees=(Opened, Segment, Sound, Tick, Lost),
    incidents={
        "dropouts": "the sound breaks off again and again, or for long",
        "clipping": "the sound's tops are cut off",
        "dead_channel": "one of two channels has (almost) no sound, the other has",
        "out_of_phase": "the two channels cancel each other out",
    },
    sound=lambda _: Hearing().hear,
)  # fmt: skip
@dataclass(slots=True)
class Sounds:
    """Listens to the first audio track."""

    dropouts: int = 3
    """Dropouts within 10 s that make an incident."""
    dropped: float = 0.2
    """Seconds of dropouts within 10 s that make one."""
    clipping: float = 4.0
    """Seconds of clipped sound that make an incident."""
    dead: float = 10.0
    """Seconds with a dead channel that make an incident."""
    inverted: float = 2.0
    """Seconds out of phase that make an incident."""

    _track: int | None = field(default=None, init=False, repr=False)
    _since: float = field(default=0.0, init=False, repr=False)
    """Sound that arrived earlier belongs to a connection of the past."""
    _due: Due = field(default_factory=lambda: Due(HOLE), init=False, repr=False)
    _ended: float | None = field(default=None, init=False, repr=False)
    """Media time up to which sound was heard."""
    _lag: float = field(default=0.0, init=False, repr=False)
    """The agent's clock minus media time, had all been delivered evenly."""
    _latest: tuple[float, Heard] | None = field(default=None, init=False, repr=False)
    """Arrival and content of the last stretch."""
    _stretches: deque[Heard] = field(default_factory=lambda: deque(maxlen=10), init=False, repr=False)
    _standing: dict[str, Standing] = field(default_factory=dict, init=False, repr=False)
    _open: dict[str, Incident] = field(default_factory=dict, init=False, repr=False)
    """By what is wrong; `dropouts` too."""
    _holes: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=100), init=False, repr=False)
    """Media times of dropouts of late."""
    _counts: dict[str, list[float]] = field(default_factory=dict, init=False, repr=False)
    """By kind: number and seconds since the last Tick."""
    _counted: float = field(default=0.0, init=False, repr=False)
    """Seconds of samples since the timestamps were last believed."""
    _paces: dict[str, Pace] = field(default_factory=dict, init=False, repr=False)
    _shown: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self._forget()

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Sound):
            return self._sound(seen)
        if isinstance(seen, Tick):
            return self._tick(seen.at)
        if isinstance(seen, Segment):
            self._due.segment(seen.duration)
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen.at)
        return ()

    def _restart(self, at: float) -> Iterator[Finding]:
        yield from self._over()
        yield from self._counters()
        self._forget()
        self._since = at

    def _forget(self) -> None:
        self._track = self._ended = self._latest = None
        self._due = Due(HOLE)
        self._stretches.clear()
        self._holes.clear()
        self._standing = {
            "left": Standing(self.dead, 5 * STEP),
            "right": Standing(self.dead, 5 * STEP),
            "phase": Standing(self.inverted, 10 * STEP),
            "clipping": Standing(self.clipping, 3.0),
        }
        self._paces = {"timestamps": Pace(), "arrival": Pace()}
        self._counted = 0.0

    def _sound(self, seen: Sound) -> Iterator[Finding]:
        told: Any = seen.looks.get("sound")
        if not told or seen.at < self._since or self._track not in (None, seen.track):
            return
        heard = Heard(*told)
        self._track, self._latest = seen.track, (seen.at, heard)
        self._stretches.append(heard)
        pts = seen.pts if seen.pts is not None else seen.at - heard.seconds
        if not heard.follows and (self._ended is None or not -STEP <= pts - self._ended <= HOLE):
            yield from self._over()
            self._holes.clear()
        self._ended = pts + heard.seconds
        self._lag = self._due.when(seen.at, self._ended) - self._ended
        self._clock(seen.at, pts, heard)
        yield from self._lost_parts(pts, heard)
        for number, (left, right, both) in enumerate(heard.pairs):
            for what, step in steps(left, right, both).items():
                yield from self._step(what, step, pts + number * STEP, STEP)
        yield from self._step("clipping", "bad" if heard.dense >= CUT else "good", pts, heard.seconds)

    def _clock(self, at: float, pts: float, heard: Heard) -> None:
        """Samples against timestamps, timestamps against arrival."""
        if not heard.follows or any(kind == "gap" for *_, kind in heard.dropouts):
            self._counted, self._paces["timestamps"] = 0.0, Pace()
        self._counted += heard.seconds
        end = pts + heard.seconds
        self._paces["timestamps"].add(end, self._counted - end)
        self._paces["arrival"].add(end, end - at)

    def _lost_parts(self, pts: float, heard: Heard) -> Iterator[Finding]:
        for start, end, kind in heard.dropouts:
            number, seconds = self._counts.get(kind, (0.0, 0.0))
            self._counts[kind] = [number + 1, seconds + end - start]
            self._holes.append((pts + start, pts + end))
        now = pts + heard.seconds
        while self._holes and self._holes[0][1] < now - WINDOW:
            last = self._holes.popleft()
            if not self._holes:
                yield from self._close("dropouts", last[1])
        missing = sum(end - start for start, end in self._holes)
        if "dropouts" not in self._open and (len(self._holes) >= self.dropouts or missing >= self.dropped):
            detail = {"count": len(self._holes), "seconds": round(missing, 4)}
            yield self._begin("dropouts", "dropouts", self._holes[0][0], detail)

    def _step(self, what: str, step: Step, pts: float, seconds: float) -> Iterator[Finding]:
        standing = self._standing[what]
        if standing.take(step, pts, seconds):
            yield from self._close(what, standing.end)
            standing.clear()
        elif standing.stands and what not in self._open and standing.start is not None:
            yield self._begin(CONDITIONS[what], what, standing.start, {"heard_seconds": round(standing.heard, 3)})

    def _begin(self, kind: str, what: str, pts: float, detail: dict[str, Any]) -> Incident:
        key = what if kind == "dead_channel" else ""
        self._open[what] = Incident(kind, pts + self._lag, None, "warning", key, pts, None, detail)
        return self._open[what]

    def _close(self, what: str, pts: float) -> Iterator[Finding]:
        was = self._open.pop(what, None)
        if was and was.start_pts is not None:
            end = max(was.start, was.start + pts - was.start_pts)
            detail = dict(was.detail)
            if what in self._standing:
                detail["heard_seconds"] = round(self._standing[what].heard, 3)
            yield Incident(was.kind, was.start, end, was.severity, was.key, was.start_pts, pts, detail)

    def _over(self) -> Iterator[Finding]:
        """What stood ended where it was last known."""
        for what in list(self._open):
            yield from self._close(what, self._holes[-1][1] if what == "dropouts" else self._standing[what].end)
        for standing in self._standing.values():
            standing.clear()

    def _counters(self) -> Iterator[Finding]:
        for kind in KINDS:
            number, seconds = self._counts.get(kind, (0.0, 0.0))
            yield Sample(DROPOUTS, number, (kind,))
            yield Sample(DROPPED, seconds, (kind,))
        self._counts.clear()

    def _tick(self, at: float) -> Iterator[Finding]:
        yield from self._counters()
        known = self._latest is not None and at - self._latest[0] <= FRESH
        if not known and not self._shown:
            return
        self._shown = known
        seconds = sum(heard.seconds for heard in self._stretches)
        cut = sum(heard.cut * heard.seconds for heard in self._stretches if heard.dense >= CUT)
        yield Sample(CLIPPED, cut / seconds if known and seconds else None)
        correlation, same = self._correlation() if known else (None, None)
        yield Sample(CORRELATION, correlation)
        yield Sample(MONO, same)
        yield Sample(BANDWIDTH, self._latest[1].bandwidth if known and self._latest else None)
        yield Sample(DRIFT, self._paces["timestamps"].value if known else None, ("timestamps",))
        yield Sample(DRIFT, self._paces["arrival"].value if known and not self._due.segmented else None, ("arrival",))

    def _correlation(self) -> tuple[float | None, float | None]:
        """Of the last stretches, and whether they are mono; None if there are not two channels with sound in them."""
        left, right, both = (sum(pair[n] for heard in self._stretches for pair in heard.pairs) for n in range(3))
        if left <= SILENT or right <= SILENT:
            return None, None
        correlation = max(-1.0, min(1.0, both / sqrt(left * right)))
        return correlation, float(correlation > SAME and SAME < left / right < 1 / SAME)


def steps(left: float, right: float, both: float) -> dict[str, Step]:
    """What a step says of either channel being dead and of their phase."""
    told: dict[str, Step] = {}
    for name, mine, other in (("left", left, right), ("right", right, left)):
        loud = other > FAINT
        told[name] = "bad" if loud and mine <= other * DEAD else "good" if loud and mine > other * ALIVE else "unsure"
    if left <= SILENT or right <= SILENT:
        told["phase"] = "unsure"
        return told
    correlation = both / sqrt(left * right)
    told["phase"] = "bad" if correlation < APART else "good" if correlation > TOGETHER else "unsure"
    return told
