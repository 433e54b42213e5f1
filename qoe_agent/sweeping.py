"""The command `qoe-agent compare sweep`: what it asks for, how it shows its work, where its reports go."""

from __future__ import annotations

import contextlib
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias

import typer

from qoe_agent import reporting
from qoe_agent.reporting import AsJson, Page, Quiet  # noqa: TC001  typer reads annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qoe_agent.compare.shapes import Step
    from qoe_agent.compare.sweep.conducting import Prepared
    from qoe_agent.compare.sweep.plan import Plan
    from qoe_agent.compare.sweep.shapes import Swept

PlanFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="PLAN", show_default=False, help="A YAML file: see configs/sweep.yml.")
]
Results: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False,
                 help="Keep results here; a run that finds some does the rest. Default: PLAN's name, with .results."),
]  # fmt: skip
Csv: TypeAlias = Annotated[Path | None, typer.Option("--csv", help="Write a line for each encode as CSV.")]
Keep: TypeAlias = Annotated[bool, typer.Option("--keep", help="Keep the encodes, too, in DIR/encoded.")]
Part: TypeAlias = Annotated[
    str,
    typer.Option("--share", metavar="I/N", show_default=False,
                 help="Only the I-th of N parts of the jobs, counted from 0. Without it, a last run reports of all."),
]  # fmt: skip
Backend: TypeAlias = Annotated[
    str,
    typer.Option("--backend", metavar="NAME[=ADDRESS]", show_default=False,
                 help="Run jobs on an engine, through joblib: dask=tcp://HOST:8786, ray=HOST:6379, joblib (processes "
                      "of this machine). Plan, references and an FFmpeg of one version must be there, too."),
]  # fmt: skip
Only: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="TEXT", show_default=False,
                 help="Only jobs with this in their title, such as 'x265 medium' or 1280x720; repeatable."),
]  # fmt: skip
Dry: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="List the jobs, with the time that encodes may take, and do none of them.")
]
Sought: TypeAlias = Annotated[
    str,
    typer.Option("--target", metavar="CONDITION", show_default=False,
                 help="Find the highest CRF, or lowest rate, that meets it: 'vmaf\\[v1].mean >= 93'."),
]  # fmt: skip
Ffmpeg: TypeAlias = Annotated[
    str,
    typer.Option("--ffmpeg", metavar="PATH", show_default=False,
                 help="An FFmpeg with libvmaf and the encoders, in place of imageio-ffmpeg's."),
]  # fmt: skip
_SHARE = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


def sweep(
    plan: PlanFile, results: Results = None, target: Sought = "", only: Only = None, share: Part = "",
    backend: Backend = "", keep: Keep = False, dry_run: Dry = False, ffmpeg: Ffmpeg = "",
    as_json: AsJson = False, html: Page = None, csv: Csv = None, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Encode references by a matrix of encoders, presets, rates and resolutions, and compare what comes of it.

    Sizes, speeds and scores of each; BD-rate, hull, a ladder, costs. Whatever is done stays in the folder of results:
    an interrupted sweep goes on where it was, and a changed plan makes only what is new.
    Exit status: 0 done, 1 a job failed or a target was not met, 2 could not be; of a --share: 0 or 2.
    """
    from qoe_agent.compare.sweep import conducting

    with reporting.told(), _orderly():
        said = _read(str(plan))
        reporting.apart({"--html": html, "--csv": csv}, [plan, *map(Path, said.references)], as_json)
        folder = results or plan.with_name(plan.stem + ".results")
        order = conducting.Order(
            said, str(plan), str(folder), target or None, tuple(only or ()), part(share), engine(backend),
            keep, ffmpeg or None,
        )  # fmt: skip
        with reporting.progress(quiet) as heard:
            prepared = conducting.prepared(order, heard)
            lines = _list(prepared, heard) if dry_run else None
            found = None if dry_run else _done(prepared, heard)
        for line in lines or ():
            typer.echo(line)
        if found is None:
            raise typer.Exit
        _tell(found, as_json, html, csv)
    raise typer.Exit(_status(found))


def _read(path: str) -> Plan:
    """Raises Unfit with a line for each fault."""
    from qoe_agent.compare.shapes import Unfit
    from qoe_agent.compare.sweep import plan as plans
    from qoe_agent.config import ConfigError

    try:
        return plans.load(path)
    except ConfigError as error:
        raise Unfit(str(error)) from None


def part(text: str) -> tuple[int, int] | None:
    """Which part of how many; None: all. Raises Unfit."""
    from qoe_agent.compare.shapes import Unfit

    if not text:
        return None
    found = _SHARE.fullmatch(text)
    if not found or int(found[1]) >= int(found[2]):
        raise Unfit(f"--share {text}: must be I/N, counted from 0, such as 0/3 for the first of three")
    return int(found[1]), int(found[2])


def engine(text: str) -> str:
    """A backend that there is. Raises Unfit."""
    from qoe_agent.compare.shapes import Unfit
    from qoe_agent.compare.sweep.running import ENGINES
    from qoe_agent.config.suggest import suggestion

    name = text.partition("=")[0]
    if text and name not in ENGINES:
        raise Unfit(f"--backend {name}: must be one of {', '.join(ENGINES)}{suggestion(name, ENGINES)}")
    return text


@contextlib.contextmanager
def _orderly() -> Iterator[None]:
    """SIGTERM, as a cluster sends it, ends the encoder and tidies up as Ctrl-C does."""

    def end(number: int, _: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _done(prepared: Prepared, heard: Callable[[Step], None]) -> Swept | None:
    """None: it was one share of several, so nothing can be concluded yet; what failed is told, and tried again then."""
    from qoe_agent.compare.sweep import conducting

    work = conducting.runner(prepared, heard)
    try:
        if prepared.order.share is None:
            return conducting.sweep(prepared, work)
        work.run(prepared.jobs)
    except (KeyboardInterrupt, SystemExit):
        done = len(work.results)
        typer.echo(f"interrupted: {done} of {len(prepared.jobs)} jobs are done; the same command goes on", err=True)
        raise
    for line in conducting.told(prepared, work):
        typer.echo(line, err=True)
    return None


def _list(prepared: Prepared, heard: Callable[[Step], None]) -> list[str]:
    """The jobs, each with the time that it may take."""
    from qoe_agent.compare.sweep import conducting

    found = conducting.estimated(prepared, conducting.runner(prepared, heard), heard)
    lines = [f"{_time(took):>9}  {job.title}" for job, took in found]
    total = sum(took or 0.0 for _, took in found)
    left = sum(took != 0.0 for _, took in found)
    if not left:
        return [*lines, f"{len(found)} jobs, none to do"]
    return [*lines, f"{len(found)} jobs, {left} to do; their encodes may take {_time(total)}, and scores besides"]


def _time(took: float | None) -> str:
    if took is None:
        return "not here"
    if not took:
        return "kept"
    minutes, left = divmod(round(took), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} m"
    return f"{minutes} m {left:02} s" if minutes else f"{took:.1f} s"


def _tell(found: Swept, as_json: bool, html: Path | None, csv: Path | None) -> None:
    from qoe_agent.report import sweep_csv, sweep_json, sweep_page, sweep_terminal

    forms = reporting.Forms(sweep_terminal.report, sweep_json.document, sweep_page.page, sweep_csv.table)
    reporting.tell(found, forms, as_json, html, csv)


def _status(found: Swept) -> int:
    """1: not all that was asked for was had."""
    return int(bool(found.failures) or any(not one.met for one in found.searched))
