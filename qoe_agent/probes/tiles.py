"""Tiles: named parts of the picture (a host, a guest), each judged for black and for standing still by itself.

What a whole picture is judged by (`black`, `content_freeze`) judges each tile as if it were a picture of its own, but
for packets and sound, which belong to all of them. A tile that stands still for a third of the time (a product, a
slide) is not frozen by standing still. Where only key frames are decoded, a freeze needs three that are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.following import Following
from qoe_agent.maths.partly import Partly
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Picture, Sample, Segment, Tick
from qoe_agent.probes import content_freeze, probe
from qoe_agent.probes.black import COUNTED, Black, Face

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.maths.frozen import Frozen
    from qoe_agent.maths.tiles import Tile
    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

BLANK = Metric(
    "qoe_tile_blank_seconds_total", "counter", "Time in which a tile was black, of one colour or a test card "
    "(black, solid_colour, colour_bars), in spells of at least the minimum.", ("tile", "kind"),
)  # fmt: skip
FREEZES = Metric("qoe_tile_freezes_total", "counter", "Times a tile stood still though frames flowed.", ("tile",))
FROZEN = Metric("qoe_tile_freeze_seconds_total", "counter", "Media time in which a tile stood still.", ("tile",))
STILL = Metric(
    "qoe_tile_still_ratio", "gauge", "Share of the last half minute or so in which a tile stood still without being "
    "frozen; a product still is near 1.", ("tile",),
)  # fmt: skip
KIND_OF = {metric: kind for kind, metric in COUNTED.items()}
AS_TILE = {content_freeze.FREEZES: FREEZES, content_freeze.FROZEN: FROZEN, content_freeze.STILL: STILL}


class Standing(content_freeze.ContentFreeze):
    """A tile's freezes."""

    __slots__ = ()

    def _afresh(self) -> Frozen:
        return Partly()


class Look:
    """The look: what each tile amounts to, and what stands still in it."""

    def __init__(self, probe: Tiles) -> None:
        self._looks = [
            (
                tile,
                Face([]) if tile.black else None,
                content_freeze.Look(probe.minimum, []) if tile.freeze else None,
            )
            for tile in probe.tiles
        ]

    @property
    def alert(self) -> bool:
        """Wants every picture."""
        return any(look.alert for _, *looks in self._looks for look in looks if look)

    def suspects(self, view: View) -> bool:
        """Wants the pictures between the last one and this."""
        parts = ((tile.of(view), looks) for tile, *looks in self._looks)
        return any(look.suspects(part) for part, looks in parts if part for look in looks if look)

    def __call__(self, view: View) -> dict[str, tuple[Any, Any]]:
        """What both looks say of each tile that is large enough."""
        told = {}
        for tile, face, still in self._looks:
            if part := tile.of(view):
                told[tile.name] = face(part) if face else None, still(part) if still else None
        return told


@probe(
    BLANK, FREEZES, FROZEN, STILL,
    sees=(Opened, Segment, Picture, Tick, Lost),
    incidents={
        "tile_black": "a tile of the picture is black",
        "tile_solid_colour": "a tile of the picture is one colour all over",
        "tile_colour_bars": "a tile of the picture is a test card of colour bars",
        "tile_content_freeze": "a tile of the picture stands still though frames flow: a break with its motion before",
    },
    picture=lambda probe: Look(probe) if probe.tiles else None,
)  # fmt: skip
@dataclass(slots=True)
class Tiles:
    """Watches the tiles that the stream's option `tiles` names, in the first video track that pictures come from."""

    black: float = 0.5
    """Seconds of black, or of colour bars, that make an incident."""
    solid: float = 1.0
    """Seconds of one colour that make an incident."""
    minimum: float = 2.0
    """Seconds from which on a standing tile is a freeze, where every picture is decoded: people sit still for a moment,
    and in a small picture that is the same."""
    tiles: tuple[Tile, ...] = field(default=(), metadata={"option": False})

    _parts: dict[str, list[Black | Standing]] = field(default_factory=dict, init=False, repr=False)
    _following: Following = field(default_factory=Following, init=False, repr=False)
    _judged: set[str] = field(default_factory=set, init=False, repr=False)
    """Tiles that were large enough when last looked at: of others nothing is said."""

    def __post_init__(self) -> None:
        for tile in self.tiles:
            parts = self._parts[tile.name] = []
            if tile.black:
                parts.append(Black(black=self.black, solid=self.solid, bars=self.black))
            if tile.freeze:
                parts.append(Standing(self.minimum))

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            return self._picture(seen)
        if isinstance(seen, Opened | Lost):
            self._following.restart(seen)
        return [
            told
            for name, parts in self._parts.items()
            for part in parts
            for told in _named(name, part.feed(seen))
            if name in self._judged
        ]

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        looks = seen.looks.get("tiles")
        if looks is None or not self._following.takes(seen):
            return
        for name in self._judged - looks.keys():
            yield from self._dropped(name, seen)
        for name, said in looks.items():
            if name in self._parts:
                self._judged.add(name)
                picture = replace(seen, looks=dict(zip(("black", "content_freeze"), said, strict=True)))
                for part in self._parts[name]:
                    yield from _named(name, part.feed(picture))

    def _dropped(self, name: str, seen: Picture) -> Iterator[Finding]:
        """The tile became too small to be judged: what was wrong with it is over as far as it is known."""
        self._judged.remove(name)
        for part in self._parts[name]:
            yield from _named(name, part.feed(Opened(seen.at, seen.at, "")))
            if isinstance(part, Standing):
                yield Sample(STILL, None, (name,))


def _named(name: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """What was found, as of that tile."""
    for found in findings:
        if isinstance(found, Incident):
            yield replace(found, kind=f"tile_{found.kind}", key=name, detail={**found.detail, "tile": name})
        elif found.metric in AS_TILE:
            yield Sample(AS_TILE[found.metric], found.value, (name,), found.count)
        elif found.metric in KIND_OF:
            yield Sample(BLANK, found.value, (name, KIND_OF[found.metric]), found.count)
