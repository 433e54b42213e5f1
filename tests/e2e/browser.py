"""A headless Chromium, spoken to by the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEADLINE = 90.0
"""Seconds that the browser may take for anything."""
AWAY = (
    "Inspected target navigated or closed",
    "Execution context was destroyed.",
    "Cannot find default execution context",
    "Cannot find context with specified id",
)
"""What DevTools answers while one page gives way to another."""


class Away(AssertionError):
    """The page that was asked is no more."""


def found() -> str | None:
    """The program, if there is one."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0
        self.said: list[str] = []
        """What the page wrote to its console, and its errors."""

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A DevTools command and its answer."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async with asyncio.timeout(DEADLINE):
            while True:
                told = await self._socket.receive_json()
                if told.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
                    self.said.append(str(told["params"]))
                if told.get("id") == self._number:
                    if told.get("error", {}).get("message") in AWAY:
                        raise Away(told["error"])
                    assert "error" not in told, told["error"]
                    answer: dict[str, Any] = told["result"]
                    return answer

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression (a promise's, when it is settled)."""
        answer = await self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until the expression is true, of whichever page is there by then."""
        async with asyncio.timeout(DEADLINE):
            while True:
                with contextlib.suppress(Away):
                    if await self.run(script):
                        return
                await asyncio.sleep(0.05)

    async def picture(self) -> bytes:
        """What it looks like, as PNG."""
        return base64.b64decode((await self.ask("Page.captureScreenshot", format="png"))["data"])


@contextlib.asynccontextmanager
async def browse(url: str, width: int = 1280, height: int = 720) -> AsyncIterator[Page]:
    """Open a page."""
    program = found()
    assert program, "Chromium is missing"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio"]
        options += ["--autoplay-policy=no-user-gesture-required", f"--window-size={width},{height}"]
        options += [f"--user-data-dir={home}", "--remote-debugging-port=0", "about:blank"]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(program, *options, stdout=quiet, stderr=quiet)
        try:
            async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as client:
                port = await _port(Path(home))
                async with client.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    where = next(tab["webSocketDebuggerUrl"] for tab in await answer.json() if tab["type"] == "page")
            async with aiohttp.ClientSession() as client, client.ws_connect(where, max_msg_size=0) as socket:
                page = Page(socket)
                await page.ask("Runtime.enable")
                await page.ask("Page.navigate", url=url)
                await page.until("document.readyState == 'complete' && location.href != 'about:blank'")
                yield page
        finally:
            process.kill()
            await process.wait()


async def _port(home: Path) -> int:
    told = home / "DevToolsActivePort"
    while not told.exists() or not told.read_text().strip():
        await asyncio.sleep(0.05)
    return int(told.read_text().splitlines()[0])
