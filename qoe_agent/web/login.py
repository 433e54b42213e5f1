"""How a person's browser gets in: the token once, in a form; then a cookie that scripts and other sites cannot use.

The cookie does not hold the token, only what is made of it: it ends when the token is changed. It opens what may be
looked at (GET); what changes something still wants the token itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from qoe_agent.web import access
from qoe_agent.web.html import html, page
from qoe_agent.web.shield import say

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE = "qoe_agent"
PATH = "/login"
LASTS = 12 * 3600
"""Seconds until a browser must log in again."""
SLOWLY = 1.0
"""Seconds that a wrong token takes."""


def seal(token: str) -> str:
    """What the cookie holds."""
    return hmac.new(token.encode(), b"qoe-agent: a browser that was let in", hashlib.sha256).hexdigest()


def known(request: web.Request, token: str) -> bool:
    """Whether the browser was let in, and only looks."""
    return request.method in ("GET", "HEAD") and access.same(request.cookies.get(COOKIE, ""), seal(token))


def asks_for_page(request: web.Request) -> bool:
    """Whether this is a person's browser that wants a page."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def away(request: web.Request) -> web.Response:
    """To the form, and back from there."""
    return web.Response(status=303, headers={"Location": f"{PATH}?next={quote(request.path_qs, safe='')}"})


def routes(token_of: Callable[[], str | None]) -> list[web.RouteDef]:
    """GET and POST /login."""

    async def form(request: web.Request) -> web.Response:
        return _form(request, "")

    async def enter(request: web.Request) -> web.Response:
        token, given = token_of(), (await request.post()).get("token", "")
        if token is None:
            return say(404, "no token is set: nobody needs to log in")
        if not isinstance(given, str) or not access.same(given.strip(), token):
            await asyncio.sleep(SLOWLY)
            return _form(request, "That is not the token.", 401)
        answer = web.Response(status=303, headers={"Location": _next(request)})
        answer.set_cookie(
            COOKIE, seal(token), max_age=LASTS, httponly=True, samesite="Strict", secure=request.secure, path="/"
        )
        return answer

    return [web.get(PATH, form), web.post(PATH, enter)]


def _next(request: web.Request) -> str:
    """Where to go on: a place of ours only."""
    path = request.query.get("next", "/")
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and all(ord(letter) > 32 for letter in path) else "/"


def _form(request: web.Request, wrong: str, status: int = 200) -> web.Response:
    action = f"{PATH}?next={quote(_next(request), safe='')}"
    said = html('<p class="bad" role="alert">{}</p>', wrong) if wrong else ""
    body = html(
        '<main><h1>qoe-agent</h1>{}<form method="post" action="{}"><label>Token '
        '<input type="password" name="token" autocomplete="current-password" required autofocus></label> '
        "<button>Log in</button></form></main>",
        said, action,
    )  # fmt: skip
    return page("Log in", body, status=status)
