"""What pages of reports share: one HTML file that needs nothing else, no script, no address of others; its tables."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from qoe_agent import __version__
from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STYLE = Safe(resources.files(__package__).joinpath("report.css").read_text("utf-8"))
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The page may load nothing at all."""
PICTURED = f"{POLICY}; img-src data:"
"""Nothing either, but it holds pictures."""
_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def page(title: str, first: Safe, parts: Iterable[Safe], policy: str = POLICY) -> str:
    """The whole file; `first` is what it says before all else, `policy` what it may load."""
    return html(
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="{}"><style>{}</style></head>\n<body><main>'
        '<h1>{}</h1>{}{}<footer class="dim">qoe-agent {}</footer></main></body>\n</html>\n',
        title, policy, STYLE, title, first, joined(parts), __version__,
    )  # fmt: skip


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Safe], kind: str = "") -> Safe:
    """With what goes beyond the width scrolling. `columns`: name and class of each."""
    head = joined(html('<th scope="col" class="{}">{}</th>', style, name) for name, style in columns)
    named = html("<thead><tr>{}</tr></thead>", head) if any(name for name, _ in columns) else NOTHING
    return html(
        '<div class="wide" tabindex="0" role="group" aria-label="table"><table class="{}">{}<tbody>{}</tbody></table>'
        "</div>", kind, named, joined(rows),
    )  # fmt: skip


def number(text: object) -> Safe:
    """A cell of a table."""
    return html('<td class="number">{}</td>', text)


def figures(cells: Mapping[str, str]) -> Safe:
    """Cells of a table of kind `told`, by the names of their columns, which stand beside them where lines are short."""
    return joined(html('<td class="number" data-name="{}">{}</td>', name if text else "", text)
                  for name, text in cells.items())  # fmt: skip


def clean(text: str) -> str:
    """A page without characters that steer, and with figures and their units on one line."""
    return words.unbroken(_STEERS.sub(lambda found: words.shown(found[0]), text))


def notes(said: Sequence[str], title: str = "Notes") -> Safe:
    """The section that comes last."""
    if not said:
        return NOTHING
    return html("<section><h2>{}</h2><ul>{}</ul></section>", title, joined(html("<li>{}</li>", one) for one in said))
