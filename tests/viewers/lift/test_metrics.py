"""Metrics: which are usual, and how others are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qoe_agent.viewers.lift.metrics import columns, guardrail, metric, shares, together, usual
from qoe_agent.viewers.lift.shapes import Amount, Columns, Design, Metric

FULL = Columns("user", "arm", "watch", time="start")


def test_what_is_told_depends_on_what_is_known() -> None:
    plain = [each.name for each in usual(Columns(None, "arm", "watch"), (), None)]
    assert plain == ["watch", "longer_than_3s", "longer_than_30s", "longer_than_180s"]
    every = [each.name for each in usual(FULL, ("stall_seconds", "orders"), None)]
    assert set(every) == {*plain, "watch_per_session", "sessions", "stall_ratio", "orders_per_hour", "returned_1d",
                          "returned_7d"}  # fmt: skip
    assert every[0] == "watch"


def test_where_arms_change_by_blocks_nothing_is_told_by_user() -> None:
    for design, given in ((Design("sd", switchback=3600.0), FULL), (Design("sd"), replace(FULL, block="b"))):
        names = [each.name for each in together(design, given, ())]
        assert names == ["watch", "longer_than_3s", "longer_than_30s", "longer_than_180s"]
    asked = together(Design("sd", switchback=3600.0, metrics=(metric("sessions"),)), FULL, ())
    assert asked[-1] == metric("sessions")


def test_metrics_of_ones_own() -> None:
    assert metric("gifts") == Metric("gifts", Amount("gifts"))
    assert metric("gifts / watch") == Metric("gifts/watch", Amount("gifts"), Amount("watch", known="gifts"))
    assert metric("a/b") == Metric("a/b", Amount("a", known="b"), Amount("b", known="a"))
    assert metric("stall_ratio").over == Amount("watch", known="stall_seconds")
    assert columns([metric("gifts/watch"), metric("stall_ratio")]) == ("gifts", "stall_seconds")
    for wrong in ("", "/b", "a/", "a/b/c"):
        with pytest.raises(ValueError, match="must be COLUMN"):
            metric(wrong)


def test_the_sign_of_a_margin_says_which_way_is_worse() -> None:
    assert guardrail("orders_per_hour:-0.01").better == "more"
    assert (guardrail("stall_ratio:0.02").better, guardrail("stall_ratio:0.02").margin) == ("less", 0.02)
    for wrong in ("stall_ratio", "stall_ratio:", ":0.1", "stall_ratio:0", "stall_ratio:nan", "stall_ratio:-1"):
        with pytest.raises(ValueError, match="must be"):
            guardrail(wrong)


def test_those_of_the_design_stand_beside_the_usual_ones_once() -> None:
    design = Design("sd", metrics=(guardrail("stall_ratio:0.02"), metric("gifts"), guardrail("watch:-0.01")))
    found = together(design, FULL, ("stall_seconds",))
    names = [each.name for each in found]
    assert len(set(names)) == len(names)
    assert names[0] == "watch"
    assert {each.name: each.margin for each in found if each.margin} == {"stall_ratio": 0.02, "watch": -0.01}
    assert "gifts" in names


def test_shares_are_written_by_arm() -> None:
    assert shares("hd=.9, sd=.1") == {"hd": 0.9, "sd": 0.1}
    assert shares("a=b=2,c=1") == {"a=b": 2.0, "c": 1.0}
    for wrong in ("hd", "hd=", "=1", "hd=0", "hd=-1", "hd=x", "hd=1,hd=2", "hd=inf", ""):
        with pytest.raises(ValueError, match="must be ARM=SHARE"):
            shares(wrong)
