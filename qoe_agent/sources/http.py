"""HTTP: FLV and MPEG-TS bodies that do not end, and the session that all HTTP sources share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from qoe_agent import clock
from qoe_agent.sources import connect

if TYPE_CHECKING:
    from typing import Any

    from qoe_agent.model import Target


def session(target: Target, phases: connect.Phases | None = None) -> aiohttp.ClientSession:
    """A client that speaks for `target`: headers, cookies, proxy, certificates. The caller closes it.

    It sets no deadlines. `phases` is filled by the first connection that the session makes.
    """
    jar = aiohttp.CookieJar(unsafe=True)  # cookies for numeric addresses too
    jar.update_cookies(dict(target.cookies), URL(target.url))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=connect.tls(target, phases), limit=0),
        headers={"User-Agent": target.user_agent, **target.headers},
        cookie_jar=jar,
        proxy=target.proxy,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
        trace_configs=[_trace(phases)] if phases else [],
    )


def _trace(phases: connect.Phases) -> aiohttp.TraceConfig:
    """Notes in `phases` when the first connection of a session gets on."""

    async def resolved(*_: Any) -> None:
        phases.resolved = phases.resolved or clock.now()

    async def created(*_: Any) -> None:
        if phases.connected is None:
            phases.connected = clock.now()
        elif phases.secured is None and phases.first_byte is None:
            phases.secured = clock.now()

    trace = aiohttp.TraceConfig()
    trace.on_dns_resolvehost_end.append(resolved)
    trace.on_connection_create_end.append(created)
    return trace


def explain(error: BaseException) -> tuple[str, str]:
    """Reason (of LOST_REASONS) and one line, without addresses or secrets, for what went wrong over HTTP."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "resolve", "the host name has no address"
        case aiohttp.ClientConnectorCertificateError():
            inner = error.certificate_error
            return connect.explain(inner) if isinstance(inner, OSError) else ("tls", "certificate not valid")
        case aiohttp.ServerFingerprintMismatch():
            return "tls", "the certificate is another one"
        case TimeoutError():
            return "timeout", "the server took too long"
        case aiohttp.ClientConnectorError():
            return connect.explain(error.os_error)
        case aiohttp.TooManyRedirects():
            return "status", "too many redirects"
        case aiohttp.ClientResponseError() if isinstance(error.__cause__, HttpProcessingError):
            return "protocol", "the answer is not HTTP"
        case aiohttp.ClientResponseError():
            return status(error.status)
        case aiohttp.InvalidURL():
            return "failed", "the address is not valid"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return "reset", "the connection broke"
        case OSError():
            return connect.explain(error)
        case _:
            return "failed", type(error).__name__


def status(code: int) -> tuple[str, str]:
    """Reason and one line for an HTTP status that is not a success."""
    reason = {401: "auth", 403: "auth", 407: "auth", 404: "not_found", 410: "not_found"}.get(code, "status")
    return reason, f"the server answered {code}"
