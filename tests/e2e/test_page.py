"""The agent's pages in a real browser: they keep up, say when they do not, and work by keyboard and without scripts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from aiohttp import web

from qoe_agent import clock
from qoe_agent.demo.faults import Fault
from qoe_agent.demo.origin import Origin
from qoe_agent.demo.programme import Programme
from tests.e2e import servers
from tests.e2e.browser import DEADLINE, browse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.browser import Page

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

NAME = "主播 <b>/房间 7"
"""A stream as people may call it."""
TOKEN = "a-token-for-the-browser"
PHONE = 360
"""Pixels of a narrow screen."""
AXE = resources.files("axe_core_python").joinpath("axe.min.js").read_text()
"""Deque's checks of accessibility."""
BROKEN = "axe.run(document).then(found => JSON.stringify([found.passes.length, found.violations.map(each => each.id)]))"
RUNS = "'.up, .faulty'"
"""What the tile of a stream that plays is; the demo's slides may be called too bright."""
TILE = "[...document.querySelectorAll('#tiles > li')].find(each => each.textContent.includes({}))"


def tile(name: str) -> str:
    """JavaScript for a stream's tile."""
    return TILE.format(json.dumps(name))


async def go(page: Page, url: str) -> None:
    """Open another address and wait for it."""
    await page.run("window.former = true")
    await page.ask("Page.navigate", url=url)
    await page.until("!window.former && document.readyState == 'complete'")


async def press(page: Page, key: str, code: int, text: str = "") -> None:
    """A key goes down and up."""
    for kind in ("keyDown", "keyUp"):
        told = {"text": text} if text and kind == "keyDown" else {}
        await page.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **told)


@contextlib.asynccontextmanager
async def broadcast(port: int) -> AsyncIterator[Origin]:
    """A show that is served until the block is left."""
    origin = Origin(Programme(width=320, height=180), port=port)
    await origin.start()
    try:
        yield origin
    finally:
        await origin.stop()


@contextlib.asynccontextmanager
async def opened(url: str, width: int = 1280, height: int = 900) -> AsyncIterator[Page]:
    """A tab in which nothing may go wrong: no error of a script, nothing that the security policy forbids."""
    async with browse(url, width, height) as page:
        await page.ask("Log.enable")
        yield page
        assert [each for each in page.said if "net::ERR_" not in each and "'verbose'" not in each] == []


async def test_the_page_follows_what_happens_and_says_when_it_cannot(servers_needed: None, tmp_path: Path) -> None:
    port = servers.free_port()
    show = f"http://127.0.0.1:{port}/live/show"
    streams = {"show": f"{show}.flv", json.dumps(NAME): f"{show}.ts"}
    async with contextlib.AsyncExitStack() as stack:
        on_air = await stack.enter_async_context(contextlib.AsyncExitStack())
        origin = await on_air.enter_async_context(broadcast(port))
        agent = await stack.enter_async_context(servers.agent(tmp_path / "agent", streams, "all"))
        page = await stack.enter_async_context(opened(f"http://127.0.0.1:{agent.port}/"))
        await page.run("window.mark = 1")
        for name in ("show", NAME):
            await page.until(f"{tile(name)}?.matches({RUNS})")
        await page.until(f"{tile('show')}.querySelector('img')?.naturalWidth > 0")
        origin.schedule([Fault("black", clock.now() - origin.started, 600)])
        await page.until(f"{tile('show')}.textContent.includes('is black')")
        origin.schedule([])
        await page.until(f"!{tile('show')}.textContent.includes('is black')")
        await on_air.aclose()
        await page.until(f"{tile('show')}.matches('.down')")
        await page.until("document.getElementById('said').textContent.includes('show: down')")
        await on_air.enter_async_context(broadcast(port))
        await page.until(f"{tile('show')}.matches({RUNS})")
        assert await page.run("window.mark") == 1, "the page was loaded again"
        assert await page.run("document.getElementById('stale').hidden")
        await servers.end(agent.process)
        await page.until("!document.getElementById('stale').hidden")


async def test_it_is_usable_by_keyboard_by_screen_readers_and_without_scripts(
    servers_needed: None, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        port = servers.free_port()
        await stack.enter_async_context(broadcast(port))
        show = f"http://127.0.0.1:{port}/live/show"
        streams = {"show": f"{show}.flv", json.dumps(NAME): f"{show}.ts", "gone": f"http://127.0.0.1:{port}/gone.flv"}
        agent = await stack.enter_async_context(servers.agent(tmp_path / "agent", streams))
        base = f"http://127.0.0.1:{agent.port}"
        page = await stack.enter_async_context(opened(f"{base}/?lang=zh"))
        await page.until(f"{tile(NAME)}?.matches({RUNS}) && {tile('gone')}.matches('.down')")
        await by_keyboard(page)
        compare = f"/compare?a=show&b={quote(NAME, safe='')}"
        for path, mode in (("/", "light"), ("/", "dark"), ("/streams/show?lang=zh", "light"), (compare, "dark"),
                           ("/runbook?lang=zh", "light")):  # fmt: skip
            await page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])
            await go(page, base + path)
            await page.run(AXE + "; 1")
            passed, broken = json.loads(await page.run(BROKEN))
            assert passed > 10
            assert broken == [], f"{mode} {path}"
            await on_a_phone(page, path)
        await page.ask("Emulation.setScriptExecutionDisabled", value=True)
        await page.ask("Page.navigate", url=f"{base}/?find=sho")
        assert await selected(page, "noscript > meta[http-equiv=refresh]") == 1
        assert await selected(page, "#tiles > li") == 1


async def on_a_phone(page: Page, path: str) -> None:
    """Nothing makes the whole page wider than the screen."""
    await page.ask("Emulation.setDeviceMetricsOverride", width=PHONE, height=700, deviceScaleFactor=1, mobile=True)
    assert await page.run("document.documentElement.scrollWidth") == PHONE, path
    await page.ask("Emulation.clearDeviceMetricsOverride")


async def by_keyboard(page: Page) -> None:
    """The first key leads past the navigation, then to the tiles; Enter opens one. Updates do not take the focus."""
    await press(page, "Tab", 9)
    assert await page.run("document.activeElement.className") == "skip"
    await press(page, "Enter", 13, "\r")
    while not await page.run("!!document.activeElement.closest('#tiles')"):
        await press(page, "Tab", 9)
    assert await page.run("getComputedStyle(document.activeElement.closest('li')).outlineStyle") == "solid"
    name = await page.run("document.activeElement.textContent")
    now = await page.run("document.getElementById('summary').textContent")
    await page.until(f"document.getElementById('summary').textContent != {json.dumps(now)}")
    assert await page.run("document.activeElement.textContent") == name
    await press(page, "Enter", 13, "\r")
    await page.until("location.pathname.startsWith('/streams/') && document.readyState == 'complete'")
    assert await page.run("document.querySelector('h1').textContent") == name
    assert await page.run("document.documentElement.lang") == "zh-CN"


async def selected(page: Page, what: str) -> int:
    """How many elements there are, told without scripts."""
    async with asyncio.timeout(DEADLINE):
        while True:
            with contextlib.suppress(AssertionError):  # the page became another one meanwhile
                root = (await page.ask("DOM.getDocument"))["root"]["nodeId"]
                found = await page.ask("DOM.querySelectorAll", nodeId=root, selector=what)
                if found["nodeIds"]:
                    return len(found["nodeIds"])
            await asyncio.sleep(0.05)


async def test_a_link_in_a_chat_leads_in_who_has_logged_in(servers_needed: None, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        gone = f"http://127.0.0.1:{servers.free_port()}/gone.flv"
        agent = await stack.enter_async_context(servers.agent(tmp_path / "agent", {"gone": gone}, token=TOKEN))
        base = f"http://127.0.0.1:{agent.port}"
        chat = await stack.enter_async_context(elsewhere(f"{base}/streams/gone?lang=en"))
        page = await stack.enter_async_context(opened(chat))
        await page.run("document.querySelector('a').click()")
        await page.until("!!document.querySelector('input[name=token]')")
        await page.run(f"document.querySelector('input[name=token]').value = '{TOKEN}'")
        await page.run("document.querySelector('button').click()")
        await page.until("document.querySelector('h1')?.textContent == 'gone'")
        await go(page, chat)
        await page.run("document.querySelector('a').click()")
        await page.until("document.querySelector('h1')?.textContent == 'gone'")
        assert await page.run("location.href") == f"{base}/streams/gone?lang=en"


@contextlib.asynccontextmanager
async def elsewhere(link: str) -> AsyncIterator[str]:
    """A page of another site with a link."""

    async def chat(_: web.Request) -> web.Response:
        icon = '<link rel="icon" href="data:,">'
        return web.Response(text=f'<!DOCTYPE html>{icon}<a href="{link}">look</a>', content_type="text/html")

    app = web.Application()
    app.router.add_get("/", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = servers.free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://localhost:{port}/"
    finally:
        await runner.cleanup()
