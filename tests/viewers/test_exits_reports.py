"""Reports on exits: the JSON document's shape, one page that needs nothing else, the same figures everywhere."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from qoe_agent.report import exits_json, exits_page, exits_terminal, exits_words, words
from qoe_agent.viewers.shapes import Exits, Hazard
from tests.viewers.exits_made import BEGAN, exits
from tests.viewers.pages import Page, alone

KEYS = {
    "retention": ("seconds", "share", "low", "high"),
    "hazards": ("factor", "level", "hazard_ratio", "low", "high", "naive"),
    "incidents": ("id", "kind", "start", "excess_exits", "low", "high", "p", "method", "viewer_minutes", "orders"),
    "claims": ("id", "claim", "shown", "low", "value", "high", "design", "verdict"),
}
"""Of each list the keys that its entries begin with."""


def written() -> dict[str, Any]:
    """The document as another program reads it."""
    found: dict[str, Any] = json.loads(json.dumps(exits_json.document(exits()), allow_nan=False))
    return found


def compared(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Hazards beside a reference; when people leave is told by the curve."""
    return [one for one in document["hazards"] if one["low"] != 1.0 and one["factor"] != "tenure"]


def told(found: Exits) -> str:
    screen = Console(width=120, file=io.StringIO())
    screen.print(exits_terminal.report(found))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_the_document_has_the_shape_that_is_promised() -> None:
    document = written()
    assert list(document)[:6] == ["sessions", "retention", "hazards", "incidents", "claims", "notes"]
    for key, wanted in KEYS.items():
        assert document[key]
        for one in document[key]:
            assert tuple(one)[: len(wanted)] == wanted, key
    assert document["sessions"] == 200_000


def test_what_cannot_be_known_is_null() -> None:
    document = written()
    unknown = document["incidents"][2]
    assert [unknown[key] for key in ("excess_exits", "low", "high", "p")] == [None] * 4
    assert "cannot be known, because" in unknown["note"]
    odd = replace(exits(), hazards=(Hazard("stall", "recent", float("nan"), None, float("inf"), None),))
    assert exits_json.document(odd)["hazards"][0]["hazard_ratio"] is None
    assert exits_json.document(odd)["hazards"][0]["high"] is None


def test_times_keep_all_of_their_digits() -> None:
    assert written()["incidents"][1]["start"] == BEGAN + 1800


def test_the_page_needs_nothing_else() -> None:
    text = exits_page.page(exits())
    alone(text)


def test_the_page_holds_the_figures_of_the_document() -> None:
    document, cells = written(), Page(exits_page.page(exits())).text
    for one in document["retention"]:
        assert words.share(one["share"]) in cells
        assert words.between(one["low"], one["high"], words.share) in cells
    for one in compared(document):
        assert words.ratio(one["hazard_ratio"]) in cells
        assert words.ratio(one["naive"]) in cells
        assert words.between(one["low"], one["high"]) in cells
    for one in document["incidents"]:
        if one["excess_exits"] is not None:
            assert words.count(one["excess_exits"]) in cells
            assert words.between(one["low"], one["high"], words.count) in cells
            assert words.chance(one["p"]) in cells
    assert [one["shown"] for one in document["claims"]] == [text for text in cells if text in
                                                           {one["shown"] for one in document["claims"]}]  # fmt: skip


def test_plots_are_drawn_where_the_figures_are() -> None:
    page = Page(exits_page.page(exits()))
    circles = [one for tag, one in page.elements if one.get("class") == "mark" and tag == "circle"]
    assert len(circles) == 3 + 2
    heights = [float(one["cy"] or 0) for one in circles[:3]]
    assert heights == pytest.approx([240 * (1 - share) for share in (0.954, 0.759, 0.48)], abs=0.06)
    places = [float((one["x"] or "").rstrip("%")) for tag, one in page.elements if tag == "svg" and
              one.get("class") == "over"]  # fmt: skip
    assert len(places) == 6 + 5
    assert all(0 <= place <= 100 for place in places)
    assert len([one for _, one in page.elements if one.get("class") == "across"]) == 1


def test_markup_in_names_stays_text() -> None:
    text = exits_page.page(exits())
    assert "<3>" not in text
    assert "<east>" not in text
    assert "i-&lt;3&gt;" in text


def test_names_are_neither_markup_nor_escape_codes_for_the_terminal() -> None:
    names = ("[/eu]", "[red]b[/red]", ":smile:", "a_b", "\x1b[31mred", "two\nlines")
    found = exits()
    hazards = tuple(Hazard(name, name, 2.0, 1.5, 3.0, 1.0, 9.0, 9.0, f"note {name}") for name in names)
    incidents = tuple(found.incidents[0]._replace(id=name, kind=name, note=name) for name in names)
    parts = tuple({**found.breakdowns[0], "attribute": name, "level": name} for name in names)
    causes = tuple({"seconds": 3.0, "cause": name, "share": 0.1} for name in names)
    text = told(Exits(1, (), (), hazards, causes, incidents, found.claims, names, parts))
    for name in names[:3]:
        assert text.count(name) >= 9, name
    assert "\x1b" not in text
    assert "\\x1b[31mred" in text
    assert "two\\nlines" in text


def test_the_terminal_says_what_the_document_says() -> None:
    text = told(exits())
    assert text.startswith("Of 200,000 sessions 75.9 % [74.8 %, 77.0 %] still watch after 30 s.")
    for one in compared(written()):
        assert words.between(one["low"], one["high"]) in text
    assert "Whoever watches long has time" in text
    assert re.search(r"i-<3>\s+stall\s+.*cannot be known", text)
    assert re.search(r"i-1 .* 91 +\[53, 130\] +< 0.001", text)
    assert "exits were unusual before it began, too (p 0.020)" in text


def test_the_dearest_is_the_one_that_cost_most_at_least() -> None:
    found = exits()
    lucky = found.incidents[0]._replace(id="lucky", excess_exits=300.0, low=2.0, high=600.0)
    assert [one.id for one in exits_words.ranked((lucky, *found.incidents))] == ["i-1", "lucky", "i-2", "i-<3>"]


def test_the_first_sentence_names_the_factor_that_is_farthest_from_nothing() -> None:
    found = exits()
    assert "In the 30 s after a stall began viewers leave 2.98 times [2.93, 3.04] as fast as with no stall yet" in (
        exits_words.first(found)
    )
    wide = Hazard("latency", "≥10", 9.0, 0.8, 99.0, 1.0)
    only = replace(found, hazards=(wide,), incidents=())
    assert exits_words.first(only).endswith("No factor is clearly tied to leaving.")


def test_what_was_measured_is_said_as_people_say_it() -> None:
    sound = (Hazard("av_offset", "in tolerance", 1.0, 1.0, 1.0, None),
             Hazard("av_offset", "sound late", 1.4, 1.3, 1.5, 0.2))  # fmt: skip
    assert exits_words.first(Exits(9, hazards=sound)).endswith(
        "With sound late by over 185 ms viewers leave 1.40 times [1.30, 1.50] as fast as with sound in tolerance."
    )
    assert exits_words.level("effective_height", "<480") == "<480 lines"


def test_little_is_told_of_little() -> None:
    bare = Exits(1)
    assert told(bare).startswith("1 session: how many stay cannot be told.")
    assert "Why viewers leave" in exits_page.page(bare)
    assert exits_json.document(bare)["hazards"] == []


@pytest.mark.parametrize(("seconds", "said"), [(3, "3 s"), (30.0, "30 s"), (90, "90 s"), (180, "3 min"), (7200, "2 h")])
def test_lengths_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert words.length(seconds) == said
