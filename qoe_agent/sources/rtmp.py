"""RTMP and RTMPS, pulled by our own client on the event loop.

How an end looks is the server's choice. nginx-rtmp 1.2.2, asked live: a publisher that stops and one that
is killed (SIGKILL) look alike to the viewer, a StreamEOF at once, whatever `idle_streams` and `publish_notify`
say; so a killed publisher is `ended` here. A publisher that hangs sends nothing (`silent`). An unknown
application, or one that denies the viewer, is a closed connection without a word (`reset`). To play a stream
that nobody publishes is allowed, and silent until somebody does.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from qoe_agent import clock
from qoe_agent.bitstream import rtmp
from qoe_agent.model import Lost, Opened
from qoe_agent.sources import connect
from qoe_agent.sources.held import Held

if TYPE_CHECKING:
    from qoe_agent.model import Target
    from qoe_agent.sources import Emit

_ARRIVALS = memoryview(bytearray(1 << 18))
"""What every connection reads into, one after the other: a buffer of its own for each read would tear memory up."""
ATTEMPT = 2.5
"""Seconds that one address of several may take."""


async def watch(target: Target, emit: Emit) -> Lost:
    """Play `target.url` until it ends. `first_byte` is from the handshake to the server's consent to play."""
    phases = connect.Phases(clock.now())
    try:
        where = rtmp.address(target.url)
    except ValueError as error:
        return Lost(phases.requested, "failed", str(error))
    client = rtmp.Client(where, target.user_agent)
    protocol = _Protocol(client, where.secure, phases, emit)
    transport = None
    try:
        sock = await _connect(where, phases)
        transport = await _wrap(sock, protocol, target, where)
        return await protocol.over
    except UnicodeError:  # a name that cannot be in the DNS
        return Lost(clock.now(), "resolve", "the host name is not valid")
    except OSError as error:
        return Lost(clock.now(), *connect.explain(error))
    finally:
        if transport:
            transport.abort()
            await protocol.gone


async def _connect(where: rtmp.Address, phases: connect.Phases) -> socket.socket:
    """A TCP connection to the first address that answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    phases.resolved = clock.now()
    errors: list[OSError] = []
    for number, (family, kind, protocol, _, address) in enumerate(found, 1):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(ATTEMPT if number < len(found) else None):
                await loop.sock_connect(sock, address)
        except OSError as error:  # also the timeout
            sock.close()
            errors.append(error)
        except BaseException:
            sock.close()
            raise
        else:
            phases.connected = clock.now()
            return sock
    raise errors[-1] if errors else socket.gaierror()


async def _wrap(sock: socket.socket, protocol: _Protocol, target: Target, where: rtmp.Address) -> asyncio.Transport:
    """`sock` under `protocol`, through TLS where the address asks for it."""
    loop = asyncio.get_running_loop()
    try:
        context = connect.tls(target) if where.secure else None
        name = where.host if where.secure else None
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock, ssl=context, server_hostname=name)
    except BaseException:
        sock.close()
        raise
    return transport


class _Protocol(asyncio.BufferedProtocol):
    """Between the socket and the client: stamps arrivals, passes on what comes of them."""

    def __init__(self, client: rtmp.Client, secure: bool, phases: connect.Phases, emit: Emit) -> None:
        loop = asyncio.get_running_loop()
        self._client = client
        self._secure = secure
        self._phases = phases
        self._emit = emit
        self._transport: asyncio.Transport | None = None
        self._held = Held(self._receive)
        self._playing = False
        self.over: asyncio.Future[Lost] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._secure:
            self._phases.secured = clock.now()
        self._transport.write(self._client.to_send())

    def get_buffer(self, sizehint: int) -> memoryview:
        return _ARRIVALS

    def buffer_updated(self, nbytes: int) -> None:
        self._held.add(bytes(_ARRIVALS[:nbytes]), clock.now())
        if not self._playing:
            self._held.flush()

    def _receive(self, pieces: list[tuple[bytes, float]]) -> None:
        if self.over.done():
            return
        for seen in self._client.receive_all(pieces):
            if isinstance(seen, rtmp.Event):
                self._step(seen)
            else:
                self._emit(seen)
        if self._transport and (answer := self._client.to_send()):
            self._transport.write(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)
        try:
            self._held.flush()
        except Exception as fault:  # a task's top: the pull must hear of it, not the event loop
            error = fault
        if self.over.done():
            return
        if error is None:
            self._step(self._client.closed(clock.now()))
        elif isinstance(error, OSError):
            self.over.set_result(Lost(clock.now(), *connect.explain(error)))
        else:  # a fault of ours in taking what came
            self.over.set_exception(error)

    def _step(self, event: rtmp.Event) -> None:
        phases = self._phases
        if event.what == "shaken":
            phases.shaken = event.at
        elif event.what == "playing":
            self._playing = True
            phases.first_byte = event.at
            protocol = "rtmps" if self._secure else "rtmp"
            self._emit(Opened(event.at, phases.requested, protocol, phases.seconds()))
        elif not self.over.done():
            self.over.set_result(Lost(event.at, event.reason, event.detail))
