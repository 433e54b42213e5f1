"""What a PromQL expression speaks of: parsed by promql-parser, and held against what the agent declares.

A mistake is a metric that nobody exports, a label that its metric does not have or that is gone where it is asked for,
a value outside a closed set, a counter read as if it were a gauge. Semantics of operators and functions:
https://prometheus.io/docs/prometheus/latest/querying/
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any, get_args

import promql_parser as parser
import yaml

from qoe_agent import catalogue
from qoe_agent.probes import declarations

FOLDER = Path(__file__).parent.parent / "configs" / "prometheus"
EXTERNAL = frozenset({"job", "instance", "region", "vantage"})
"""What every series of an agent may have: the scrape's labels, and those that the configuration sets."""
STREAM = frozenset({"stream", "rendition"})
PROBED = ("qoe_probe_success", "qoe_probe_duration_seconds")
"""Scraped from /probe, where the scrape configuration says which stream it is."""
OURS = {metric.name: metric for metric in catalogue.metrics()}
WITHOUT_STREAM = {"about", "exporter", "shard", "strain", "vitals"}
"""Rooms whose metrics are the agent's own; elsewhere, a stream has metrics, or may have."""
RULE_FILES = ("recording.yml", "slo.yml", "alerts.yml", "alerts_streams.yml")
FOREIGN = {
    "up": frozenset({"job", "instance", "stream"}),
    "scrape_duration_seconds": frozenset({"job", "instance", "stream"}),
    "scrape_samples_scraped": frozenset({"job", "instance", "stream"}),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "kind", "fault", "slo", *EXTERNAL, *STREAM}),
}
"""Prometheus' own; `stream` as the scrape configuration of /probe sets it."""
SETS = {"and", "or", "unless"}
COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
OVER_COUNTERS = {"rate", "increase", "irate", "resets", "changes", "count_over_time", "present_over_time"}
CLOSED = {"severity": {"info", "warning", "critical"}, "alertstate": {"firing", "pending"}}


class Mistake(AssertionError):
    """The expression does not fit what is declared; the text says why."""


def rules(*files: str) -> list[dict[str, Any]]:
    """The rules in these files, by default in all, in order; each with its `group`."""
    found = []
    for file in files or RULE_FILES:
        for group in yaml.safe_load((FOLDER / file).read_text())["groups"]:
            found += [{**rule, "group": group["name"], "file": file} for rule in group["rules"]]
    return found


RECORDED = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def named(expression: str) -> set[str]:
    """The metrics that it reads, rules that are recorded followed to what they are made of."""
    found = set()
    for name in (node.name for node in _leaves(parser.parse(expression))):
        found |= named(RECORDED[name]) if name in RECORDED else {name}
    return found


def _leaves(node: Any) -> list[Any]:
    """The selectors of series in it."""
    if isinstance(node, parser.VectorSelector):
        return [node]
    parts = [getattr(node, part, None) for part in ("lhs", "rhs", "expr", "vector_selector")]
    return [leaf for part in [*parts, *getattr(node, "args", ())] if part is not None for leaf in _leaves(part)]


def selectors(expression: str) -> set[str]:
    """The series that it reads, each as a query of its own: without a range, an offset or what is done with them."""
    return {node.prettify().split(" offset ")[0] for node in _leaves(parser.parse(expression))}


def labels(expression: str) -> set[str]:
    """The labels that its result may have. Mistake: it does not fit."""
    try:
        node = parser.parse(expression)
    except ValueError as error:
        raise Mistake(f"{expression}: {error}") from error
    return _labels(node, counter_read_well=False)


def _labels(node: Any, counter_read_well: bool) -> set[str]:
    if isinstance(node, parser.VectorSelector):
        return _selector(node, counter_read_well)
    if isinstance(node, parser.MatrixSelector):
        return _selector(node.vector_selector, counter_read_well)
    if isinstance(node, (parser.ParenExpr, parser.UnaryExpr, parser.SubqueryExpr)):
        return _labels(node.expr, counter_read_well)
    if isinstance(node, (parser.NumberLiteral, parser.StringLiteral)):
        return set()
    if isinstance(node, parser.AggregateExpr):
        return _aggregate(node, counter_read_well)
    if isinstance(node, parser.Call):
        return _call(node)
    if isinstance(node, parser.BinaryExpr):
        return _binary(node, counter_read_well)
    raise Mistake(f"{type(node).__name__} is not known here")


@functools.cache
def of_metric(name: str) -> frozenset[str]:
    """The labels that the series of that name may have."""
    if name in FOREIGN:
        return FOREIGN[name]
    if name in RECORDED:
        return frozenset(labels(RECORDED[name]))
    metric = OURS.get(name) or OURS.get(re.sub(r"_(bucket|sum|count)$", "", name))
    if metric is None:
        raise Mistake(f"{name} is exported by nobody")
    if (metric.kind == "histogram") == (name == metric.name):
        raise Mistake(f"{name} is no series of {metric.name}")
    found = EXTERNAL | set(metric.labels) | ({"le"} if name.endswith("_bucket") else set())
    return found | STREAM if _has_stream(metric.name) else found


def _has_stream(name: str) -> bool:
    if name in PROBED or any(name == each.name for probe in declarations().values() for each in probe.metrics):
        return True
    room = _rooms()[name]
    return room not in WITHOUT_STREAM and name not in ("qoe_agent_streams", "qoe_agent_lag_seconds")


@functools.cache
def _rooms() -> dict[str, str]:
    """In which room each metric outside the probes is declared."""
    from importlib import import_module

    found = {}
    for room in catalogue.ROOMS:
        for value in vars(import_module(f"qoe_agent.{room}")).values():
            for metric in value if isinstance(value, tuple) else (value,):
                if getattr(metric, "name", None) in OURS:
                    found.setdefault(metric.name, room)
    return found


def _selector(node: Any, counter_read_well: bool) -> set[str]:
    if node.name is None:
        raise Mistake("a selector without a name")
    has = of_metric(node.name)
    metric = OURS.get(node.name) or OURS.get(re.sub(r"_(bucket|sum|count)$", "", node.name))
    if metric is not None and metric.kind != "gauge" and not counter_read_well:
        raise Mistake(f"{node.name} only ever grows: read it by rate() or increase()")
    for matcher in node.matchers.matchers:
        if matcher.name not in has:
            raise Mistake(f"{node.name} has no label {matcher.name}")
        for value in _values(matcher):
            _known(node.name, metric, matcher.name, value)
    return set(has)


def _values(matcher: Any) -> list[str]:
    """The values that a matcher names, as far as they are plain words."""
    if matcher.op in (parser.MatchOp.Re, parser.MatchOp.NotRe):
        return [part for part in matcher.value.split("|") if re.fullmatch(r"\w+", part)]
    return [matcher.value] if matcher.value else []


def _known(name: str, metric: Any, label: str, value: str) -> None:
    """Values of closed sets: kinds of incidents, severities, and words that the metric's own help enumerates."""
    if value.startswith("$") or label in {"job", "instance", "le", *EXTERNAL, *STREAM}:
        return
    if label == "alertname":
        closed = {rule["alert"] for rule in rules() if "alert" in rule}
    elif label == "kind" and name.startswith(("qoe_incidents", "ALERTS")):
        closed = set(catalogue.kinds())
    elif label in CLOSED:
        closed = CLOSED[label]
    else:
        closed = set(re.findall(r"\w+", metric.help)) | set(ENUMERATED.get((name, label), ())) if metric else {value}
    if value not in closed:
        raise Mistake(f"{name}: no {label} is called {value}")


def _enumerated() -> dict[tuple[str, str], tuple[str, ...]]:
    """Closed sets that the code names and the metric's help does not."""
    from qoe_agent.maths.freeze import CTA2066, DEFINITIONS
    from qoe_agent.model import LOST_REASONS, Kind

    tracks = {(metric.name, "track"): get_args(Kind) for metric in OURS.values() if "track" in metric.labels}
    return tracks | {
        ("qoe_join_attempts_total", "outcome"): ("ok", "deadline", *LOST_REASONS),
        ("qoe_disconnects_total", "reason"): tuple(LOST_REASONS),
        ("qoe_freeze_seconds_total", "definition"): (*DEFINITIONS, CTA2066),
        ("qoe_freezes_total", "definition"): (*DEFINITIONS, CTA2066),
    }


ENUMERATED = _enumerated()


def _wanted(has: set[str], wants: list[str], where: str) -> set[str]:
    lacking = set(wants) - has
    if lacking:
        raise Mistake(f"{where}: no label {', '.join(sorted(lacking))} among {', '.join(sorted(has)) or 'none'}")
    return set(wants)


def _aggregate(node: Any, counter_read_well: bool) -> set[str]:
    operation = str(node.op)
    has = _labels(node.expr, counter_read_well or operation in ("count", "group"))
    if operation in ("topk", "bottomk", "limitk"):
        return has
    if node.modifier is None:
        left: set[str] = set()
    else:
        wants = _wanted(has, node.modifier.labels, operation)
        left = wants if node.modifier.type == parser.AggModifierType.By else has - wants
    return left | {node.param.val} if operation == "count_values" else left


def _call(node: Any) -> set[str]:
    name = node.func.name
    has: set[str] = set()
    for argument in node.args:
        has |= _labels(argument, counter_read_well=name in (*OVER_COUNTERS, "absent", "absent_over_time"))
    if name == "absent":
        return {each.name for each in node.args[0].matchers.matchers if each.op == parser.MatchOp.Equal}
    if name in ("histogram_quantile", "histogram_fraction"):
        return _wanted(has, ["le"], name) ^ has
    if name == "label_replace":
        source = node.args[3].val
        _wanted(has, [source] if source else [], name)
        return has | {node.args[1].val}
    return has


def _scalar(node: Any) -> bool:
    if isinstance(node, (parser.ParenExpr, parser.UnaryExpr)):
        return _scalar(node.expr)
    if isinstance(node, parser.BinaryExpr):
        return _scalar(node.lhs) and _scalar(node.rhs)
    return isinstance(node, parser.NumberLiteral) or (isinstance(node, parser.Call) and node.func.name == "time")


def _binary(node: Any, counter_read_well: bool) -> set[str]:
    operation, modifier = str(node.op), node.modifier
    raw = counter_read_well or operation == "unless"
    left, right = _labels(node.lhs, raw), _labels(node.rhs, raw)
    if _scalar(node.lhs) or _scalar(node.rhs):
        return left | right
    matching = modifier.matching if modifier else None
    shared = left & right
    if matching is not None and matching.type == parser.LabelModifierType.Include:
        shared = _wanted(left, matching.labels, operation) & _wanted(right, matching.labels, operation)
    elif matching is not None:
        shared = (left | right) - set(matching.labels)
    elif operation != "or" and left != right:
        raise Mistake(f"{operation}: {sorted(left)} never meet {sorted(right)}: say on (…)")
    if operation in SETS:
        return left | right if operation == "or" else left
    if modifier and modifier.card == parser.VectorMatchCardinality.ManyToOne:
        return left | _wanted(right, modifier.group_labels or [], "group_left")
    if modifier and modifier.card == parser.VectorMatchCardinality.OneToMany:
        return right | _wanted(left, modifier.group_labels or [], "group_right")
    return left if operation in COMPARISONS and matching is None else shared
