"""Reports on comparisons: one page that needs nothing else, a terminal's lines, CSV; the same figures everywhere."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from qoe_agent.compare.crops import Crop, Piece
from qoe_agent.compare.shapes import Alignment, Run
from qoe_agent.report import compare_csv, compare_json, compare_page, compare_plots, compare_terminal, compare_words
from tests.compare import compared_made
from tests.viewers.pages import Page, alone

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Compared

ALL = (compared_made.compared(), compared_made.alike(), compared_made.nothing())
CROPS = (
    Crop("vmaf[v1]", "x264_slow.mp4", 8.0, 79.98, (10, 20, 320, 180), (1280, 720), (
        Piece("reference", 200, b"RIFF-a", {}),
        Piece("x264_slow.mp4", 200, b"RIFF-b", {"vmaf[v1]": 69.1, "psnr_u": 44.0}),
        Piece("<b>svt & small.mp4", None, None, {}, "no frame of it shows this one"),
    ), "HDR (PQ): shown as coded"),
)  # fmt: skip


def told(found: Compared, width: int = 80) -> str:
    screen = Console(width=width, file=io.StringIO())
    screen.print(compare_terminal.report(found))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


@pytest.mark.parametrize("found", ALL, ids=["compared", "alike", "nothing"])
def test_the_page_needs_nothing_else_and_holds_the_document(found: Compared) -> None:
    text = compare_page.page(found)
    alone(text)
    assert json.loads([each for each in Page(text).text if each.startswith("{")][-1]) == compare_json.document(found)
    assert "<script>" not in text
    assert "<b>" not in text


def test_the_page_says_the_verdict_first_and_the_figures_of_the_document() -> None:
    found = ALL[0]
    cells = [each for each in Page(compare_page.page(found)).text if each]
    assert cells.index(found.verdict) < cells.index("What was compared") < cells.index("Quality")
    for one in compare_words.scored(found):
        assert one.alignment
        assert compare_words.alignment(one.alignment) in cells
        for name, each in one.pooled.items():
            assert set(compare_words.numbers(name, each).values()) <= set(cells)
    assert "not compared: shows other content: of 40 places none fits" in cells
    for pair in found.pairs:
        assert compare_words.difference(pair) in cells
        assert compare_words.interval(pair) in ["", *cells]


def test_pictures_are_within_the_page_and_the_policy_allows_no_others() -> None:
    text = compare_page.page(ALL[0], CROPS)
    alone(re.sub("<img [^>]*>", "", text))
    page = Page(text)
    images = [one for tag, one in page.elements if tag == "img"]
    assert [base64.b64decode((one["src"] or "").removeprefix("data:image/webp;base64,")) for one in images] == [
        b"RIFF-a", b"RIFF-b"]  # fmt: skip
    assert {(one["width"], one["height"]) for one in images} == {("320", "180")}
    assert all(one["alt"] for one in images)
    policies = [one["content"] for tag, one in page.elements if one.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                        "img-src data:"]  # fmt: skip
    assert "no frame of it shows this one" in page.text
    assert "VMAF v1 69.10" in page.text
    assert "HDR (PQ): shown as coded" in page.text


def test_plots_are_drawn_where_the_figures_are() -> None:
    found = ALL[0]
    one, late = compare_words.scored(found)
    lines = compare_plots.lines([one, late], "vmaf[v1]", 25.0)
    drawn = compare_plots.over_time(lines, "vmaf[v1]", (6.4,))
    page = Page(drawn)
    paths = {one["class"]: one["d"] or "" for tag, one in page.elements if tag == "path"}
    assert set(paths) == {"line arm0", "line arm1", "cut"}
    y = compare_plots.reach("vmaf[v1]", np.concatenate([each.values for each in lines]))
    x, height = (float(each) for each in paths["line arm0"].removeprefix("M").split("L")[200].split(","))
    assert x == pytest.approx(100 * 200 / 399, abs=0.01)
    assert height == pytest.approx(100 - y.at(lines[0].values[200]), abs=0.01)
    assert float(paths["line arm1"].removeprefix("M").split(",")[0]) == pytest.approx(100 * 12 / 399, abs=0.01)


def test_many_frames_are_drawn_as_a_mean_within_a_band() -> None:
    seconds, values = np.arange(100_000) / 50, np.tile([80.0, 90.0], 50_000)
    values[50_000] = 3.0
    drawn = compare_plots.over_time([compare_plots.Line("a", seconds, values)], "vmaf[v1]")
    assert len(drawn) < 40_000
    band = next(one["d"] or "" for tag, one in Page(drawn).elements if (one.get("class") or "").startswith("range"))
    y = compare_plots.reach("vmaf[v1]", values)
    assert f",{100 - y.at(3.0):.2f}" in band


def test_a_line_is_broken_where_the_test_shows_nothing_for_long() -> None:
    seconds = np.concatenate([np.arange(50), np.arange(150, 200)]) / 25
    drawn = compare_plots.over_time([compare_plots.Line("a", seconds, np.full(100, 90.0))], "vmaf[v1]")
    line = next(one["d"] or "" for tag, one in Page(drawn).elements if one.get("class") == "line arm0")
    assert line.count("M") == 2


def test_infinite_values_break_no_plot() -> None:
    one = compare_plots.Line("a", np.arange(4) / 25, np.array([40.0, np.inf, 42.0, np.nan]))
    drawn = compare_plots.over_time([one], "psnr_y")
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert compare_plots.over_time([one._replace(values=np.full(4, np.inf))], "psnr_y") == ""


def test_differences_are_of_frames_that_both_show() -> None:
    one, late = compare_words.scored(ALL[0])
    found = compare_plots.paired(one, late, "vmaf[v1]")
    assert late.scores
    assert one.scores
    assert len(found) == 385
    assert found[0] == pytest.approx(late.scores.frames["vmaf[v1]"][0] - one.scores.frames["vmaf[v1]"][12])
    drawn = compare_plots.histogram(found, "vmaf[v1]", "b over a")
    assert "above 0 on 0 % of 385 frames" in drawn


@pytest.mark.parametrize("found", ALL, ids=["compared", "alike", "nothing"])
def test_the_terminal_needs_eighty_columns(found: Compared) -> None:
    text = told(found)
    assert max(map(len, text.split("\n"))) <= 80
    for one in compare_words.scored(found):
        rows = [line for line in text.split("\n") if line.strip().startswith(one.name) and "Mbit" not in line]
        for name in compare_words.usual(one.pooled):
            assert any(compare_words.value(name, one.pooled[name].mean) in row for row in rows)


def test_the_terminal_says_what_the_document_says() -> None:
    text = told(ALL[0], 140)
    assert text.startswith(ALL[0].verdict[:60])
    assert "starts 12 frames (0.48 s) later, 3 dropped, 1 duplicated; 385 pairs of frames, by content" in text
    assert "not compared: shows other content: of 40 places none fits" in text
    assert re.search(r"VMAF v1 +−7.\d\d +\[−7.\d\d, −6.\d\d\] +4 +real", text)
    assert re.search(r"40 ms late +−1.8 LU +1.50 s", text)
    assert "· <script>alert(1)</script> is a name" in text
    assert "· VMAF is near its end: see XPSNR (x264_slow.mp4)" in text


def test_of_many_tests_differences_are_told_by_the_first_metric_alone() -> None:
    found = ALL[0]
    tests = tuple(replace(found.tests[0], name=f"{n}.mp4") for n in range(4))
    pairs = tuple(replace(each, a=one.name, b=other.name) for one, other in combinations(tests, 2)
                  for each in found.pairs if {each.a, each.b} == {found.pairs[0].a, found.pairs[0].b})  # fmt: skip
    text = told(replace(found, tests=tests, pairs=pairs))
    assert text.count(".mp4 over ") == 6
    assert "by the other metrics: --json or --html FILE" in text


def test_names_that_steer_do_not() -> None:
    found = compared_made.compared()
    wild = replace(found, tests=(replace(found.tests[0], name="\x1b[31mred\nx" * 9), *found.tests[1:]), pairs=())
    assert "\x1b[31m" not in told(wild)
    assert "\x1b" not in compare_page.page(wild)


def test_csv_has_a_row_for_each_pair_of_frames_and_starts_no_formula() -> None:
    found = compared_made.compared()
    wild = replace(found, tests=(replace(found.tests[0], name="=1+1"), *found.tests[1:]))
    rows = list(csv.DictReader(io.StringIO(compare_csv.frames(wild))))
    assert len(rows) == 400 + 385
    assert rows[0]["test"] == "'=1+1"
    assert rows[3]["psnr_y"] == "inf"
    assert (rows[400]["reference_frame"], rows[400]["test_frame"], rows[400]["seconds"]) == ("12", "0", "0.480000")


@pytest.mark.parametrize(("changed", "said"), [
    ({}, "starts together, none dropped or duplicated; 10 pairs of frames, by timestamps, confidence 0.99"),
    ({"offset_frames": -1, "offset_seconds": -0.04}, "starts 1 frame (0.04 s) earlier, none"),
    ({"runs": (Run(0, 0, 10, 1, 2),)}, "starts together, each second frame of the reference, none"),
    ({"method": "given"}, "10 pairs of frames, as given by hand"),
])  # fmt: skip
def test_alignments_are_told_in_words(changed: dict[str, object], said: str) -> None:
    laid = Alignment("timestamps", 0, 0.0, 0.999, (Run(0, 0, 10),), 0, 0)
    assert said in compare_words.alignment(replace(laid, **changed))  # type: ignore[arg-type]


def test_figures_are_told_with_their_digits() -> None:
    assert compare_words.value("ssim", 0.98765) == "0.9877"
    assert compare_words.value("psnr_y", float("inf")) == "∞"
    assert compare_words.value("vmaf[v1]", -0.001, signed=True) == "0.00"
    assert compare_words.metric("vmaf[neg]") == "VMAF NEG"
    assert compare_words.at(3723.456) == "1:02:03.46"
    assert compare_words.bits(4_020_000) == "4.02 Mbit/s"
    assert [compare_words.late(each) for each in (0.04, -0.013, 0.0001)] == [
        "sound 40 ms late", "sound 13 ms early", "sound in step"]  # fmt: skip


def test_short_names_are_apart_from_each_other() -> None:
    names = [f"ladder/{'x' * 40}{number}/video.mp4" for number in range(12)]
    found = compare_words.short(names, 24)
    assert len(set(found.values())) == 12
    assert all(len(each) <= 24 for each in found.values())
