"""The options of `qoe-agent compare`, and what is asked for by them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from qoe_agent.compare import models
from qoe_agent.compare.figures import failing
from qoe_agent.compare.shapes import Asked, Unfit

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Compared

PANEL_MEASURED, PANEL_LAID = "What is measured", "How the test is laid on the reference"
PANEL_REPORTS = "Reports"

Reference: TypeAlias = Annotated[
    str, typer.Argument(metavar="REF", show_default=False, help="The video that the others were made from.")
]
Tests: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="TEST", show_default=False, help="Encodes of it, one or more.")
]
Models: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--vmaf-model", metavar="MODEL", show_default=False, rich_help_panel=PANEL_MEASURED,
                 help="Such as v1, neg, 4k, phone, v0.6.1, or a model's file; repeatable, the first is what the "
                      "verdict is about. Default: v1 and neg."),
]  # fmt: skip
More: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="NAME", show_default=False, rich_help_panel=PANEL_MEASURED,
                 help="Beside PSNR, SSIM and XPSNR also cambi (banding) or ms_ssim; repeatable."),
]  # fmt: skip
VmafOnly: TypeAlias = Annotated[
    bool,
    typer.Option("--vmaf-only", rich_help_panel=PANEL_MEASURED,
                 help="Leave out PSNR, SSIM and XPSNR, a tenth of the work; --metric is measured all the same."),
]  # fmt: skip
NoSound: TypeAlias = Annotated[
    bool, typer.Option("--no-sound", rich_help_panel=PANEL_MEASURED, help="Compare pictures only.")
]
Ffmpeg: TypeAlias = Annotated[
    str,
    typer.Option("--ffmpeg", metavar="PATH", rich_help_panel=PANEL_MEASURED, show_default=False,
                 help="An FFmpeg with libvmaf, in place of imageio-ffmpeg's."),
]  # fmt: skip
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=PANEL_MEASURED, show_default=False, help="Of all work. Default: one a core."),
]
Offset: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="FRAMES", rich_help_panel=PANEL_LAID, show_default=False,
                 help="Lay the test's first frame on this one of the reference (below 0: the reference begins later), "
                      "instead of searching."),
]  # fmt: skip
Crop: TypeAlias = Annotated[
    str,
    typer.Option(metavar="auto|off|W:H:X:Y", rich_help_panel=PANEL_LAID,
                 help="What of the test's picture is compared; auto: without bars that the reference lacks."),
]  # fmt: skip
Scaler: TypeAlias = Annotated[
    Literal["bicubic", "bilinear", "lanczos", "area", "spline", "neighbor"],
    typer.Option(rich_help_panel=PANEL_LAID, help="What brings the test to the reference's size."),
]
Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False,
                 help="Keep scores here. Default: qoe-agent/compare in the user's folder of caches."),
]  # fmt: skip
NoCache: TypeAlias = Annotated[bool, typer.Option("--no-cache", help="Neither look for kept scores nor keep any.")]
Csv: TypeAlias = Annotated[
    Path | None, typer.Option("--csv", rich_help_panel=PANEL_REPORTS, help="Write every frame's scores as CSV.")
]
JUnit: TypeAlias = Annotated[
    Path | None,
    typer.Option("--junit", rich_help_panel=PANEL_REPORTS, help="Write a test case for each --fail-if as JUnit XML."),
]
FailIf: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--fail-if", metavar="CONDITION", show_default=False, rich_help_panel=PANEL_REPORTS,
                 help="Exit status 1 if it holds of a test: NAME[MODEL].STATISTIC < NUMBER, such as "
                      "'vmaf.mean < 92', 'vmaf\\[neg].p5 < 80', 'av_offset_seconds > 0.04'; repeatable."),
]  # fmt: skip
Live: TypeAlias = Annotated[
    bool, typer.Option("--live", help="Compare live outputs instead: see `compare --live --help`.")
]


def folder(cache: Path | None, no_cache: bool) -> str | None:
    """Where scores are kept; None: nowhere."""
    if no_cache and cache is not None:
        raise Unfit("--cache, --no-cache: one of them")
    if no_cache:
        return None
    if cache is not None:
        return str(cache)
    home = os.environ.get("XDG_CACHE_HOME", "")
    kept = Path(home) if os.path.isabs(home) else Path("~/.cache").expanduser()
    return str(kept / "qoe-agent" / "compare")


def crop(text: str) -> Literal["auto", "off"] | tuple[int, int, int, int]:
    """As written. Raises Unfit."""
    if text in ("auto", "off"):
        return "auto" if text == "auto" else "off"
    parts = text.split(":")
    if len(parts) != 4 or not all(part.isdecimal() and part.isascii() for part in parts):
        raise Unfit(f"--crop {text}: auto, off, or W:H:X:Y in pixels of the test, such as 1280:536:0:92")
    width, height, x, y = map(int, parts)
    if not width or not height:
        raise Unfit(f"--crop {text}: nothing is left of the picture")
    return width, height, x, y


def asked(
    reference: str, tests: list[str], models: list[str] | None, more: list[str] | None, ffmpeg: str,
    offset: int | None, cropped: str, scaler: str, threads: int | None, no_sound: bool, cache: str | None,
    vmaf_only: bool = False,
) -> Asked:  # fmt: skip
    """What the command line says. Raises Unfit."""
    known = ("cambi", "ms_ssim")
    for name in more or ():
        if name not in known:
            raise Unfit(f"--metric {name}: cambi or ms_ssim; the others are measured always")
    usual = Asked("", ())
    return Asked(
        reference, tuple(tests), models=tuple(dict.fromkeys(models or usual.models)),
        more=tuple(dict.fromkeys(more or ())), offset=offset, crop=crop(cropped), scaler=scaler,
        ffmpeg=ffmpeg or None, threads=threads, sound=not no_sound, cache=cache,
        plain=not vmaf_only,
    )  # fmt: skip


def conditions(texts: list[str] | None, asked: Asked) -> list[failing.Condition]:
    """Of --fail-if. Raises Unfit, with a line that points at what is wrong."""
    found = [failing.condition(text) for text in texts or ()]
    for each in found:
        failing.measured(each, [model.name for model in models.chosen(asked.models)], asked.more, plain=asked.plain)
    return found


def outcomes(wanted: list[failing.Condition], found: Compared, asked: Asked) -> list[list[failing.Outcome]]:
    """Of each condition, for each test."""
    names = [model.name for model in models.chosen(asked.models)]
    return [[failing.outcome(each, test, names) for each in wanted] for test in found.tests]
