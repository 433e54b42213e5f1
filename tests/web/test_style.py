"""Colours that can be told apart (WCAG 2.2, 1.4.3 and 1.4.11), in light and dark; files that a wheel must hold."""

from __future__ import annotations

import re

import pytest

from qoe_agent.web.html import FILES, TYPES, VERSIONS

STYLE = FILES["page.css"].decode()
TEXTS = ("text", "dim", "link", "up", "faulty", "down", "ended", "unknown", "a", "b")
BACKS = ("back", "panel")
EDGES = ("edge", "link", "a", "b")


def colours(dark: bool) -> dict[str, str]:
    """The custom properties that hold colours."""
    light, night = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    found = dict(re.findall(r"--(\w+): (#\w{6})", light))
    return {**found, **dict(re.findall(r"--(\w+): (#\w{6})", night))} if dark else found


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_the_standard_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_and_edges_can_be_seen(dark: bool) -> None:
    known = colours(dark)
    assert len(known) > 12
    for back in BACKS:
        for text in TEXTS:
            assert contrast(known[text], known[back]) >= 4.5, (text, back)
        for edge in EDGES:
            assert contrast(known[edge], known[back]) >= 3.0, (edge, back)
    assert contrast(known["dim"], known["empty"]) >= 4.5
    assert contrast(known["back"], known["down"]) >= 4.5, "the banner of a page that is old"


def test_no_colour_is_named_outside_the_two_palettes() -> None:
    rest = STYLE[STYLE.index("* {") :]
    assert re.findall(r"#[0-9a-f]{3,8}\b(?![^{}]*\{)", rest) in ([], ["#000"]), "but for the black beside a picture"


def test_files_are_ours_alone_and_called_by_their_content() -> None:
    assert FILES.keys() == TYPES.keys() == VERSIONS.keys()
    for name, content in FILES.items():
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]|@import|url\(|\beval\b", text), name
