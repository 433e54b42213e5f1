"""configs/: the sample is complete, equal to the defaults and up to date."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from qoe_agent import config
from qoe_agent.config import document
from qoe_agent.config.probing import options
from qoe_agent.config.sample import field_docs, render
from qoe_agent.probes import declarations

CONFIGS = Path(__file__).parents[2] / "configs"


def uncommented() -> str:
    """The sample with its examples live: what follows a # at the line's start, except prose."""
    return re.sub(r"^#(?! \S)", "", (CONFIGS / "agent.yml").read_text(), flags=re.MULTILINE)


def test_the_sample_is_equal_to_the_defaults() -> None:
    assert config.load(str(CONFIGS / "agent.yml"), {}) == config.parse("", "agent.yml", {})


def test_the_sample_is_what_the_options_say_now() -> None:
    """If this fails: python -m qoe_agent.config.sample > configs/agent.yml"""
    assert (CONFIGS / "agent.yml").read_text() == render()


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ((), config.Config),
        (("web",), config.Web),
        (("agent",), config.Agent),
        (("clock",), config.Clock),
        (("defaults",), config.StreamOptions),
        (("defaults", "join"), config.Join),
        (("defaults", "thresholds"), config.Thresholds),
        (("discovery",), config.Discovery),
        (("discovery", "file_sd", 0), config.FileSd),
        (("discovery", "http_sd", 0), config.HttpSd),
        (("discovery", "callbacks", 0), config.Callback),
        (("streams", 0, "schedule", 0), config.Schedule),
        (("defaults", "alerts"), config.StreamAlerts),
        (("alerts",), config.Alerts),
        (("alerts", "alertmanagers", 0), config.Alertmanager),
        (("alerts", "webhooks", 0), config.Webhook),
        (("alerts", "maintenance", 0), config.Maintenance),
        (("ingest",), config.Ingest),
        (("ingest", "sources", 0), config.Source),
        (("ingest", "stats", 0), config.Stat),
        (("streams", 0, "viewers"), config.Viewers),
    ],
)
def test_every_option_is_in_the_sample_with_its_default(path: tuple[Any, ...], section: type) -> None:
    read = document.read(uncommented(), None)
    aliases = {"start": "from", "end": "to"} if section is config.Schedule else {}
    assert read.problems == []
    for field in dataclasses.fields(section):
        assert (*path, aliases.get(field.name, field.name)) in read.values
        assert field.name in field_docs(section)


def test_the_examples_hold_and_leave_the_defaults_as_they_are() -> None:
    made = config.parse(uncommented(), "agent.yml", {"TOKEN": "x"})
    shown = made.streams[0]
    bare = config.parse("streams: [{name: show-1, url: 'rtmp://127.0.0.1/live/show-1'}]", "agent.yml", {}).streams[0]
    assert dataclasses.replace(shown, expected="always", schedule=(), probes={}) == bare
    assert shown.schedule == (config.Schedule(),)
    assert made.discovery.callbacks == (config.Callback(app="live", url="rtmp://127.0.0.1/{app}/{name}"),)
    assert made.discovery.http_sd == (config.HttpSd(url="http://127.0.0.1:8080/streams.json"),)


def test_every_option_of_every_probe_is_in_the_sample_with_its_default_and_its_meaning() -> None:
    shown = config.parse(uncommented(), "agent.yml", {"TOKEN": "x"}).streams[0].probes
    assert shown == {
        name: {option: known.default for option, known in of.items()} for name, of in options().items() if of
    }
    for name, declaration in declarations().items():
        assert set(options()[name]) <= set(field_docs(declaration.make)), name


def test_the_options_that_a_configuration_gives_make_every_probe() -> None:
    shown = config.parse(uncommented(), "agent.yml", {"TOKEN": "x"}).streams[0].probes
    for name, declaration in declarations().items():
        assert declaration.make(**shown.get(name, {})).feed


def test_the_minimal_configuration_is_a_stream() -> None:
    text = (CONFIGS / "minimal.yml").read_text()
    made = config.load(str(CONFIGS / "minimal.yml"), {})
    assert len([line for line in text.splitlines() if not line.startswith("#")]) <= 6
    assert dataclasses.replace(made, streams=()) == config.parse("", "agent.yml", {})
    assert [stream.name for stream in made.streams] == ["show-1"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit_and_finds_little_exposed() -> None:
    unit = str(CONFIGS / "qoe-agent.service")
    made = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=120)
    assert unit not in made.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout
