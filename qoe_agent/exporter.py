"""The HTTP server: /metrics, /probe, /-/healthy, /-/ready, /-/reload, /-/publish, and pages for people.

The token guards every path but the two health checks, the Host allow-list all of them. Answers never hold a
traceback, an address or a secret.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from qoe_agent import clock
from qoe_agent.alerts.payload import RUNBOOK
from qoe_agent.board import Board
from qoe_agent.maths.urls import scrub
from qoe_agent.model import Metric, Sample
from qoe_agent.web import access, answer, login, pages
from qoe_agent.web.html import PATHS
from qoe_agent.web.live import Live
from qoe_agent.web.shield import PROTOCOL_LOG, say, shield, strict
from qoe_agent.web.stand import Source

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from qoe_agent.about import About
    from qoe_agent.config import Stream, Web

SCRAPES = Metric("qoe_agent_scrapes_total", "counter", "Times /metrics was asked for.")
RENDER = Metric(
    "qoe_agent_scrape_render_seconds", "gauge", "How long the previous answer to /metrics took to write and compress."
)
ERRORS = Metric("qoe_agent_request_errors_total", "counter", "Requests that met a bug of the agent's.")
METRICS = (SCRAPES, RENDER, ERRORS)
SUCCESS = Metric("qoe_probe_success", "gauge", "1 if a viewer would have got a picture (or sound), else 0.")
DURATION = Metric("qoe_probe_duration_seconds", "gauge", "How long the probe took.")
VISIT_METRICS = (SUCCESS, DURATION)

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
OPEN_PATHS = ("/-/healthy", "/-/ready", login.PATH, login.ON, RUNBOOK, *PATHS)
"""Paths that need no token, and say nothing of streams."""
HEADROOM = 0.5
"""Seconds of the scraper's timeout that are left for the way back."""
DEADLINE = 10.0
"""Seconds that a probe may take if the scraper does not say."""
LONGEST = 120.0
"""Seconds that a probe may take whatever the scraper says."""
GRACE = 0.25
"""Seconds after its deadline at which a visit is cut off."""
LARGEST_BODY = 64 * 1024
"""Bytes of a request's body."""
IDLE = 90.0
"""Seconds that a connection may be without a request."""


class Visit(Protocol):
    """What a probe brought home."""

    @property
    def success(self) -> bool:
        """Whether a viewer would have got a picture."""

    @property
    def board(self) -> Board:
        """What was measured."""


class Agent(Source, Protocol):
    """What the exporter needs of the agent behind it."""

    def ready(self) -> bool:
        """Whether the streams have been tried once."""

    async def reload(self) -> list[str]:
        """Read the configuration again; returns what is wrong with it, in which case the old one stays."""

    def stream(self, name: str, module: str) -> Stream | None:
        """The configured stream of that name, under the profile `module` if one is given.

        LookupError: there is no such profile.
        """

    def stranger(self, url: str, module: str) -> Stream:
        """A stream made of an address that the allow-list admits. LookupError: there is no such profile."""

    async def visit(self, stream: Stream, seconds: float, log: list[str]) -> Visit:
        """A fresh pull that lasts at most `seconds`; tells `log` what happened."""

    def publish(self, body: bytes, content_type: str) -> None:
        """A server says that a publisher came or went. ValueError: it cannot be understood."""


class Exporter:
    """Serves the board. `options` may be replaced while it runs; only the address and TLS stay until a restart."""

    def __init__(self, board: Board, agent: Agent, about: About, options: Web) -> None:
        self.board, self.agent, self.about, self.options = board, agent, about, options
        self._bound = options
        board.declare(*METRICS)
        self._visits = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="scrape")
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns where, as a URL. OSError: the address or the certificate will not do."""
        self._bound, tls = self.options, self.options.tls()
        self._runner = web.AppRunner(
            self.application(), access_log=None, keepalive_timeout=IDLE, logger=PROTOCOL_LOG, shutdown_timeout=1.0
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._bound.host or None, self._bound.port, ssl_context=tls)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Let go of the address."""
        if self._runner:
            await self._runner.cleanup()
        self._writer.shutdown(cancel_futures=True)

    def application(self) -> web.Application:
        """The routes, behind the guards."""
        live = Live(self._may, self._failed)
        app = web.Application(middlewares=[shield(self._failed), self._guarded], client_max_size=LARGEST_BODY)
        app.on_response_prepare.append(strict)
        app.on_shutdown.append(live.close)
        app.router.add_routes(login.routes(self._token))
        app.router.add_routes(pages.routes(self.board, self.agent, live))
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/probe", self._probe)
        app.router.add_get("/-/healthy", self._healthy)
        app.router.add_get("/-/ready", self._ready)
        app.router.add_post("/-/reload", self._reload)
        app.router.add_post("/-/publish", self._publish)
        return app

    def _failed(self) -> None:
        self.board.put(None, Sample(ERRORS, 1.0), clock.now())

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets through who may ask."""
        options, bound = self.options, self._bound
        if not access.host_allowed(request.headers.get("Host", ""), (bound.host, *options.allowed_hosts)):
            return say(421, "not a name of this agent; see web.allowed_hosts")
        if request.path not in OPEN_PATHS and not self._may(request):
            if login.asks_for_page(request):
                return login.away(request)
            return say(401, "the bearer token is missing or wrong", {"WWW-Authenticate": 'Bearer realm="qoe-agent"'})
        if request.method not in ("GET", "HEAD") and not access.origin_allowed(request.headers):
            return say(403, "pages of other sites may not change anything here")
        return await handler(request)

    def _token(self) -> str | None:
        # An address that others can reach keeps its token, though the new options (for another address) have none.
        return self.options.token or (None if self._bound.loopback else self._bound.token)

    def _may(self, request: web.Request) -> bool:
        """Whether who asks may see what needs the token, if one is set."""
        token = self._token()
        if not token or access.token_fits(request.headers, token) or login.known(request, token):
            return True
        # Media servers cannot send headers with their callbacks, only a query.
        return request.path == "/-/publish" and access.same(request.query.get("token", ""), token)

    async def _healthy(self, request: web.Request) -> web.Response:
        return say(200, "healthy")

    async def _ready(self, request: web.Request) -> web.Response:
        return say(200, "ready") if self.agent.ready() else say(503, "not ready yet")

    async def _metrics(self, request: web.Request) -> web.Response:
        self.board.put(None, Sample(SCRAPES, 1.0), clock.now())
        self.about.refresh()
        return await self._exposition(request, self.board)

    async def _exposition(self, request: web.Request, board: Board) -> web.Response:
        """The board, as the scraper likes it, written and compressed off the event loop."""
        openmetrics = answer.wants_openmetrics(request.headers.get("Accept", ""))
        packed = answer.wants_gzip(request.headers.get("Accept-Encoding", ""))

        def write() -> tuple[bytes, bool, float]:
            started = clock.now()
            body = board.render(openmetrics)
            small = len(body) < answer.SMALL
            body = answer.gzip(body) if packed and not small else body
            return body, packed and not small, clock.now() - started

        body, compressed, seconds = await asyncio.get_running_loop().run_in_executor(self._writer, write)
        if board is self.board:
            board.put(None, Sample(RENDER, seconds), clock.now())
        headers = {
            "Content-Type": answer.OPENMETRICS if openmetrics else answer.TEXT,
            "Vary": "Accept, Accept-Encoding",
        }
        if compressed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def _probe(self, request: web.Request) -> web.Response:
        """A fresh pull on demand, as the blackbox exporter does it."""
        try:
            seconds = deadline(request.headers.get(TIMEOUT_HEADER))
            stream = self._wanted(request.query.get("target", ""), request.query.get("module", ""))
        except (ValueError, LookupError) as error:
            return say(400, str(error.args[0]))
        except PermissionError as error:
            return say(403, str(error.args[0]))
        if self._visits >= self.options.probe_concurrency:
            return say(503, f"{self._visits} probes are under way already", {"Retry-After": "1"})
        self._visits += 1
        try:
            board, lines = await self._visit(stream, seconds)
        finally:
            self._visits -= 1
        if request.query.get("debug", "").lower() != "true":
            return await self._exposition(request, board)
        said = "".join(f"{scrub(line, stream.target().url)}\n" for line in lines)
        return say(200, f"# the probe's log\n{said}\n# its metrics\n{board.render().decode()}")

    def _wanted(self, target: str, module: str) -> Stream:
        """What is to be probed. ValueError, LookupError: nonsense; PermissionError: not for strangers."""
        if not target:
            raise ValueError("which target? /probe?target=NAME, a configured stream's name")
        stream = self.agent.stream(target, module)
        if stream is not None:
            return stream
        if "://" not in target:
            raise ValueError("the target is neither a configured stream's name nor a URL")
        if not self.options.admits(target):
            raise PermissionError("the target is not covered by web.probe_targets")
        return self.agent.stranger(target, module)

    async def _visit(self, stream: Stream, seconds: float) -> tuple[Board, list[str]]:
        """The visit's board and log; the board always says whether it succeeded."""
        started, lines = clock.now(), list[str]()
        try:
            async with asyncio.timeout(seconds + GRACE):
                visit = await self.agent.visit(stream, seconds, lines)
            board, success = visit.board, visit.success
        except TimeoutError:
            board, success = Board(), False
            lines.append(f"cut off {seconds:g} s after the start: the deadline")
        now = clock.now()
        board.declare(*VISIT_METRICS)
        board.put(None, Sample(SUCCESS, float(success)), now)
        board.put(None, Sample(DURATION, now - started), now)
        return board, lines

    async def _reload(self, request: web.Request) -> web.Response:
        errors = await self.agent.reload()
        return say(500, "\n".join(errors)) if errors else say(200, "reloaded")

    async def _publish(self, request: web.Request) -> web.Response:
        """Callbacks of media servers: nginx-rtmp wants 2xx, SRS a JSON body with code 0."""
        try:
            async with asyncio.timeout(login.SLOWEST_BODY):
                body = await request.read()
            self.agent.publish(body, request.content_type)
        except TimeoutError:
            return say(408, "the body did not come")
        except ValueError as error:
            return say(400, str(error))
        if request.content_type == "application/json":
            return web.json_response({"code": 0})
        return say(200, "noted")


def deadline(header: str | None) -> float:
    """Seconds that a probe may take, by what the scraper says about its own timeout."""
    if header is None:
        return DEADLINE
    try:
        timeout = float(header)
    except ValueError:
        timeout = 0.0
    if not (isfinite(timeout) and timeout > 0.0):
        raise ValueError(f"{TIMEOUT_HEADER} must be a number of seconds")
    return min(LONGEST, timeout - HEADROOM if timeout > HEADROOM else timeout)
