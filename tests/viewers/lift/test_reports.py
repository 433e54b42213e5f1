"""Reports on lift: the JSON document's shape, one page that needs nothing else, the same figures everywhere."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from qoe_agent.report import lift_csv, lift_json, lift_page, lift_plots, lift_terminal, lift_words, words
from qoe_agent.viewers.lift.shapes import Check, Dose, Estimate, Lift
from tests.viewers import lift_made
from tests.viewers.pages import Page, alone

KEYS = (
    "metric", "cap", "control", "treatment", "lift", "low", "high", "p", "p_adjusted", "always_valid", "n", "mean",
    "minimum_detectable_effect", "unit", "scale", "segment", "method",
)  # fmt: skip


SCHEMA = json.loads((Path(__file__).parents[3] / "configs" / "lift.schema.json").read_text())


def written(found: Lift) -> dict[str, Any]:
    """The document as another program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(lift_json.document(found), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(read)
    return read


def told(found: Lift, width: int = 140) -> str:
    screen = Console(width=width, file=io.StringIO())
    screen.print(lift_terminal.report(found))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_the_document_has_the_shape_that_is_promised() -> None:
    document = written(lift_made.lift())
    assert list(document)[:6] == ["schema_version", "verdict", "design", "checks", "estimates", "notes"]
    assert document["verdict"]["code"] == "better"
    assert document["verdict"]["text"].startswith("hd watched 3.4 % longer")
    first = document["estimates"][0]
    assert tuple(first)[: len(KEYS)] == KEYS
    assert (first["lift"], first["cap"], first["segment"]) == (0.034, 9000.0, None)
    assert first["always_valid"] == {"low": pytest.approx(-0.00275), "high": pytest.approx(0.07075)}
    assert first["n"] == {"hd": 61_240, "sd": 61_007}
    assert document["estimates"][-3]["segment"] == {"column": "device", "value": "phone"}
    assert document["checks"]["sample_ratio"] == {
        "p": 0.505, "passed": True, "state": "passed", "blocks": True,
        "text": "61,240 and 61,007 users where 1 : 1 was meant",
    }  # fmt: skip
    assert document["checks"]["delivered_contrast"]["passed"] is False
    assert document["checks"]["interference"]["passed"] is None
    assert document["retention"]["hd"][2]["seconds"] == 3.0
    assert document["over_time"][0]["until"] == lift_made.BEGAN
    assert document["tail"] == {"hd": {"sessions": 0.053, "watched": 0.549},
                                "sd": {"sessions": 0.053, "watched": 0.524}}  # fmt: skip


def test_counts_keep_all_of_their_digits_and_what_is_no_number_is_null() -> None:
    many = Estimate("watch", "a", "b", float("nan"), float("-inf"), 0.1, None, {"a": np.int64(12_345_678)},  # type: ignore[dict-item]
                    {}, always_valid=(float("nan"), float("nan")))  # fmt: skip
    found = written(replace(lift_made.lift(), estimates=(many,), over_time=((lift_made.BEGAN, 0.1, 0.0, 0.2) +
                                                                           (float("nan"),) * 2,)))  # fmt: skip
    (one,) = found["estimates"]
    assert one["n"]["a"] == 12_345_678
    assert (one["lift"], one["low"], one["always_valid"]) == (None, None, None)
    assert found["over_time"][0]["always_valid"] is None


def test_checks_of_one_name_are_all_told() -> None:
    checks = (Check("sample_ratio", "passed", "a"), Check("sample_ratio", "failed", "b"))
    found = written(replace(lift_made.lift(), checks=checks))["checks"]
    assert [each["text"] for each in found.values()] == ["a", "b"]


@pytest.mark.parametrize("found", [lift_made.lift(), lift_made.observed()], ids=["randomised", "observational"])
def test_the_page_needs_nothing_else_and_holds_the_document(found: Lift) -> None:
    text = lift_page.page(found)
    alone(text)
    page = Page(text)
    assert json.loads(next(each for each in page.text if each.startswith("{"))) == written(found)
    assert "<script>" not in text
    assert "<b>" not in text


def test_the_page_says_the_verdict_first_and_the_figures_of_the_document() -> None:
    found = lift_made.lift()
    cells = [each for each in Page(lift_page.page(found)).text if each]
    assert cells.index("Better.") < cells.index(found.text) < cells.index("Design") < cells.index("Checks")
    for one in found.estimates:
        assert lift_words.effect(one) in cells
        if one.low is not None:
            assert lift_words.interval(one.low, one.high) in cells
    assert "+3.40 %" in cells
    assert "[0.95, 5.85]" in cells
    for said in (*found.registered, *found.notes):
        assert said in cells


def test_plots_are_drawn_where_the_figures_are() -> None:
    found = lift_made.lift()
    page = Page(lift_page.page(found))
    lines = [one for tag, one in page.elements if tag == "path" and (one.get("class") or "").startswith("line arm")]
    assert len(lines) == 2
    start = re.match(r"M([\d.]+),([\d.]+)L", lines[1]["d"] or "")
    assert start
    assert float(start[2]) == pytest.approx(100 - 100 * lift_made.curve(1.0)[0][1], abs=0.01)
    bands = [one.get("class") for tag, one in page.elements if tag == "path" and "band" in (one.get("class") or "")]
    assert bands == ["band always", "band"]
    axis = lift_plots.effects(found.estimates[:1])
    assert axis.low < -0.00275 < 0 < 0.07075 < axis.high
    places = [float((one["x"] or "").rstrip("%")) for tag, one in page.elements if one.get("class") == "over"]
    assert places
    assert all(0 <= each <= 100 for each in places)


def test_without_an_always_valid_band_the_fixed_one_is_drawn_alone() -> None:
    nothing = (float("nan"),) * 2
    steps = tuple((at, lift, low, high, *nothing) for at, lift, low, high, _, _ in lift_made.lift().over_time)
    drawn = lift_plots.over_time(steps)
    assert drawn.count("band") == 1
    assert "nan" not in drawn
    assert lift_plots.over_time(steps[:1]) == ""


def test_one_wild_interval_does_not_crush_the_others() -> None:
    first, *_ = lift_made.estimates()
    wild = first._replace(metric="orders", low=-0.99, high=80.0, always_valid=None)
    axis = lift_plots.effects((first, wild))
    assert axis.high < 1


def test_the_terminal_says_what_the_document_says() -> None:
    text = told(lift_made.lift())
    assert text.startswith("BETTER  hd watched 3.4 % longer than sd, 95 % interval 0.9 to 5.8, capped at 2.5 h;")
    assert re.search(r"watch time, 2.5 h cap +\+3.40 % +\[0.95, 5.85\] +\[−0.28, 7.08\] +0.007 +0.013 ", text)
    assert re.search(r"delivered contrast +failed +of hd 51 %", text)
    assert re.search(r"share of time stalled +ship +hd over sd: −8.10 % .* keeps within the margin of \+5.00 %", text)
    assert re.search(r"orders an hour +unknown", text)
    assert "· caps: registered 9000 and 3600, analysed none, 9000 and 3600" in text
    assert re.search(r"hd +803 lines +801 to 805 lines +51.0 % +98.0 %", text)


def test_arms_nobody_randomised_are_told_side_by_side() -> None:
    text = told(lift_made.observed())
    assert text.startswith("OBSERVATIONAL: NOT AN EXPERIMENT  ")
    assert re.search(r"naive +\+9.60 % +\[8.90, 10.3\] +< 0.001 +400,000 +100.0 % +1.42 \(1.40\)", text)
    assert re.search(r"matched +\+0.30 points", text)
    assert "of hd" in text
    assert "treated" not in text
    assert "stratified: largest imbalance left 0.140 (bandwidth), before 0.620" in text


def test_names_are_neither_markup_nor_escape_codes_nor_formulas() -> None:
    names = ("[/eu]", "[red]b[/red]", "\x1b[31mred", "=1+1", "<i>x</i>")
    first = lift_made.estimates()[0]
    found = replace(
        lift_made.lift(), text="; ".join(names), notes=names, registered=names,
        checks=tuple(Check(name, "notice", name) for name in names),
        estimates=tuple(first._replace(treatment=name, n={name: 3}, segment=(name, name)) for name in names),
        doses=tuple(Dose(name, name, "told", 1.0) for name in names), tail=dict.fromkeys(names, (0.1, 0.2)),
        retention=dict.fromkeys(names, lift_made.curve(1.0)),
    )  # fmt: skip
    text = told(found)
    assert "\x1b" not in text
    assert text.count("[red]b[/red]") >= 6
    assert "<i>" not in lift_page.page(found)
    assert "\x1b" not in lift_page.page(found) + lift_csv.table(found)
    assert all(not line.startswith("=") for line in re.split(r"[\n,]", lift_csv.table(found)))


def test_the_csv_has_a_row_for_each_estimate_and_comparison() -> None:
    found = lift_made.lift()
    rows = list(csv.DictReader(io.StringIO(lift_csv.table(found))))
    assert len(rows) == len(found.estimates)
    assert (rows[0]["lift"], rows[0]["n_treatment"], rows[0]["mean_control"]) == ("0.034", "61240", "1884.1")
    assert (rows[-1]["segment_column"], rows[-1]["segment_value"], rows[-1]["always_valid_low"]) == (
        "device", "<b>", "",
    )  # fmt: skip
    compared = list(csv.DictReader(io.StringIO(lift_csv.table(lift_made.observed()))))
    assert [each["method"] for each in compared] == ["naive", "stratified", "matched", "doubly robust"]
    told = [(each["metric"], each["cap"], each["control"], each["treatment"]) for each in compared]
    assert told[1:3] == [("watch", "9000.0", "sd", "hd"), ("net_outcome", "9000.0", "sd", "hd")]


@pytest.mark.parametrize("found", [lift_made.lift(), lift_made.observed()], ids=["randomised", "observational"])
def test_rows_of_tables_are_one_line_at_80_letters(found: Lift) -> None:
    text = told(found, 80)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [(one.segment[1] if one.segment else lift_words.what(one), lift_words.interval(one.low, one.high),
             lift_words.always(one)) for one in found.estimates]  # fmt: skip
    rows += [(one.method, lift_words.interval(one.low, one.high), words.chance(one.p)) for one in found.comparisons]
    for row in rows:
        assert any(all(each in line for each in row) for line in lines), row
    assert "no room for: " in text
    assert "no room for: " not in told(found)


def test_a_figure_and_its_unit_are_never_on_two_lines() -> None:
    found = Lift("underpowered", "word " * 10 + "so 12.5 % more", {})
    for width in range(60, 80):
        assert "12.5 %" in told(found, width)
    assert not re.search(r"\d %", lift_page.page(lift_made.lift()).split("<body>")[1].split("<pre")[0])


def test_days_of_few_users_and_beyond_the_window_are_not_drawn() -> None:
    sure = lift_made.lift().novelty
    kept, left = lift_plots.sure((*sure, (5, 3.0, -0.9, 40.0), (9, 0.1, 0.0, 0.2)), 7 * lift_made.DAY)
    assert ([each[0] for each in kept], left) == ([each[0] for each in sure if each[0] < 7], 1)
    drawn = lift_page.page(replace(lift_made.lift(), novelty=(*sure[:6], (6, 3.0, -0.9, 40.0))))
    assert "not drawn: 1 days" in drawn
    assert "4000" not in drawn.split("<pre")[0]


def test_a_method_that_all_share_is_said_once() -> None:
    found = lift_made.lift()
    alike = tuple(one._replace(method="cuped" if one.scale != "rank" else "rank") for one in found.estimates)
    page = lift_page.page(replace(found, estimates=alike)).split("<pre")[0]
    assert (page.count("cuped"), "method (but of ranks): cuped" in page) == (1, True)


def test_several_arms_are_told_one_after_the_other() -> None:
    first, second, *_ = lift_made.estimates()
    other = second._replace(treatment="uhd", n={"uhd": 7, "sd": 8})
    found = replace(lift_made.lift(), estimates=(first, other, second))
    text = told(found)
    where = [text.index(each) for each in ("hd over sd (users: 61,240 : 61,007)", "uhd over sd (users: 7 : 8)")]
    assert where == sorted(where)
    assert text.count("watch time, no cap") == 2
    cells = Page(lift_page.page(found)).text
    assert cells.index("watch time, no cap") < cells.index("uhd over sd (users: 7 : 8)")


def test_little_is_told_of_little() -> None:
    bare = Lift("underpowered", "Too few users to tell.", {"kind": "randomised", "unit": "user", "control": "sd"})
    assert told(bare).startswith("UNDERPOWERED  Too few users to tell.\n\nDesign\n")
    alone(lift_page.page(bare))
    assert written(bare)["estimates"] == []
    assert lift_csv.table(bare).count("\n") == 1


def test_a_plan_is_told_by_cap_and_effect() -> None:
    plan = lift_made.plan()
    screen = Console(width=120, file=io.StringIO())
    screen.print(lift_terminal.plan(plan))
    assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    assert text.startswith(plan.text)
    assert re.search(r"uncapped +2.78 +\+10.3 % +11,437 +2.1 days +22,583 +4 days", text)
    assert re.search(r"\+0.15 % +53,927,058 +– ", text)
    document = json.loads(json.dumps(lift_json.plan(plan), allow_nan=False))
    assert document["needs"][0]["fixed"] == pytest.approx(plan.needs[0].fixed, rel=1e-5)
    assert document["needs"][2]["days_fixed"] is None
    assert document["reaches"][0] == {"cap": None, "units": 10_000, "fixed": 0.11, "always_valid": 0.16}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "uncapped"), (9000.0, "capped at 2.5 h"), (3600, "capped at 1 h"), (90, "capped at 90 s")],
)
def test_caps_are_said_as_people_say_them(seconds: float | None, said: str) -> None:
    assert lift_words.cap(seconds) == said
