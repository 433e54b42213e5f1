"""Durations, sizes, addresses, patterns and schedules, as they are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from qoe_agent import config
from qoe_agent.config.values import NETWORK
from qoe_agent.model import Target
from qoe_agent.sources import choose, container
from tests.config.test_reading import parse, refused, stream

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("500ms", 0.5), ("10s", 10.0), ("5m", 300.0), ("1h", 3600.0), ("7d", 604800.0), ("1m30s", 90.0), ("2.5s", 2.5),
     ("3", 3.0), ("0.25", 0.25)],
)  # fmt: skip
def test_durations(written: str, seconds: float) -> None:
    assert stream(f"lost_after: {written}").lost_after == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["10", "10 s", "s", "1y", "-1s", "1,5s", "١s", "1s ", "", "true", "null", "1e9"])
def test_what_is_no_duration(written: str) -> None:
    text = written if written in ("true", "null", "1e9") else f'"{written}"'
    assert len(refused(f"defaults: {{lost_after: {text}}}")) == 1


@pytest.mark.parametrize(
    ("written", "size"), [("128MB", 128_000_000), ("64MiB", 64 << 20), ("500kB", 500_000), ("1GB", 10**9), ("7B", 7)]
)
def test_sizes(written: str, size: int) -> None:
    assert parse(f"agent: {{ring_bytes: {written}}}").agent.ring_bytes == size


@pytest.mark.parametrize(
    ("listen", "host", "port", "loopback"),
    [("127.0.0.1:9843", "127.0.0.1", 9843, True), ("127.9.9.9:1", "127.9.9.9", 1, True), ("[::1]:80", "::1", 80, True),
     ("localhost:0", "localhost", 0, True), (":9843", "", 9843, False), ("0.0.0.0:1", "0.0.0.0", 1, False),
     ("[::]:1", "::", 1, False), ("agent.example.com:1", "agent.example.com", 1, False)],
)  # fmt: skip
def test_any_but_a_loopback_address_needs_a_token(listen: str, host: str, port: int, loopback: bool) -> None:
    web = parse(f'web: {{listen: "{listen}", token: 0123456789abcdef-}}').web
    assert (web.host, web.port, web.loopback) == (host, port, loopback)
    if loopback:
        assert parse(f'web: {{listen: "{listen}"}}').web.token is None
    else:
        assert refused(f'web: {{listen: "{listen}"}}') == [
            "agent.yml:1:6: web.token: required, because web.listen is not a loopback address"
        ]


@pytest.mark.parametrize(
    ("url", "admitted"),
    [
        ("https://cdn.example.com/live/a.m3u8", True),
        ("HTTPS://CDN.example.com/live/a.m3u8?token=x", True),
        ("https://eu.edge.example.com/live/a", True),
        ("rtmp://10.0.0.1:1935/live/a", True),
        ("http://cdn.example.com/live/a", False),
        ("https://cdn.example.com/vod/a", False),
        ("https://cdn.example.com:8443/live/a", False),
        ("https://cdn.example.com@127.0.0.1/live/a", False),
        ("https://evil.com/.edge.example.com/live/a", False),
        ("https://evil.com#.edge.example.com/live/a", False),
        ("https://evil.com\\.edge.example.com/live/a", False),
        ("https://cdn.example.com/live/../vod/a", False),
        ("https://cdn.example.com/live/%2e%2e/vod/a", False),
        ("file:///etc/passwd", False),
        ("/etc/passwd", False),
        ("https://[/live/a", False),
        ("https://cdn.example.com:x/live/a", False),
        ("", False),
    ],
)
def test_probe_targets_match_scheme_host_and_path_each(url: str, admitted: bool) -> None:
    patterns = "[https://cdn.example.com/live/*, https://*.edge.example.com/live/*, rtmp://10.0.0.1:*/live/*]"
    assert parse(f"web: {{probe_targets: {patterns}}}").web.admits(url) is admitted


def test_without_patterns_no_url_is_admitted() -> None:
    assert not config.Web().admits("https://cdn.example.com/live/a")


@pytest.mark.parametrize("scheme", sorted(NETWORK))
def test_every_network_scheme_is_a_url(scheme: str) -> None:
    text = f"streams: [{{name: a, url: '{scheme}://127.0.0.1:5000/a'}}]"
    assert parse(text).streams[0].url.startswith(scheme)


@pytest.mark.parametrize("url", ["/var/a.ts", "a.jsonl.gz", "file:///var/a.ts", "pipe:0", "udp://:5000"])
def test_files_pipes_and_ports_to_listen_on_are_urls(url: str) -> None:
    assert parse(f"streams: [{{name: a, url: '{url}'}}]").streams[0].url == url


SHANGHAI_FRIDAY_20H = 1_767_355_200
"""2026-01-02T20:00+08:00, as `date -d` has it."""
HOUR = 3600


@pytest.mark.parametrize(
    ("hours", "open_"), [(-1, False), (0, True), (5.9, True), (6, False), (24, False), (48, True), (-20, False)]
)
def test_a_schedule_runs_over_midnight_in_its_own_time_zone(hours: float, open_: bool) -> None:
    made = stream(
        "expected: schedule,"
        'schedule: [{days: [fri], from: "20:00", to: "02:00", timezone: Asia/Shanghai},'
        '{days: [sun], from: "00:00", to: "24:00", timezone: Asia/Shanghai}]'
    )
    assert made.expected_at(SHANGHAI_FRIDAY_20H + hours * HOUR) is open_


def test_what_has_no_schedule_is_always_expected() -> None:
    assert stream("").expected_at(0.0)
    assert stream("expected: on_publish").expected_at(0.0)


def test_every_network_address_that_is_admitted_has_a_source() -> None:
    own = {name: choose(Target(f"{name}://127.0.0.1:1/live/a")) for name in NETWORK}
    assert all(source != "container" or name in container._PROTOCOLS for name, source in own.items()), own


@pytest.mark.parametrize("path", ["/srv/a.d/x.ts", "./a.d/x.ts", "../x.ts", "x.ts", "clips/x.ts", "-"])
def test_paths_are_no_addresses_without_a_scheme(path: str) -> None:
    assert parse(f"streams: [{{name: a, url: {json.dumps(path)}}}]").streams[0].url == path


def test_a_file_in_a_folder_that_looks_like_a_host_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.d").mkdir()
    assert len(refused("streams: [{name: a, url: a.d/x.ts}]")) == 1
    (tmp_path / "a.d" / "x.ts").touch()
    assert parse("streams: [{name: a, url: a.d/x.ts}]").streams[0].url == "a.d/x.ts"
