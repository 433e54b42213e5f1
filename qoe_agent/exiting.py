"""The command `qoe-agent exits`: its options, how it shows that it works, where its report goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from qoe_agent.options import USAGE

if TYPE_CHECKING:
    from qoe_agent.viewers.apart import Step
    from qoe_agent.viewers.shapes import Exits

PATIENCE = 2.0
"""Seconds until a progress bar shows."""
DEFAULT = Path("/etc/qoe-agent/agent.yml")
"""The daemon's configuration."""
WIDTH = 120
"""Letters in a line where no terminal says."""

Files: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", show_default=False,
        help="Sessions or events: CSV, JSON Lines, Parquet, by the README's schema. None: the daemon's facts.",
    ),
]  # fmt: skip
Incidents: TypeAlias = Annotated[
    Path | None, typer.Option(help="What the probe saw: the incidents of `watch --json` with id, stream and scope.")
]
Facts: TypeAlias = Annotated[Path | None, typer.Option(metavar="DIR", help="A folder of facts that ingest wrote.")]
Known: TypeAlias = Annotated[Path | None, typer.Option(help="Take the folder of facts from this configuration.")]
By: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="ATTRIBUTE", help="Break retention down by this, too; repeatable.")
]
Claims: TypeAlias = Annotated[
    bool, typer.Option("--claims", help="What is said in the field, tested on this audience.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Page: TypeAlias = Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML file, with plots.")]
Engine: TypeAlias = Annotated[Literal["duckdb", "spark"], typer.Option(help="What reads and counts.")]
Master: TypeAlias = Annotated[str, typer.Option(metavar="URL", help="Of --engine spark. [default: local]")]
Memory: TypeAlias = Annotated[str, typer.Option(metavar="SIZE", help="What the analysis may use, such as 3GB.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def exits(
    files: Files = None,
    incidents: Incidents = None,
    facts: Facts = None,
    config: Known = None,
    by: By = None,
    claims: Claims = False,
    as_json: AsJson = False,
    html: Page = None,
    engine: Engine = "duckdb",
    master: Master = "",
    memory: Memory = "3GB",
    quiet: Quiet = False,
) -> None:
    """Why viewers leave: who stays how long, what goes with leaving, what each incident cost.

    Exit status: 0 done, 2 could not be.
    """
    from qoe_agent.viewers import apart
    from qoe_agent.viewers.exits import Asked

    try:
        if facts is None and not files:
            facts = _configured(config)
        elif sum((bool(files), facts is not None, config is not None)) > 1:
            raise apart.Unusable("name files, or --facts, or --config: one of them")
        name = f"spark={master}" if engine == "spark" and master else engine
        wanted = tuple(each.strip() for one in by or () for each in one.split(",") if each.strip())
        asked = Asked(tuple(files or ()), facts, incidents, wanted, claims, name)
        found = _analysed(asked, _bytes(memory) if engine == "duckdb" else None, quiet)
        _tell(found, as_json, html)
    except apart.Unusable as error:
        from qoe_agent.report.exits_words import shown

        typer.echo(shown(str(error)), err=True)
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _bytes(text: str) -> int:
    from pydantic import TypeAdapter, ValidationError

    from qoe_agent.config.values import Bytes

    try:
        found: int = TypeAdapter(Bytes).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    return found


def _configured(config: Path | None) -> Path:
    """The folder of facts of a configuration."""
    from qoe_agent import config as configuration
    from qoe_agent.viewers.apart import Unusable

    if config is None and not DEFAULT.exists():
        raise Unusable(f"name files of sessions or events, or --facts DIR, or --config FILE (there is no {DEFAULT})")
    config = config or DEFAULT
    try:
        folder = configuration.load(str(config), os.environ).ingest.folder
    except configuration.ConfigError as error:
        raise Unusable(str(error)) from None
    if folder is None:
        raise Unusable(f"{config}: ingest.folder: not set, so no viewers' events are kept")
    return Path(folder)


def _analysed(asked: Any, memory: int | None, quiet: bool) -> Exits:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from qoe_agent import clock
    from qoe_agent.report.exits_words import shown
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
        found: Exits = apart.run("qoe_agent.viewers.exits:analyse", asked, memory, heard)
    finally:
        if bar.live.is_started:
            bar.stop()
    return found


def _tell(found: Exits, as_json: bool, html: Path | None) -> None:
    from qoe_agent.viewers.apart import Unusable

    if html:
        from qoe_agent.report import exits_page

        try:
            html.write_text(exits_page.page(found), "utf-8")
        except OSError as error:
            raise Unusable(f"{html}: {error.strerror}") from None
    if as_json:
        from qoe_agent.report import exits_json

        typer.echo(json.dumps(exits_json.document(found), ensure_ascii=False, allow_nan=False))
    else:
        from rich.console import Console

        from qoe_agent.report import exits_terminal

        screen = Console()
        screen = screen if screen.is_terminal else Console(width=WIDTH)
        screen.print(exits_terminal.report(found))
