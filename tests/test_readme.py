"""The README is true: its tables are generated, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from qoe_agent import catalogue
from qoe_agent.__main__ import app

README = Path(__file__).parent.parent / "README.md"


def between(text: str, mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", text, re.DOTALL)
    assert found, f"the README has no <!-- {mark} --> marks"
    return found[1].strip() + "\n"


def test_the_metric_table_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["metrics"])
    assert printed.exit_code == 0
    assert between(README.read_text(), "metrics") == printed.stdout


def test_the_incident_table_is_what_the_probes_declare() -> None:
    assert between(README.read_text(), "incidents") == catalogue.incident_table()


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"`qoe-agent (\w+)", README.read_text()))
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert named
    assert named <= known


def test_every_option_of_watch_that_the_readme_names_exists() -> None:
    helped = CliRunner().invoke(app, ["watch", "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
    row = next(line for line in README.read_text().splitlines() if line.startswith("| `qoe-agent watch"))
    named = set(re.findall(r"`(--[a-z]+)", row))
    assert len(named) >= 6
    for option in named:
        assert option in helped, option
