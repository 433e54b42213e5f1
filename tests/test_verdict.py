"""Good, bad or failed: the thresholds of a profile, one by one, and exactly at their limits (DECISIONS 28)."""

from __future__ import annotations

from typing import Any

import pytest

from qoe_agent.config import Thresholds
from qoe_agent.verdict import Verdict, judge


def incident(kind: str, seconds: float, closed: bool = True) -> dict[str, Any]:
    return {"kind": kind, "seconds": seconds, "end": 1.0 if closed else None}


def verdict(*incidents: dict[str, Any], startup: float | None = 0.5, media: bool = True, **limits: Any) -> Verdict:
    return judge(Thresholds(**limits), media=media, lost="", startup=startup, incidents=incidents)


def test_nothing_wrong_is_good() -> None:
    assert verdict() == Verdict("good", ())
    assert verdict().status == 0


@pytest.mark.parametrize(
    ("kind", "seconds", "word"),
    [
        ("stall", 1.0, "good"),
        ("stall", 1.01, "bad"),
        ("black", 1.99, "good"),
        ("black", 2.0, "bad"),
        ("silence", 1.99, "good"),
        ("silence", 2.0, "bad"),
        ("content_freeze", 1.99, "good"),
        ("content_freeze", 2.0, "bad"),
        ("lost", 0.0, "bad"),
        ("ended", 100.0, "good"),
        ("resolution_change", 100.0, "good"),
        ("startup", 100.0, "good"),
    ],
)
def test_each_incident_has_its_limit(kind: str, seconds: float, word: str) -> None:
    assert verdict(incident(kind, seconds)).word == word


def test_a_tile_is_judged_as_the_whole_picture_is_and_named() -> None:
    found = incident("tile_content_freeze", 2.5) | {"detail": {"tile": "guest_2"}}
    assert verdict(found).reasons == ("guest_2: content freeze of 2.5 s (limit 2 s)",)
    assert verdict(found, content_freeze=3.0).word == verdict(found, content_freeze=None).word == "good"


@pytest.mark.parametrize("kind", ["stall", "black", "silence", "content_freeze"])
def test_a_threshold_may_be_off(kind: str) -> None:
    assert verdict(incident(kind, 1e6), **{kind: None}).word == "good"


def test_a_loss_may_be_allowed() -> None:
    assert verdict(incident("lost", 5.0), lost=False).word == "good"


def test_startup_is_judged_beyond_its_limit_and_may_be_off() -> None:
    assert verdict(startup=2.0).word == "good"
    assert verdict(startup=2.1).reasons == ("startup took 2.1 s (limit 2 s)",)
    assert judge(Thresholds(startup=None), media=True, lost="", startup=99.0, incidents=()).word == "good"


def test_media_that_nobody_can_decode_is_bad() -> None:
    found = verdict(startup=None)
    assert (found.word, found.status) == ("bad", 1)
    assert "decoded" in found.reasons[0]


def test_no_media_is_a_failure_and_says_why() -> None:
    found = judge(Thresholds(), media=False, lost="refused, by the host", startup=None, incidents=())
    assert (found.word, found.status, found.reasons) == ("failed", 2, ("no media: refused, by the host",))
    assert verdict(media=False).reasons == ("no media came",)


def test_all_reasons_are_told_and_an_open_incident_as_open() -> None:
    found = verdict(incident("stall", 3.0, closed=False), incident("silence", 4.0), incident("lost", 1.0), startup=3.0)
    assert found.word == "bad"
    assert found.reasons == (
        "stall of 3.0 s so far (limit 1 s)",
        "silence of 4.0 s (limit 2 s)",
        "the stream was lost",
        "startup took 3.0 s (limit 2 s)",
    )
