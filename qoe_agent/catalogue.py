"""Every metric that the agent can export, gathered from where each is declared, and the table in the README."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

from qoe_agent.model import Metric
from qoe_agent.probes import declarations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOMS = (
    "about", "alerts.meter", "board", "evidence.keeper", "exporter", "fleet", "quarantine", "rollcall", "session",
    "shard", "strain", "tally", "viewers.exodus", "viewers.ingest.meter", "vitals",
)  # fmt: skip
"""Modules that declare metrics of their own, beside the probes."""
OWN = ("strain", "quarantine", "viewers.exodus")
"""Modules that report incidents beside the probes."""


@functools.cache
def metrics() -> tuple[Metric, ...]:
    """All of them by name: the probes' as declared, and every `Metric` constant of the rooms."""
    found = {metric.name: metric for probe in declarations().values() for metric in probe.metrics}
    for room in ROOMS:
        for value in vars(importlib.import_module(f"qoe_agent.{room}")).values():
            for metric in value if isinstance(value, tuple) else (value,):
                if isinstance(metric, Metric):
                    found[metric.name] = metric
    return tuple(metric for _, metric in sorted(found.items()))


def table(shown: Iterable[Metric]) -> str:
    """A Markdown table: name, type, labels, meaning."""
    lines = ["| Metric | Type | Labels | Meaning |", "|---|---|---|---|"]
    for metric in shown:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        meaning = metric.help.replace("|", "\\|")
        if metric.buckets:
            meaning += f" Buckets: {' '.join(f'{bound:g}' for bound in metric.buckets)}."
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {meaning} |")
    return "\n".join(lines) + "\n"


@functools.cache
def kinds() -> Mapping[str, str]:
    """Every kind of incident with its meaning."""
    found = {kind: meaning for probe in declarations().values() for kind, meaning in probe.incidents.items()}
    for room in OWN:
        found |= importlib.import_module(f"qoe_agent.{room}").INCIDENTS
    return found


def incident_table() -> str:
    """A Markdown table of the kinds of incident: kind, the probe that reports it, meaning."""
    lines = ["| Incident | Probe | Meaning |", "|---|---|---|"]
    for name, declared in declarations().items():
        for kind, meaning in declared.incidents.items():
            lines.append(f"| `{kind}` | {name} | {meaning} |")
    for room in OWN:
        for kind, meaning in importlib.import_module(f"qoe_agent.{room}").INCIDENTS.items():
            lines.append(f"| `{kind}` | none: the agent itself | {meaning} |")
    return "\n".join(lines) + "\n"
