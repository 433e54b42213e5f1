"""The commands `qoe-agent compare`, `compare sweep` and `compare --live`: what they ask for, where reports go."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
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
    VmafOnly,
)
from qoe_agent.options import USAGE
from qoe_agent.report.words import shown
from qoe_agent.reporting import AsJson, Page, Quiet  # noqa: TC001  typer reads annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.compare.figures.failing import Outcome
    from qoe_agent.compare.shapes import Compared

CROPS = 6
"""Places at which tests are worst that a page shows."""
INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def compare(
    reference: Reference, tests: Tests, vmaf_model: Models = None, metric: More = None, no_sound: NoSound = False,
    ffmpeg: Ffmpeg = "", threads: Threads = None, offset: Offset = None, crop: Crop = "auto",
    scaler: Scaler = "bicubic", as_json: AsJson = False, html: Page = None, csv: Csv = None, junit: JUnit = None,
    fail_if: FailIf = None, cache: Cache = None, no_cache: NoCache = False, quiet: Quiet = False,
    live: Live = False, vmaf_only: VmafOnly = False,
) -> None:  # fmt: skip
    """Which encode is better, by how much, at what bitrate, and whether the difference is real.

    `compare sweep PLAN.yml` encodes and compares a matrix; `compare --live URL URL` compares live outputs.
    Exit status: 0 done, 1 a --fail-if holds or a test was refused, 2 could not be.
    """
    from qoe_agent.compare import offline

    with reporting.told(), _ended():
        reports = {"--html": html, "--csv": csv, "--junit": junit}
        reporting.apart(reports, [Path(each) for each in (reference, *tests)], as_json)
        reporting.possible(reports)
        asked = compare_options.asked(
            reference, tests, vmaf_model, metric, ffmpeg, offset, crop, scaler, threads, no_sound,
            compare_options.folder(cache, no_cache), vmaf_only=vmaf_only,
        )  # fmt: skip
        wanted = compare_options.conditions(fail_if, asked)
        with reporting.progress(quiet) as heard:
            found = offline.compare(asked, heard)
        outcomes = compare_options.outcomes(wanted, found, asked)
        _tell(found, outcomes, as_json, html, csv, junit)
    raise typer.Exit(_status(found, outcomes))


@contextlib.contextmanager
def _ended() -> Iterator[None]:
    """On an interrupt, do not wait for threads that still decode: they hold nothing that outlives the process."""
    try:
        yield
    except KeyboardInterrupt:
        if any(not each.daemon for each in threading.enumerate() if each is not threading.main_thread()):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


class WithSweep(TyperCommand):
    """`compare`, whose first word may be `sweep` (a file of that name is ./sweep); --live makes it one of streams."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Of `sweep` or of `--live`, if that is asked for."""
        options = args[: args.index("--")] if "--" in args else args
        if args[:1] == ["sweep"]:
            from qoe_agent.sweeping import sweep

            return _command("sweep", sweep).make_context(f"{info_name} sweep", args[1:], parent, **extra)
        if "--live" in options:
            from qoe_agent.comparing_live import live

            rest = list(args)
            rest.remove("--live")
            return _command("live", live).make_context(f"{info_name} --live", rest, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _command(name: str, function: Any) -> Any:
    """A command of its own, with the options of the function."""
    made = typer.Typer(add_completion=False)
    made.command(name)(function)
    return typer.main.get_command(made)


def _tell(
    found: Compared, outcomes: list[list[Outcome]], as_json: bool, html: Path | None, csv: Path | None,
    junit: Path | None,
) -> None:  # fmt: skip
    from qoe_agent.compare import crops
    from qoe_agent.report import compare_csv, compare_json, compare_junit, compare_page, compare_terminal, compare_words

    def page(found: Compared) -> str:
        first = compare_words.first(found)
        return compare_page.page(found, crops.worst(found, first, CROPS) if first else ())

    def suite(found: Compared) -> str:
        return compare_junit.suite(found, outcomes).decode()

    for test, of_it in zip(found.tests, outcomes, strict=True):
        for line in compare_junit.lines(test, of_it):
            typer.echo(shown(line), err=True)
    forms = reporting.Forms(compare_terminal.report, compare_json.document, page, compare_csv.frames, suite)
    reporting.tell(found, forms, as_json, html, csv, junit)


def _status(found: Compared, outcomes: list[list[Outcome]]) -> int:
    """2: a condition could not be judged; 1: one holds, or a test was refused."""
    if any(each.value is None and not test.refused for test, of_it in zip(found.tests, outcomes, strict=True)
           for each in of_it):  # fmt: skip
        return USAGE
    return int(any(test.refused for test in found.tests) or any(each.fails for of_it in outcomes for each in of_it))
