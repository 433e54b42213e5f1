"""`qoe-agent stamp --clock`: a page to be filmed: the stamp full-screen and its tone, held to the agent's clock."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import signal
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import clock
from qoe_agent.web import access
from qoe_agent.web.shield import PROTOCOL_LOG, STRICT, say, shield

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

PAGE = files("qoe_agent.stamp") / "page"
KINDS = {"clock.css": "text/css", "clock.js": "text/javascript", "marks.js": "text/javascript"}
"""The page's parts."""
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Shown:
    """How the page looks and sounds."""

    corner: str
    cell: float | None
    """None: as large as fits."""
    level: float
    """Of the tone, dB below full scale."""


def application(shown: Shown, prefix: str) -> web.Application:
    """The page below `/prefix/` (or `/`, for an empty one), and nothing else."""
    root = f"/{prefix}/" if prefix else "/"

    async def page(request: web.Request) -> web.Response:
        values = {"corner": shown.corner, "cell": f"{shown.cell or 0:g}", "level": f"{shown.level:g}"}
        text = Template((PAGE / "clock.html").read_text()).substitute(values)
        return web.Response(text=text, content_type="text/html")

    async def part(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in KINDS:
            return say(404, "no such page")
        return web.Response(text=(PAGE / name).read_text(), content_type=KINDS[name])

    async def time(request: web.Request) -> web.Response:
        received = clock.wall(clock.now()) * 1000
        return web.json_response({"received": received, "answered": clock.wall(clock.now()) * 1000})

    @web.middleware
    async def named(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not access.host_allowed(request.headers.get("Host", ""), ()):
            return say(403, "this host name is not ours")
        return await handler(request)

    async def headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update({**STRICT, "Content-Security-Policy": POLICY})

    app = web.Application(middlewares=[shield(lambda: None), named], client_max_size=1024)
    app.on_response_prepare.append(headers)
    app.add_routes([web.get(root, page), web.get(f"{root}time", time), web.get(f"{root}{{name}}", part)])
    return app


async def film(listen: str, shown: Shown, say_where: Callable[[str], None], stop: asyncio.Event | None = None) -> None:
    """Serve the page until interrupted (or `stop`). On any address but loopback its path holds a secret.

    Raises ValueError (no such address) and OSError (it cannot be had).
    """
    host, port = _address(listen)
    stop = stop or asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    prefix = "" if _loopback(host) else secrets.token_urlsafe(12)
    runner = web.AppRunner(application(shown, prefix), access_log=None, logger=PROTOCOL_LOG, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        where = f"[{host}]" if ":" in host else host
        say_where(f"http://{where}:{bound}/{prefix + '/' if prefix else ''}")
        await stop.wait()
    finally:
        await runner.cleanup()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{listen}: expected HOST:PORT, such as 127.0.0.1:9844")
    return host.strip("[]"), int(port)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
