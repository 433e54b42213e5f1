"""The command `qoe-agent forget`: deletes all that is kept of users."""

from __future__ import annotations

import contextlib
import importlib.util
from itertools import count
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from qoe_agent import options, reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

TURNS = 60
"""Seconds to wait for a compaction that is under way."""

Users: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="USER...", show_default=False,
                   help="Ids of users, as players say them; - reads them from standard input, one a line."),
]  # fmt: skip
Keys: TypeAlias = Annotated[
    Path | None, typer.Option(help="The file of pseudonyms. [default: the configuration's, or that in --facts]")
]


def forget(users: Users, facts: reporting.Facts = None, config: reporting.Known = None, keys: Keys = None) -> None:
    """Delete all that is kept of these users: every session that named them, under each key of pseudonyms.

    Exit status: 0 done, 2 could not be (run it again).
    """
    from qoe_agent.viewers.analysing import INSTALL
    from qoe_agent.viewers.apart import Unusable
    from qoe_agent.viewers.facts import erasing
    from qoe_agent.viewers.pseudonyms import BadRing, read

    with reporting.told():
        folder, ring_file = _where(facts, config)
        if importlib.util.find_spec("pyarrow") is None:
            raise Unusable(INSTALL)
        if not folder.is_dir():
            raise Unusable(f"{folder}: no such folder")
        named = _named(users)
        try:
            ring = read(keys or ring_file)
            with _alone(folder):
                for user in named:
                    found = erasing.forget(folder, ring, user)
                    later = f", {found.logged} in the log hidden until compaction deletes them" if found.logged else ""
                    typer.echo(f"{found.events} events deleted{later}", err=True)
        except BadRing as error:
            raise Unusable(str(error)) from None
        except OSError as error:
            raise Unusable(f"{error.filename or folder}: {error.strerror}; run it again") from None


def _where(facts: Path | None, config: Path | None) -> tuple[Path, Path]:
    """The folder of facts, and the file of pseudonyms. Raises Unusable."""
    from qoe_agent.viewers.apart import Unusable

    if facts is not None and config is not None:
        raise Unusable("name --facts or --config: one of them")
    if facts is not None:
        return facts, facts / "pseudonyms.keys"
    if config is None and not reporting.DEFAULT.exists():
        raise Unusable(f"name --facts DIR or --config FILE (there is no {reporting.DEFAULT})")
    found = reporting.ingesting(config or reporting.DEFAULT)
    return Path(found.folder or ""), Path(found.ring)


def _named(users: list[str]) -> list[str]:
    """The ids, each once. None of them is ever said. Raises Unusable."""
    lines = options.typed("a user's id in each line") if "-" in users else []
    return list(dict.fromkeys(one for one in (*users, *lines) if one not in ("", "-")))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else compacts, merges or deletes there. Raises Unusable where somebody does, and for long."""
    from qoe_agent.viewers.apart import Unusable
    from qoe_agent.viewers.facts import compaction
    from qoe_agent.viewers.facts.writer import Taken, Writer

    with contextlib.ExitStack() as held:
        for turn in count():
            try:
                held.enter_context(compaction.owning(folder))
                break
            except Taken as error:
                if turn >= TURNS:
                    raise Unusable(f"{error}; run it again later") from None
                Event().wait(1.0)
        with contextlib.suppress(Taken):  # an agent writes to the log, and will close it
            Writer(folder, 1, 1.0).close()  # of one that was killed, it is still open
        yield
