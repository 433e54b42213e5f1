"""Tiles through the whole probe: what is wrong with one person beside others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.maths.tiles import Tile, grid
from qoe_agent.maths.view import View
from qoe_agent.model import Incident, Lost, Opened, Picture, Sample, Tick
from qoe_agent.probes import declarations
from qoe_agent.probes.tiles import BLANK, FREEZES, FROZEN, STILL, Tiles
from tests.findings import keep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.model import Observation
    from tests.findings import Kept

FPS = 25
HOST, GUEST = Tile("host", 0.0, 0.0, 0.5, 1.0), Tile("guest", 0.5, 0.0, 0.5, 1.0)
PAIR = (HOST, GUEST)
SHRUNK = (HOST, Tile("corner", 0.5, 0.0, 0.2, 0.2))
TEXTURE = np.random.default_rng(7).integers(60, 200, (60, 120)).repeat(8, 0).repeat(8, 1).astype(np.uint8)


def moving(t: float) -> NDArray[np.uint8]:
    """Somebody who never stands still: a texture that goes round."""
    x, y = int(200 + 150 * np.sin(1.3 * t)), int(60 + 50 * np.sin(1.9 * t + 1))
    return TEXTURE[y : y + 360, x : x + 320]


def frozen(*spans: tuple[float, float]) -> Any:
    return lambda t: moving(next((start for start, end in spans if start <= t < end), t))


def blank(level: int, *spans: tuple[float, float]) -> Any:
    gone = np.full((360, 320), level, np.uint8)
    return lambda t: gone if any(start <= t < end for start, end in spans) else moving(t)


def pictures(
    seconds: float, left: Any, right: Any, tiles: tuple[Tile, ...] = PAIR, every: float = 1 / FPS, scale: int = 1
) -> Iterator[Observation]:
    """What the look says of two people side by side; pictures apart follow nothing."""
    probe = Tiles(tiles=tiles)
    look = declarations()["tiles"].picture(probe)  # type: ignore[misc]  # it has one
    yield Opened(0.0, 0.0, "rtmp")
    for n in range(round(seconds / every)):
        t = n * every
        luma = np.ascontiguousarray(np.hstack([left(t), right(t)])[::scale, ::scale])
        view = View(luma, t, key=every > 0.5 or n % 50 == 0, follows=every < 0.5 and n > 0)
        yield Picture(t, 0, t, 640, 360, "yuv420p", view.key, t, {"tiles": look(view) if look else None})
        if round(t % 1.0, 3) == 0.0:
            yield Tick(t)
    yield Tick(seconds)
    yield Lost(seconds, "ended")


def found(*arguments: Any, tiles: tuple[Tile, ...] = PAIR, **more: Any) -> Kept:
    return keep(pictures(*arguments, tiles=tiles, **more), Tiles(tiles=tiles))


def spans(kept: Kept, kind: str) -> list[tuple[str, float, float]]:
    return [(one.key, one.start, one.end) for one in kept.of(kind) if one.end is not None]


def test_a_frozen_guest_beside_a_host_who_moves_is_found_to_the_frame_and_named() -> None:
    kept = found(16.0, moving, frozen((8.0, 11.0)))
    assert spans(kept, "tile_content_freeze") == [("guest", pytest.approx(8.0), pytest.approx(11.0))]
    assert kept.of("tile_content_freeze")[0].detail["tile"] == "guest"
    assert kept.counter(FREEZES, "guest") == 1
    assert kept.counter(FROZEN, "guest") == pytest.approx(3.0)
    assert kept.counter(FROZEN, "host") == 0.0


def test_a_black_guest_is_found_and_one_of_one_colour_is_called_so() -> None:
    kept = found(16.0, moving, blank(17, (6.0, 8.0)))
    assert spans(kept, "tile_black") == [("guest", pytest.approx(6.0), pytest.approx(8.0))]
    assert kept.counter(BLANK, "guest", "black") == pytest.approx(2.0)
    assert kept.counter(BLANK, "host", "black") == 0.0
    assert spans(kept, "tile_content_freeze") == []
    assert [one[0] for one in spans(found(16.0, moving, blank(140, (6.0, 8.0))), "tile_solid_colour")] == ["guest"]


def test_people_who_move_a_moment_of_rest_and_products_are_nothing() -> None:
    def product(t: float) -> NDArray[np.uint8]:
        return TEXTURE[:360, 300 * int(t / 7 % 2) :][:, :320]

    kept = found(30.0, frozen((8.0, 9.5)), product)
    assert kept.revisions == []
    assert kept.gauges[STILL.name, "guest"] > 0.8
    assert kept.gauges[STILL.name, "host"] < 0.2


def test_a_tile_may_be_judged_for_one_thing_alone() -> None:
    both = blank(17, (8.0, 12.0))
    tiles = (replace(HOST, black=False), replace(GUEST, freeze=False))
    kept = found(16.0, both, both, tiles=tiles)
    assert spans(kept, "tile_black") == [("guest", pytest.approx(8.0), pytest.approx(12.0))]
    still = found(16.0, frozen((8.0, 12.0)), frozen((8.0, 12.0)), tiles=tiles)
    assert [key for key, _, _ in spans(still, "tile_content_freeze")] == ["host"]
    names = {(one.metric.name, one.labels[0]) for one in samples(tiles)}
    assert (BLANK.name, "host") not in names
    assert (FROZEN.name, "guest") not in names


def samples(tiles: tuple[Tile, ...]) -> list[Sample]:
    probe = Tiles(tiles=tiles)
    told = [each for seen in pictures(2.0, moving, moving, tiles=tiles) for each in probe.feed(seen)]
    return [each for each in told if isinstance(each, Sample)]


def test_of_a_tile_that_is_too_small_nothing_is_said() -> None:
    tiles = (HOST, Tile("corner", 0.9, 0.0, 0.05, 0.05))
    assert {one.labels[0] for one in samples(tiles)} == {"host"}


def shrinking(right: Any, *small: tuple[float, float], until: float = 40.0) -> Iterator[Observation]:
    """A host, and a corner of a guest that is too small to be judged while the whole is a third of its size."""
    look = declarations()["tiles"].picture(Tiles(tiles=SHRUNK))  # type: ignore[misc]  # it has one
    yield Opened(0.0, 0.0, "rtmp")
    for n in range(round(until * FPS)):
        t = n / FPS
        step = 3 if any(start <= t < end for start, end in small) else 1
        luma = np.ascontiguousarray(np.hstack([moving(t), right(t)])[::step, ::step])
        view = View(luma, t, key=n % 50 == 0, follows=n > 0)
        yield Picture(t, 0, t, luma.shape[1], luma.shape[0], "yuv420p", view.key, t, {"tiles": look and look(view)})
        if n % FPS == 0:
            yield Tick(t)


@pytest.mark.parametrize(
    ("right", "kind"), [(blank(17, (8.0, 60.0)), "tile_black"), (frozen((8.0, 60.0)), "tile_content_freeze")]
)
def test_a_tile_that_becomes_too_small_has_no_fault_any_more_and_one_that_grows_again_may(
    right: Any, kind: str
) -> None:
    kept = keep(shrinking(right, (14.0, 30.0)), Tiles(tiles=SHRUNK))
    first = kept.of(kind)[0]
    assert (first.key, first.start, first.end) == ("corner", pytest.approx(8.0, abs=0.1), pytest.approx(14.0, abs=0.1))
    last = [at for at, each in kept.revisions if each.start == first.start and each.end is not None]
    assert last == [pytest.approx(14.0, abs=0.1)]
    assert [each.key for each in kept.of(kind) if each.start >= 30.0] == (["corner"] if kind == "tile_black" else [])


def test_of_a_tile_that_became_too_small_no_gauge_is_left() -> None:
    seen = shrinking(moving, (14.0, 60.0))
    kept = keep(seen, Tiles(tiles=SHRUNK))
    assert kept.gauges[STILL.name, "corner"] is None
    assert kept.gauges[STILL.name, "host"] is not None


def test_the_pictures_of_another_track_say_nothing_of_a_tile() -> None:
    seen = [
        each
        for one in pictures(16.0, moving, frozen((8.0, 11.0)))
        for each in ([one, replace(one, track=7, looks={"tiles": {}})] if isinstance(one, Picture) else [one])
    ]
    assert len(keep(seen, Tiles(tiles=PAIR)).of("tile_content_freeze")) == 1


def test_where_pictures_lie_apart_three_that_are_the_same_are_a_freeze_and_packets_are_not_asked() -> None:
    kept = found(100.0, moving, frozen((42.0, 62.0)), every=5.0)
    assert spans(kept, "tile_content_freeze") == [("guest", pytest.approx(45.0), pytest.approx(60.0))]
    assert kept.of("tile_content_freeze")[0].detail["basis"] == "pictures"


def test_an_avatar_where_somebody_was_is_no_freeze() -> None:
    def leaves(t: float) -> NDArray[np.uint8]:
        card = np.full((360, 320), 230, np.uint8)
        card[120:240, 100:220] = 30
        return card if 42.0 <= t < 70.0 else (moving(t) // 4 + 60).astype(np.uint8)

    assert spans(found(100.0, moving, leaves, every=5.0), "tile_content_freeze") == []


def test_a_size_that_changes_keeps_the_tiles() -> None:
    first = list(pictures(8.0, moving, moving))[:-2]
    second = pictures(14.0, moving, frozen((8.0, 12.0)), scale=2)
    later = [seen for seen in second if isinstance(seen, Tick | Lost | Picture) and seen.at >= 4.0]
    moved = [replace(seen, at=seen.at + 4.0, **({"pts": seen.at + 4.0} if isinstance(seen, Picture) else {}))
             for seen in later]  # fmt: skip
    kept = keep([*first, *moved], Tiles(tiles=PAIR))
    assert [key for key, _, _ in spans(kept, "tile_content_freeze")] == ["guest"]


def test_every_tile_of_a_grid_is_judged_by_itself() -> None:
    kept = found(16.0, moving, frozen((8.0, 11.0)), tiles=grid(2, 2))
    assert {key for key, _, _ in spans(kept, "tile_content_freeze")} == {"r1c2", "r2c2"}


def test_without_tiles_there_is_no_look_and_nothing_is_said() -> None:
    assert declarations()["tiles"].picture(Tiles()) is None  # type: ignore[misc]  # it has one
    probe = Tiles()
    told = [each for seen in pictures(3.0, moving, moving, tiles=()) for each in probe.feed(seen)]
    assert told == []


def test_what_is_open_ends_with_the_connection() -> None:
    kept = found(12.0, moving, frozen((8.0, 99.0)))
    assert all(isinstance(one, Incident) and one.end is not None for one in kept.of("tile_content_freeze"))
    assert len(kept.of("tile_content_freeze")) == 1
