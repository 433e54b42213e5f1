"""What surrounds every answer: strict headers, errors that say no more than they should."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware

STRICT = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Server": "qoe-agent",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer."""
LOOSENED = ("Content-Security-Policy", "Cache-Control")
"""Those of which pages and files may want others."""


def say(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """A line or more of plain text."""
    return web.Response(status=status, text=text.rstrip("\n") + "\n", headers=headers)


def shield(failed: Callable[[], None]) -> Middleware:
    """The top of every request: a bug is counted by `failed`, logged and answered without what may be secret."""

    @web.middleware
    async def shielded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:  # task top: one request must not end the others
            failed()
            where = "".join(traceback.format_tb(error.__traceback__))
            PROTOCOL_LOG.error("%s %s failed with %s at\n%s", request.method, request.path, type(error).__name__, where)
            return say(500, "internal error; the log says where")

    return shielded


async def strict(request: web.Request, response: web.StreamResponse) -> None:
    """Puts the strict headers on every answer."""
    for name, value in STRICT.items():
        if name not in LOOSENED or name not in response.headers:
            response.headers[name] = value


class _Quiet(logging.Filter):
    """Keeps what is not HTTP from filling the log with tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


PROTOCOL_LOG = logging.getLogger(__name__)
PROTOCOL_LOG.addFilter(_Quiet())
"""The log of the HTTP server itself."""
