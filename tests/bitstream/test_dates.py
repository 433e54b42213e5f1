"""Instants in their notations, against the standard library's own reading of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.bitstream import dates

instants = st.floats(978_393_600.0, 4_102_300_000.0).map(lambda at: datetime.fromtimestamp(at, UTC))


@given(instants, st.integers(-14 * 60, 14 * 60))
def test_rfc3339_is_read_as_python_reads_it(when: datetime, east: int) -> None:
    there = when.astimezone(timezone(timedelta(minutes=east)))
    found = dates.rfc3339(there.isoformat())
    assert found is not None
    assert found.time == pytest.approx(when.timestamp(), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "time", "resolution"),
    [
        ("2024-05-31T12:26:03.591Z", 1_717_158_363.591, 1e-3),
        ("2024-05-31T12:26:03Z", 1_717_158_363.0, 1.0),
        (" 2024-05-31T12:26:03.5\n", 1_717_158_363.5, 0.1),
        ("2024-05-31T20:26:03+0800", 1_717_158_363.0, 1.0),
    ],
)
def test_notations(text: str, time: float, resolution: float) -> None:
    assert dates.rfc3339(text) == (pytest.approx(time), pytest.approx(resolution))


@pytest.mark.parametrize("text", ["", "now", "2024-02-30T00:00:00Z", "2024-05-31T24:00:00Z", "0000-05-31T12:00:00Z"])
def test_what_is_no_date(text: str) -> None:
    assert dates.rfc3339(text) is None


@given(st.text(max_size=40))
def test_garbage_never_raises(text: str) -> None:
    dates.rfc3339(text)
    dates.local(text, text)


@given(instants)
def test_ntp_in_both_eras(when: datetime) -> None:
    since = (when - datetime(1900, 1, 1, tzinfo=UTC)).total_seconds()
    assert dates.ntp(round(since * 2**32) & (2**64 - 1)) == pytest.approx(when.timestamp(), abs=1e-5)


def test_onfi_is_a_local_time() -> None:
    assert dates.local("31-05-2024", "12:26:03.591") == pytest.approx(1_717_158_363.591)
    assert dates.local("31-13-2024", "12:26:03") is None
    assert dates.local("31-05-2024", 5.0) is None


@given(st.binary(max_size=20))
def test_absolute_capture_time(garbage: bytes) -> None:
    ntp = round((1_717_158_363.591 + dates.NTP_EPOCH) * 2**32).to_bytes(8, "big")
    assert dates.absolute_capture(ntp) == pytest.approx(1_717_158_363.591, abs=1e-6)
    earlier = round(-0.25 * 2**32).to_bytes(8, "big", signed=True)
    assert dates.absolute_capture(ntp + earlier) == pytest.approx(1_717_158_363.341, abs=1e-6)
    dates.absolute_capture(garbage)
