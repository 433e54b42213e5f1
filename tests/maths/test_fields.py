"""Pictures woven of two fields, told as FFmpeg's idet tells them, and not by vertical detail."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from qoe_agent.maths.fields import middle, weave

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS = 144, 192
SCENE = np.kron(np.random.default_rng(1).integers(40, 210, (60, 160), np.uint8), np.ones((5, 7), np.uint8))


def scene(time: float, across: float = 6.0, down: float = 0.0) -> np.ndarray:
    """What a camera sees as it pans: `across` and `down` pixels in a picture's time."""
    x, y = 40 + round(across * time), 40 + round(down * time)
    return SCENE[y : y + ROWS, x : x + COLUMNS]


def whole(n: int, **pan: float) -> np.ndarray:
    return scene(n, **pan)


def woven(n: int, first: int = 0, **pan: float) -> np.ndarray:
    """The field of row `first` first, the other half a picture later."""
    picture = scene(n, **pan).copy()
    picture[1 - first :: 2] = scene(n + 0.5, **pan)[1 - first :: 2]
    return picture


def idet(pictures: list[np.ndarray]) -> Counter[str]:
    """What FFmpeg's filter says, picture by picture."""
    graph: Any = av.filter.Graph()
    source = graph.add_buffer(width=COLUMNS, height=ROWS, format="gray", time_base="1/25")  # type: ignore[arg-type]  # it reads the string
    graph.link_nodes(source, graph.add("idet"), graph.add("buffersink")).configure()
    said: Counter[str] = Counter()
    for n, picture in enumerate([*pictures, None]):
        frame = None
        if picture is not None:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "gray")
            frame.pts = n
        graph.push(frame)
        while True:
            try:
                said[graph.pull().metadata["lavfi.idet.single.current_frame"]] += 1
            except (av.BlockingIOError, av.EOFError):
                break
    return said


def told(picture: Callable[..., np.ndarray], **how: float) -> Counter[str]:
    pictures = [middle(picture(n, **how)) for n in range(12)]
    return Counter(weave(a, b) for a, b in itertools.pairwise(pictures))


@pytest.mark.parametrize("pan", [{"across": 6.0}, {"across": -3.0}, {"across": 0.0, "down": 4.0}, {"across": 12.0}])
def test_fields_and_whole_pictures_are_told_apart_as_idet_does(pan: dict[str, float]) -> None:
    assert told(whole, **pan) == {"whole": 11}
    assert told(woven, **pan) == {"top": 11}
    assert told(woven, first=1, **pan) == {"bottom": 11}


def test_thin_lines_that_climb_are_no_fields() -> None:
    graph = av.filter.Graph()
    source, sink = graph.add("testsrc2", "size=640x360:rate=25"), graph.add("buffersink")
    form = graph.add("format", "gray")
    source.link_to(form)
    form.link_to(sink)
    graph.configure()
    pictures = [middle(graph.vpull().to_ndarray()).copy() for _ in range(40)]
    assert {weave(a, b) for a, b in itertools.pairwise(pictures)} == {"whole"}


def test_the_oracle_agrees() -> None:
    names = {"progressive": whole, "tff": woven}
    for name, picture in names.items():
        said = idet([picture(n) for n in range(12)])
        assert said.most_common(1)[0][0] == name, said


def test_rows_that_differ_are_no_fields_if_nothing_moves() -> None:
    rows = np.zeros((ROWS, COLUMNS), np.uint8)
    rows[::2] = 200
    rows[20:60:4] = 90
    assert weave(rows, rows) == ""
    text = scene(0).copy()
    text[31:120:6] = 16
    assert weave(text, text) == ""


def test_pictures_that_cannot_be_compared_say_nothing() -> None:
    assert weave(scene(0), scene(0)[:100]) == ""
    assert weave(scene(0)[:4], scene(1)[:4]) == ""
    flat = np.full((ROWS, COLUMNS), 90, np.uint8)
    assert weave(flat, flat) == ""
