"""What may be said about alerts."""

from __future__ import annotations

from datetime import datetime

import pytest

from qoe_agent import config
from qoe_agent.alerts.wishes import MERGE, RULES, Configured, rule_of


def parse(text: str) -> config.Config:
    return config.parse(text, "agent.yml", {})


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_rules_are_merged_kind_by_kind_and_option_by_option() -> None:
    made = parse("""
defaults: {alerts: {minimum_severity: critical, rules: {stall: {for: 5s, merge: 2m}, black: {for: 1s}}}}
profiles: {show: {alerts: {minimum_severity: warning, rules: {stall: {for: 1s}}}}}
streams:
  - {name: a, url: 'rtmp://h/a', profile: show, alerts: {rules: {stall: {resolve_after: 3s, silenced_by: []}}}}
  - {name: b, url: 'rtmp://h/b'}
""")
    a, b = made.streams
    stall = rule_of("stall", a.alerts)
    assert (stall.lasting, stall.resolve_after, stall.merge) == (1.0, 3.0, 120.0)
    assert (stall.minimum, stall.silenced_by) == ("warning", frozenset())
    assert rule_of("black", a.alerts).lasting == 1.0
    assert (rule_of("stall", b.alerts).lasting, b.alerts.minimum_severity) == (5.0, "critical")


def test_what_is_not_said_is_as_the_table_has_it() -> None:
    for kind, (lasting, resolve_after, silenced_by, severity) in RULES.items():
        made = rule_of(kind, config.StreamAlerts())
        assert (made.lasting, made.resolve_after, made.merge) == (lasting, resolve_after, MERGE)
        assert (made.silenced_by, made.severity, made.minimum) == (frozenset(silenced_by), severity, "warning")


def test_other_alerts_do_not_start_a_stream_anew() -> None:
    text = "streams: [{name: a, url: 'rtmp://h/a', alerts: {minimum_severity: %s}}]"
    assert parse(text % "off").streams == parse(text % "info").streams


def wishes(text: str, expected: bool = True) -> Configured:
    made = parse(text)
    found = Configured(made.defaults.alerts, made.alerts.maintenance, lambda stream, at: expected)
    found.follow(made.streams)
    return found


@pytest.mark.parametrize(
    ("stream", "at", "quiet"),
    [
        ("show-1", "2030-06-18T01:59:59+08:00", ""),
        ("show-1", "2030-06-18T02:00:00+08:00", "maintenance"),
        ("show-1", "2030-06-17T19:59:59+00:00", "maintenance"),
        ("show-1", "2030-06-18T04:00:00+08:00", ""),
        ("other", "2030-06-18T02:00:00+08:00", ""),
        ("other", "2030-06-17T23:30:00+08:00", "maintenance"),  # a Monday
        ("other", "2030-06-18T00:30:00+08:00", "maintenance"),
        ("other", "2030-06-18T01:00:00+08:00", ""),
        ("other", "2030-06-18T23:30:00+08:00", ""),
    ],
)
def test_maintenance_by_time_and_by_the_week(stream: str, at: str, quiet: str) -> None:
    found = wishes("""
alerts:
  maintenance:
    - {streams: ["show-*"], start: "2030-06-18T02:00:00+08:00", end: "2030-06-18T04:00:00+08:00"}
    - {streams: [other], weekly: [{days: [mon], from: "23:00", to: "01:00", timezone: Asia/Shanghai}]}
""")
    assert found.quiet(stream, unix(at)) == quiet


def test_a_stream_that_is_not_expected_is_quiet() -> None:
    text = "streams: [{name: a, url: 'rtmp://h/a', labels: {team: x}}]"
    assert wishes(text, expected=False).quiet("a", 0.0) == "unexpected"
    assert wishes(text, expected=False).quiet("unknown", 0.0) == ""
    assert wishes(text).quiet("a", 0.0) == ""
    assert wishes(text).labels("a") == {"team": "x"}


def test_secrets_are_never_shown() -> None:
    made = parse("""
alerts:
  alertmanagers: [{url: "http://user:hunter2@h:9093", headers: {Authorization: hunter2}}]
  webhooks: [{name: a, url: "https://h/hunter2", secret: hunter2, headers: {X-Key: hunter2}}]
""")
    assert "hunter2" not in repr(made)
    assert made.alerts.alertmanagers[0].receiver == "h:9093"


@pytest.mark.parametrize("form", ["slack", "wecom"])
def test_chats_without_signatures_take_no_secret(form: str) -> None:
    with pytest.raises(config.ConfigError, match="no signatures"):
        parse(f"alerts: {{webhooks: [{{name: a, url: 'https://h', format: {form}, secret: x}}]}}")
