"""A server on loopback that takes notifications as a test wants it to."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(slots=True)
class Taken:
    """What was posted."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Receiver:
    """Answers with what `answer` makes (200 by default), and keeps what came."""

    base: str = ""
    taken: list[Taken] = field(default_factory=list)
    answer: Callable[[Taken], Any] = field(default=lambda taken: web.Response(text="ok"))

    async def handle(self, request: web.Request) -> web.Response:
        taken = Taken(request.path_qs, dict(request.headers), await request.read())
        self.taken.append(taken)
        made = self.answer(taken)
        return made if isinstance(made, web.Response) else await made

    def alerts(self) -> list[tuple[str, str]]:
        """Status and kind of all that was told, as generic JSON."""
        return [(one["status"], one["kind"]) for each in self.taken for one in each.told["alerts"]]


@contextlib.asynccontextmanager
async def receiver(answer: Callable[[Taken], Any] | None = None) -> AsyncIterator[Receiver]:
    """A running one."""
    made = Receiver() if answer is None else Receiver(answer=answer)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
