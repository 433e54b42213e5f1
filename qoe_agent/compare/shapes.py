"""What a comparison of encodes is made of: media, how they lie on each other, what was measured, what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

Method: TypeAlias = Literal["stamp", "timestamps", "content", "given"]
Range: TypeAlias = Literal["limited", "full"]
Transfer: TypeAlias = Literal["sdr", "pq", "hlg"]


class Unfit(Exception):
    """What is asked for cannot be done: a line for each reason, for people."""


class Unlike(Unfit):
    """Two media do not show the same content, or cannot be laid on each other with confidence."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video track, as its container and its first pictures tell."""

    codec: str
    width: int
    """Pixels as coded, before rotation and sample aspect."""
    height: int
    pixel_format: str
    bits: int
    """Of a sample."""
    rate: Fraction
    """Frames a second, by the frames' times."""
    times: Floats
    """Seconds of each frame, in the order shown, by the container's clock; not shifted."""
    constant: bool
    """Whether frames are as far apart as the rate says, but for gaps of whole frames."""
    bits_per_second: float | None
    """Of the video packets alone, over the track's length."""
    range: Range | None
    primaries: str | None
    matrix: str | None
    transfer: Transfer
    aspect: Fraction
    """Of a sample: width by height."""
    rotation: int
    """Degrees by which a player turns it, clockwise."""
    interlaced: bool
    transfer_stated: bool = True
    """Whether the file says its transfer; sdr is taken for granted where it does not."""
    keys: NDArray[np.int64] | None = None
    """Numbers of the frames from which decoding can begin; None where packets do not tell."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound track."""

    codec: str
    rate: int
    channels: int
    bits_per_second: float | None
    start: float
    """Seconds of its first sample, by the container's clock."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Media:
    """A file that is compared."""

    path: str
    digest: str
    """SHA-256 of its bytes, in hexadecimal."""
    size: int
    """Bytes."""
    video: Video
    audio: Audio | None
    seconds: float
    notes: tuple[str, ...] = ()
    """What is wrong with the file, though it can be used."""


class Run(NamedTuple):
    """Frames of a test that lie on frames of the reference one by one: the k-th at first + k * step on either side."""

    test: int
    reference: int
    frames: int
    test_step: int = 1
    reference_step: int = 1


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which frame of the test shows which frame of the reference. Indices are in the order shown, from 0."""

    method: Method
    offset_frames: int
    """Reference index less test index of the first pair: positive where the test starts later."""
    offset_seconds: float
    confidence: float
    """0 to 1: how far the alignment stands out from the next best."""
    runs: tuple[Run, ...]
    """Rising on both sides; no frame of either in two pairs."""
    dropped: int
    """Frames of the reference between the first and the last pair that no frame of the test shows."""
    duplicated: int
    """Frames of the test between the first and the last pair that show what one before them showed already."""
    notes: tuple[str, ...] = ()

    @property
    def pairs(self) -> int:
        """How many frames are compared."""
        return sum(run.frames for run in self.runs)


@dataclass(frozen=True, slots=True)
class Space:
    """How the pictures of both sides are brought to one size and one range before they are compared."""

    width: int
    height: int
    reference_filters: str
    """For FFmpeg, between decoder and comparison."""
    test_filters: str
    scaler: str
    crop: tuple[int, int, int, int] | None = None
    """Width, height, x and y of what is left of the test's picture, where bars were found and cut."""
    notes: tuple[str, ...] = ()
    part: tuple[int, int, int, int] | None = None
    """Width, height, x and y of the part of the reference's picture that is compared, where the test shows no more."""
    samples: str = "yuv420p"
    """FFmpeg's name of the format in which both are compared."""
    bits: int = 8
    """Of a sample in that format."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What was measured on each pair of frames."""

    frames: Mapping[str, Floats]
    """By metric, as users name it: vmaf[v1], vmaf[neg], psnr_y, psnr_u, psnr_v, psnr_avg, ssim_y, ssim, ms_ssim,
    xpsnr_y, xpsnr_u, xpsnr_v, cambi. One value a pair, in the order of the alignment; dB may be infinite."""
    reference: NDArray[np.int64]
    """The reference's frame of each pair."""
    test: NDArray[np.int64]
    printed: Mapping[str, float]
    """What FFmpeg itself prints of the whole, by metric, where it prints anything."""
    thumbs: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None
    """Luma of the test's and of the reference's frames of each pair, shaped (pairs, 18, 32)."""
    command: tuple[str, ...]
    versions: Mapping[str, str]
    seconds: float
    """Wall time that it took."""
    notes: tuple[str, ...] = ()
    """What was asked for and could not be measured, and why."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """A metric over the whole."""

    metric: str
    mean: float
    """Of PSNR: of the mean square error; of XPSNR: FFmpeg's square mean root; else arithmetic."""
    harmonic_mean: float | None
    p1: float
    p5: float
    median: float
    min_1s: float
    """The worst second: the least mean over one second of the reference's frames."""
    min_1s_at: float
    """Where that second begins, in seconds of the reference."""
    n: int


@dataclass(frozen=True, slots=True)
class Scene:
    """From a cut of the reference to the next: frames first up to, not with, end; what each metric has in it."""

    first: int
    end: int
    start_seconds: float
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Heard:
    """How the test's sound compares with the reference's."""

    offset_seconds: float | None
    """Sound late against the picture, compared with the reference: positive is late. None where it cannot be told."""
    offset_confidence: float
    loudness_reference: float | None
    """LUFS, integrated, of the part that both have."""
    loudness_test: float | None
    missing_seconds: float
    """Where the reference has sound and the test is silent."""
    missing: tuple[tuple[float, float], ...]
    """From, to, in seconds of the reference."""
    spectral_distance: float | None
    """dB: root mean square difference of log spectra in third octaves, after levels are matched."""
    bandwidth_reference: float | None
    """Hz up to which there is anything."""
    bandwidth_test: float | None
    notes: tuple[str, ...] = ()
    drift_seconds: float | None = None
    """What the offset grows by from first to last pair, where that is steady; `offset_seconds`: that in the middle."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A test, with all that was found of it; with `refused`, nothing was scored, and these are the reasons."""

    media: Media
    name: str
    """What people call it: its path, or as short as tells it from the others."""
    refused: tuple[str, ...] = ()
    alignment: Alignment | None = None
    space: Space | None = None
    scores: Scores | None = None
    pooled: Mapping[str, Pooled] = field(default_factory=dict)
    scenes: tuple[Scene, ...] = ()
    heard: Heard | None = None
    notes: tuple[str, ...] = ()
    """Where its numbers mislead, and what was changed to make it comparable."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tests against each other in one metric: b less a."""

    a: str
    b: str
    metric: str
    difference: float
    low: float | None
    """Of the 95 % interval by bootstrap over scenes; None where there are too few scenes for one."""
    high: float | None
    n_scenes: int
    method: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The whole of an offline comparison."""

    verdict: str
    """First of all: a sentence or two for people."""
    reference: Media
    tests: tuple[Tested, ...]
    pairs: tuple[Pair, ...]
    provenance: Mapping[str, Any]
    """Versions, commands, hashes, filters; plain values that JSON takes."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """How far the work has come: of `total` units (frames), `done`."""

    doing: str
    done: float
    total: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user wants compared, and how."""

    reference: str
    tests: tuple[str, ...]
    models: tuple[str, ...] = ("v1", "neg")
    """Short names of VMAF models, as `compare.models` knows them, or paths of model files."""
    more: tuple[str, ...] = ()
    plain: bool = True
    """Whether PSNR, SSIM and XPSNR are measured; `more`: cambi, ms_ssim."""
    offset: int | None = None
    """Frames: laid so by hand, instead of searched for."""
    crop: Literal["auto", "off"] | tuple[int, int, int, int] = "auto"
    scaler: str = "bicubic"
    ffmpeg: str | None = None
    threads: int | None = None
    """Of all work together; None: one a core."""
    sound: bool = True
    cache: str | None = None
    """A folder; None: none is kept."""
