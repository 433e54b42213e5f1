"""What is posted to programs: generic JSON, and the API v2 of Alertmanager. Pure; times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from qoe_agent.alerts.policy import FLAPS
from qoe_agent.alerts.words import TEST, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.alerts.cases import Notice

SCHEMA = 1
"""Version of the generic JSON document: configs/webhook.schema.json describes it."""
RUNBOOK = "/runbook"
"""Page that says of each kind of incident what to do."""
REMINDERS = 4
"""After so many reminders that did not come, Alertmanager takes an alert for over (as Prometheus has it)."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all notices of an agent have in common."""

    page: str = ""
    """Address of the agent's page; empty: none that people could reach."""
    language: str = "en"
    zone: str = "UTC"
    agent: Mapping[str, str] | None = None
    """Vantage and region, where set."""


def link(notice: Notice, context: Context) -> str:
    """The page of its stream at the time when it began; empty without a page."""
    if not context.page:
        return ""
    base = context.page.rstrip("/")
    if not notice.name.stream:
        return f"{base}/"
    query = {"at": f"{notice.start:.0f}", "incident": notice.mark or notice.id} | (
        {"rendition": notice.name.rendition} if notice.name.rendition else {}
    )
    return f"{base}/streams/{quote(notice.name.stream, safe='')}?{urlencode(query)}"


def runbook(notice: Notice, context: Context) -> str:
    """What it means, and what to do; empty without a page."""
    known = context.page and notice.name.kind != TEST
    return f"{context.page.rstrip('/')}{RUNBOOK}#{notice.name.kind}" if known else ""


def alertname(kind: str) -> str:
    """`content_freeze` as `QoeContentFreeze`."""
    return "Qoe" + "".join(part.capitalize() for part in kind.split("_"))


def document(notices: Iterable[Notice], context: Context, at: float) -> dict[str, Any]:
    """The generic JSON document."""
    return {
        "schema": SCHEMA,
        "sent": at,
        "agent": dict(context.agent or {}),
        "alerts": [_described(notice, context) for notice in notices],
    }


def _described(notice: Notice, context: Context) -> dict[str, Any]:
    told, name = text(notice, context.language, context.zone), notice.name
    found: dict[str, Any] = {
        "id": notice.id, "number": notice.number, "status": notice.status, "stream": name.stream or None,
        "rendition": name.rendition or None, "kind": name.kind, "key": name.key or None, "severity": notice.severity,
        "severity_before": notice.former, "start": notice.start, "end": notice.end, "seconds": round(notice.seconds, 3),
        "count": notice.count, "flapping": notice.count >= FLAPS, "observed": notice.observed,
        "replaced_by": notice.because or None, "summary": told.title, "description": " ".join(told.lines),
        "labels": dict(notice.labels), "detail": dict(notice.detail),
        "url": link(notice, context) or None, "runbook_url": runbook(notice, context) or None,
    }  # fmt: skip
    return found


def alerts(
    firing: Iterable[Notice], resolved: Iterable[Notice], context: Context, at: float, resend: float
) -> list[dict[str, Any]]:
    """The body of POST /api/v2/alerts (alertmanager, api/v2/openapi.yaml): what fires until some reminders are missed,
    and what is over. What fires again is not over."""
    found = {}
    for notice in resolved:
        labels = _labels(notice, context)
        found[tuple(sorted(labels.items()))] = _alert(notice, labels, context, notice.end or notice.at)
    for notice in firing:
        labels = _labels(notice, context)
        found[tuple(sorted(labels.items()))] = _alert(notice, labels, context, at + REMINDERS * resend)
    return list(found.values())


def _labels(notice: Notice, context: Context) -> dict[str, str]:
    """What tells alerts apart; the stream's own labels route them."""
    name = notice.name
    own = {
        "alertname": alertname(name.kind), "severity": notice.severity, "stream": name.stream,
        "rendition": name.rendition, "key": name.key, **(context.agent or {}),
    }  # fmt: skip
    return {label: value for label, value in {**notice.labels, **own}.items() if value}


def _alert(notice: Notice, labels: dict[str, str], context: Context, end: float) -> dict[str, Any]:
    told = text(notice, context.language, context.zone)
    annotations = {"summary": told.title, "description": " ".join(told.lines)}
    annotations |= {"runbook_url": where} if (where := runbook(notice, context)) else {}
    made: dict[str, Any] = {
        "labels": labels, "annotations": annotations,
        "startsAt": rfc3339(notice.start), "endsAt": rfc3339(max(end, notice.start)),
    }  # fmt: skip
    return {**made, "generatorURL": where} if (where := link(notice, context)) else made


def rfc3339(at: float) -> str:
    """Unix seconds as Alertmanager wants them."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
