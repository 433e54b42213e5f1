"""What the last hour of a stream holds: values where something is known, nothing elsewhere, an hour at most."""

from __future__ import annotations

import pytest

from qoe_agent import catalogue
from qoe_agent.board import Board
from qoe_agent.history import MEASURES, NAMES, SLOTS, STEP, History
from qoe_agent.model import Sample
from qoe_agent.sink import Key

METRICS = {metric.name: metric for metric in catalogue.metrics()}
ROOM = Key("room")
START = 1_000_000.0


class Bench:
    """A board with a stream that is up, and its history; time passes by hand."""

    def __init__(self) -> None:
        self.board, self.now = Board(catalogue.metrics()), START
        self.history = History(self.board)
        self.board.add(ROOM, {})
        self.put("qoe_up", 1.0)

    def put(self, metric: str, value: float | None, *labels: str, key: Key = ROOM) -> None:
        self.board.put(key, Sample(METRICS[metric], value, labels), self.now)

    def take(self, after: float = STEP) -> None:
        self.now += after
        self.history.take(self.now)

    def of(self, measure: str, key: Key = ROOM) -> list[tuple[float, float]]:
        return [(at - START, value) for at, value in self.history.of(key, measure)]


def test_every_name_is_a_series_that_some_probe_declares() -> None:
    for name, labels in NAMES:
        assert len(METRICS[name].labels) == len(labels), name


def test_a_gauge_is_noted_while_it_is_there_and_leaves_a_gap_while_not() -> None:
    bench = Bench()
    for height in (720.0, None, 1080.0):
        bench.put("qoe_video_height_pixels", height)
        bench.take()
    assert bench.of("height") == [(10.0, 720.0), (30.0, 1080.0)]
    assert bench.of("mos") == []


def test_the_most_trusted_latency_counts() -> None:
    bench = Bench()
    bench.put("qoe_latency_seconds", 9.0, "pdt", "transport")
    bench.take()
    bench.put("qoe_latency_seconds", 2.0, "stamp", "transport")
    bench.put("qoe_latency_seconds", 7.0, "stamp", "playout")
    bench.take()
    bench.put("qoe_latency_seconds", None, "stamp", "transport")
    bench.take()
    assert bench.of("latency") == [(10.0, 9.0), (20.0, 2.0), (30.0, 9.0)]


def test_bytes_are_the_mean_rate_of_all_tracks_over_the_time_that_really_passed() -> None:
    bench = Bench()
    bench.put("qoe_received_bytes_total", 5e6, "video")
    bench.take()
    bench.put("qoe_received_bytes_total", 3e6, "video")
    bench.put("qoe_received_bytes_total", 1e6, "audio")
    bench.take(20.0)
    bench.take()
    assert bench.of("bytes_per_second") == [(30.0, 200_000.0), (40.0, 0.0)]


def test_nobody_watching_is_no_rate_of_zero() -> None:
    bench = Bench()
    bench.put("qoe_received_bytes_total", 5e6, "video")
    bench.take()
    bench.board.lose(ROOM, bench.now)  # the worker died
    bench.take()
    assert bench.of("bytes_per_second") == []
    assert bench.history.now(ROOM) == {}


def test_an_interval_of_which_a_part_was_lost_has_no_rate() -> None:
    bench = Bench()
    for lost in (False, True, False):
        bench.put("qoe_received_bytes_total", 1e6, "video")
        if lost:  # and back before the interval was over
            bench.board.lose(ROOM, bench.now)
            bench.put("qoe_up", 1.0)
            bench.put("qoe_connects_total", 1.0)
        bench.take()
    bench.put("qoe_received_bytes_total", 4e5, "video")
    bench.put("qoe_up", 0.0)
    bench.take()
    bench.take()
    bench.put("qoe_up", 1.0)
    bench.take()
    bench.put("qoe_received_bytes_total", 1e6, "video")
    bench.take()
    assert bench.of("bytes_per_second") == [(30.0, 100_000.0), (70.0, 100_000.0)]


def test_what_was_measured_of_a_stream_that_is_down_or_lost_since_is_not_so_now() -> None:
    bench = Bench()
    bench.put("qoe_watched_seconds_total", 5.0)
    bench.take()
    bench.put("qoe_received_bytes_total", 1e6, "video")
    bench.put("qoe_watched_seconds_total", 10.0)
    bench.take()
    assert bench.history.now(ROOM) == {"bytes_per_second": 100_000.0, "stalled": 0.0}
    bench.put("qoe_up", 0.0)
    assert bench.history.now(ROOM) == {"stalled": 0.0}
    bench.board.lose(ROOM, bench.now)
    assert bench.history.now(ROOM) == {}


def test_stalls_are_known_only_where_there_was_playback() -> None:
    bench = Bench()
    bench.put("qoe_watched_seconds_total", 5.0)
    bench.take()
    bench.put("qoe_watched_seconds_total", 10.0)
    bench.take()  # no stall ever: the counter is not there
    bench.put("qoe_watched_seconds_total", 10.0)
    bench.put("qoe_stall_seconds_total", 2.5)
    bench.take()
    bench.take()  # the viewer gave up
    assert bench.of("stalled") == [(20.0, 0.0), (30.0, 2.5)]


def test_startup_is_the_mean_of_the_joins_of_the_interval() -> None:
    bench = Bench()
    bench.put("qoe_startup_seconds", 0.5)
    bench.take()
    bench.take()
    bench.put("qoe_startup_seconds", 1.0)
    bench.put("qoe_startup_seconds", 2.0)
    bench.take()
    assert bench.of("startup") == [(10.0, 0.5), (30.0, 1.5)]


def test_the_share_that_leaves_is_of_those_who_watch_whatever_they_see() -> None:
    bench = Bench()
    bench.put("qoe_viewer_exits_total", 100.0, "playing")
    bench.take()
    for exits, viewers in ((6.0, 300.0), (12.0, 300.0), (1.0, 0.0)):
        bench.put("qoe_viewer_exits_total", exits, "playing")
        bench.put("qoe_viewer_exits_total", exits / 2, "stalled")
        bench.put("qoe_viewer_sessions", viewers)
        bench.take()
    assert bench.of("viewers") == [(20.0, 300.0), (30.0, 300.0), (40.0, 0.0)]
    assert bench.of("leaving") == [(30.0, pytest.approx(6 * 18 / 300))]


def test_now_is_the_board_and_the_last_interval() -> None:
    bench = Bench()
    bench.put("qoe_received_bytes_total", 5e6, "video")
    bench.put("qoe_startup_seconds", 0.5)
    bench.take()
    bench.put("qoe_received_bytes_total", 1e6, "video")
    bench.take()
    bench.put("qoe_frame_rate", 25.0, "measured")
    assert bench.history.now(ROOM) == {"bytes_per_second": 100_000.0, "startup": 0.5, "frame_rate": 25.0}
    bench.put("qoe_up", 0.0)
    bench.take()
    assert "startup" not in bench.history.now(ROOM)


def test_an_hour_is_kept() -> None:
    bench = Bench()
    for n in range(SLOTS + 5):
        bench.put("qoe_mos", 1.0 + n / 1000, "60s")
        bench.take()
    kept = bench.of("mos")
    assert len(kept) == SLOTS
    assert [at for at, _ in kept] == [n * STEP for n in range(6, SLOTS + 6)]
    assert [value for _, value in kept] == pytest.approx([1.0 + n / 1000 for n in range(5, SLOTS + 5)])


def test_a_stream_that_is_gone_is_forgotten_and_begins_anew() -> None:
    bench = Bench()
    bench.put("qoe_received_bytes_total", 5e6, "video")
    bench.put("qoe_mos", 4.0, "60s")
    bench.take()
    bench.board.remove(ROOM, bench.now)
    bench.take()
    assert bench.of("mos") == []
    bench.board.add(ROOM, {})  # its counters are still there
    bench.put("qoe_up", 1.0)
    bench.take()
    bench.take()
    assert bench.of("bytes_per_second") == [(40.0, 0.0)]


def test_a_counter_that_began_anew_never_grew_by_less_than_nothing() -> None:
    bench = Bench()
    bench.put("qoe_received_bytes_total", 5e6, "video")
    bench.take()
    bench.board.remove(ROOM, bench.now - 1000.0)
    bench.board.sweep(bench.now)
    bench.board.add(ROOM, {})
    bench.put("qoe_up", 1.0)
    bench.put("qoe_received_bytes_total", 1e6, "video")
    bench.take()
    assert bench.of("bytes_per_second") == [(20.0, 100_000.0)]


def test_renditions_are_apart_and_the_agent_itself_is_none() -> None:
    bench = Bench()
    low = Key("room", "480p")
    bench.board.add(low, {})
    bench.put("qoe_mos", 2.0, "60s", key=low)
    bench.take()
    assert bench.of("mos", low) == [(10.0, 2.0)]
    assert bench.of("mos") == []
    assert bench.history.of(Key("stranger"), "mos") == []
    assert bench.history.now(Key("stranger")) == {}


def test_a_clock_that_stands_still_takes_nothing() -> None:
    bench = Bench()
    bench.put("qoe_mos", 2.0, "60s")
    bench.take()
    bench.take(0.0)
    assert len(bench.of("mos")) == 1


def test_all_measures_can_be_asked_for() -> None:
    bench = Bench()
    assert set(bench.history.measures()) == set(MEASURES)
    assert {"height", "width", "frame_rate", "bytes_per_second", "latency", "av_offset", "stalled", "mos", "loudness",
            "startup"} <= set(MEASURES)  # fmt: skip
