"""What goes into a sweep's conclusions: the plan as understood, and what each encode was. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Clip:
    """A reference."""

    name: str
    """As short as tells it from the others."""
    path: str
    digest: str
    width: int
    height: int
    rate: float
    """Frames a second."""
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost the user."""

    currency: str = "USD"
    cpu_hour: float = 0.0
    """Of one core, busy for an hour."""
    egress_gb: float = 0.0
    """Of 10^9 bytes delivered to viewers."""
    storage_gb_month: float = 0.0
    viewer_hours: float = 0.0
    """Hours watched of each hour of video."""
    months: float = 1.0
    """For which it is kept."""


@dataclass(frozen=True, slots=True)
class Design:
    """The plan as understood."""

    file: str
    clips: tuple[Clip, ...]
    quality: str
    """The metric of curves, hull and ladder: a key of Scores.frames, such as vmaf[v1]."""
    metrics: tuple[str, ...]
    """All that encodes were scored by, that one first."""
    anchor: str | None = None
    """The label of what all others are compared with; None: the first of the plan."""
    target: float | None = None
    """Of the metric `quality`, that the top of a ladder must reach; None: 93 for VMAF, nothing for others."""
    prices: Prices | None = None
    repeats: int = 1
    threads: int = 0
    """Of an encode; 0: left to the encoder."""
    alone: bool = True
    """Whether encodes were timed one at a time."""
    window: float = 1.0
    """Seconds over which a peak rate is taken."""
    gop: float | None = None
    """Seconds from key frame to key frame, as asked for."""
    cores: int | None = None
    """Of the machine that encoded."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How something was encoded."""

    label: str
    """Of its curve: encoder, preset and what else tells it from others, but not rate and resolution."""
    encoder: str
    preset: str
    control: str
    """crf, qp, abr or cbr."""
    value: float
    """CRF or QP, or bits per second."""
    width: int
    height: int
    maxrate: int | None = None
    bufsize: int | None = None
    passes: int = 1


@dataclass(frozen=True, slots=True)
class Buffer:
    """How an encode kept within the buffer that it was given (VBV, HRD)."""

    maxrate: int
    bufsize: int
    violations: int
    """Frames that were not all there when they were to be decoded."""
    lowest: float
    """How full it was at its emptiest, as a share; below 0: by how much it ran dry."""
    first_at: float | None = None
    """Seconds of the first violation."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an hour of video, in the user's currency."""

    encode: float
    store: float
    deliver: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.encode + self.store + self.deliver


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encode of one clip."""

    key: str
    """By which a later run knows it: the reference's bytes, the command, FFmpeg's version."""
    clip: str
    setting: Setting
    size: int
    """Bytes of its video packets."""
    seconds: float
    """That it plays."""
    bits_per_second: float
    frames: int
    wall: tuple[float, ...]
    """Seconds that each repeat took, all passes together."""
    cpu: tuple[float, ...]
    """CPU seconds of each repeat, of all threads."""
    memory: int | None = None
    """Bytes at most resident."""
    decode: float | None = None
    """CPU seconds that it costs to decode a second of it, on one thread."""
    peak: float | None = None
    """Bits per second in the window with the most."""
    buffer: Buffer | None = None
    keys: tuple[float, ...] = ()
    """Seconds at which key frames are shown."""
    command: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    kept: bool = False
    """Whether it comes from an earlier run."""


@dataclass(frozen=True, slots=True)
class Point:
    """An encode and its quality."""

    encoded: Encoded
    scores: Mapping[str, float]
    """Mean of each metric, at the size of the reference."""
    worst: Mapping[str, float] = field(default_factory=dict)
    """Its worst second."""
    cost: Cost | None = None
    notes: tuple[str, ...] = ()
