"""The command `qoe-agent exits`: its options, where its report goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from qoe_agent import reporting

if TYPE_CHECKING:
    from qoe_agent.viewers.shapes import Exits, Without

HIDDEN = "background"
"""What --without says of players that nobody sees."""

Files: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", show_default=False,
        help="Sessions or events: CSV, JSON Lines, Parquet, as the README's Files has them. None: the daemon's facts.",
    ),
]  # fmt: skip
Incidents: TypeAlias = Annotated[
    Path | None, typer.Option(help="What the probe saw: the incidents of `watch --json` with id, stream and scope.")
]
Measures: TypeAlias = Annotated[
    Path | None, typer.Option(help="What the probe measured of streams, minute by minute: `measures` of the facts.")
]
By: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="ATTRIBUTE", help="Break retention down by this, too; repeatable.")
]
Leave: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="NAME=VALUE", show_default=False,
                 help='Leave sessions out by an attribute, as device=robot, or "background": players from when nobody '
                      "sees them; repeatable."),
]  # fmt: skip
Cause: TypeAlias = Annotated[
    str,
    typer.Option(metavar="CAUSE", show_default=False,
                 help="What goes with one way to go alone: left, failed, background or switched."),
]  # fmt: skip
Claims: TypeAlias = Annotated[
    bool, typer.Option("--claims", help="What is said in the field, tested on this audience.")
]


def exits(
    files: Files = None,
    incidents: Incidents = None,
    measures: Measures = None,
    facts: reporting.Facts = None,
    config: reporting.Known = None,
    by: By = None,
    without: Leave = None,
    cause: Cause = "",
    claims: Claims = False,
    as_json: reporting.AsJson = False,
    html: reporting.Page = None,
    engine: reporting.Engine = "duckdb",
    master: reporting.Master = "",
    memory: reporting.Memory = "3GB",
    quiet: reporting.Quiet = False,
) -> None:
    """Why viewers leave: who stays how long, what goes with leaving, what each incident cost.

    Exit status: 0 done, 2 could not be.
    """
    from qoe_agent.viewers.apart import Unusable
    from qoe_agent.viewers.exits import Asked
    from qoe_agent.viewers.shapes import CAUSES

    with reporting.told():
        reporting.apart({"--html": html}, files or (), as_json)
        facts = reporting.folder(files, facts, config)
        name = reporting.engine_of(engine, master)
        wanted = tuple(each.strip() for one in by or () for each in one.split(",") if each.strip())
        if cause not in ("", *CAUSES):
            raise Unusable(f"--cause {cause}: must be one of {', '.join(CAUSES)}")
        if cause and claims:
            raise Unusable("--cause: not with --claims, which are about whoever goes, by whatever cause")
        asked = Asked(tuple(files or ()), facts, incidents, measures, wanted, claims, name, cause, _left_out(without))
        room = reporting.allowed(memory, engine)
        _tell(reporting.analysed("qoe_agent.viewers.exits:analyse", asked, room, quiet), as_json, html)


def _left_out(said: list[str] | None) -> Without:
    """Raises Unusable."""
    from qoe_agent.viewers.apart import Unusable
    from qoe_agent.viewers.shapes import Without

    values = []
    for one in dict.fromkeys(said or ()):
        name, mark, value = one.partition("=")
        if one != HIDDEN and not (name and mark and value):
            raise Unusable(f"--without {one}: must be NAME=VALUE, or {HIDDEN}")
        if one != HIDDEN:
            values.append((name, value))
    return Without(tuple(values), HIDDEN in (said or ()))


def _tell(found: Exits, as_json: bool, html: Path | None) -> None:
    from qoe_agent.report import exits_json, exits_page, exits_terminal

    forms = reporting.Forms(exits_terminal.report, exits_json.document, exits_page.page)
    reporting.tell(found, forms, as_json, html)
