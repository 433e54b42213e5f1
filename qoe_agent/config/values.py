"""The kinds of value that a configuration is made of: durations, sizes, addresses, labels."""

import math
import os
import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from qoe_agent.config.suggest import suggestion

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(?:([kKMGT])(i?))?B", re.ASCII)
_HOSTLESS = frozenset({"udp", "rtp", "tcp"})
"""Schemes that may listen on a port without naming a host."""
NETWORK = _HOSTLESS | {"rtmp", "rtmps", "rtmpt", "http", "https", "rtsp", "rtsps"}
"""Schemes that read nothing of this machine's own."""
_SCHEMES = NETWORK | {"file", "pipe"}
RESERVED_LABELS = frozenset({"stream", "rendition", "vantage", "region"})
"""Labels that the agent sets itself."""


def seconds(value: Any) -> Any:
    """`"1m30s"` as 90.0; numbers pass."""
    if isinstance(value, str):
        if not _DURATION.fullmatch(value):
            raise ValueError('must be a duration: seconds, or text such as "500ms", "10s", "5m", "1h" or "7d"')
        return math.fsum(float(n) * _UNITS[u] for n, u in re.findall(r"([\d.]+)(ms|[smhd])", value))
    return value


def _seconds_or_off(value: Any) -> Any:
    return None if value == "off" else seconds(value)


def _size(value: Any) -> Any:
    if isinstance(value, str):
        found = _SIZE.fullmatch(value)
        if not found:
            raise ValueError('must be a size: bytes, or text such as "500kB", "128MB" or "64MiB"')
        power = " kMGT".index((found[2] or " ").replace("K", "k"))
        return int(float(found[1]) * (1024 if found[3] else 1000) ** power)
    return value


def _plain(value: str) -> str:
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in value):
        raise ValueError("must not hold control characters")
    return value


def _name(value: str) -> str:
    if value in (".", ".."):
        raise ValueError("must not be . or .., which no page can have in its address")
    return value


def address(url: str, allowed: frozenset[str] = _SCHEMES) -> str:
    """`url` if it is one that a source could open; the message never quotes it."""
    _plain(url)
    if url != url.strip():
        raise ValueError("must not begin or end with a space")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("not a URL: its host or port is malformed") from None
    scheme = parts.scheme.lower()
    if not scheme and "file" in allowed and not _lacks_scheme(url):
        return url
    if scheme not in allowed:
        raise ValueError(_scheme_message(scheme, allowed))
    if scheme in NETWORK and not host and scheme not in _HOSTLESS:
        raise ValueError("not a URL: it names no host")
    if scheme in _HOSTLESS and port is None:
        raise ValueError("needs a port, as in udp://239.0.0.1:5000")
    return url


def _lacks_scheme(text: str) -> bool:
    """Whether this is an address rather than a path: it begins with a host or a scheme, and no such file is there."""
    head, slash, _ = text.partition("/")
    host = ":" in head or "@" in text or (slash and ("." in head.strip(".") or head in NETWORK))
    return bool(host) and not os.path.exists(text)


def _scheme_message(scheme: str, allowed: frozenset[str]) -> str:
    if not scheme:
        return "must be a URL: it has no scheme such as rtmp:// or http://"
    return f"no source reads this kind of URL{suggestion(scheme, allowed)}"


def _http(url: str) -> str:
    return address(url, frozenset({"http", "https"}))


def _variant(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _variant_word(value: str) -> str:
    if value not in ("best", "worst", "all") and not re.fullmatch(r"[1-9]\d{0,4}", value):
        raise ValueError("must be best, worst, all or a height such as 720")
    return value


def _header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", value):  # RFC 9110 section 5.6.2, token
        raise ValueError("not a header name")
    return value


def _label_name(value: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}", value) or value.startswith("__"):
        raise ValueError("not a label name: letters, digits and _, at most 128, not beginning with a digit or __")
    if value in RESERVED_LABELS:
        raise ValueError("the agent sets this label itself")
    return value


def _absolute(value: str, info: ValidationInfo) -> str:
    """Relative to the folder of the configuration file, as Prometheus does."""
    folder = (info.context or {}).get("folder", "")
    return os.path.join(folder, os.path.expanduser(_plain(value)))


def _zone(value: str) -> str:
    if value != "UTC":
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone: use a name such as Asia/Shanghai") from None
    return value


def _minutes(value: Any) -> Any:
    """`"20:30"` as 1230 minutes."""
    if isinstance(value, str):
        found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)|24:00", value, re.ASCII)
        if not found:
            raise ValueError('must be a time of day such as "20:30"')
        return int(found[1]) * 60 + int(found[2]) if found[1] else 1440
    raise ValueError('must be a time of day such as "20:30", in quotes')


def instant(value: Any) -> Any:
    """`"2030-06-18T02:00:00+08:00"` as Unix seconds."""
    example = 'must be a moment with its offset from UTC, such as "2030-06-18T02:00:00+08:00"'
    if not isinstance(value, str):
        raise ValueError(f"{example}, in quotes")
    try:
        read = datetime.fromisoformat(value)
        if read.tzinfo is None:
            raise ValueError(example)
        return read.timestamp()
    except (ValueError, OverflowError):
        raise ValueError(example) from None


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=366 * 86400)]
"""A duration: a number of seconds, or text with units."""
SecondsOrOff = Annotated[Annotated[float, Field(gt=0, le=366 * 86400)] | None, BeforeValidator(_seconds_or_off)]
"""A duration, or the word off."""
Bytes = Annotated[int, BeforeValidator(_size), Field(ge=0, le=1 << 50)]
"""A size: a number of bytes, or text with units."""
Line = Annotated[str, Field(max_length=4096), AfterValidator(_plain)]
"""Text without control characters."""
Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
"""Short text that is not empty."""
Name = Annotated[Word, AfterValidator(_name)]
"""What a stream is called."""
Url = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(address)]
"""Where a stream is."""
HttpUrl = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_http)]
"""An address to ask over HTTP."""
Variant = Annotated[str, BeforeValidator(_variant), AfterValidator(_variant_word)]
"""Which rendition to watch."""
HeaderName = Annotated[str, AfterValidator(_header_name)]
"""What a header is called."""
Headers = dict[HeaderName, Line]
"""Request headers, or cookies."""
Labels = Annotated[
    dict[
        Annotated[str, AfterValidator(_label_name)],
        Annotated[str, Field(max_length=1024), AfterValidator(_plain)],
    ],
    Field(max_length=32),
]
"""Prometheus labels."""
File = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_absolute)]
"""A path, relative to the configuration file."""
Zone = Annotated[str, AfterValidator(_zone)]
"""A time zone of the IANA database."""
TimeOfDay = Annotated[int, BeforeValidator(_minutes)]
"""Minutes since midnight, written as text such as "20:30"."""
Pattern = Annotated[str, Field(max_length=1000), AfterValidator(_pattern)]
"""A regular expression."""
