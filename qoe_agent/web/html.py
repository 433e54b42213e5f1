"""Pages: text that is escaped where it is put in, one style sheet, one script, headers that allow no more."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import NamedTuple

from aiohttp import web

from qoe_agent.markup import NOTHING
from qoe_agent.markup import Safe as Safe
from qoe_agent.markup import html as html
from qoe_agent.markup import joined as joined
from qoe_agent.web.words import LANGUAGES, Reader

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; style-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types qoe-agent"
)
"""Of pages: pictures, clips, style and script of our own, nothing inline; HTML is made of text by our script alone."""
AGAIN = 10
"""Seconds until a page of what goes on now is asked for again, by a browser without scripts."""
KEPT = "public, max-age=86400"
"""The address of a style sheet or script changes with its content."""
TYPES = {"page.css": "text/css", "page.js": "text/javascript", "page.svg": "image/svg+xml"}
FILES = {name: resources.files(__package__).joinpath(name).read_bytes() for name in TYPES}
VERSIONS = {name: hashlib.blake2b(content, digest_size=6).hexdigest() for name, content in FILES.items()}
PATHS = tuple(f"/{name}" for name in TYPES)


class Other(NamedTuple):
    """The same page in the other language."""

    language: str
    address: str


def ident(*said: str) -> str:
    """An element's id for names of any letters."""
    return "s-" + hashlib.blake2b("\0".join(said).encode("utf-8", "replace"), digest_size=6).hexdigest()


def other(request: web.Request, said: Reader) -> Other:
    """Where the page is to be had in the other language."""
    language = next(each for each in LANGUAGES if each != said.language)
    return Other(language, str(request.rel_url.update_query(lang=language)))


def page(
    title: str,
    main: Safe,
    said: Reader,
    *,
    nav: Safe = NOTHING,
    foot: Safe = NOTHING,
    live: str = "",
    onward: str = "",
    status: int = 200,
) -> web.Response:
    """A page; `live`: where its event stream is, empty: it stays as it is; `onward`: where it leads by itself."""
    head = []
    if onward:
        head.append(html('<meta http-equiv="refresh" content="0; url={}">', onward))
    if live:
        head.append(html('<script src="/page.js?{}" defer></script>', VERSIONS["page.js"]))
        head.append(html('<noscript><meta http-equiv="refresh" content="{}"></noscript>', AGAIN))
    text = html(
        '<!DOCTYPE html>\n<html lang="{}">\n<head><meta charset="utf-8"><title>{}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/page.svg?{}"><link rel="stylesheet" href="/page.css?{}">{}</head>\n'
        '<body{}>\n<a class="skip" href="#main">{}</a>{}{}'
        '<main id="main" tabindex="-1">{}</main>{}\n'
        "</body>\n</html>\n",
        "zh-CN" if said.language == "zh" else "en", title, VERSIONS["page.svg"], VERSIONS["page.css"], joined(head),
        html(' data-live="{}"', live) if live else Safe(), said("skip"),
        html('<header><nav aria-label="{}">{}</nav></header>', said("pages"), nav) if nav else Safe(),
        _stale(said) if live else Safe(), main, foot,
    )  # fmt: skip
    answer = web.Response(
        text=text, content_type="text/html", status=status, headers={"Content-Security-Policy": POLICY}
    )
    answer.enable_compression()
    return answer


def _stale(said: Reader) -> Safe:
    """What shows when events no longer come, and what tells screen readers of changes."""
    return html(
        '<p id="stale" role="alert" hidden>{} <a href="">{}</a></p><p id="said" class="unseen" aria-live="polite"></p>',
        said("stale"), said("again"),
    )  # fmt: skip


def switch(to: Other) -> Safe:
    """The link to the page in the other language."""
    return html(
        '<a href="{}" lang="{}" hreflang="{}">{}</a>', to.address, to.language, to.language, LANGUAGES[to.language]
    )


def files() -> list[web.RouteDef]:
    """GET /page.css, /page.js and /page.svg"""

    async def file(request: web.Request) -> web.Response:
        name = request.path[1:]
        answer = web.Response(
            body=FILES[name], content_type=TYPES[name], charset="utf-8", headers={"Cache-Control": KEPT}
        )
        answer.enable_compression()
        return answer

    return [web.get(path, file) for path in PATHS]
