"""Who may ask: the bearer token, the Host allow-list, the Origin of a change."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def host_allowed(header: str, names: Iterable[str]) -> bool:
    """Whether the Host header names us. A page elsewhere whose name was rebound to our address does not.

    Literal addresses will do: only names can be rebound.
    """
    host = _host(header)
    if host in {"localhost", *(name.lower() for name in names)} - {""}:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host(header: str) -> str:
    """A Host header without its port, in lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if header.count(":") == 1 else header.lower()


def token_fits(headers: Mapping[str, str], token: str) -> bool:
    """Whether the request carries the bearer token (RFC 6750 §2.1)."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    return same(given.strip(), token) and scheme.lower() == "bearer"


def same(given: str, secret: str) -> bool:
    """Whether the two are equal; how long it takes does not say where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode("utf-8", "replace"))


def origin_allowed(headers: Mapping[str, str]) -> bool:
    """Whether a change may come from where it comes: from no browser, or from a page of our own."""
    origin = headers.get("Origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("Host", "").lower() != ""
    except ValueError:
        return False
