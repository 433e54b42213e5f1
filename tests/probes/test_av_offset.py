"""A/V offset: from stamps and from events, out of tolerance, said in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qoe_agent.maths.tone import CYCLE
from qoe_agent.model import Lost, Observation, Opened, Picture, Sound, Tick
from qoe_agent.probes.av_offset import MEASURED, OFFSET, OUT, SPREAD, WORST
from tests.probes.outcome import Outcome

UNIX = 1_790_000_000.0
"""When the picture at pts 0 was made."""
START = 1000.0


def picture(pts: float, looks: dict[str, Any]) -> Picture:
    return Picture(START + pts + 0.1, 0, pts, 640, 360, "yuv420p", False, START + pts + 0.1, looks)


def stream(seconds: float, late: Any, *, stamps: bool = True, events: bool = False) -> list[Observation]:
    """A stream whose sound is late by `late(pts)` seconds."""
    seen: list[tuple[float, Observation]] = [(START, Opened(START, START, "rtmp"))]
    for n in range(int(seconds * 25)):
        looks: dict[str, Any] = {"av_offset": events and n % 93 == 10}
        if stamps:
            looks["stamp"] = (round((UNIX + n / 25) * 1000), n, 1.0, n > 0)
        one = picture(n / 25, looks)
        seen.append((one.at, one))
    for n in range(int(seconds)):
        looks = {}
        if stamps:
            marks = np.arange(n, n + 1, 0.1)
            looks["stamp"] = [(float(at), float((UNIX + at - late(at)) % CYCLE)) for at in marks]
        if events:
            cuts = [k / 25 for k in range(10, int(seconds * 25), 93)]
            looks["av_offset"] = [cut + late(cut) for cut in cuts if n <= cut + late(cut) < n + 1]
        at = START + n + 1.1
        seen.append((at, Sound(at, 1, float(n), 1.0, 48_000, 2, at, looks)))
    seen += [(START + n, Tick(START + n)) for n in range(1, int(seconds) + 2)]
    return [one for _, one in sorted(seen, key=lambda it: it[0])]


@pytest.mark.parametrize("late", [-0.4, -0.05, 0.0, 0.03, 0.4])
def test_the_stamps_offset_is_told_exactly(late: float) -> None:
    outcome = Outcome("av_offset").feed(stream(10, lambda _: late))
    assert outcome.gauge(OFFSET, "stamp") == pytest.approx(late, abs=1e-3)
    assert outcome.gauge(SPREAD, "stamp") == pytest.approx(0.0, abs=1e-3)
    assert outcome.total(MEASURED, "stamp") > 7.0


def test_seconds_out_of_tolerance_are_counted_by_standard() -> None:
    outcome = Outcome("av_offset").feed(stream(20, lambda pts: 0.1 if pts >= 10 else 0.0))
    assert outcome.total(OUT, "bt1359_detectability") == 0
    assert outcome.total(OUT, "ebu_r37") == pytest.approx(10.0, abs=2.0)
    assert outcome.total(OUT, "atsc_is191") == pytest.approx(10.0, abs=2.0)
    assert outcome.gauge(WORST, "stamp") == pytest.approx(0.1, abs=2e-3)
    assert outcome.incidents("av_out_of_sync") == []


def test_an_incident_says_in_words_how_far_off_the_sound_is() -> None:

    def late(pts: float) -> float:
        return 0.16 if 10 <= pts < 20 else 0.0

    outcome = Outcome("av_offset").feed(stream(30, late))
    (incident,) = outcome.incidents("av_out_of_sync")
    assert incident.detail["words"] == "sound late by 160 ms"
    assert incident.severity == "warning"
    assert incident.start_pts == pytest.approx(10.0, abs=2.1)
    assert incident.end_pts == pytest.approx(20.0, abs=2.1)
    assert incident.start == pytest.approx(START + 10.1, abs=2.2)


def test_beyond_what_is_acceptable_it_is_critical() -> None:
    outcome = Outcome("av_offset").feed(stream(10, lambda _: -0.2))
    (incident,) = outcome.incidents("av_out_of_sync")
    assert incident.severity == "critical"
    assert incident.detail["words"] == "sound early by 200 ms"
    assert incident.end is None


def test_without_a_stamp_events_tell_the_offset() -> None:
    outcome = Outcome("av_offset").feed(stream(45, lambda _: 0.2, stamps=False, events=True))
    assert outcome.gauge(OFFSET, "events") == pytest.approx(0.2, abs=0.04)
    assert outcome.gauge(OFFSET, "stamp") is None
    (incident,) = outcome.incidents("av_out_of_sync")
    assert incident.detail["method"] == "events"


def test_where_nothing_is_known_nothing_is_said() -> None:
    outcome = Outcome("av_offset").feed(stream(20, lambda _: 0.3, stamps=False))
    assert outcome.labels(OFFSET) == set()
    assert outcome.incidents("av_out_of_sync") == []


def test_the_offset_vanishes_when_no_mark_comes_any_more() -> None:
    seen = stream(10, lambda _: 0.3)
    outcome = Outcome("av_offset").feed(seen)
    assert outcome.gauge(OFFSET, "stamp") is not None
    outcome.feed([Tick(START + 12 + n) for n in range(1, 15)])
    assert outcome.gauge(OFFSET, "stamp") is None
    assert outcome.incidents("av_out_of_sync")[0].end is not None


def test_a_lost_stream_closes_what_is_open() -> None:
    outcome = Outcome("av_offset").feed(stream(10, lambda _: 0.3))
    outcome.feed([Lost(START + 11.5, "reset")])
    assert outcome.incidents("av_out_of_sync")[0].end == START + 11.5


def key_pictures(seen: list[Observation], jump: float = 0.0, after: float = 0.0) -> list[Observation]:
    """One picture in five seconds is decoded; from `after` on all was made `jump` seconds later."""
    kept: list[Observation] = []
    for one in seen:
        if isinstance(one, Picture):
            ms, counter, share, _ = one.looks["stamp"]
            if counter % 125 == 0:
                made = round(ms + jump * 1000 * ((one.pts or 0.0) >= after))
                kept.append(replace(one, looks={"stamp": (made, counter, share, False)}))
        elif isinstance(one, Sound):
            marks = [(pts, (time + jump * (pts >= after)) % CYCLE) for pts, time in one.looks["stamp"]]
            kept.append(replace(one, looks={"stamp": marks}))
        else:
            kept.append(one)
    return kept


@pytest.mark.parametrize(("after", "behind"), [(50.5, 0.0), (54.5, 2.0), (54.0, 4.0)])
def test_a_source_that_stood_still_is_in_step(after: float, behind: float) -> None:
    """Its media time went on where it was, 15 s later; the next key frame comes after the sound, or, where a segment's
    sound is decoded after its pictures, before some of what was made earlier."""
    seen = key_pictures(stream(90, lambda _: 0.0), jump=15.0, after=after)
    seen = [replace(one, at=one.at + behind) if isinstance(one, Sound) else one for one in seen]
    outcome = Outcome("av_offset").feed(sorted(seen, key=lambda one: one.at))
    assert outcome.incidents("av_out_of_sync") == []
    assert abs(outcome.gauge(WORST, "stamp")) < 0.01
    assert outcome.total(MEASURED, "stamp") > 60.0


def test_what_was_heard_before_the_first_picture_is_not_judged() -> None:
    """A connection begins with what was made before its source stood still; of that no picture was decoded."""
    seen = key_pictures(stream(40, lambda _: 0.0), jump=15.0, after=4.9)
    seen = [one for one in seen if not isinstance(one, Picture) or (one.pts or 0.0) >= 5.0]
    outcome = Outcome("av_offset").feed(seen)
    assert outcome.incidents("av_out_of_sync") == []
    assert abs(outcome.gauge(WORST, "stamp")) < 0.01
    assert outcome.total(MEASURED, "stamp") > 30.0


def test_sound_that_falls_behind_is_found_by_key_frames_too() -> None:
    outcome = Outcome("av_offset").feed(key_pictures(stream(90, lambda pts: 0.3 if pts >= 50 else 0.0)))
    (incident,) = outcome.incidents("av_out_of_sync")
    assert incident.start_pts == pytest.approx(50.0, abs=2.1)
