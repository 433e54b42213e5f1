"""How a person's browser gets in: the token once, in a form; then a cookie that scripts and other sites cannot use.

The cookie does not hold the token, only until when it is good and a seal made of both: it ends then, and when the token
is changed. It opens what may be looked at (GET); what changes something still wants the token itself.

A link in a chat leads here from another site, and then browsers hold the cookie back (SameSite=Strict). Such a visit
to a page gets one that goes on by itself, to us: from our own site, so with the cookie if there is one, and thence to
the same place or to the form. That goes for whole pages that only show something, never for what other sites would
embed, fetch or post. Browsers say whence they come over TLS and on loopback alone; elsewhere every visit goes around.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import clock
from qoe_agent.web import access
from qoe_agent.web.html import Safe, html, other, page, switch
from qoe_agent.web.shield import say
from qoe_agent.web.words import reader

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE = "qoe_agent"
PATH = "/login"
ON = "/login/on"
LASTS = 12 * 3600
"""Seconds until a browser must log in again."""
SLOWLY = 1.0
"""Seconds that a wrong token takes."""
SLOWEST_BODY = 10.0
"""Seconds in which a request's body must have come."""
PAGES = ("/streams/", "/compare", "/evidence/")
"""Where links from elsewhere may lead, beside `/`; all of them only show something."""


def seal(token: str, until: int) -> str:
    """What the cookie holds; `until`: Unix seconds."""
    said = f"qoe-agent: a browser that was let in until {until}"
    return f"{until}.{hmac.new(token.encode(), said.encode(), hashlib.sha256).hexdigest()}"


def known(request: web.Request, token: str) -> bool:
    """Whether the browser was let in and still is, and only looks."""
    given = request.cookies.get(COOKIE, "")
    until = given.partition(".")[0]
    if request.method not in ("GET", "HEAD") or not (until.isascii() and until.isdecimal() and len(until) <= 12):
        return False
    return access.same(given, seal(token, int(until))) and clock.wall(clock.now()) < int(until)


def asks_for_page(request: web.Request) -> bool:
    """Whether this is a person's browser that wants a page."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def away(request: web.Request) -> web.Response:
    """To the form and back from there; first, if another site led here, once around to us, where the cookie may be."""
    said, headers = reader(request), request.headers  # https://www.w3.org/TR/fetch-metadata/
    site, what = headers.get("Sec-Fetch-Site", "cross-site"), headers.get("Sec-Fetch-Dest", "document")
    if (site, what) == ("cross-site", "document") and (request.path == "/" or request.path.startswith(PAGES)):
        onward = said.link(ON, next=request.path_qs)
        body = html('<h1>{}</h1><p><a href="{}">{}</a></p>', said("wait"), onward, said("go_on"))
        return page("qoe-agent", body, said, onward=onward)
    return _to_form(request, request.path_qs)


def _to_form(request: web.Request, path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": reader(request).link(PATH, next=path)})


def routes(token_of: Callable[[], str | None]) -> list[web.RouteDef]:
    """GET and POST /login; GET /login/on, which goes on."""

    async def form(request: web.Request) -> web.Response:
        return _form(request, False)

    async def on(request: web.Request) -> web.Response:
        token, path = token_of(), _next(request)
        if token is not None and not known(request, token):
            return _to_form(request, path)
        return web.Response(status=303, headers={"Location": path})

    async def enter(request: web.Request) -> web.Response:
        if request.content_type != "application/x-www-form-urlencoded":
            return say(400, "the form is not understood")
        try:
            async with asyncio.timeout(SLOWEST_BODY):
                token, given = token_of(), (await request.post()).get("token", "")
        except TimeoutError:
            return say(408, "the form did not come")
        except (ValueError, LookupError):
            return say(400, "the form is not understood")
        if token is None:
            return say(404, "no token is set: nobody needs to log in")
        if not isinstance(given, str) or not access.same(given.strip(), token):
            await asyncio.sleep(SLOWLY)
            return _form(request, True, 401)
        answer = web.Response(status=303, headers={"Location": _next(request)})
        until = int(clock.wall(clock.now())) + LASTS
        answer.set_cookie(
            COOKIE, seal(token, until), max_age=LASTS, httponly=True, samesite="Strict", secure=request.secure, path="/"
        )
        return answer

    return [web.get(PATH, form), web.post(PATH, enter), web.get(ON, on)]


def _next(request: web.Request) -> str:
    """Where to go on: a place of ours only."""
    path = request.query.get("next", "/")
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path.isprintable() and " " not in path else "/"


def _form(request: web.Request, wrong: bool, status: int = 200) -> web.Response:
    said = reader(request)
    action = said.link(PATH, next=_next(request))
    body = html(
        '<h1>qoe-agent</h1>{}<form class="bar" method="post" action="{}"><label>{} '
        '<input type="password" name="token" autocomplete="current-password" required autofocus></label> '
        "<button>{}</button></form>",
        html('<p class="bad" role="alert">{}</p>', said("not_token")) if wrong else Safe(), action, said("token"),
        said("log_in"),
    )  # fmt: skip
    return page(said("log_in"), body, said, nav=switch(other(request, said)), status=status)
