"""CMCD reports as events."""

from __future__ import annotations

from typing import Any

import pytest

from qoe_agent.viewers import cmcd, cmcd_events

NOW_MS = 1_800_014_400_000


def said(report: str) -> dict[str, Any] | None:
    (record,) = cmcd.from_body(report).records
    return cmcd_events.said(record, NOW_MS)


def fields(report: str) -> dict[str, Any]:
    found = said(f'{report},sid="s",ts={NOW_MS - 500},v=2')
    assert found is not None
    return found


def test_a_report_without_a_session_is_about_nobody() -> None:
    assert said("e=ps,sta=p,ts=1,v=2") is None


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("e=ps,sta=s", {"kind": "join", "state": "starting"}),
        ("e=ps,sta=p", {"kind": "heartbeat", "state": "playing"}),
        ("e=ps,sta=r", {"kind": "stall", "state": "stalled"}),
        ("e=t,sta=r", {"kind": "heartbeat", "state": "stalled"}),
        ("e=ps,sta=q", {"kind": "leave", "cause": "quit"}),
        ("e=ps,sta=e", {"kind": "leave", "cause": "ended", "state": "ended"}),
        ("e=t,sta=e", {"kind": "heartbeat", "state": "ended"}),
        ('e=ps,sta=f,ec=("E1" "E2")', {"kind": "leave", "cause": "failed", "state": "failed", "error": "E1"}),
        ("e=bc,br=(3000;v 164;a)", {"kind": "quality", "bytes_per_second": 375_000}),
        ("e=t,pb=(1000),br=(3000)", {"kind": "heartbeat", "bytes_per_second": 125_000}),
        ("e=t,bsa=(2;v 1;a),bsda=(900)", {"kind": "heartbeat", "stalls_total": 2, "stalled_total_ms": 900}),
        ("e=t,msd=812,ltc=3200", {"kind": "heartbeat", "startup_ms": 812, "latency_ms": 3200}),
        ("e=t,ltc=-20", {"kind": "heartbeat"}),
        (f"e=t,pt={NOW_MS}", {"kind": "heartbeat", "media_ms": NOW_MS}),
        ("e=t,pt=5000", {"kind": "heartbeat"}),
        ("e=b,bg", {"kind": "heartbeat", "background": True}),
        ('e=t,cid="show",com.qoe-user="u",com.qoe-arm="hd",com.qoe-height="720"',
         {"kind": "heartbeat", "stream": "show", "user": "u", "arm": "hd", "height": 720}),
        ('e=t,com.ex-tier="gold",com.ex-ip="10.0.0.1",com.ex-email="a"',
         {"kind": "heartbeat", "attributes": {"com.ex-tier": "gold"}}),
        ('e=ce,cen="order",com.qoe-value="12.5",com.qoe-currency="CNY"',
         {"kind": "order", "value": 12.5, "currency": "CNY"}),
        ('e=ce,cen="message_shown",com.qoe-message="m1"', {"kind": "message_shown", "message": "m1"}),
        ('e=ce,cen="message_shown"', {"kind": "heartbeat"}),
    ],
)  # fmt: skip
def test_what_a_report_says(report: str, expected: dict[str, Any]) -> None:
    assert fields(report) == {"session": "s", "at_ms": NOW_MS - 500, **expected}


def test_a_request_without_number_and_time_happened_when_it_came() -> None:
    (record,) = cmcd.from_query("CMCD=sid%3D%22s%22%2Cbr%3D300").records
    assert cmcd_events.said(record, NOW_MS) == {
        "session": "s", "kind": "heartbeat", "at_ms": NOW_MS, "bytes_per_second": 37_500,
    }  # fmt: skip


def test_a_time_out_of_all_reason_is_no_time() -> None:
    found = said('e=t,sid="s",sn=1,ts=5,v=2')
    assert found is not None
    assert "at_ms" not in found
