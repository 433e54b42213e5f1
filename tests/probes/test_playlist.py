"""Playlists that stand still and segments that do not come."""

from __future__ import annotations

import pytest

from qoe_agent.model import Lost, Opened, Playlist, Segment, Tick
from qoe_agent.probes.playlist import (
    AGE,
    BACKWARDS,
    PLAYLIST_ERRORS,
    SEGMENT_ERRORS,
    SPEED,
)
from tests.probes.outcome import Outcome
from tests.script import Script, jitter


def listed(at: float, sequence: int = 0, *, changed: bool = True, error: str = "", ended: bool = False) -> Playlist:
    return Playlist(at, at - 0.05, "media", error, 4.0, sequence, 3, ended, changed)


def fetched(at: float, *, error: str = "", took: float = 1.0, sequence: int = 1) -> Segment:
    return Segment(at, at - took, at - took + 0.1, sequence, 4.0, 500_000, error)


def test_a_healthy_stream_has_no_incidents() -> None:
    script = Script(protocol="hls", jitter=jitter(5, 0.3)).open().play(60)
    outcome = Outcome("playlist").feed(script.run().observations)
    assert outcome.incidents("playlist_stale") == outcome.incidents("segment_error") == []
    assert outcome.gauge(SPEED) == pytest.approx(20, rel=0.05)  # two seconds in a tenth
    assert outcome.observed["qoe_segment_fetch_seconds"][0] == pytest.approx(0.1)
    assert outcome.observed["qoe_segment_first_byte_seconds"][0] == pytest.approx(0.01)
    assert outcome.observed["qoe_playlist_fetch_seconds"][0] == pytest.approx(0.01)


def test_a_playlist_that_stands_is_stale_from_one_and_a_half_targets_until_it_changes() -> None:
    polls = [listed(10 + at, changed=False) for at in (4, 6, 8, 10, 12)]
    outcome = Outcome("playlist").feed([Opened(10, 9, "hls"), listed(10), *polls, Tick(22.5)])
    (stale,) = outcome.incidents("playlist_stale")
    assert (stale.start, stale.end, stale.severity) == (16.0, None, "warning")
    assert outcome.gauge(AGE) == 12.5
    outcome.feed([listed(23.0, 1), Tick(23.5)])
    (stale,) = outcome.incidents("playlist_stale")
    assert (stale.start, stale.end) == (16.0, 23.0)
    assert outcome.gauge(AGE) == 0.5


def test_a_change_that_the_poll_met_late_accuses_nobody() -> None:
    # RFC 8216 §6.3.4: unchanged at one target, asked again half a target later
    seen = [listed(10), listed(14.1, changed=False), Tick(16.05), Tick(16.3), listed(16.4, 1), Tick(17)]
    assert Outcome("playlist").feed(seen).incidents("playlist_stale") == []


def test_an_agent_that_stood_still_accuses_nobody() -> None:
    for after in ([listed(30.1, 3), Tick(30.2, lag=20.0)], [Tick(30.2, lag=20.0), listed(30.4, 3), Tick(31.2)]):
        seen = [listed(10), Tick(10.2), *after]
        assert Outcome("playlist").feed(seen).incidents("playlist_stale") == []
    (stale,) = (
        Outcome("playlist").feed([listed(10), Tick(10.2), listed(30.1, 3), Tick(30.2)]).incidents("playlist_stale")
    )
    assert (stale.start, stale.end) == (16.0, 30.1)
    late = Outcome("playlist").feed([listed(10), Tick(15.2, lag=5.0), Tick(26.9), Tick(27.9)])
    assert [each.start for each in late.incidents("playlist_stale")] == [16.0]


def test_fetches_that_fail_leave_the_playlist_stale() -> None:
    failures = [listed(at, error="status") for at in (14.0, 16.5)]
    outcome = Outcome("playlist").feed([listed(10), *failures, Tick(17)])
    assert len(outcome.incidents("playlist_stale")) == 1
    assert outcome.total(PLAYLIST_ERRORS, "status") == 2
    hung = Outcome("playlist").feed([listed(10), Tick(21.0), Tick(22.5), Lost(25.0, "silent")])
    assert [(stale.start, stale.end) for stale in hung.incidents("playlist_stale")] == [(16.0, 25.0)]


def test_a_playlist_that_ended_is_not_stale() -> None:
    outcome = Outcome("playlist").feed([listed(10), listed(14, ended=True), Tick(15.0), Tick(60.0)])
    assert outcome.incidents("playlist_stale") == []
    assert outcome.gauge(AGE) is None


def test_broken_segments_are_one_incident_until_one_is_whole() -> None:
    broken = [fetched(20.0, error="status", sequence=5), fetched(24.0, error="truncated", sequence=6)]
    outcome = Outcome("playlist").feed([fetched(16.0), *broken, Tick(25.0)])
    (incident,) = outcome.incidents("segment_error")
    assert (incident.start, incident.end) == (19.0, None)
    assert incident.detail == {"reason": "status", "sequence": 5, "segments": 2}
    assert outcome.total(SEGMENT_ERRORS, "status") == 1
    assert outcome.total(SEGMENT_ERRORS, "truncated") == 1
    (incident,) = outcome.feed([fetched(28.0, sequence=7)]).incidents("segment_error")
    assert incident.end == 28.0


def test_media_sequence_that_decreases_is_counted_within_a_pull() -> None:
    seen = [listed(10, 7), listed(14, 6), listed(18, 8), Lost(19, "reset"), Opened(20, 19, "hls"), listed(20, 0)]
    assert Outcome("playlist").feed([*seen, Tick(21)]).total(BACKWARDS) == 1


def test_the_speed_is_forgotten() -> None:
    outcome = Outcome("playlist").feed([fetched(10.0), Tick(11.0)])
    assert outcome.gauge(SPEED) == 4.0
    assert outcome.feed([Tick(75.0)]).gauge(SPEED) is None


def test_sound_in_a_playlist_of_its_own_is_followed_apart() -> None:
    sound = [Playlist(at, at - 0.05, "media", "", 4.0, 900, 3, track=16) for at in (10.1, 14.1, 18.1)]
    pictures = [listed(at, 100, changed=at == 10) for at in (10, 14, 16.5)]
    outcome = Outcome("playlist").feed(sorted([*sound, *pictures, Tick(19.0)], key=lambda seen: seen.at))
    assert outcome.total(BACKWARDS) == 0
    assert [stale.key for stale in outcome.incidents("playlist_stale")] == [""]
    assert outcome.gauge(AGE) == 9.0


def test_reasons_are_a_closed_set() -> None:
    errors = ("parse: InvalidDataError", "missed", "status", "the moon")
    outcome = Outcome("playlist").feed([*(fetched(20.0, error=error) for error in errors), Tick(21.0)])
    assert [outcome.total(SEGMENT_ERRORS, reason) for reason in ("parse", "missed", "status", "failed")] == [1] * 4
