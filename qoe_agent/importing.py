"""The command `qoe-agent import`: its options, and what it says when it is done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from qoe_agent.options import USAGE

Source: TypeAlias = Annotated[
    Literal["mux", "segment", "snowplow", "brightcove", "nginx"],
    typer.Option("--from", help="Who wrote the files: Mux's daily CSV, Segment's video calls or Snowplow's media "
                 "events (JSON Lines), Brightcove's research CSV, nginx access logs with CMCD."),
]  # fmt: skip
Files: TypeAlias = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Exported files; .gz is unpacked.")]
Out: TypeAlias = Annotated[Path, typer.Option("--out", help="JSON Lines to write: sessions or plain events.")]
Keys: TypeAlias = Annotated[
    Path | None, typer.Option(help="Hide users behind pseudonyms by these keys (the file of ingest, so both agree).")
]
Attribute: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Also take this column or property; repeatable.")
]
Lenient: TypeAlias = Annotated[bool, typer.Option("--skip-bad", help="Pass over bad lines instead of stopping.")]


def bring(
    files: Files, source: Source, out: Out, keys: Keys = None, attribute: Attribute = None, skip_bad: Lenient = False
) -> None:
    """Turn what other collectors export into files for `exits` and `lift`.

    Exit status: 0 done, 2 a file or a line could not be read (nothing is written then).
    """
    from qoe_agent.viewers.imports.reading import BadRow
    from qoe_agent.viewers.imports.writing import write
    from qoe_agent.viewers.pseudonyms import BadRing, read

    part = out.with_name(out.name + ".part")
    try:
        ring = read(keys) if keys else None
        with part.open("wb") as file:
            done = write(source, files, file, ring, tuple(attribute or ()), not skip_bad)
        os.replace(part, out)
    except (BadRow, BadRing) as error:
        part.unlink(missing_ok=True)
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE) from None
    except OSError as error:
        part.unlink(missing_ok=True)
        typer.echo(f"{error.filename}: {error.strerror}", err=True)
        raise typer.Exit(USAGE) from None
    typer.echo(f"{out}: {done.rows} rows", err=True)
    for reason, times in sorted(done.passed.items()):
        typer.echo(f"passed over {times}: {reason}", err=True)
