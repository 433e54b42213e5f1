"""`qoe-agent compare --live`: live outputs of one source watched together, and what they differ in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qoe_agent import clock, reporting
from qoe_agent.options import length
from qoe_agent.reporting import AsJson, Page, Quiet  # noqa: TC001  typer reads annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.live import Live

    from qoe_agent.compare.live.history import Second
    from qoe_agent.compare.live.paired import LiveCompared, Paired
    from qoe_agent.compare.live.working import Work
    from qoe_agent.config import Stream

LETTERS = "ABCDEFGH"
REFERENCE = "reference"
REFRESH = 1.0
"""Seconds from one drawing of the table to the next."""
UNLIKE = 60.0
"""Seconds after which outputs that could not be laid on each other are given up."""

Urls = Annotated[
    list[str], typer.Argument(metavar="URL_A URL_B…", show_default=False, help="Live outputs of the same source.")
]
For = Annotated[str, typer.Option("--for", metavar="TIME", help="Such as 10m. Default: until Ctrl-C.")]
Reference = Annotated[
    str,
    typer.Option("--reference", metavar="URL", show_default=False,
                 help="A live output that the others are scored against: VMAF, PSNR, SSIM, XPSNR of samples."),
]  # fmt: skip
Csv = Annotated[Path | None, typer.Option("--csv", help="Write every second of every output as CSV.")]
FailIf = Annotated[
    list[str] | None,
    typer.Option("--fail-if", metavar="CONDITION", show_default=False,
                 help="Exit status 1 if it holds: MEASURE\\[OUTPUT] or MEASURE\\[OUTPUT-OUTPUT], an operator and a "
                      "number, such as 'vmaf\\[B] < 92' or 'qp\\[B-A] > 1'; repeatable."),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    urls: tuple[str, ...]
    reference: str
    seconds: float | None
    quiet: bool


def live(
    urls: Urls, for_: For = "", reference: Reference = "", as_json: AsJson = False, html: Page = None,
    csv: Csv = None, fail_if: FailIf = None, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Live outputs of one source, side by side: which is better, by how much, and whether that is chance.

    They are laid on each other by stamp (`qoe-agent stamp`), else by what their pictures show, and compared second by
    second of the source. Ctrl-C ends it, and reports. Exit status: 0 done, 1 a --fail-if holds, 2 could not be.
    """
    from qoe_agent.compare.live import failing

    with reporting.told():
        reporting.apart({"--html": html, "--csv": csv}, as_json=as_json)
        wanted = Wanted(tuple(urls), reference, length(for_), quiet)
        conditions = [failing.condition(each, _streams(wanted)[1]) for each in fail_if or ()]
        with _rows(csv, _streams(wanted)[1]) as heard:
            found = asyncio.run(compared(wanted, heard))
        _tell(found, as_json, html, csv)
        failed = [each for one in conditions for each in failing.outcomes(one, found) if each.fails]
        for each in failed:
            value = "has no value" if each.value is None else f"is {each.value:.6g}"
            typer.echo(f"fails: {each.condition.text} ({each.what} {value})", err=True)
    raise typer.Exit(int(bool(failed)))


async def compared(wanted: Wanted, heard: Callable[[Second], None] | None = None) -> LiveCompared:
    """Watch, and say what came of it; `heard`: called with every second as it will be. Raises Unfit."""
    from rich.console import Console

    from qoe_agent import logs
    from qoe_agent.compare.live import watching
    from qoe_agent.compare.live.paired import Paired
    from qoe_agent.compare.live.working import Work

    streams, names, which = _streams(wanted)
    screen = Console(stderr=True)
    logs.configure(level="critical")
    outputs = watching.outputs(streams, names)
    paired = Paired(outputs, which)
    if heard is not None:
        paired.seconds.heard = heard
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    began = clock.now()
    work = Work(paired)
    with _table(screen, wanted.quiet) as show:
        await watching.together(outputs, wanted.seconds, stop, lambda now: _step(paired, work, now - began, show))
        found = clock.now() - began
        _conclude(paired, found)
        work.begin_last()
        await work.end()
    return paired.result(found, work.strips.worst(), work.notes(), work.provenance())


def _step(paired: Paired, work: Work, watched: float, show: Live | None) -> None:
    from qoe_agent.compare.shapes import Unlike
    from qoe_agent.report import live_terminal

    paired.step()
    work.step()
    if show:
        show.update(live_terminal.live(paired, watched), refresh=True)
    if not paired.laying.ready and watched > UNLIKE and (why := paired.laying.why_not()):
        raise Unlike(why)


def _conclude(paired: Paired, watched: float) -> None:
    """Raises Unlike where the outputs could not be laid on each other."""
    from qoe_agent.compare.shapes import Unlike

    paired.step(last=True)
    if not paired.laying.ready:
        why = paired.laying.why_not() or "too little came of all of them together"
        raise Unlike(f"the outputs could not be laid on each other: {why} ({watched:.0f} s watched)")
    if not len(paired.seconds):
        raise Unlike(f"the outputs have no second of their source in common ({watched:.0f} s watched)")


@contextlib.contextmanager
def _rows(path: Path | None, outputs: Sequence[str]) -> Iterator[Callable[[Second], None] | None]:
    """Where seconds are written as they come. Raises Unfit."""
    from qoe_agent.compare.shapes import Unfit
    from qoe_agent.report import live_csv

    if path is None:
        yield None
        return
    try:
        file = os.fdopen(os.dup(1), "w") if path == reporting.STANDARD else path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}") from None
    with file:
        yield live_csv.Table(file, outputs).add


@contextlib.contextmanager
def _table(screen: Console, quiet: bool) -> Iterator[Live | None]:
    from rich.live import Live

    if quiet or not screen.is_terminal:
        yield None
        return
    with Live(console=screen, auto_refresh=False, transient=True) as show:
        yield show


def _streams(wanted: Wanted) -> tuple[list[Stream], list[str], int | None]:
    """What is watched, under which names, and which is the reference. Raises Unfit."""
    from qoe_agent import config as configuration
    from qoe_agent.compare.shapes import Unfit
    from qoe_agent.config.reading import one

    urls = list(wanted.urls)
    tests = [url for url in urls if url != wanted.reference]
    if len(tests) < 2 and not wanted.reference:
        raise Unfit("compare --live: expected two addresses or more")
    if not tests or len(set(urls)) < len(urls) or len(tests) > len(LETTERS):
        raise Unfit(f"compare --live: expected addresses that differ, at most {len(LETTERS)} of them")
    known = configuration.parse("", "", {})
    named = list(zip(LETTERS, tests, strict=False))
    if wanted.reference:
        named.append((REFERENCE, wanted.reference))
    try:
        streams = [one({"name": name, "url": url, "decode": "all"}, known.profiles, "compare") for name, url in named]
    except configuration.ConfigError as error:
        raise Unfit(str(error).replace("compare: [0].", "")) from None
    which = len(named) - 1 if wanted.reference else None
    return [stream.single() for stream in streams], [name for name, _ in named], which


def _tell(found: LiveCompared, as_json: bool, html: Path | None, csv: Path | None) -> None:
    from qoe_agent.report import live_json, live_page, live_terminal

    forms = reporting.Forms(live_terminal.report, live_json.document, live_page.page)
    reporting.tell(found, forms, as_json, html, csv)
