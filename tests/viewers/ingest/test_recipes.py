"""The pages for those who send: their links lead somewhere, and what they show works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from qoe_agent import config
from qoe_agent.viewers.plain import read
from tests.viewers.made import NOON_MS, RING

PAGES = sorted((Path(__file__).parent.parent.parent.parent / "configs" / "viewers").glob("*.md"))
PER_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
ENDS = {"cmcd", "events", "srs", "mediamtx", "rtmp", "beacon.js"}


@PER_PAGE
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link


@PER_PAGE
def test_addresses_are_those_of_the_listener(page: Path) -> None:
    found = re.findall(r"/in/([\w-]+)/([\w.]+)", page.read_text())
    assert {end for _, end in found} <= ENDS
    sources = tuple(config.Source(name=f"s{n}", keys=(key,)) for n, (key, _) in enumerate(dict(found).items()))
    assert config.Ingest(sources=sources).sources == sources


def test_servers_tell_of_publishers_who_come_as_well_as_of_those_who_go() -> None:
    server = (PAGES[0].parent / "servers.md").read_text()
    told = re.findall(r"^ +(on_\w+) http", server, re.MULTILINE)
    told += re.findall(r"^on_\w+", (PAGES[0].parent / "nginx-rtmp-application.conf").read_text(), re.MULTILINE)
    assert told.count("on_publish") == 2
    assert set(re.findall(r"event=(\w+)", server)) == {"read", "unread", "available", "unavailable"}


def test_the_configuration_that_is_shown_is_one() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (PAGES[0].parent / "README.md").read_text(), re.DOTALL)
    assert config.parse(text, "agent.yml", {}).ingest.folder


def test_the_event_that_is_shown_is_one() -> None:
    (text,) = re.findall(r"-d '(.*?)'", (PAGES[0].parent / "flv.js.md").read_text())
    events, faults = read(json.loads(text), "app", NOON_MS, RING)
    assert (len(events), faults) == (1, [])
