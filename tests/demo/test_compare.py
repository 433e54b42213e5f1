"""What was injected beside what was seen."""

from __future__ import annotations

from qoe_agent.demo.compare import compare
from qoe_agent.demo.faults import Injected
from qoe_agent.demo.studio import Sent
from qoe_agent.model import Incident

SENT = [Sent(100 + i / 25, 1 + i / 25) for i in range(2500)]


def test_a_stall_is_paired_with_what_the_viewer_met() -> None:
    seen = [
        Incident("delivery_gap", 110, 115, "info"),
        Incident("stall", 110.5, None, "warning"),
        Incident("stall", 110.5, 115.6, "warning"),
    ]
    (row,) = compare([Injected("stall", 110, 115)], seen, SENT)
    assert (row.seen_as, row.seen_start) == ("stall", 110.5)
    assert row.error is not None
    assert abs(row.error - 0.1) < 1e-6


def test_a_drop_lasts_from_the_change_to_the_change_back_in_media_time() -> None:
    seen = [
        Incident("resolution_change", 113, 113, "info", start_pts=11.0, end_pts=11.0),
        Incident("resolution_change", 123, 123, "info", start_pts=19.0, end_pts=19.0),
    ]
    (row,) = compare([Injected("resolution_drop", 110, 118, 11, 19)], seen, SENT)
    assert row.seen_start is not None
    assert row.error is not None
    assert abs(row.seen_start - 110) < 0.05
    assert abs(row.error) < 0.05


def test_what_was_not_seen_is_missed_only_when_it_is_too_late() -> None:
    early = compare([Injected("silence", 110, 114, 11, 15)], [], SENT[:400])
    late = compare([Injected("silence", 110, 114, 11, 15)], [], SENT)
    assert [(row.found, row.missed) for row in (*early, *late)] == [(False, False), (False, True)]


def test_an_incident_of_another_time_is_not_taken() -> None:
    seen = [Incident("silence", 150, 154, "warning")]
    (row,) = compare([Injected("silence", 110, 114)], seen, SENT)
    assert not row.found


def test_what_goes_on_has_no_error_yet() -> None:
    (row,) = compare([Injected("silence", 110)], [Incident("silence", 110.2, None, "warning")], SENT)
    assert (row.found, row.seen_seconds, row.error, row.missed) == (True, None, None, False)
