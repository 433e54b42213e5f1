"""The README is true: its tables are generated, its commands exist."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from qoe_agent import catalogue, config
from qoe_agent.__main__ import app
from qoe_agent.alerts import wishes

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def test_what_documents_link_to_is_there_on_github_too() -> None:
    """GitHub follows no symbolic links on the way to a file."""
    pages = [README, *README.parent.glob("qoe_agent/docs/*.md")]
    links = [(page, *link) for page in pages for link in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", plain(page))]
    assert len(links) >= 60
    for page, path, anchor in links:
        target = page.parent / path if path else page
        assert target.exists(), (page, path)
        assert target.resolve() == Path(os.path.normpath(target)), (page, path)
        assert not anchor or anchor in anchors(target), (page, path, anchor)


def plain(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", plain(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"`qoe-agent (\w+)", README.read_text()))
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert named
    assert named <= known


def helped(commands: Iterable[str]) -> str:
    """What `--help` of these says, each in a line of its own."""
    return "".join(
        CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
        for command in commands
    )


@pytest.mark.parametrize(
    ("heading", "commands", "least"),
    [
        ("### Marks for latency and A/V sync: `stamp`", ("stamp", "watch"), 5),
        ("### The command `exits`", ("exits",), 10),
        ("### The command `lift`", ("lift", "lift plan", "lift assign"), 25),
        ("## Comparing encodes", ("compare", "compare sweep", "compare --live"), 20),
    ],
)
def test_every_option_that_a_section_names_exists(heading: str, commands: tuple[str, ...], least: int) -> None:
    section = README.read_text().split(heading + "\n")[1].split(f"\n{heading.split()[0]} ")[0]
    named = set(re.findall(r"`(?:lift )?(--[a-z]+(?:-[a-z]+)*)", section))
    text = helped(commands)
    assert len(named) >= least
    assert [each for each in named if f"{each} " not in text] == []


def test_every_option_in_the_table_of_commands_exists() -> None:
    rows = re.findall(r"^\| `qoe-agent (\w+)(.*)$", README.read_text(), re.MULTILINE)
    named = {(command, option) for command, row in rows for option in re.findall(r"[` ](--[a-z-]+)", row)}
    assert len(named) >= 15
    texts = {command: helped([command]) for command, _ in named}
    texts["compare"] += helped(["compare --live"])
    assert [(command, option) for command, option in named if f"{option} " not in texts[command]] == []


def test_metrics_and_modules_that_documents_name_exist() -> None:
    pages = [README, *README.parent.glob("qoe_agent/**/*.md"), *README.parent.glob("configs/**/*.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    known = {metric.name + end for metric in catalogue.metrics() for end in ("", "_bucket", "_sum", "_count")}
    named = set(re.findall(r"(?<![:/])\bqoe_[a-z0-9_]*[a-z0-9]\b", text)) - {"qoe_agent"}
    assert named - known == set()
    assert [each for each in set(re.findall(r"python -m ([\w.]+\w)", text)) if find_spec(each) is None] == []
