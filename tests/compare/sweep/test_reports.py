"""Reports of sweeps: the page, the terminal, JSON by its schema, CSV."""

from __future__ import annotations

import csv
import functools
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from qoe_agent.compare.sweep.concluding import concluded
from qoe_agent.compare.sweep.shapes import Buffer, Failure, KeyFrames, Searched, Swept
from qoe_agent.report import sweep_csv, sweep_json, sweep_page, sweep_terminal, sweep_words
from tests.compare.sweep_made import PRICES, curve, design

SCHEMA = json.loads((Path(__file__).parents[3] / "configs" / "sweep.schema.json").read_text())
EVIL = "<script>alert(1)</script>\x1b[31m"
NAMES = ("park", "lake", "crowd")


@functools.cache
def whole() -> Swept:
    points = []
    for number, name in enumerate(NAMES):
        for size in ((640, 360), (960, 540), (1280, 720)):
            points += curve("x264 veryfast", 1.0, size, name)
            points += curve("x265 medium", 1.35 + 0.1 * number, size, name, 60)
    first = points[0].encoded
    points[0] = replace(points[0], encoded=replace(first, buffer=Buffer(3_000_000, 6_000_000, 3, -0.04, 2.2)))
    keys = (KeyFrames("park", ("a", "b"), True, 5), KeyFrames("lake", ("a", "b"), False, 4, 6.0, "one is late"))
    search = Searched("park", first.setting, "vmaf[v1]", 93.0, 93.2, 2.1e6, 5, True)
    return concluded(design(*NAMES, prices=PRICES, target=80.0), points,
                     (Failure("k", "nvenc p4 crf 20", "park", "no device"),), keys, (search,),
                     {"ffmpeg": "9.0"}, ("A note.",))  # fmt: skip


def bare() -> Swept:
    return concluded(design(), [])


def single() -> Swept:
    return concluded(design(), [*curve("x264 veryfast"), *curve("x265 medium", 1.4)])


def few() -> Swept:
    return concluded(design(), [*curve("x264 veryfast")[:1], *curve("x265 medium")[:3]])


class Reader(HTMLParser):
    """What a page is made of, and whether its tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    return reader


def terminal(swept: Swept, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(sweep_terminal.report(swept))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("swept", [whole(), bare(), single(), few()], ids=["whole", "bare", "single", "few"])
def test_every_report_of_any_sweep(swept: Swept) -> None:
    document = json.loads(json.dumps(sweep_json.document(swept), allow_nan=False))
    jsonschema.validate(document, SCHEMA)
    page = sweep_page.page(swept)
    reader = read(page)
    assert "script" not in reader.tags
    assert not reader.addresses
    told = " ".join(terminal(swept, 80).split())
    assert swept.verdict in told
    assert page.index('class="first') < page.index("<h2>")
    rows = list(csv.DictReader(io.StringIO(sweep_csv.table(swept))))
    assert len(rows) == len(swept.points)


def test_the_page_holds_curves_bd_rates_speed_ladder_costs_and_promises() -> None:
    page = sweep_page.page(whole())
    for title in ("Quality over rate", "Rate at the same quality (BD-rate)", "Where the difference is", "Speed",
                  "A ladder", "What an hour of video costs", "Searched for a target", "What was promised",
                  "Every encode", "What failed", "Where this comes from"):  # fmt: skip
        assert f"<h2>{title}</h2>" in page
    assert page.count('class="both"') == len(NAMES)
    assert "0 of 1 encodes with a buffer kept within it" in page
    assert "one is late, first at 0:06.00" in page


def test_the_document_holds_the_first_bd_rate_and_all_points() -> None:
    swept = whole()
    document = sweep_json.document(swept)
    first = document["bd_rates"][0]
    assert first["rate"] == pytest.approx(swept.bd[0].rate, rel=1e-5)
    assert first["n_clips"] == 3
    assert len(document["points"]) == 90
    assert document["points"][0]["buffer"]["violations"] == 3
    assert document["costs"][1]["cost"]["all"] == pytest.approx(swept.priced[1].cost.total, rel=1e-5)


def test_csv_has_a_row_for_each_encode_with_its_metrics() -> None:
    swept = whole()
    row = next(csv.DictReader(io.StringIO(sweep_csv.table(swept))))
    point = swept.points[0]
    assert row["label"] == "x264 veryfast"
    assert float(row["vmaf[v1]"]) == point.scores["vmaf[v1]"]
    assert float(row["vmaf[v1] worst second"]) == point.worst["vmaf[v1]"]
    assert float(row["bits_per_second"]) == point.encoded.bits_per_second
    assert row["buffer_violations"] == "3"
    assert row["on_hull"] in ("yes", "no")


def test_text_of_others_steers_neither_page_nor_terminal() -> None:
    points = curve("x264 veryfast")
    points[0] = replace(points[0], notes=(EVIL,))
    swept = concluded(design(), points, (Failure("k", EVIL, "park", EVIL),), notes=("=cmd()",))
    page = sweep_page.page(swept)
    read(page)
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "\x1b" not in terminal(swept)


def test_what_lies_within_the_error_of_the_method_is_marked() -> None:
    one: Any = single().bd[0]
    assert "method's own error" in sweep_words.believed(replace(one, rate=0.001, spread=0.01))
    assert "interval holds 0" in sweep_words.believed(replace(one, rate=-0.1, low=-0.3, high=0.1))
    assert sweep_words.believed(replace(one, rate=None, warnings=("a", "because"))) == "because"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.0478, "0.0478"), (5.4, "5.40"), (44.93, "44.9"), (812.2, "812"), (12345, "12,345")],
)
def test_figures_have_three_digits_that_count(number: float, text: str) -> None:
    assert sweep_words.figure(number) == text
