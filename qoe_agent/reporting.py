"""What the commands that read viewers' tables share: options, how they show that they work, where reports go."""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias

import typer

from qoe_agent.options import USAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from qoe_agent.compare import shapes
    from qoe_agent.config import Ingest
    from qoe_agent.viewers.apart import Step

PATIENCE = 2.0
"""Seconds until a progress bar shows."""
DEFAULT = Path("/etc/qoe-agent/agent.yml")
"""The daemon's configuration."""
WIDTH = 120
"""Letters in a line where no terminal says."""
STANDARD = Path("-")
"""In place of a file: standard output."""

Facts: TypeAlias = Annotated[Path | None, typer.Option(metavar="DIR", help="A folder of facts that ingest wrote.")]
Known: TypeAlias = Annotated[Path | None, typer.Option(help="Take the folder of facts from this configuration.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Page: TypeAlias = Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML file, with plots.")]
Engine: TypeAlias = Annotated[Literal["duckdb", "spark"], typer.Option(help="What reads and counts.")]
Master: TypeAlias = Annotated[str, typer.Option(metavar="URL", help="Of --engine spark. [default: local]")]
Memory: TypeAlias = Annotated[str, typer.Option(metavar="SIZE", help="What the analysis may use, such as 3GB.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


class Forms(NamedTuple):
    """How what a command found is written: functions of it, called only where that form is asked for."""

    report: Callable[[Any], RenderableType]
    """For the terminal."""
    document: Callable[[Any], object]
    """For --json."""
    page: Callable[[Any], str]
    """For --html."""
    table: Callable[[Any], str] | None = None
    """For --csv."""
    suite: Callable[[Any], str] | None = None
    """For --junit."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Whatever cannot be done ends the command with a line that says why (of a configuration: one for each fault)."""
    from qoe_agent.compare.shapes import Unfit
    from qoe_agent.report.words import shown
    from qoe_agent.viewers.apart import Unusable

    try:
        yield
    except (Unusable, Unfit) as error:
        for line in str(error).split("\n"):
            typer.echo(shown(line), err=True)
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def folder(files: object, facts: Path | None, config: Path | None) -> Path | None:
    """The folder of facts that is to be read, if no files are. Raises Unusable."""
    from qoe_agent.viewers.apart import Unusable

    if sum((bool(files), facts is not None, config is not None)) > 1:
        raise Unusable("name files, or --facts, or --config: one of them")
    return facts if files or facts else _configured(config)


def _configured(config: Path | None) -> Path:
    """The folder of facts of a configuration."""
    from qoe_agent.viewers.apart import Unusable

    if config is None and not DEFAULT.exists():
        raise Unusable(f"name files of sessions or events, or --facts DIR, or --config FILE (there is no {DEFAULT})")
    return Path(ingesting(config or DEFAULT).folder or "")


def ingesting(config: Path) -> Ingest:
    """How a configuration has viewers' events taken in, and where they are kept. Raises Unusable."""
    from qoe_agent import config as configuration
    from qoe_agent.viewers.apart import Unusable

    try:
        found = configuration.load(str(config), os.environ).ingest
    except configuration.ConfigError as error:
        raise Unusable(str(error)) from None
    if found.folder is None:
        raise Unusable(f"{config}: ingest.folder: not set, so no viewers' events are kept")
    return found


def engine_of(engine: str, master: str) -> str:
    """As the tables name it."""
    return f"spark={master}" if engine == "spark" and master else engine


def allowed(memory: str, engine: str) -> int | None:
    """Bytes that the analysis may hold; Spark minds its own."""
    from pydantic import TypeAdapter, ValidationError

    from qoe_agent.config.values import Bytes

    if engine != "duckdb":
        return None
    try:
        found: int = TypeAdapter(Bytes).validate_python(memory)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise typer.BadParameter(said, param_hint="--memory") from None
    return found


def analysed(work: str, asked: Any, memory: int | None, quiet: bool) -> Any:
    """What an analysis in a process of its own returns, while a bar shows how far it has come."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from qoe_agent import clock
    from qoe_agent.report.words import shown
    from qoe_agent.viewers import apart

    screen = Console(stderr=True)
    began = clock.now()
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=screen, transient=True)
    task = bar.add_task("reading", total=None)

    def heard(step: Step | None) -> None:
        if step is not None:
            bar.update(task, description=shown(step.doing), completed=step.done, total=step.total)
        if clock.now() - began > PATIENCE and screen.is_terminal and not quiet:
            bar.start()

    try:
        return apart.run(work, asked, memory, heard)
    finally:
        if bar.live.is_started:
            bar.stop()


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Callable[[shapes.Step], None]]:
    """What to call with how far work in this process has come (from any thread): a bar shows it, with the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from qoe_agent import clock
    from qoe_agent.report.words import shown

    screen = Console(stderr=True)
    began = clock.now()
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
    bar = Progress(*columns, TimeRemainingColumn(), console=screen, transient=True)
    task = bar.add_task("reading", total=None)

    def heard(step: shapes.Step) -> None:
        bar.update(task, description=shown(step.doing), completed=step.done, total=step.total)
        if clock.now() - began > PATIENCE and screen.is_terminal and not quiet:
            bar.start()

    try:
        yield heard
    finally:
        if bar.live.is_started:
            bar.stop()


def tell(
    found: object, forms: Forms, as_json: bool, html: Path | None, csv: Path | None = None, junit: Path | None = None
) -> None:
    """Write the files that are asked for; then the report, or JSON, unless standard output is for a file.

    One that cannot be written takes none of the others away. Raises Unusable, with a line for each.
    """
    from qoe_agent.viewers.apart import Unusable

    wrong = []
    for path, form in ((junit, forms.suite), (html, forms.page), (csv, forms.table)):
        if path and form:
            try:
                write(path, form(found))
            except Unusable as error:
                wrong.append(str(error))
    if STANDARD not in (html, csv, junit):
        if as_json:
            say(forms.document(found))
        else:
            show(forms.report(found))
    if wrong:
        raise Unusable("\n".join(wrong))


def write(path: Path, text: str) -> None:
    """A report to its file, or to standard output. Raises Unusable, and leaves no half of a report."""
    from qoe_agent.viewers.apart import Unusable

    if path == STANDARD:
        print_out(text)
        return
    begun = False
    try:
        with path.open("w", encoding="utf-8") as file:
            begun = True
            file.write(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            if begun and path.is_file():
                path.unlink()
        raise Unusable(f"{path}: {error.strerror}") from None


def print_out(text: str) -> None:
    """To standard output. Raises Unusable where that is full; a reader who has gone away is none of our business."""
    from qoe_agent.viewers.apart import Unusable

    try:
        typer.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unusable(f"standard output: {error.strerror}") from None


def apart(written: Mapping[str, Path | None], read: Sequence[Path] = (), as_json: bool = False) -> None:
    """Raises Unusable if a file would be written twice, or over what is read. `written`: by the option that says so.

    Standard output is such a file, too; with `as_json` it is taken.
    """
    from qoe_agent.viewers.apart import Unusable

    taken = {path.resolve(): f"the file {path}" for path in read}
    onto = {STANDARD: "--json"} if as_json else {}
    for option, path in written.items():
        if path is None:
            continue
        if path == STANDARD:
            if path in onto:
                raise Unusable(f"{option} -: standard output is for {onto[path]} already")
            onto[path] = option
            continue
        if path.resolve() in taken:
            raise Unusable(f"{option} {path}: that is where {taken[path.resolve()]} is")
        taken[path.resolve()] = f"what {option} writes"


def possible(written: Mapping[str, Path | None]) -> None:
    """Before long work: raises Unusable if a report's folder is not there, or a folder in its place."""
    from qoe_agent.viewers.apart import Unusable

    for option, path in written.items():
        if path is None or path == STANDARD:
            continue
        if path.is_dir():
            raise Unusable(f"{option} {path}: that is a folder")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise Unusable(f"{option} {path}: cannot be written there")


def show(report: RenderableType) -> None:
    """A report to the terminal, or whatever is in its place: there without blanks at the ends of lines."""
    from rich.console import Console

    screen = Console()
    if screen.is_terminal:
        screen.print(report)
        return
    text = io.StringIO()
    Console(file=text, width=None if os.environ.get("COLUMNS", "").isdigit() else WIDTH).print(report)
    print_out("\n".join(line.rstrip() for line in text.getvalue().split("\n")))


def say(document: object) -> None:
    """A JSON document to standard output."""
    print_out(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
