"""The README is true: its tables are generated, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from qoe_agent import catalogue, config
from qoe_agent.__main__ import app
from qoe_agent.alerts import wishes

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


def test_the_table_of_rules_is_what_is_told() -> None:
    assert between(README.read_text(), "rules") == wishes.table()


def test_the_examples_of_alerts_are_good() -> None:
    examples = re.findall(r"```yaml\n(alerts:.*?)```", README.read_text(), re.DOTALL)
    environ = {"QOE_HOOK_SECRET": "x", "FEISHU_URL": "https://open.feishu.cn/hook", "FEISHU_SECRET": "x"}
    assert examples
    for example in examples:
        assert config.parse(example, "agent.yml", environ).alerts != config.Alerts()


def test_what_the_readme_links_to_is_there_on_github_too() -> None:
    """GitHub follows no symbolic links on the way to a file."""
    links = set(re.findall(r"\]\(([^)#:]+)\)", README.read_text("utf-8")))
    assert len(links) >= 8
    assert [link for link in links if (README.parent / link).resolve() != README.parent.resolve() / link] == []
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"`qoe-agent (\w+)", README.read_text()))
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert named
    assert named <= known


def test_every_option_of_lift_that_the_readme_names_exists() -> None:
    section = README.read_text().split("### The command `lift`")[1].split("\n### ")[0]
    named = set(re.findall(r"`(?:lift )?(--[a-z]+(?:-[a-z]+)*)", section))
    helped = "".join(
        CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
        for command in (["lift"], ["lift", "plan"])
    )
    assert len(named) >= 25
    assert [each for each in named if f"{each} " not in helped] == []


def test_every_option_of_compare_that_the_readme_names_exists() -> None:
    section = README.read_text().split("## Comparing encodes")[1].split("\n## ")[0]
    named = set(re.findall(r"`(--[a-z]+(?:-[a-z]+)*)", section))
    helped = "".join(
        CliRunner().invoke(app, ["compare", *word, "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
        for word in ([], ["sweep"], ["--live"])
    )
    assert len(named) >= 20
    assert [each for each in named if f"{each} " not in helped] == []


def test_every_option_of_watch_that_the_readme_names_exists() -> None:
    helped = CliRunner().invoke(app, ["watch", "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
    row = next(line for line in README.read_text().splitlines() if line.startswith("| `qoe-agent watch"))
    named = set(re.findall(r"`(--[a-z]+)", row))
    assert len(named) >= 6
    for option in named:
        assert option in helped, option
