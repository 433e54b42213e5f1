"""The board accumulates by kind, forgets what is stale, and writes expositions that Prometheus's own parsers read.

Oracles: prometheus_client's two parsers, promtool's linter, golden files that people have read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from fixtures import golden
from fixtures.golden import BUFFER, BYTES, LAG, LAST, LOW, ROOM, STARTUP, UP, VIDEO
from qoe_agent import clock
from qoe_agent.board import AFTERGLOW, MOST_SERIES, Board
from qoe_agent.incidents import MOST_CLOSED
from qoe_agent.model import Incident, Metric, Sample
from qoe_agent.sink import Key

GOLDEN = Path(golden.HERE)
ALL = (UP, LAST, BUFFER, BYTES, STARTUP, VIDEO, LAG)


def board() -> Board:
    """A board with one stream, `room`."""
    made = Board(ALL)
    made.add(ROOM, {})
    return made


def read(made: Board) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Name and labels of every sample line, by Prometheus's own parser."""
    families = list(read_text(made.render().decode()))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(made: Board, name: str, **labels: str) -> float | None:
    return read(made).get((name, frozenset({"stream": "room", **labels}.items())))


def stall(start: float, end: float | None = None, key: str = "", **detail: object) -> Incident:
    return Incident("stall", start, end, "warning", key, detail=detail)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.prom")))
def test_exposition_equals_the_golden_file(name: str) -> None:
    assert golden.expositions()[name].decode() == (GOLDEN / name).read_text()


def test_every_exposition_has_its_golden_file() -> None:
    assert set(golden.expositions()) == {path.name for path in GOLDEN.glob("*.prom")}


@pytest.mark.e2e
@pytest.mark.beside
@pytest.mark.parametrize("made", [golden.alive, golden.dead, Board])
def test_promtool_accepts_the_text(made: type[Board]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "CI must have promtool (Debian package prometheus)"
        pytest.skip("promtool is not installed (Debian package prometheus)")
    done = subprocess.run([promtool, "check", "metrics"], input=made().render(), capture_output=True, timeout=120)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_openmetrics_is_read_by_the_reference_parser() -> None:
    families = {f.name: f for f in read_openmetrics(golden.alive().render(openmetrics=True).decode())}
    assert families["qoe_received_bytes"].type == "counter"
    assert families["qoe_video"].type == "info"
    assert families["qoe_startup_seconds"].type == "histogram"
    text = golden.alive().render().decode()
    samples = {(s.name, frozenset(s.labels.items()), s.value) for f in families.values() for s in f.samples}
    assert samples == {(s.name, frozenset(s.labels.items()), s.value) for f in read_text(text) for s in f.samples}


@settings(max_examples=60)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_any_label_text_survives_both_formats(name: str, title: str, track: str) -> None:
    made = Board(ALL)
    made.add(Key(name), {"title": title})
    made.put(Key(name), Sample(BYTES, 7, (track,)), 1.0)
    for openmetrics, parser in ((False, read_text), (True, read_openmetrics)):
        found = {s.name: s.labels for f in parser(made.render(openmetrics).decode()) for s in f.samples}
        assert found["qoe_received_bytes_total"] == {"stream": name, "track": track}
        assert found["qoe_stream_info"] == {"stream": name, "title": title}


def test_a_label_with_half_a_surrogate_or_of_great_length_is_written_bounded() -> None:
    made = board()
    for text in ("\ud800", "x" * 5000, "x" * 6000):
        made.put(ROOM, Sample(BYTES, 1, (text,)), 1.0)
    assert value(made, "qoe_received_bytes_total", track="?") == 1.0
    assert value(made, "qoe_received_bytes_total", track="x" * 200) == 2.0


def test_counters_add_up_and_refuse_to_fall() -> None:
    made = board()
    made.put(ROOM, Sample(BYTES, 3, ("video",)), 1.0)
    made.put(ROOM, Sample(BYTES, 4, ("video",)), 2.0)
    for wrong in (-1.0, nan, inf, None):
        with pytest.raises(ValueError, match="qoe_received_bytes_total"):
            made.put(ROOM, Sample(BYTES, wrong, ("video",)), 3.0)
    assert value(made, "qoe_received_bytes_total", track="video") == 7.0


def test_a_gauge_is_replaced_withdrawn_and_never_nan() -> None:
    made = board()
    made.put(ROOM, Sample(BUFFER, 2.5), 1.0)
    assert value(made, "qoe_buffer_seconds") == 2.5
    for wrong in (nan, inf):
        with pytest.raises(ValueError, match="qoe_buffer_seconds"):
            made.put(ROOM, Sample(BUFFER, wrong), 2.0)
    made.put(ROOM, Sample(BUFFER, None), 3.0)
    made.put(ROOM, Sample(BUFFER, None), 4.0)
    assert value(made, "qoe_buffer_seconds") is None


def test_histogram_bounds_are_inclusive_and_counts_weigh() -> None:
    made = board()
    made.put(ROOM, Sample(STARTUP, 0.4), 1.0)
    made.put(ROOM, Sample(STARTUP, 0.41, count=3), 1.0)
    made.put(ROOM, Sample(STARTUP, 5.0, count=0), 1.0)
    assert [value(made, "qoe_startup_seconds_bucket", le=le) for le in ("0.2", "0.4", "1.0", "+Inf")] == [0, 1, 4, 4]
    assert value(made, "qoe_startup_seconds_count") == 4
    assert value(made, "qoe_startup_seconds_sum") == pytest.approx(1.63)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (Sample(Metric("qoe_new_seconds", "gauge", "N"), 1.0), "qoe_new_seconds: not declared"),
        (Sample(Metric("qoe_up", "gauge", "another"), 1.0), "qoe_up: not declared"),
        (Sample(BYTES, 1.0), "qoe_received_bytes_total: 0 labels, not 1"),
        (Sample(UP, 1.0, ("x",)), "qoe_up: 1 labels, not 0"),
        (Sample(VIDEO, 2.0, ("h264", "High")), "qoe_video_info: an info metric is 1"),
    ],
)
def test_a_sample_that_was_not_declared_so_is_refused_by_name(sample: Sample, message: str) -> None:
    made = board()
    before = made.render()
    with pytest.raises(ValueError, match=message):
        made.put(ROOM, sample, 1.0)
    assert made.render() == before


@pytest.mark.parametrize(
    "metric",
    [
        Metric("qoe bad", "gauge", ""),
        Metric("qoe_x", "counter", ""),
        Metric("qoe_x_total", "gauge", ""),
        Metric("qoe_x_seconds", "histogram", "", buckets=(1.0, 0.5)),
        Metric("qoe_x_seconds", "histogram", "", buckets=(1.0, inf)),
        Metric("qoe_x_seconds", "gauge", "", buckets=(1.0,)),
        Metric("qoe_x", "gauge", "", ("stream",)),
        Metric("qoe_x", "gauge", "", ("le",)),
        Metric("qoe_x", "gauge", "", ("a", "a")),
        Metric("qoe_x", "gauge", "", ("vantage",)),
        Metric("qoe_x", "gauge", "", ("__a",)),
        Metric("qoe_up", "gauge", "not the qoe_up that is declared"),
    ],
)
def test_a_bad_declaration_is_refused_by_name(metric: Metric) -> None:
    with pytest.raises(ValueError, match=metric.name):
        Board((UP, metric), {"vantage": "fra"})


def test_without_a_list_a_metric_is_admitted_when_it_first_comes() -> None:
    made = Board()
    made.add(ROOM, {})
    made.put(ROOM, Sample(UP, 1.0), 1.0)
    assert value(made, "qoe_up") == 1.0
    with pytest.raises(ValueError, match="qoe_up"):
        made.put(ROOM, Sample(Metric("qoe_up", "gauge", "another", ("x",)), 1.0, ("y",)), 1.0)


def test_a_dead_stream_keeps_facts_and_counters_and_loses_states() -> None:
    made = golden.dead()
    everywhere = {"vantage": "fra", "region": 'eu "west"'}
    assert value(made, "qoe_up", **everywhere) == 0.0
    assert value(made, "qoe_last_packet_timestamp_seconds", **everywhere) == 1.7e9 + 0.5
    assert value(made, "qoe_received_bytes_total", track="audio", **everywhere) == 64_000
    assert value(made, "qoe_startup_seconds_count", **everywhere) == 4
    assert value(made, "qoe_buffer_seconds", **everywhere) is None
    assert "qoe_video_info{" not in made.render().decode()


def test_a_gauge_that_nobody_refreshes_vanishes_after_a_minute() -> None:
    made = board()
    made.put(None, Sample(LAG, 0.1), 0.0)
    made.put(ROOM, Sample(UP, 1.0), 0.0)
    made.put(ROOM, Sample(BUFFER, 1.0), 0.0)
    made.put(ROOM, Sample(BUFFER, 1.0), 30.0)
    made.sweep(90.0)
    assert value(made, "qoe_buffer_seconds") == 1.0
    made.sweep(90.1)
    assert value(made, "qoe_buffer_seconds") is None
    assert value(made, "qoe_up") == 1.0
    assert ("qoe_agent_lag_seconds", frozenset()) in read(made)


def test_a_removed_stream_loses_gauges_at_once_and_counters_in_five_minutes() -> None:
    made = board()
    made.put(ROOM, Sample(UP, 1.0), 0.0)
    made.put(ROOM, Sample(BYTES, 5, ("video",)), 0.0)
    made.remove(ROOM, 100.0)
    made.put(ROOM, Sample(UP, 0.0), 101.0)
    made.put(ROOM, Sample(BYTES, 2, ("video",)), 101.0)
    made.sweep(100.0 + AFTERGLOW - 1)
    assert list(read(made).values()) == [7.0]
    made.sweep(100.0 + AFTERGLOW)
    assert made.render() == b""
    with pytest.raises(ValueError, match="no stream"):
        made.put(ROOM, Sample(UP, 1.0), 500.0)


def test_a_stream_that_returns_in_time_goes_on_counting() -> None:
    made = board()
    made.put(ROOM, Sample(BYTES, 5, ("video",)), 0.0)
    made.remove(ROOM, 0.0)
    made.add(ROOM, {"protocol": "hls"})
    made.sweep(10 * AFTERGLOW)
    made.put(ROOM, Sample(BYTES, 5, ("video",)), 0.0)
    assert value(made, "qoe_received_bytes_total", track="video") == 10.0
    assert value(made, "qoe_stream_info", protocol="hls") == 1.0


def test_new_labels_of_a_stream_replace_the_old_ones() -> None:
    made = board()
    made.add(ROOM, {"group": "a", "protocol": "rtmp"})
    made.add(ROOM, {"group": "b"})
    assert [dict(labels) for name, labels in read(made)] == [{"stream": "room", "group": "b"}]
    for label in ("stream", "rendition", "__x", "no-dash", ""):
        with pytest.raises(ValueError, match="is not free"):
            made.add(ROOM, {label: "x"})


def test_label_sets_are_capped_per_metric_and_stream_and_the_excess_is_counted() -> None:
    made = board()
    made.add(Key("other"), {})
    for n in range(MOST_SERIES + 7):
        made.put(ROOM, Sample(BYTES, 1, (f"t{n}",)), 1.0)
    made.put(ROOM, Sample(BYTES, 1, ("t0",)), 1.0)
    made.put(Key("other"), Sample(BYTES, 1, ("t99",)), 1.0)
    found = read(made)
    assert sum(name == "qoe_received_bytes_total" for name, _ in found) == MOST_SERIES + 1
    dropped = frozenset({("metric", "qoe_received_bytes_total")})
    assert found["qoe_agent_series_dropped_total", dropped] == 7.0


def test_withdrawn_gauges_make_room_under_the_cap() -> None:
    made = board()
    for n in range(3 * MOST_SERIES):
        made.put(ROOM, Sample(VIDEO, 1.0, (f"c{n}", "")), 1.0)
        made.put(ROOM, Sample(VIDEO, None, (f"c{n}", "")), 1.0)
    assert "qoe_agent_series_dropped_total" not in made.render().decode()


def test_timestamps_follow_a_stepped_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    made = board()
    made.put(ROOM, Sample(LAST, 100.0), 100.0)
    assert value(made, "qoe_last_packet_timestamp_seconds") == 100.0
    monkeypatch.setattr(clock, "_correction", 3600.0)
    assert value(made, "qoe_last_packet_timestamp_seconds") == 3700.0
    assert made.metrics(ROOM)[0] == {"name": "qoe_last_packet_timestamp_seconds", "labels": {}, "value": 3700.0}


def test_the_json_view_has_histograms_as_sum_count_and_buckets() -> None:
    made = golden.alive()
    numbers = made.metrics(LOW)
    names = [n["name"] for n in numbers]
    assert names.count("qoe_startup_seconds_bucket") == 5
    assert {"name": "qoe_startup_seconds_sum", "labels": {"rendition": "360p"}, "value": 10.7} in numbers
    assert {"name": "qoe_up", "labels": {"rendition": "360p"}, "value": 1.0} in numbers
    assert {"name": "qoe_buffer_seconds", "labels": {}, "value": 1.25} in made.metrics(ROOM)
    assert made.metrics(Key("nobody")) == []


def test_an_incident_is_known_by_kind_key_and_start() -> None:
    made, heard = board(), list[tuple[float | None, int]]()
    made.listen(lambda key, incident, revision: heard.append((incident.end, revision)))
    for incident in (stall(1.0), stall(1.0, seconds=2), stall(1.0, seconds=2), stall(1.0, 4.0), stall(1.0, key="x")):
        made.put(ROOM, incident, 5.0)
    assert heard == [(None, 1), (None, 2), (4.0, 3), (None, 1)]
    assert [(k.incident.key, k.incident.end, k.revision) for k in made.incidents(ROOM)] == [
        ("", 4.0, 3),
        ("x", None, 1),
    ]
    assert made.incidents(Key("nobody")) == []
    with pytest.raises(ValueError, match="stall"):
        made.put(ROOM, stall(nan), 5.0)


def test_closed_incidents_are_bounded_and_open_ones_are_not_forgotten() -> None:
    made = board()
    made.put(ROOM, stall(0.5), 1.0)
    for n in range(1, MOST_CLOSED + 11):
        made.put(ROOM, stall(float(n), n + 0.5), 1.0)
    known = made.incidents()
    assert len(known) == MOST_CLOSED + 1
    assert [known[0].incident.start, known[1].incident.start] == [0.5, 11.0]


def test_incident_objects_are_in_wall_time_and_count_on_while_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made = board()
    monkeypatch.setattr(clock, "_correction", 1000.0)
    monkeypatch.setattr(clock, "now", lambda: 7.0)
    made.put(ROOM, stall(2.0, 4.0, why="x"), 5.0)
    made.put(ROOM, stall(5.0), 5.0)
    closed, still = made.incident_objects(ROOM)
    assert closed == {
        "kind": "stall",
        "severity": "warning",
        "start": 1002.0,
        "end": 1004.0,
        "seconds": 2.0,
        "start_pts": None,
        "end_pts": None,
        "detail": {"why": "x"},
    }
    assert (still["end"], still["seconds"]) == (None, 2.0)


_KEYS = st.sampled_from([Key("a"), Key("b", "720"), None])
_SAMPLES = st.one_of(
    st.builds(Sample, st.just(UP), st.sampled_from([0.0, 1.0, None])),
    st.builds(Sample, st.just(BUFFER), st.one_of(st.none(), st.floats(-1e9, 1e9))),
    st.builds(Sample, st.just(LAST), st.floats(0, 2e9)),
    st.builds(Sample, st.just(BYTES), st.floats(0, 1e6), st.sampled_from([("video",), ("audio",)])),
    st.builds(Sample, st.just(STARTUP), st.floats(0, 10), count=st.integers(0, 3)),
    st.builds(Sample, st.just(VIDEO), st.sampled_from([1.0, None]), st.sampled_from([("h264", ""), ("hevc", "x")])),
)
_STEPS = st.one_of(
    st.tuples(st.just("put"), _KEYS, _SAMPLES),
    st.tuples(st.sampled_from(["down", "remove", "sweep", "render"]), _KEYS, st.none()),
    st.tuples(st.just("add"), _KEYS, st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]))),
)


def _perform(made: Board, steps: list[tuple[str, Key | None, object]], *, render: bool) -> list[bytes]:
    """Run the steps; renders along the way, to fill the caches, only if asked to."""
    made.add(Key("a"), {})
    made.add(Key("b", "720"), {})
    written = []
    for n, (step, key, what) in enumerate(steps):
        now = n * 40.0
        if step == "put" and isinstance(what, Sample):
            made.put(key, what, now)
        elif step == "add" and key and isinstance(what, dict):
            made.add(key, what)
        elif step == "down" and key:
            made.down(key)
        elif step == "remove" and key == Key("a"):
            made.add(key, {})
            made.remove(key, now)
            made.add(key, {})
        elif step == "sweep":
            made.sweep(now)
        elif step == "render" and render:
            written.append(made.render())
    return [*written, made.render()]


@settings(max_examples=60)
@given(st.lists(_STEPS, max_size=40))
def test_cached_text_equals_text_written_from_scratch(steps: list[tuple[str, Key | None, object]]) -> None:
    assert _perform(Board(ALL), steps, render=True)[-1] == _perform(Board(ALL), steps, render=False)[-1]


@settings(max_examples=60)
@given(st.lists(_STEPS, max_size=40))
def test_counters_never_fall_whatever_happens(steps: list[tuple[str, Key | None, object]]) -> None:
    seen: dict[tuple[str, object], float] = {}
    for text in _perform(Board(ALL), steps, render=True):
        for family in read_text(text.decode()):
            for sample in family.samples:
                if sample.name.endswith(("_total", "_count", "_sum", "_bucket")):
                    at = (sample.name, frozenset(sample.labels.items()))
                    assert sample.value >= seen.get(at, 0.0)
                    seen[at] = sample.value


def test_threads_that_put_while_others_scrape_lose_nothing() -> None:
    made = board()
    start, puts = threading.Barrier(3), 2000

    def put() -> None:
        start.wait(30)
        for _ in range(puts):
            made.put(ROOM, Sample(BYTES, 1, ("video",)), 1.0)

    threads = [threading.Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    start.wait(30)
    while any(thread.is_alive() for thread in threads):
        assert made.render()
    for thread in threads:
        thread.join(30)
    assert value(made, "qoe_received_bytes_total", track="video") == 2.0 * puts
