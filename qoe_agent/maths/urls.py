"""Addresses without their secrets."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

HIDDEN = "***"


def redact(url: str) -> str:
    """`url` with userinfo, query values and fragment hidden; safe for logs, pages and errors."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return HIDDEN
    if "@" in parts.netloc:
        host = f"{HIDDEN}@{host}"
    keys = [key for key, _ in parse_qsl(parts.query, keep_blank_values=True)]
    query = "&".join(f"{key}={HIDDEN}" for key in keys) if keys else HIDDEN if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, HIDDEN if parts.fragment else ""))


def scrub(text: str, url: str, shortest: int = 3) -> str:
    """`text` with every secret of `url` hidden that is not too short, as libraries like to quote it in their errors."""
    text = text.replace(url, redact(url))
    try:
        parts = urlsplit(url)
        userinfo = parts.netloc.rpartition("@")[0]
    except ValueError:
        return text
    secrets = {userinfo, parts.query, parts.fragment, *userinfo.split(":", 1)}
    secrets |= {value for _, value in parse_qsl(parts.query)}
    secrets |= {part.partition("=")[2] for part in re.split("[&;]", parts.query)}
    secrets |= {unquote(secret) for secret in secrets}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= shortest:
            text = text.replace(secret, HIDDEN)
    return text
