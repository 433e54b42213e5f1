"""What programs are told: the generic document by its schema, Alertmanager by its API."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from qoe_agent.alerts import payload
from qoe_agent.alerts.payload import Context
from tests.alerts.notices import AT, notice, over

SCHEMA = json.loads((Path(__file__).parents[2] / "configs" / "webhook.schema.json").read_text())
CONTEXT = Context("https://qoe.example/", "en", "UTC", {"vantage": "sh-1"})


@pytest.mark.parametrize(
    "told",
    [
        notice(), over(), over(observed=False, because="lost"), notice(severity="critical", former="warning"),
        notice("agent_overloaded", "", key="0"), notice(rendition="720p", detail={"facts": [1, None, {"a": 0.5}]}),
    ],
    ids=["firing", "resolved", "unseen", "worse", "agent", "rendition"],
)  # fmt: skip
def test_the_document_is_as_its_schema_says(told: Any) -> None:
    made = payload.document([told], CONTEXT, AT)
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(
        json.loads(json.dumps(made))
    )
    assert set(made["alerts"][0]) == set(SCHEMA["$defs"]["alert"]["properties"])
    assert set(SCHEMA["$defs"]["alert"]["required"]) == set(made["alerts"][0])


def test_what_the_document_says() -> None:
    (told,) = payload.document([notice(count=3, labels={"team": "live"})], CONTEXT, AT + 13)["alerts"]
    assert (told["stream"], told["kind"], told["status"], told["severity"]) == ("show-1", "black", "firing", "warning")
    assert (told["start"], told["end"], told["seconds"], told["count"], told["flapping"]) == (AT, None, 12.0, 3, True)
    assert told["labels"] == {"team": "live"}
    assert told["url"] == "https://qoe.example/streams/show-1?at=1900000000&incident=0123456789abcdef"
    again = payload.document([notice(mark="fedcba987654")], CONTEXT, 0.0)["alerts"][0]
    assert again["url"].endswith("&incident=fedcba987654"), "evidence of what is wrong now, not of what was before"
    assert again["id"] == told["id"]
    assert told["runbook_url"] == "https://qoe.example/runbook#black"
    assert told["summary"] == "show-1: the picture is black"


def test_links_hold_any_name() -> None:
    found = payload.link(notice(stream="a/b ?&ü", rendition="7&8"), CONTEXT)
    assert (
        found
        == "https://qoe.example/streams/a%2Fb%20%3F%26%C3%BC?at=1900000000&incident=0123456789abcdef&rendition=7%268"
    )
    assert payload.link(notice(), Context()) == ""
    assert payload.link(notice("agent_overloaded", ""), CONTEXT) == "https://qoe.example/"


def when(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_alertmanager_is_told_what_fires_and_until_when_it_is_to_believe_that() -> None:
    (made,) = payload.alerts(
        [notice("content_freeze", key="v", rendition="720p", labels={"team": "live"})], [], CONTEXT, AT + 20, 60.0
    )
    assert made["labels"] == {
        "alertname": "QoeContentFreeze", "severity": "warning", "stream": "show-1", "rendition": "720p", "key": "v",
        "vantage": "sh-1", "team": "live",
    }  # fmt: skip
    assert (when(made["startsAt"]), when(made["endsAt"])) == (AT, AT + 20 + 240)
    assert made["annotations"]["summary"] == "show-1/720p: the picture stands still"
    assert made["annotations"]["runbook_url"] == "https://qoe.example/runbook#content_freeze"
    assert made["generatorURL"].startswith("https://qoe.example/streams/show-1?")


def test_alertmanager_is_told_when_it_was_over() -> None:
    (made,) = payload.alerts([], [over()], CONTEXT, AT + 41, 60.0)
    assert when(made["endsAt"]) == AT + 30


def test_what_fires_again_is_not_over() -> None:
    (made,) = payload.alerts([notice(start=AT + 50)], [over()], CONTEXT, AT + 60, 60.0)
    assert when(made["startsAt"]) == AT + 50
    assert when(made["endsAt"]) > AT + 60


def test_labels_of_the_users_cannot_take_the_place_of_ours() -> None:
    told = notice(labels={"severity": "none", "alertname": "x", "empty": ""})
    (made,) = payload.alerts([told], [], Context(), AT, 60.0)
    assert made["labels"] == {"alertname": "QoeBlack", "severity": "warning", "stream": "show-1"}
