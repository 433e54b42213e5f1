"""The recording rules: promtool takes them, their examples hold, and they speak of what the agent exports.

Oracles: promtool, and the naming rules of https://prometheus.io/docs/practices/rules/.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from qoe_agent import catalogue

FOLDER = Path(__file__).parent.parent / "configs" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "recording.yml").read_text())["groups"] for rule in group["rules"]
]
OURS = {metric.name: metric for metric in catalogue.metrics()}
EXTERNAL = {"job", "region", "vantage", "stream", "rendition", "le"}
"""Labels that a series may have whatever its metric declares."""
PER_RULE = pytest.mark.parametrize("rule", RULES, ids=[rule["record"] for rule in RULES])


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        assert not os.environ.get("CI"), "CI must have promtool (Debian package prometheus)"
        pytest.skip("promtool is not installed (Debian package prometheus)")
    return subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)


def test_promtool_finds_nothing_wrong() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", "recording.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


def test_the_examples_hold() -> None:
    done = promtool("test", "rules", "recording_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@PER_RULE
def test_an_example_speaks_of_it_or_of_what_is_made_of_it(rule: dict[str, Any]) -> None:
    examples, names = (FOLDER / "recording_test.yml").read_text(), {rule["record"]}
    for other in RULES:  # in the order in which they are evaluated
        if any(name in other["expr"] for name in names):
            names.add(other["record"])
    assert any(re.search(rf"expr: .*\b{name}\b", examples) for name in names)


@PER_RULE
def test_it_is_made_of_what_the_agent_exports(rule: dict[str, Any]) -> None:
    records = {other["record"] for other in RULES}
    for name in re.findall(r"[a-z_]*:[a-z_0-9]+:[a-z_0-9]+", rule["expr"]):
        assert name in records
    bare = re.sub(r"[a-z_]*:[a-z_0-9]+:[a-z_0-9]+", "", rule["expr"])
    for name in re.findall(r"\bqoe_\w+", bare):
        metric = OURS.get(name) or OURS[name.removesuffix("_bucket")]
        assert metric.kind == ("histogram" if name.endswith("_bucket") else metric.kind)
        if metric.kind != "gauge":
            assert re.search(rf"rate\({name}(\{{[^}}]*\}})?\[", bare), f"{name} only ever grows"
    for label in re.findall(r"(\w+)(?:=~?|!=|!~)\"", bare):
        names = [OURS.get(name) or OURS[name.removesuffix("_bucket")] for name in re.findall(r"\bqoe_\w+", bare)]
        assert label in EXTERNAL or all(label in metric.labels for metric in names)


@PER_RULE
def test_its_name_says_which_labels_are_left(rule: dict[str, Any]) -> None:
    level, metric, operations = rule["record"].split(":")
    assert level
    assert operations
    by = re.search(r"\bby \(([^)]*)\)", rule["expr"])
    if by:
        assert level == "_".join(label.strip() for label in by[1].split(","))
    else:
        assert re.search(rf"\b{level}(_le)?:", rule["expr"]), "no other level in a rule that aggregates nothing"
    assert set(re.findall("|".join(sorted(EXTERNAL, key=len)), level)) <= EXTERNAL
    assert not metric.endswith("_total")


@PER_RULE
def test_nothing_is_made_up_where_there_is_nothing(rule: dict[str, Any]) -> None:
    assert "vector(" not in rule["expr"]
    if "/" in rule["expr"]:
        assert re.search(r"/ \([\w:\[\]()]+ > 0\)", rule["expr"]), "a share of nothing"
