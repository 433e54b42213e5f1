"""The commands `qoe-agent compare`, `compare sweep` and `compare --live`: what they ask for, where reports go."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from qoe_agent import compare_options, reporting
from qoe_agent.compare_options import (  # noqa: TC001  typer reads annotations
    Cache,
    Crop,
    Csv,
    FailIf,
    Ffmpeg,
    JUnit,
    Live,
    Models,
    More,
    NoCache,
    NoSound,
    Offset,
    Reference,
    Scaler,
    Tests,
    Threads,
)
from qoe_agent.reporting import AsJson, Page, Quiet  # noqa: TC001  typer reads annotations

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Compared


def compare(
    reference: Reference, tests: Tests, vmaf_model: Models = None, metric: More = None, no_sound: NoSound = False,
    ffmpeg: Ffmpeg = "", threads: Threads = None, offset: Offset = None, crop: Crop = "auto",
    scaler: Scaler = "bicubic", as_json: AsJson = False, html: Page = None, csv: Csv = None, junit: JUnit = None,
    fail_if: FailIf = None, cache: Cache = None, no_cache: NoCache = False, quiet: Quiet = False,
    live: Live = False,
) -> None:  # fmt: skip
    """Which encode is better, by how much, at what bitrate, and whether the difference is real.

    `compare sweep PLAN.yml` encodes and compares a matrix; `compare --live URL URL` compares live outputs.
    Exit status: 0 done, 1 a --fail-if holds or a test was refused, 2 could not be.
    """
    from qoe_agent.compare import offline

    with reporting.told():
        reporting.apart({"--html": html, "--csv": csv, "--junit": junit}, [Path(each) for each in (reference, *tests)])
        asked = compare_options.asked(
            reference, tests, vmaf_model, metric, ffmpeg, offset, crop, scaler, threads, no_sound,
            compare_options.folder(cache, no_cache),
        )  # fmt: skip
        with reporting.progress(quiet) as heard:
            found = offline.compare(asked, heard)
        _tell(found, as_json, html, csv)
    raise typer.Exit(_status(found))


class WithSweep(TyperCommand):
    """`compare`, whose first word may be `sweep` (a file of that name is ./sweep); --live makes it one of streams."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Of `sweep` or of `--live`, if that is asked for."""
        options = args[: args.index("--")] if "--" in args else args
        if args[:1] == ["sweep"]:
            sweep = import_module("qoe_agent.sweeping").sweep
            return _command("sweep", sweep).make_context(f"{info_name} sweep", args[1:], parent, **extra)
        if "--live" in options:
            live = import_module("qoe_agent.comparing_live").live
            rest = list(args)
            rest.remove("--live")
            return _command("live", live).make_context(f"{info_name} --live", rest, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _command(name: str, function: Any) -> Any:
    """A command of its own, with the options of the function."""
    made = typer.Typer(add_completion=False)
    made.command(name)(function)
    return typer.main.get_command(made)


def _tell(found: Compared, as_json: bool, html: Path | None, csv: Path | None) -> None:
    report = "qoe_agent.report.compare_"
    if html:
        reporting.write(html, import_module(f"{report}page").page(found))
    if csv:
        reporting.write(csv, import_module(f"{report}csv").table(found))
    if as_json:
        reporting.say(import_module(f"{report}json").document(found))
    else:
        reporting.show(import_module(f"{report}terminal").report(found))


def _status(found: Compared) -> int:
    """1: a test was refused."""
    return int(any(one.refused for one in found.tests))
