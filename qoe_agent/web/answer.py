"""In what form the answer goes out: content negotiation, compression."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus text format."""
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
"""OpenMetrics 1.0."""
SMALL = 1024
"""Bytes below which compressing is not worth it."""


def _choices(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """The entries of an Accept or Accept-Encoding header (RFC 9110 §12.5) with their weights."""
    for entry in header.split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        parameters = {k.strip().lower(): v.strip().strip('"') for k, _, v in (p.partition("=") for p in rest)}
        try:
            weight = float(parameters.pop("q", "1"))
        except ValueError:
            weight = 0.0
        yield name.lower(), parameters, weight


def wants_openmetrics(accept: str) -> bool:
    """Whether the scraper likes OpenMetrics 1.0 at least as much as the text format."""
    openmetrics = text = 0.0
    for name, parameters, weight in _choices(accept):
        if name == "application/openmetrics-text":
            if parameters.get("version", "1.0.0") == "1.0.0":
                openmetrics = max(openmetrics, weight)
        elif name == "text/plain":
            text = max(text, weight)
    return openmetrics > 0.0 and openmetrics >= text


def wants_gzip(accept_encoding: str) -> bool:
    """Whether gzip is accepted: named, or covered by `*`, and not refused."""
    weights = {name: weight for name, _, weight in _choices(accept_encoding)}
    return weights.get("gzip", weights.get("*", 0.0)) > 0.0


def gzip(body: bytes) -> bytes:
    """`body` compressed at level 1: nine tenths of the gain at a fraction of the cost."""
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(body) + packer.flush()
