"""The rules: promtool takes them, their examples hold, and they speak of what the agent exports.

Oracles: promtool, amtool, promql-parser, the naming rules of https://prometheus.io/docs/practices/rules/ and the
conventions for alerts of https://monitoring.mixins.dev/.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from qoe_agent import catalogue
from qoe_agent.alerts import wishes
from qoe_agent.alerts.payload import RUNBOOK, alertname
from qoe_agent.web.runbook_page import TEXTS
from tests import promql

FOLDER = promql.FOLDER
ROOT = Path(__file__).parent.parent
RULES = promql.rules()
RUNBOOK_TEXT = TEXTS["en"]
"""The Chinese one says the same (tests/web/test_runbook.py)."""
RECORDING = [rule for rule in RULES if "record" in rule]
ALERTS = [rule for rule in RULES if "alert" in rule]
DIRECT = {alertname(kind) for kind in catalogue.kinds()}
"""What agents call what they deliver themselves."""
EXAMPLES = sorted(path.name for path in FOLDER.glob("*_test.yml"))
TOLD = "".join((FOLDER / file).read_text() for file in EXAMPLES)
LEVELS = {"job", "instance", "region", "vantage", "stream", "rendition", "le"}
TOLD_OTHERWISE = {"fault_unnoticed", "stall", "lost", "ended", "video_missing"}
"""Kinds of incident that are told by the share of time that a viewer waits, by `qoe_up`, by the
last picture, or not at all."""
PER_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("record") or rule["alert"])
PER_RECORD = pytest.mark.parametrize("rule", RECORDING, ids=lambda rule: rule["record"])
PER_ALERT = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])


def tool(name: str, *arguments: str, package: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which(name)
    if program is None:
        assert not os.environ.get("CI"), f"CI must have {name} (Debian package {package})"
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return tool("promtool", *arguments, package="prometheus")


@functools.cache
def firing(file: str) -> list[list[set[str]]]:
    """For each example of a file, which alerts fire at each moment."""
    return [
        [
            set(re.findall(r'alertname="(\w+)"', json.dumps(moment["exp_samples"]).replace('\\"', '"')))
            for moment in example["promql_expr_test"]
            if "ALERTS" in moment["expr"]
        ]
        for example in yaml.safe_load((FOLDER / file).read_text())["tests"]
    ]


@pytest.mark.parametrize("file", promql.RULE_FILES)
def test_promtool_finds_nothing_wrong(file: str) -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(promql.rules(file))} rules found" in done.stdout


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_examples_hold(file: str) -> None:
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_scrape_configuration() -> None:
    done = promtool("check", "config", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@PER_RULE
def test_it_is_made_of_what_the_agent_exports(rule: dict[str, Any]) -> None:
    promql.labels(rule["expr"])


@PER_RULE
def test_nothing_is_made_up_where_there_is_nothing(rule: dict[str, Any]) -> None:
    assert "vector(" not in rule["expr"]
    for divisor in re.findall(r"/ (?!on\b)(\(?[^\s(]+)", rule["expr"]):
        guarded = divisor.startswith("(") or re.search(rf"{re.escape(divisor)}.*\)? > 0\)", rule["expr"])
        assert guarded or divisor.startswith("process_max_fds"), f"a share of nothing: / {divisor}"


@PER_RECORD
def test_an_example_speaks_of_it_or_of_what_is_made_of_it(rule: dict[str, Any]) -> None:
    names = {rule["record"]}
    for other in RULES:  # in the order in which they are evaluated
        if any(name in other["expr"] for name in names):
            names.add(other.get("record") or other["alert"])
    assert any(re.search(rf'(expr: .*|alertname=")\b{name}\b', TOLD) for name in names)


@PER_RECORD
def test_its_name_says_which_labels_are_left(rule: dict[str, Any]) -> None:
    level, metric, operations = rule["record"].split(":")
    assert set(re.findall("|".join(sorted(LEVELS, key=len)), level)) == promql.labels(rule["expr"])
    assert operations
    assert not metric.endswith("_total")


@PER_ALERT
def test_an_example_shows_it_firing_and_not_firing(rule: dict[str, Any]) -> None:
    moments = [moment for file in EXAMPLES for example in firing(file) for moment in example]
    name = rule["alert"]
    assert any(name in moment for moment in moments)
    examples = [example for file in EXAMPLES for example in firing(file) if any(name in moment for moment in example)]
    assert any(name not in moment for example in examples for moment in example), "it never stops, or never waits"


@PER_ALERT
def test_it_keeps_to_the_conventions(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Qoe([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    told = rule["annotations"]
    assert told["summary"].endswith(".")
    assert "{{" not in told["summary"]
    assert told["description"].endswith(".")
    assert told["runbook_url"] == f"http://127.0.0.1:9843{RUNBOOK}#{rule['alert'].lower()}"


@PER_ALERT
def test_its_words_name_labels_that_it_has(rule: dict[str, Any]) -> None:
    has = promql.labels(rule["expr"]) | set(rule["labels"])
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= has


@PER_ALERT
def test_its_runbook_has_a_section(rule: dict[str, Any]) -> None:
    section = re.search(
        rf"^### {rule['alert']}\n\n(?:Incidents?: .+?\n\n)?(.+?)(?=\n\n|\Z)", RUNBOOK_TEXT, re.MULTILINE | re.DOTALL
    )
    assert section, "no section"
    assert len(section[1].split()) >= 12, "it must say what it means, what to look at and what to do"


@PER_ALERT
def test_its_dashboard_exists(rule: dict[str, Any]) -> None:
    if address := rule["annotations"].get("dashboard_url"):
        assert re.findall(r"\$labels\.\w+ \}\}", address) == [], "a name in an address must be escaped"
        (uid,) = re.findall(r"http://127\.0\.0\.1:3000/d/([\w-]+)/", address)
        boards = [json.loads(path.read_text()) for path in (ROOT / "grafana" / "dashboards").glob("*.json")]
        (board,) = [board for board in boards if board["uid"] == uid]
        variables = {each["name"] for each in board["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)", address)) <= variables


def test_every_kind_of_incident_has_an_alert_in_the_file_for_those_without_the_direct_path() -> None:
    named = " ".join(rule["expr"] for rule in promql.rules("alerts_streams.yml"))
    assert set(catalogue.kinds()) - set(re.findall(r"\w+", named)) == TOLD_OTHERWISE


def test_the_runbook_has_no_section_for_an_alert_that_is_gone() -> None:
    sections = re.findall(r"^### (Qoe\w+)$", RUNBOOK_TEXT, re.MULTILINE)
    assert sorted(sections) == sorted(rule["alert"] for rule in ALERTS)


def test_an_incident_stands_in_the_section_of_the_alert_that_is_made_of_it() -> None:
    for section in RUNBOOK_TEXT.split("\n### ")[1:]:
        named = re.findall(r"`(\w+)`", (re.search(r"^Incidents?: (.+)$", section, re.MULTILINE) or [""])[0])
        (rule,) = [rule for rule in ALERTS if rule["alert"] == section.partition("\n")[0]]
        told = set(catalogue.kinds()) & set(re.findall(r"\w+", rule["expr"])) if "kind" in rule["expr"] else set()
        assert set(named) - TOLD_OTHERWISE <= told, rule["alert"]


def test_probes_on_demand_do_not_get_mixed_up_with_what_is_watched_all_the_time() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (kept,) = next(job for job in jobs if job["job_name"] == "qoe-probe")["metric_relabel_configs"]
    assert kept["action"] == "keep"
    passing = {name for name in promql.OURS if re.fullmatch(kept["regex"], name)}
    assert passing == set(promql.PROBED)


class TestAlertmanager:
    CONFIG = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())

    @pytest.mark.parametrize(("severity", "receiver"), [("critical", "pager"), ("warning", "tickets"), ("info", "log")])
    def test_who_is_told(self, severity: str, receiver: str) -> None:
        done = tool(
            "amtool", "config", "routes", "test", "--config.file=alertmanager.yml", f"severity={severity}",
            package="prometheus-alertmanager",
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip()) == (0, receiver), done.stderr

    def test_amtool_finds_nothing_wrong(self) -> None:
        done = tool("amtool", "check-config", "alertmanager.yml", package="prometheus-alertmanager")
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("rule", CONFIG["inhibit_rules"], ids=lambda rule: rule["source_matchers"][0])
    def test_what_silences_what_speaks_of_alerts_and_of_labels_that_they_share(self, rule: dict[str, Any]) -> None:
        sources, targets = (
            [alert for alert in ALERTS if matched(rule[side], alert["alert"])]
            for side in ("source_matchers", "target_matchers")
        )
        assert sources
        for matcher in rule["target_matchers"]:
            for part in re.search(r'"(.*)"', matcher)[1].split("|") if '"' in matcher else ():  # type: ignore[index]
                assert any(re.fullmatch(part, name) for name in {each["alert"] for each in ALERTS} | DIRECT), part
        for alert in (*sources, *targets):
            assert set(rule.get("equal", ())) <= promql.labels(alert["expr"])

    @pytest.mark.parametrize(
        ("kind", "source"), [("lost", "QoeStreamDown"), ("agent_overloaded", "QoeAgentOverloaded")]
    )
    def test_what_an_agent_silences_is_silenced_here_where_rules_tell_of_it(self, kind: str, source: str) -> None:
        targets = [rule["target_matchers"] for rule in self.CONFIG["inhibit_rules"]
                   if matched(rule["source_matchers"], source)]  # fmt: skip
        silenced = 0
        for rule in promql.rules("alerts_streams.yml"):
            kinds = set(catalogue.kinds()) & set(re.findall(r"\w+", rule["expr"].partition(" unless ")[0]))
            if kinds and all(kind in wishes.RULES[each][2] for each in kinds):
                silenced += 1
                assert any(matched(target, rule["alert"]) for target in targets), rule["alert"]
        assert silenced > 5


def matched(matchers: list[str], name: str) -> bool:
    """Whether an alert of that name meets all matchers."""
    for matcher in matchers:
        operator, value = re.fullmatch(r'alertname(!?=~?)"?(.*?)"?', matcher).groups()  # type: ignore[union-attr]
        same = bool(re.fullmatch(value, name)) if "~" in operator else value == name
        if same == operator.startswith("!"):
            return False
    return True


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("qoe_uptime", "exported by nobody"),
        ('qoe_up{strem="a"}', "no label strem"),
        ("max by (worker) (qoe_up)", "no label worker"),
        ('rate(qoe_received_bytes_total{track="picture"}[5m])', "no track is called picture"),
        ('qoe_incidents_open{kind="blackness"}', "no kind is called blackness"),
        ("qoe_stalls_total > 5", "only ever grows"),
        ("qoe_startup_seconds", "no series of"),
        ("qoe_latency_seconds - qoe_clock_offset_seconds", "never meet"),
        ("sum(qoe_up) by (stream) * on (region) qoe_up", "no label region"),
        ("histogram_quantile(0.5, sum by (stream) (rate(qoe_startup_seconds_bucket[5m])))", "no label le"),
        ("max by (region) (stream:qoe_up:max)", "no label region"),
        ("qoe_up ==", "qoe_up =="),
    ],
)
def test_mistakes_are_found(expression: str, why: str) -> None:
    with pytest.raises(promql.Mistake, match=re.escape(why)):
        promql.labels(expression)
