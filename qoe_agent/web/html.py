"""Pages without scripts: text that is escaped where it is put in, one style sheet, headers that allow no more."""

from __future__ import annotations

from html import escape
from typing import Any

from aiohttp import web

POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Of pages: pictures, clips and the style of our own."""
AGAIN = 10
"""Seconds until a page of what goes on now is asked for again."""
STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; vertical-align: top; }
tr { border-bottom: 1px solid var(--line); } td.number { font-variant-numeric: tabular-nums; }
.bad { color: light-dark(#b00020, #ff8a80); } .fine { color: light-dark(#1b6e2d, #8fd19e); }
.case { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start; margin: .6rem 0 1.4rem; }
.case figure { margin: 0; } .case img { max-width: 20rem; display: block; } figcaption { font-size: .85rem; }
nav a { margin-right: 1rem; }
"""


class Safe(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(text: str, *values: Any) -> Safe:
    """`text` with `values` in place of each `{}`, escaped unless they are HTML already."""
    return Safe(text.format(*(value if isinstance(value, Safe) else escape(str(value)) for value in values)))


def joined(parts: Any) -> Safe:
    """Several pieces of HTML, one after the other."""
    return Safe("".join(parts))


def page(title: str, body: Safe, *, language: str = "en", refresh: int = 0, status: int = 200) -> web.Response:
    """A page; `refresh`: seconds after which the browser asks again, 0: it does not."""
    again = html('<meta http-equiv="refresh" content="{}">', refresh) if refresh else Safe()
    text = html(
        '<!DOCTYPE html>\n<html lang="{}">\n<head><meta charset="utf-8"><title>{}</title>'
        '<meta name="viewport" content="width=device-width">{}<link rel="stylesheet" href="/style.css"></head>\n'
        "<body>\n{}\n</body>\n</html>\n",
        language, title, again, body,
    )  # fmt: skip
    return web.Response(text=text, content_type="text/html", status=status, headers={"Content-Security-Policy": POLICY})


async def style(_: web.Request) -> web.Response:
    """The style sheet."""
    return web.Response(text=STYLE, content_type="text/css")
