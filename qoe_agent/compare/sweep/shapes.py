"""What a sweep is made of: the plan as understood, what each encode was, what follows from all of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from qoe_agent.compare.sweep.made import Buffer, Clip, Cost, Design, Encoded, Point, Prices, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BdRate",
    "Buffer",
    "Clip",
    "Cost",
    "Crossing",
    "Curve",
    "Design",
    "Encoded",
    "Failure",
    "Hull",
    "KeyFrames",
    "Ladder",
    "Method",
    "Point",
    "Priced",
    "Prices",
    "Rung",
    "Searched",
    "Setting",
    "Speed",
    "Swept",
]

Method: TypeAlias = Literal["akima", "pchip", "cubic"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A job without a result."""

    key: str
    title: str
    clip: str
    reason: str


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """Whether encodes of a clip can be switched between: key frames of all at the same times."""

    clip: str
    titles: tuple[str, ...]
    aligned: bool
    common: int
    """Key frames that all have."""
    first_apart: float | None = None
    """Seconds of the first that not all have."""
    note: str = ""
    label: str = ""
    """Encoder and preset."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search for a target found: the setting that just meets it."""

    clip: str
    setting: Setting
    metric: str
    target: float
    score: float
    bits_per_second: float
    tried: int
    met: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """One encoder with one preset at one resolution on one clip, by rising rate."""

    label: str
    clip: str
    width: int
    height: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class BdRate:
    """Average difference of rate at equal quality, of a test over an anchor; negative: the test needs less.

    Of one clip, or with `clip` None over all of them; then low and high are of the interval over clips.
    """

    anchor: str
    test: str
    metric: str
    method: Method
    rate: float | None
    """Ratio less one: -0.31 is 31 % less. None: refused, see warnings."""
    quality: float | None
    """Average difference of quality at equal rate, in the metric's own unit."""
    overlap: float
    """Share of the quality that either covers that both cover."""
    clip: str | None = None
    low: float | None = None
    high: float | None = None
    n_points: int = 0
    """The least of both curves."""
    n_clips: int = 1
    size: str = ""
    """Resolution at which both were encoded; "hull": the best of all at each rate."""
    spread: float | None = None
    """How far apart other ways of interpolation come out: the error that the method itself may make, as a ratio."""
    interval: str = ""
    """How the interval was made."""
    warnings: tuple[str, ...] = ()
    difference: tuple[tuple[float, float], ...] = ()
    """For plots: quality, and rate of the test over that of the anchor less one, at it."""
    by: Mapping[str, float] = field(default_factory=dict)
    """The rate by other ways: pchip (as the sheet of the common test conditions), log (where the metric saturates)."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where one resolution takes over from another as the rate grows."""

    bits_per_second: float
    quality: float
    below: tuple[int, int]
    """Width and height that are best up to here."""
    above: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hull:
    """The best that a label reaches over all resolutions of a clip: the upper convex hull of log rate and quality."""

    label: str
    clip: str
    points: tuple[Point, ...]
    """On the hull, by rising rate."""
    crossings: tuple[Crossing, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """Of a suggested ladder. What lies between encodes that were measured is interpolated."""

    width: int
    height: int
    bits_per_second: float
    quality: float
    control: str
    value: float
    """The setting to encode with: CRF, QP or bits per second."""
    interpolated: bool
    spread: float | None = None
    """Of the quality over clips: highest less lowest, where one setting serves several."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs of a label, from the lowest; of one clip, or made for all of them."""

    label: str
    clip: str | None
    rungs: tuple[Rung, ...]
    target: float | None
    met: bool
    cost: Cost | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Priced:
    """What an hour of video costs with a label at one quality. Rate and setting lie between encodes measured."""

    label: str
    clip: str
    size: str
    metric: str
    quality: float
    bits_per_second: float
    cost: Cost
    break_even: float | None = None
    """Hours watched of each hour from which it is cheaper than the anchor; 0: always; None: never, or the anchor."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a label is, over all of its encodes at the largest resolution; frames and seconds of the video."""

    label: str
    size: str
    frames_per_second: float
    """Median over encodes of the median of repeats."""
    low: float
    high: float
    """Between the slowest and the fastest run."""
    spread: float | None
    """Relative standard deviation of repeats; None: there was but one."""
    cpu: float
    """CPU seconds that a second of video takes."""
    decode: float | None
    memory: int | None
    n_runs: int


@dataclass(frozen=True, slots=True)
class Swept:
    """The whole of a sweep."""

    verdict: str
    """First of all: a sentence or two for people."""
    design: Design
    points: tuple[Point, ...]
    curves: tuple[Curve, ...]
    bd: tuple[BdRate, ...]
    """Those over clips and of single clips; the first is what the verdict is about."""
    hulls: tuple[Hull, ...]
    ladders: tuple[Ladder, ...]
    speeds: tuple[Speed, ...]
    priced: tuple[Priced, ...] = ()
    searched: tuple[Searched, ...] = ()
    keys: tuple[KeyFrames, ...] = ()
    failures: tuple[Failure, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    conclusive: bool = False
    """Whether the difference that the verdict names is more than chance and the method's own error."""
