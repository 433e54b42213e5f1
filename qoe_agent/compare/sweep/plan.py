"""The plan of a sweep: what a user may write, typed and strict; errors are `file:line:col: path: message`."""

from __future__ import annotations

import functools
import itertools
import os
import re
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationInfo, model_validator

from qoe_agent.compare.models import KNOWN, chosen
from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.sweep.encoders import CONTROLS, ENCODERS, Control
from qoe_agent.config import document as documents
from qoe_agent.config import reading
from qoe_agent.config.section import section, wrong
from qoe_agent.config.suggest import suggestion
from qoe_agent.config.values import File, Line, Word, seconds

_BITS = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)", re.ASCII)
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})", re.ASCII)
_TIMES = re.compile(r"(\d+(?:\.\d+)?)x", re.ASCII)
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_:-]{0,63}", re.ASCII)
OWN = frozenset(
    ("i", "c", "c:v", "codec", "vf", "filter", "filter_complex", "lavfi", "map", "f", "y", "n", "an", "g", "crf", "qp",
     "b", "b:v", "maxrate", "minrate", "bufsize", "preset", "pass", "passlogfile", "threads", "ss", "t", "to", "r", "s",
     "pix_fmt", "fps_mode", "vsync", "progress", "stats_file", "frames", "frames:v", "vframes", "init_hw_device")
)  # fmt: skip
"""Options of FFmpeg that a plan has its own words for, or that would change what is measured."""
APART = ("maxrate", "bufsize", "pixel_format", "options")
"""Of entries: what their names in reports do not say."""


def bits(value: Any) -> Any:
    """`"2.5M"` as 2500000."""
    if isinstance(value, str):
        found = _BITS.fullmatch(value)
        if not found:
            raise ValueError('must be a rate: bits per second, or text such as "800k" or "2.5M"')
        return round(float(found[1]) * 1000 ** " kMG".index(found[2] or " "))
    return value


def _size(value: str) -> str:
    found = _SIZE.fullmatch(value)
    if value != "source" and (not found or int(found[1]) % 2 or int(found[2]) % 2):
        raise ValueError('must be "source", or a width and a height, both even, such as "1280x720"')
    return value


def _spoken(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _named(value: str) -> str:
    if value not in ENCODERS:
        raise ValueError(f"must be one of {', '.join(ENCODERS)}{suggestion(value, ENCODERS)}")
    return value


def _peak(value: Any) -> Any:
    if isinstance(value, str) and not _TIMES.fullmatch(value) and not _BITS.fullmatch(value):
        raise ValueError('must be a rate such as "3M", or times the rate aimed at such as "1.5x"')
    return _spoken(value)


def _buffer(value: Any) -> Any:
    if isinstance(value, str) and not _BITS.fullmatch(value):
        try:
            seconds(value)
        except ValueError:
            raise ValueError('must be bits such as "4M", or seconds at the peak rate such as "2s"') from None
    return _spoken(value)


def _gop(value: Any) -> Any:
    return None if value == "auto" else seconds(value)


def _filled(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """In place of a shortest length, of which pydantic speaks wherever an entry is wrong."""
    if not value:
        raise ValueError("must have at least one entry")
    return value


def _option(value: str) -> str:
    if not _OPTION.fullmatch(value):
        raise ValueError("not an option of FFmpeg: its name without the dash")
    if value in OWN or value.partition(":")[0] in ("filter", "map"):
        raise ValueError("set by the plan itself, or would change what is measured")
    return value


def _scored(value: str, info: ValidationInfo) -> str:
    """A model by its name, or a file, relative to the plan."""
    if "/" in value or value.endswith(".json"):
        return os.path.join((info.context or {}).get("folder", ""), os.path.expanduser(value))
    try:
        chosen([value])
    except Unfit:
        raise ValueError(f"must be one of {', '.join(KNOWN)}, or a model's file{suggestion(value, KNOWN)}") from None
    return value


Bits = Annotated[int, BeforeValidator(bits), Field(gt=0, le=10**11)]
Size = Annotated[str, AfterValidator(_size)]
Preset = Annotated[str, BeforeValidator(_spoken), Field(min_length=1, max_length=40)]
Money = Annotated[float, Field(ge=0, le=1e9)]


@section
class Encode:
    """An encoder with what is tried of it: every preset with every rate and every resolution."""

    encoder: Annotated[str, AfterValidator(_named)]
    presets: Annotated[tuple[Preset, ...], Field(max_length=20)] = ()
    crf: Annotated[tuple[float, ...], Field(max_length=100)] = ()
    qp: Annotated[tuple[float, ...], Field(max_length=100)] = ()
    abr: Annotated[tuple[Bits, ...], Field(max_length=100)] = ()
    cbr: Annotated[tuple[Bits, ...], Field(max_length=100)] = ()
    maxrate: Annotated[str, BeforeValidator(_peak)] | None = None
    bufsize: Annotated[str, BeforeValidator(_buffer)] | None = None
    passes: Literal[1, 2] = 1
    resolutions: Annotated[tuple[Size, ...], Field(max_length=20), AfterValidator(_filled)] | None = None
    name: Word | None = None
    pixel_format: Literal["yuv420p", "yuv420p10le"] = "yuv420p"
    options: dict[Annotated[str, AfterValidator(_option)], Annotated[Line, BeforeValidator(_spoken)]] = field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _fits(self) -> Encode:
        """What one encoder cannot do is known before hours of work."""
        encoder = ENCODERS[self.encoder]
        for at, preset in enumerate(self.presets):
            if preset not in encoder.presets:
                known = f"must be one of {', '.join(encoder.presets)}{suggestion(preset, encoder.presets)}"
                raise wrong("presets", f"[{at}] {known}" if len(self.presets) > 1 else known)
        asked = [control for control in CONTROLS if getattr(self, control)]
        if not asked:
            raise wrong("encoder", f"needs one of {', '.join(CONTROLS)}, with values to try")
        for control in asked:
            self._within(control)
        if self.maxrate and not encoder.capped & set(asked):
            raise wrong("maxrate", f"{self.encoder} takes none with {', '.join(asked)}")
        if self.passes == 2 and (not encoder.two_pass or "abr" not in asked):
            can = "is for abr" if encoder.two_pass else f"cannot be done by {self.encoder}"
            raise wrong("passes", f"a second pass {can}")
        return self

    def _within(self, control: Control) -> None:
        """Raises where a value lies beyond what the encoder takes."""
        encoder = ENCODERS[self.encoder]
        if control in ("abr", "cbr"):
            return
        limits = encoder.crf if control == "crf" else encoder.qp
        if limits is None:
            raise wrong(control, f"{self.encoder} has none: use abr or cbr")
        for value in getattr(self, control):
            if not limits[0] <= value <= limits[1]:
                raise wrong(control, f"must be from {limits[0]} to {limits[1]} for {self.encoder}")


@section
class Prices:
    """What things cost the user."""

    currency: Annotated[str, Field(min_length=1, max_length=12)] = "USD"
    cpu_hour: Money = 0.0
    """Of one core, busy for an hour."""
    egress_gb: Money = 0.0
    """Of 10^9 bytes delivered to viewers."""
    storage_gb_month: Money = 0.0
    """Of 10^9 bytes kept for a month."""
    viewer_hours: Money = 0.0
    """Hours watched of each hour of video."""
    months: Money = 1.0
    """For which it is kept."""


@section
class Plan:
    """All that is encoded, how it is scored, and what is asked of it."""

    references: Annotated[tuple[File, ...], Field(max_length=1000), AfterValidator(_filled)]
    encodes: Annotated[tuple[Encode, ...], Field(max_length=100), AfterValidator(_filled)]
    resolutions: Annotated[tuple[Size, ...], Field(max_length=20), AfterValidator(_filled)] = ("source",)
    scaler: Literal["bilinear", "bicubic", "lanczos", "spline", "area"] = "bicubic"
    gop: Annotated[Annotated[float, Field(gt=0, le=600)] | None, BeforeValidator(_gop)] = 2.0
    scene_cuts: bool = False
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    speed: Literal["alone", "beside"] = "alone"
    decode: bool = True
    models: Annotated[tuple[Annotated[Word, AfterValidator(_scored)], ...], Field(max_length=10)] = ("v1", "neg")
    metrics: Annotated[tuple[Literal["cambi", "ms_ssim"], ...], Field(max_length=2)] = ()
    quality: Word | None = None
    """The metric of curves, hull and ladder; None: the first model of VMAF."""
    anchor: Word | None = None
    target: Word | None = None
    prices: Prices | None = None
    window: Annotated[float, BeforeValidator(seconds), Field(gt=0, le=600)] = 1.0
    """Over which a peak rate is taken."""


@functools.cache
def plan_type() -> TypeAdapter[Plan]:
    """What a plan holds."""
    return TypeAdapter(Plan)


def load(path: str) -> Plan:
    """The plan in the file at `path`; qoe_agent.config.ConfigError tells every fault with its place."""
    return parse(reading.text_of(path), path)


def parse(text: str, file: str) -> Plan:
    """The plan in `text`; `file` is its name in errors, and its folder that of relative paths."""
    document = documents.read(text, None)
    data = {} if document.data is None else document.data
    given = None
    if document.data is not None or not document.problems:
        given = reading.validate(plan_type(), data, document, os.path.dirname(os.path.abspath(file)))
        _check_names(data, document)
        _check_labels(given, document)
    if given is None or document.problems:
        raise reading.refusal(document, file)
    return given


def _check_names(data: Any, document: documents.Document) -> None:
    """Note entries that would go by one name: their results could not be told apart."""
    entries = data.get("encodes") if isinstance(data, dict) else None
    first: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str) and name in first:
            document.trouble(("encodes", index, "name"), f"duplicate name, first at encodes[{first[name]}]")
        elif isinstance(name, str):
            first[name] = index


def _check_labels(given: Plan | None, document: documents.Document) -> None:
    """Note entries without a name that are told alike and encode otherwise: their points would make one curve."""
    first: dict[tuple[str, ...], tuple[int, Encode]] = {}
    for index, entry in enumerate(given.encodes if given else ()):
        presets = entry.presets or (ENCODERS[entry.encoder].default,)
        controls = [control for control in CONTROLS if getattr(entry, control) and not entry.name]
        for label in itertools.product([entry.encoder], presets, controls, [str(entry.passes)]):
            at, other = first.setdefault(label, (index, entry))
            if unlike := [name for name in APART if getattr(entry, name) != getattr(other, name)]:
                message = f"as encodes[{at}] but for {', '.join(unlike)}: give one a name, to be told apart"
                document.trouble(("encodes", index, "encoder"), message)
                break
