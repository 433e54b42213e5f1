"""One resource over HTTP: what is said of an answer that was only on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent.model import Target
from qoe_agent.sources.fetch import Client
from tests.sources.hls_origin import Origin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def to(place: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": place})

    return answer


async def test_where_a_redirection_leads_nowhere_it_is_not_taken_for_the_answer() -> None:
    async with Origin() as gone:
        nowhere = gone.url("x.ts")
    async with Origin() as origin:
        origin.files["a.ts"] = to(nowhere)
        async with Client(Target(origin.url("a.ts"))) as client:
            got = await client.fetch(origin.url("a.ts"), limit=1000, within=5.0)
    assert got.error == "refused"
    assert (got.status, dict(got.headers)) == (0, {})


async def test_a_redirection_that_is_followed_leaves_the_status_of_the_last_answer() -> None:
    async with Origin() as origin:
        origin.files["a.ts"], origin.files["b.ts"] = to("/b.ts"), b"bytes"
        async with Client(Target(origin.url("a.ts"))) as client:
            got = await client.fetch(origin.url("a.ts"), limit=1000, within=5.0)
    assert (got.status, got.data, "Location" in got.headers) == (200, b"bytes", False)
