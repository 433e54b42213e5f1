"""What analyses of viewers' files share: what they need, how they say how far they are, how they fail."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qoe_agent.viewers.apart import Step, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INSTALL = "reading viewers' files needs an extra: pip install 'qoe-agent[viewers]'"


class Steps:
    """Says how far it has come."""

    def __init__(self, tell: Callable[[Step], None], total: int) -> None:
        self._tell, self._total, self._done = tell, total, 0

    def __call__(self, doing: str) -> None:
        self._tell(Step(doing, self._done, self._total))
        self._done += 1


@contextmanager
def plainly(folder: Path | None) -> Iterator[None]:
    """Whatever tables refuse is Unusable, and memory that gives out is a MemoryError; `folder`: of facts."""
    from qoe_agent.viewers import tables

    if lack := tables.missing():
        raise Unusable(f"{INSTALL} ({lack} is missing)")
    try:
        yield
    except tables.exhausted():
        raise MemoryError from None
    except (tables.BadTable, ValueError) as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"{error.filename or folder}: {error.strerror or error}") from None


def facts_in(folder: Path) -> None:
    """Raises Unusable unless this is a folder of facts."""
    if not any((folder / each).is_dir() for each in ("events", "log")):
        raise Unusable(f"{folder}: no folder of facts (it would hold events or log)")
