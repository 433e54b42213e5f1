"""Pages that keep up: each is made of fragments, and an event stream (GET /live) sends those that have changed.

Pages of the same kind and language share one board of fragments, which is rendered every two seconds while somebody
looks. A reader holds nothing but the number of what it has seen: a slow one misses what came between, and is sent away
when it takes nothing at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

from aiohttp import web

from qoe_agent import clock
from qoe_agent.web.answer import wants_gzip
from qoe_agent.web.html import Safe
from qoe_agent.web.shield import say

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from qoe_agent.web.words import Reader

EVERY = 2.0
"""Seconds between two renderings."""
FRESH = 1.0
"""Seconds for which a rendering serves another page."""
MOST = 64
"""Event streams at once."""
SLOW = 20.0
"""Seconds that a reader may take for one message."""
IDLE = 16
"""Boards that are remembered though nobody looks."""
GONE = 1000
"""Fragments that are no more, and remembered as such."""
FEW = 4
"""Changes of state that are told one by one."""
QUIET = 60.0
"""Seconds between two lines in the log about a page that cannot be rendered."""
log = logging.getLogger(__name__)


class Fragment(NamedTuple):
    """A piece of a page: an element with the id under which it is known."""

    html: Safe
    said: str = ""
    """What to tell when it changes: a state, in words."""


class Page(Protocol):
    """A page that keeps up."""

    @property
    def name(self) -> Hashable:
        """Pages of the same name have the same fragments."""

    async def fragments(self) -> Mapping[str, Fragment]:
        """All of them, by their ids."""

    def wants(self, ident: str) -> bool:
        """Whether this one may show it."""

    def adds(self, ident: str) -> bool:
        """Whether it shows it though it did not before."""

    def summed(self, changes: int) -> str:
        """Many changes of state, in words."""


class Whole:
    """Of pages that show all of their fragments."""

    __slots__ = ()
    said: Reader

    def wants(self, ident: str) -> bool:
        """All."""
        return True

    def adds(self, ident: str) -> bool:
        """None: each was there from the beginning."""
        return False

    def summed(self, changes: int) -> str:
        """Many changes of state, in words."""
        return self.said("changed", changes)


class Board:
    """The fragments of pages of one name."""

    def __init__(self) -> None:
        self.epoch = f"{clock.realtime() * 1000:.0f}"
        self.version = 0
        self.at = float("-inf")
        self.fragments: dict[str, tuple[int, Fragment, str]] = {}
        """By id: the version with which it came, the fragment, and it as JSON."""
        self.gone: dict[str, int] = {}
        self.told: list[tuple[str, str]] = []
        """Ids and words of the latest version."""
        self.readers = 0
        self.quiet = float("-inf")
        """Until then it is not said again that it could not be rendered."""
        self.turned = asyncio.Event()
        self.turning: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def now(self) -> str:
        """Where a page that is made now stands."""
        return f"{self.epoch}.{self.version}"

    def seen(self, where: str) -> int:
        """The version that a reader has seen; -1: none of ours."""
        epoch, _, version = where.partition(".")
        return int(version) if epoch == self.epoch and version.isdecimal() else -1

    async def refresh(self, page: Page, age: float) -> None:
        """Render, unless that was done less than `age` seconds ago."""
        async with self._lock:
            if clock.now() - self.at < age:
                return
            found = await page.fragments()
            self.at = clock.now()
            self._take(found)

    def _take(self, found: Mapping[str, Fragment]) -> None:
        version, self.told = self.version + 1, []
        for ident in self.fragments.keys() - found.keys():
            del self.fragments[ident]
            self.gone[ident] = version
        for ident, fragment in found.items():
            known = self.fragments.get(ident)
            if known is not None and known[1] == fragment:
                continue
            if known is not None and known[1].said != fragment.said:
                self.told.append((ident, fragment.said))
            self.gone.pop(ident, None)
            self.fragments[ident] = version, fragment, json.dumps([ident, fragment.html], ensure_ascii=False)
        for ident in list(self.gone)[:-GONE]:
            del self.gone[ident]
        self.version = version
        self.turn()

    def turn(self) -> None:
        """Wake who waits for the next rendering."""
        turned, self.turned = self.turned, asyncio.Event()
        turned.set()

    def since(self, seen: int, page: Page) -> bytes:
        """The event for a reader who knows the version `seen`; -1: who knows nothing of us."""
        sets, adds, words = [], [], []
        for ident, (version, _, text) in self.fragments.items():
            if version > seen and page.wants(ident):
                sets.append(text)
                adds += [ident] if page.adds(ident) else []
        if seen == self.version - 1:
            words = [said for ident, said in self.told if page.wants(ident)]
        said = "; ".join(words) if len(words) <= FEW else page.summed(len(words))
        gone = [ident for ident, version in self.gone.items() if version > seen]
        rest = {"add": adds, "gone": gone, "said": said, "all": seen < 0}
        body = json.dumps(rest, ensure_ascii=False)[1:-1]
        return f'id: {self.now}\ndata: {{"set": [{", ".join(sets)}], {body}}}\n\n'.encode()


class Live:
    """All boards, and who reads them."""

    def __init__(self, allowed: Callable[[web.Request], bool], failed: Callable[[], None]) -> None:
        """`allowed`: whether a request may (still) see anything; `failed`: counts a bug."""
        self._allowed, self._failed = allowed, failed
        self._boards: dict[Hashable, Board] = {}
        self._pages: dict[str, Callable[[web.Request], Page | None]] = {}
        self._readers = 0
        self._over = False

    def add(self, kind: str, page_of: Callable[[web.Request], Page | None]) -> None:
        """A kind of page; `page_of` makes one of a request's query, None if it asks for what is not there."""
        self._pages[kind] = page_of

    def routes(self) -> list[web.RouteDef]:
        """GET /live?page=KIND&since=…"""
        return [web.get("/live", self._follow, allow_head=False)]

    async def close(self, _: web.Application | None = None) -> None:
        """End all event streams."""
        self._over = True
        for board in self._boards.values():
            board.turned.set()
            if board.turning:
                board.turning.cancel()

    async def made(self, page: Page) -> tuple[Mapping[str, Safe], str]:
        """A page's fragments now, and where it stands."""
        board = self._board(page.name)
        await board.refresh(page, FRESH)
        return {ident: found[1].html for ident, found in board.fragments.items()}, board.now

    def _board(self, name: Hashable) -> Board:
        board = self._boards.pop(name, None) or Board()
        self._boards[name] = board  # the latest last
        idle = [each for each, known in self._boards.items() if not known.readers and known is not board]
        for each in idle[: -IDLE or None]:
            del self._boards[each]
        return board

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        page_of = self._pages.get(request.query.get("page", ""))
        page = page_of(request) if page_of else None
        if page is None:
            return say(404, "no such page")
        if self._readers >= MOST or self._over:
            return say(503, f"{self._readers} pages are followed already", {"Retry-After": "10"})
        board = self._board(page.name)
        self._readers += 1
        board.readers += 1
        try:
            if board.turning is None:
                board.turning = asyncio.create_task(self._turn(board, page), name="live page")
            return await self._send(request, board, page)
        finally:
            self._readers -= 1
            board.readers -= 1

    async def _send(self, request: web.Request, board: Board, page: Page) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        packer = zlib.compressobj(1, wbits=31) if wants_gzip(request.headers.get("Accept-Encoding", "")) else None
        if packer:
            answer.headers["Content-Encoding"] = "gzip"
        await answer.prepare(request)
        seen = board.seen(request.headers.get("Last-Event-ID") or request.query.get("since", ""))
        try:
            while not self._over and self._allowed(request) and request.transport:
                turned = board.turned
                if board.version > max(seen, 0):
                    message, seen = board.since(seen, page), board.version
                    if packer:
                        message = packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH)
                    await asyncio.wait_for(answer.write(message), SLOW)
                await turned.wait()
        except (ConnectionError, TimeoutError):
            if request.transport:
                request.transport.abort()
        return answer

    async def _turn(self, board: Board, page: Page) -> None:
        """Render for as long as somebody reads."""
        try:
            while board.readers:
                try:
                    await board.refresh(page, 0.0)
                except Exception as error:  # task top: with the next data it may work; pages tell that they are old
                    self._failed()
                    if clock.now() >= board.quiet:
                        board.quiet = clock.now() + QUIET
                        where = "".join(traceback.format_tb(error.__traceback__))
                        log.error("a page could not be rendered: %s at\n%s", type(error).__name__, where)
                    board.turn()  # who has left is seen to have left
                await asyncio.sleep(EVERY)
        finally:
            board.turning = None


def places(found: Mapping[str, Safe], idents: Iterable[str]) -> Safe:
    """Fragments one after the other."""
    return Safe("".join(found[ident] for ident in idents if ident in found))
