"""`qoe-agent stamp`: stamps a feed until it ends or is interrupted, and says how far it is."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from qoe_agent.maths.urls import HIDDEN, redact, scrub
from qoe_agent.stamp import Plan, Stamped, run

if TYPE_CHECKING:
    from collections.abc import Iterator

REFRESH = 2
"""Drawings of the progress line a second."""


def send(plan: Plan) -> Stamped:
    """Stamp as planned, with a line of progress on standard error. Raises ValueError: it cannot be done, and why."""
    screen, told, stop = Console(stderr=True), Stamped(), threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    with _progress(screen, plan, told):
        try:
            run(plan, stop, told)
        except (OSError, ValueError) as error:
            raise ValueError(why(plan, error)) from None
    if told.late:
        screen.print(f"fell behind {told.late} times: the marks were set anew; a smaller picture would keep up")
    return told


@contextlib.contextmanager
def _progress(screen: Console, plan: Plan, told: Stamped) -> Iterator[None]:
    if not screen.is_terminal:
        yield
        return
    where = f"{redact(plan.source)} to {shown(plan.to)}"

    def line() -> Text:
        return Text(f"{where}: {told.pictures} pictures, {told.seconds:.1f} s")

    with Live(get_renderable=line, console=screen, refresh_per_second=REFRESH):
        yield


def shown(to: str) -> str:
    """An output without its secrets: of RTMP the stream's name too, which is the key to publish."""
    if not to.startswith(("rtmp://", "rtmps://")):
        return redact(to)
    return redact(to).rpartition("/")[0] + "/" + HIDDEN


def why(plan: Plan, error: Exception) -> str:
    """What went wrong, for people: without secrets."""
    words = getattr(error, "strerror", None) or str(error)
    told = scrub(scrub(f"{words}", plan.source), plan.to).replace(plan.to, shown(plan.to))
    return f"{redact(plan.source)} to {shown(plan.to)}: {told}"
