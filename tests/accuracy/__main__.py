"""Runs every detector over its fault matrix and makes the README's tables of what came out: `python -m tests.accuracy`.

    python -m tests.accuracy --jobs 2 --folder clips results.jsonl     all of it, for hours; or go on with it
    python -m tests.accuracy --groups black freeze --count 3 r.jsonl   a little of it
    python -m tests.accuracy --table results.jsonl                     print the tables
    python -m tests.accuracy --write results.jsonl                     put them into the README

Photographs come from the Debian packages mate-backgrounds and plasma-workspace-wallpapers, or from a folder with these
unpacked that QOE_PHOTOS names; ../shared/data is needed too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fixtures import readme
from tests.accuracy.clips import BUNNY, photos
from tests.accuracy.tables import tables
from tests.accuracy.work import GROUPS, done, failures, jobs, rows, work

COLUMNS = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
           TimeRemainingColumn())  # fmt: skip


def main() -> None:
    """Read the options and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="?", default=Path("results.jsonl"))
    parser.add_argument("--table", action="store_true", help="print the tables of the results")
    parser.add_argument("--write", action="store_true", help="put the tables of the results into the README")
    parser.add_argument("--groups", nargs="+", choices=[*GROUPS], default=[*GROUPS], metavar="GROUP",
                        help=", ".join(GROUPS))  # fmt: skip
    parser.add_argument("--count", type=int, help="jobs of every group (default: what the README's figures rest on)")
    parser.add_argument("--share", type=float, default=1.0, help="of that many jobs")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    parser.add_argument("--folder", type=Path, default=Path("accuracy-clips"), help="where clips lie")
    parser.add_argument("--keep", action="store_true", help="leave single clips in the folder (hundreds of megabytes)")
    wanted = parser.parse_args()
    if wanted.write:
        readme.write({"accuracy": tables(rows(wanted.results))})
    elif wanted.table:
        sys.stdout.write(tables(rows(wanted.results)))
    else:
        _run(wanted)
    for failed in failures(wanted.results):
        sys.stderr.write(f"failed: {failed['job']}: {failed['error']}\n")


def _run(wanted: argparse.Namespace) -> None:
    photos()
    if not BUNNY.exists():
        sys.exit(f"{BUNNY.name} is missing from ../shared/data/video")
    todo = jobs(wanted.groups, wanted.count, wanted.share)
    known = done(wanted.results)
    left = [name for name in todo if name not in known]
    console = Console(stderr=True)
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task("", total=len(todo), completed=len(todo) - len(left))

        def told(name: tuple[str, int], error: str) -> None:
            if error:
                console.print(f"{name[0]} {name[1]}: {error}", markup=False)
            progress.update(task, advance=1, description=f"{name[0]} {name[1]}")

        work(left, wanted.results, wanted.folder, wanted.jobs, told, keep=wanted.keep)


if __name__ == "__main__":
    main()
