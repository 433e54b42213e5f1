"""What every probe promises, whoever wrote it: the same laws over all that are declared."""

from __future__ import annotations

import copy
import json
import sys
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import capture
from qoe_agent.bitstream.capture import STAGES
from qoe_agent.maths.lipsync import STANDARDS
from qoe_agent.maths.tiles import Tile
from qoe_agent.maths.view import View
from qoe_agent.model import (
    LOST_REASONS,
    Captured,
    Damage,
    Finding,
    Format,
    Incident,
    Joined,
    Lost,
    Metric,
    Observation,
    Opened,
    Packet,
    Picture,
    Playlist,
    Sample,
    Segment,
    Sound,
    Tick,
)
from qoe_agent.probes import Declaration, declarations
from qoe_agent.probes.playlist import BROKEN
from tests.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DECLARED = list(declarations().values())
CLOSED = {
    "track": {"video", "audio", "data"},
    "reason": {*LOST_REASONS, *BROKEN},
    "basis": None,
    "definition": None,
    "method": {"stamp", "sei", "rtcp", "prft", "act", "pdt", "onfi", "events"},
    "stage": {"transport", "playout", *STAGES},
    "window": {"momentary", "short", "minute", "integrated", "60s", "session"},
    "mode": {"0", "1", "3"},
    "scope": {"p1203", "extended"},
    "part": {"video", "audio", "audiovisual", "stalling"},
    "cause": {
        "coding",
        "upscaling",
        "frame_rate",
        "audio",
        "adaptation",
        "stalling",
        "black",
        "freeze",
        "silence",
        "sync",
    },
    "frame_type": {"I", "P", "B", "inter"},
    "standard": set(STANDARDS),
    "state": {"read", "unreadable", "stale"},
    "tile": None,
}
"""Labels whose values are enumerated; None: enumerated by the probe's own documentation."""

ABSENT = {"ended", "lost"}
"""Incidents that outlast a clean end: they last until media flows again."""

every_probe = pytest.mark.parametrize("declared", DECLARED, ids=lambda d: d.name)
quick = settings(max_examples=100)


@contextmanager
def about(declared: Declaration) -> Iterator[None]:
    """Whatever fails inside, fails in the probe's name: one list of observations serves all probes."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the probe {declared.name}")
        raise


def fresh(declared: Declaration) -> Any:
    """A new probe; one that watches tiles has one."""
    return declared.make(**({"tiles": (Tile("host", 0.0, 0.0, 1.0, 1.0),)} if declared.name == "tiles" else {}))


def run(declared: Declaration, observations: Iterable[Observation]) -> list[Finding]:
    """Feed a fresh probe what it wants to see."""
    made = fresh(declared)
    return [f for seen in observations if isinstance(seen, declared.sees) for f in made.feed(seen)]


# ---- observations of every shape, in any order

ats = st.one_of(st.floats(0, 100), st.floats(0, 4e9)).map(lambda at: round(at, 3))
media = st.one_of(
    st.none(), st.floats(0, 20), st.floats(-1e19, 1e19), st.sampled_from([0.0, -1.0, 86_400.0, 2**33 / 90_000])
)
seconds = st.one_of(st.floats(0, 30), st.sampled_from([0.0, 1e9]))
kinds = st.sampled_from(["video", "audio", "data"])
tracks = st.integers(0, 3)
sizes = st.one_of(st.none(), st.integers(0, 8000))
texts = st.sampled_from(["", "main", "h264", "hevc", "unknown:x", "yuv420p"])
maybe = st.one_of(st.none(), texts)
reasons = st.sampled_from(sorted(LOST_REASONS))
phases = st.dictionaries(st.sampled_from(["resolve", "connect", "tls", "handshake", "first_byte"]), seconds)
coded = st.one_of(
    st.just(b""),
    st.floats(1e9, 3e9).map(lambda time: capture.unit("h264", capture.write(time, 0), 0) + b"\0\0\1\x41"),
)
waves = st.lists(st.tuples(st.integers(1, 900), st.sampled_from([0.0, 1e-5, 5e-4, 0.5])), min_size=1, max_size=6)


def _sound(at: float, track: int, pts: float | None, wave: list[tuple[int, float]]) -> Sound:
    samples = np.concatenate([np.full((2, n), level, np.float32) for n, level in wave], axis=1)
    looks = {d.name: d.sound(d.make())(samples, 1000, pts) for d in DECLARED if d.sound}
    return Sound(at, track, pts, samples.shape[1] / 1000, 1000, 2, at, looks)


def _picture(at: float, track: int, pts: float | None, width: int, height: int, key: bool) -> Picture:
    luma = np.full((36, 64), 16 if width % 2 else 90, np.uint8)
    luma[: height % 36] += np.arange(64, dtype=np.uint8)
    gray = np.full((18, 32), 128, np.uint8)
    view = View(luma, pts, chroma=lambda: (gray, gray), key=key, follows=not key)
    looks = {d.name: d.picture(fresh(d))(view) for d in DECLARED if d.picture}
    return Picture(at, track, pts, width, height, "yuv420p", key, at, looks)


observation = st.one_of(
    st.builds(Opened, ats, ats, st.sampled_from(["rtmp", "flv", "ts", "hls"]), phases),
    st.builds(
        Format, ats, tracks, kinds, texts, st.binary(max_size=4), sizes, sizes, maybe, maybe, maybe,
        st.one_of(st.none(), st.floats(0, 300)), sizes, sizes, st.none(),
    ),
    st.builds(Packet, ats, tracks, kinds, media, media, st.integers(0, 127), st.integers(0, 10**7), coded),
    st.builds(_picture, ats, tracks, media, st.integers(0, 8000), st.integers(0, 8000), st.booleans()),
    st.builds(_sound, ats, tracks, media, waves),
    st.builds(
        Playlist, ats, ats, st.sampled_from(["master", "media"]), st.one_of(st.just(""), reasons),
        st.one_of(st.none(), seconds), sizes, st.integers(0, 9), st.booleans(), st.booleans(),
    ),
    st.builds(
        Segment, ats, ats, st.one_of(st.none(), ats), st.integers(0, 10**9), seconds, st.integers(0, 10**9),
        st.sampled_from(["", "timeout", "truncated"]), st.booleans(), st.booleans(), st.one_of(st.none(), ats),
        st.sampled_from([(), (0,), (0, 1)]),
    ),
    st.builds(
        Damage, ats, st.one_of(st.none(), tracks), st.sampled_from(["decode", "parse", "corrupt"]), st.integers(1, 99)
    ),
    st.builds(
        Joined, ats, ats, st.sampled_from(["ok", "deadline", *LOST_REASONS]), st.one_of(st.none(), seconds),
        st.one_of(st.none(), seconds), st.one_of(st.none(), seconds), phases,
    ),
    st.builds(Tick, ats, seconds, st.floats(-10, 10), st.one_of(st.none(), seconds)),
    st.builds(
        Captured, ats, tracks, media.filter(lambda pts: pts is not None), ats, st.sampled_from(["rtcp", "prft", "onfi"])
    ),
    st.builds(Lost, ats, reasons, st.just("")),
)  # fmt: skip
anything = st.lists(observation, max_size=40)

steps = st.one_of(
    st.tuples(st.just("play"), st.sampled_from([0.5, 2.0, 5.0])),
    st.tuples(st.just("stop"), st.sampled_from([0.3, 1.0, 4.0])),
    st.tuples(st.sampled_from(["burst", "lost"])),
    st.tuples(st.just("pause"), st.sampled_from([0.7, 3.0])),
    st.tuples(st.just("mute"), st.sampled_from([1.0, 5.0])),
    st.tuples(st.just("resize"), st.sampled_from([(640, 360), (1920, 1080)])),
    st.tuples(st.just("jump"), st.sampled_from([-3.0, 86_400.0])),
    st.tuples(st.just("wait"), st.just(1.0)),
)


@st.composite
def streams(draw: st.DrawFn) -> Script:
    """A stream as it might be, in the order in which an agent meets it."""
    script = Script(protocol=draw(st.sampled_from(["rtmp", "hls"])), bframes=draw(st.sampled_from([0, 2])), fps=10)
    script.open(cache=draw(st.sampled_from([0.0, 1.5])) if script.protocol == "rtmp" else 0.0)
    for name, *arguments in draw(st.lists(steps, max_size=8)):
        if name == "resize":
            script.resize(*arguments[0])
        elif name == "lost":
            script.lost().reconnect(1.0)
        else:
            getattr(script, name)(*arguments)
    return script


# ---- the laws


@quick
@given(anything)
def test_only_declared_and_finite_findings_whatever_comes(observations: list[Any]) -> None:
    for declared in DECLARED:
        with about(declared):
            findings = run(declared, observations)
            for finding in findings:
                if isinstance(finding, Sample):
                    _check_sample(declared, finding)
                else:
                    _check_incident(declared, finding)
            _open_incidents(findings)


def _check_sample(declared: Declaration, sample: Sample) -> None:
    metric = sample.metric
    assert metric in declared.metrics
    assert len(sample.labels) == len(metric.labels)
    assert all(isinstance(value, str) for value in sample.labels)
    for name, value in zip(metric.labels, sample.labels, strict=True):
        enumerated = CLOSED.get(name)
        assert enumerated is None or value in enumerated, f"{name}={value!r} is not in the closed set"
    if sample.value is None:
        assert metric.kind == "gauge", f"{metric.name}: only gauges can be withdrawn"
        return
    assert isfinite(sample.value)
    assert metric.kind != "counter" or sample.value >= 0, f"{metric.name} went down"
    assert sample.count >= 1


def _check_incident(declared: Declaration, incident: Incident) -> None:
    assert incident.kind in declared.incidents
    assert incident.severity in ("info", "warning", "critical")
    assert isfinite(incident.start)
    assert incident.end is None or isfinite(incident.end)
    json.dumps(dict(incident.detail), allow_nan=False)


def _open_incidents(findings: Iterable[Finding]) -> dict[tuple[str, str], Incident]:
    """Walk through: an open incident is followed by itself until it is closed."""
    opened: dict[tuple[str, str], Incident] = {}
    for incident in findings:
        if not isinstance(incident, Incident):
            continue
        before = opened.pop((incident.kind, incident.key), None)
        assert before is None or before.start == incident.start, f"{incident.kind} began anew before it ended"
        if incident.end is None:
            opened[incident.kind, incident.key] = incident
    return opened


@quick
@given(anything)
def test_same_input_same_output_and_nothing_mutated(observations: list[Any]) -> None:
    untouched = copy.deepcopy(observations)
    for declared in DECLARED:
        with about(declared):
            assert check_nothing_mutated(declared, observations) == run(declared, untouched)


def check_nothing_mutated(declared: Declaration, observations: list[Any]) -> list[Finding]:
    """What the probe finds, having left its input alone."""
    before = copy.deepcopy(observations)
    findings = run(declared, observations)
    assert observations == before
    return findings


@dataclass(slots=True)
class _Vandal:
    """A probe that breaks the convention."""

    def feed(self, seen: Any) -> list[Finding]:
        seen.flags |= 1
        return []


def test_a_probe_that_changes_a_packet_is_caught() -> None:
    vandal = Declaration("vandal", _Vandal, (), {}, (Packet,), None, None)
    packet = Packet(1.0, 0, "video", 0.0, 0.0, 0, 1, b"")
    with pytest.raises(AssertionError):
        check_nothing_mutated(vandal, [packet])


def totals(findings: Iterable[Finding]) -> dict[tuple[str, tuple[str, ...]], float]:
    """What the counters have come to."""
    sums: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for finding in findings:
        if isinstance(finding, Sample) and finding.metric.kind == "counter":
            sums[finding.metric.name, finding.labels] += finding.value
    return {key: value for key, value in sums.items() if value}


@settings(max_examples=30)
@given(streams(), st.lists(st.floats(0, 40), max_size=30))
def test_extra_ticks_change_no_counter(script: Script, extra: list[float]) -> None:
    plain = script.run()
    last = Tick(plain.end + 40.0)
    busy = script.run(extra=[script.start + at for at in extra])
    for declared in DECLARED:
        with about(declared):
            expected = totals(run(declared, [*plain.observations, last]))
            assert totals(run(declared, [*busy.observations, last])) == pytest.approx(expected)


@settings(max_examples=30)
@given(streams())
def test_incidents_end_after_they_began_and_a_clean_end_closes_the_last(script: Script) -> None:
    plain = script.run()
    observations = [*plain.observations, Lost(plain.end + 1.0, "ended"), Tick(plain.end + 100.0)]
    for declared in DECLARED:
        with about(declared):
            findings = run(declared, observations)
            assert all(f.end is None or f.end >= f.start for f in findings if isinstance(f, Incident))
            assert {kind for kind, _ in _open_incidents(findings)} <= ABSENT


def _flood(kind: str, count: int) -> Sequence[Observation]:
    """Packets as they should not be, and never a Tick."""
    shapes = {
        "frozen": lambda n: (5.0, 5.0),
        "zigzag": lambda n: (float(n % 7), float(n % 7)),
        "untimed": lambda n: (None, None),
        "leaping": lambda n: (n * 1e4, n * 1e4),
        "unsteady": lambda n: (n * 0.04 + n % 3 * 0.2, n * 0.04),
    }
    return [
        Packet(n * 0.01, n % 50, ("video", "audio", "data")[n % 3], *shapes[kind](n), n % 2, 1000, b"")
        for n in range(count)
    ]


@every_probe
@pytest.mark.parametrize("kind", ["frozen", "zigzag", "untimed", "leaping", "unsteady"])
def test_a_flood_of_packets_is_not_remembered(declared: Declaration, kind: str) -> None:
    made = fresh(declared)
    flood = [seen for seen in _flood(kind, 10_000) if isinstance(seen, declared.sees)]
    for seen in flood[:5000]:
        list(made.feed(seen))
    middle = footprint(made)
    for seen in flood[5000:]:
        list(made.feed(seen))
    assert footprint(made) <= middle * 1.25 + 20_000


@every_probe
def test_a_long_stream_is_not_remembered(declared: Declaration) -> None:
    observations = Script(fps=30).open().play(140).run().observations
    half = len(observations) // 2
    made = fresh(declared)
    for seen in observations[:half]:
        if isinstance(seen, declared.sees):
            list(made.feed(seen))
    middle = footprint(made)
    for seen in observations[half:]:
        if isinstance(seen, declared.sees):
            list(made.feed(seen))
    assert footprint(made) <= middle * 1.25 + 20_000


def footprint(thing: Any, known: set[int] | None = None) -> int:
    """Bytes of an object and all that it holds."""
    known = set() if known is None else known
    if id(thing) in known or isinstance(thing, Metric | type) or callable(thing):
        return 0
    known.add(id(thing))
    inside: list[Any] = []
    if isinstance(thing, dict):
        inside = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        inside = list(thing)
    elif is_dataclass(thing):
        inside = [getattr(thing, f.name) for f in fields(thing)]
    else:
        names = {name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())}
        inside = [getattr(thing, name) for name in names if hasattr(thing, name)]
        inside += list(getattr(thing, "__dict__", {}).values())
    return sys.getsizeof(thing) + sum(footprint(part, known) for part in inside)


def test_footprint_sees_growth() -> None:
    assert footprint([[1] * 1000]) > footprint([[1] * 10]) + 7000


def test_probes_are_documented() -> None:
    for declared in DECLARED:
        assert (sys.modules[declared.make.__module__].__doc__ or "").strip()
        assert all(metric.help.strip() for metric in declared.metrics)
        assert all(line.strip() for line in declared.incidents.values())


def test_metric_names_are_unique_and_incident_kinds_have_one_owner() -> None:
    names = Counter(metric.name for declared in DECLARED for metric in declared.metrics)
    owners = Counter(kind for declared in DECLARED for kind in declared.incidents)
    assert [name for name, count in [*names.items(), *owners.items()] if count > 1] == []
