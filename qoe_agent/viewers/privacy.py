"""What must not be stored in clear: who somebody is, addresses, and what follows a path in an address of a page.

Told by the name of an attribute, or by its value: addresses of networks, mail addresses. A plain word that names
somebody cannot be told from any other: not to send it, but as `user`, is up to who sends.
"""

from __future__ import annotations

import functools
import ipaddress
import re

_REMEMBERED = 20_000
PRIVATE = frozenset((
    "ip", "ipv4", "ipv6", "ipaddr", "addr", "address", "email", "mail", "phone", "msisdn", "cookie", "token", "secret",
    "password", "passwd", "authorization", "auth", "jwt", "query", "querystring", "forwarded", "user", "username",
    "userid", "uid", "viewer", "viewerid", "account", "accountid", "login", "loginname", "nickname", "surname", "idfa",
    "gaid", "adid", "aaid", "ssn", "clientip", "remoteip", "xff", "fullname", "firstname", "lastname",
))  # fmt: skip
"""Last words of names of attributes that tell who somebody is; before words of `_NAMING`, too."""
_PEOPLE = frozenset(("customer", "member", "subscriber", "profile", "person", "device", "visitor", "advertising"))
"""Words that tell who somebody is before words of `_NAMING` alone."""
_NAMING = frozenset((
    "id", "ids", "name", "no", "number", "key", "hash", "md5", "sha1", "sha256", "uuid", "guid", "handle", "value",
    "string", "for",
))  # fmt: skip
_KINDS = frozenset(("device",))
"""Whose `name` is a kind of them, not one of them."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_QUERY = re.compile(r"\?|(?<!\s)#(?!\d{1,4}$)|%3f|%23|[;&][\w.%-]+(?:=|%3d)", re.IGNORECASE)
"""But not `camera #2`."""
_PAGE = re.compile(r"://|^/|[?#&;][\w.%\[\]-]+(?:=|%3d)", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_MAIL = re.compile(r"[^\s@,;<>\"']+(?:@|%40)(?!\d+\.\d+(?:\.\d+|-|$))[^\s@,;<>\"']*\.[a-z]", re.IGNORECASE)
"""But not `player@1.5.0`."""
_APART = re.compile(r"[\s,;=|\"'<>()]+")
_LISTED = re.compile(r"[,;|]")
_PORT = re.compile(r":\d{1,5}$")
_VERSION = 100
"""Numbers in versions are less."""


def bare(path: str) -> str:
    """The name of a stream, or of a page, without query and fragment; what a login is before a host is left out."""
    found = _QUERY.search(path)
    return _LOGIN.sub("", path[: found.start()] if found else path).strip()


def page(text: str) -> str:
    """The same of what looks like an address of a page; other texts as they are."""
    return bare(text) if _PAGE.search(text) else text


@functools.lru_cache(_REMEMBERED)
def named(name: str) -> bool:
    """Whether what has this name tells who somebody is, or the name itself does."""
    if telling(name):
        return True
    words: list[str] = [each.lower() for each in _WORDS.findall(name)]
    if not words:
        return False
    if words[-1] in PRIVATE or "".join(words[-2:]) in PRIVATE or "".join(words[-3:]) in PRIVATE:
        return True
    if len(words) < 2 or words[-1] not in _NAMING:
        return False
    if words[-2] in _KINDS:
        return words[-1] != "name"
    return words[-2] in PRIVATE or words[-2] in _PEOPLE


@functools.lru_cache(_REMEMBERED)
def word(text: str) -> str | None:
    """A text as it may be stored, a page without its query; None: not at all."""
    found = page(text)
    return found if found and not telling(found) else None


def telling(text: str) -> bool:
    """Whether a text holds an address of a network, or one for mail."""
    some = text.count(".") > 2 or text.count(":") > 1 or "@" in text or "%40" in text
    return some and _telling(text)


@functools.lru_cache(_REMEMBERED)
def _telling(text: str) -> bool:
    if _MAIL.search(text):
        return True
    if any(address(each.strip()) for each in _LISTED.split(text)):
        return True
    return any(_beyond_versions(each) and address(each) for each in _APART.split(text))


def address(text: str) -> bool:
    """Whether it is an address of a network, with or without a port, brackets, a zone or a prefix."""
    text = text.strip().strip("\"'")
    if text.lower().startswith("for="):
        text = text[4:].strip("\"'")
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = _PORT.sub("", text)
    text = text.partition("/")[0].partition("%")[0]
    if text.endswith(".0.0.0"):  # of no host: a version
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "." in text or text.count(":") > 1


def _beyond_versions(text: str) -> bool:
    """Of an address among other words; `Firmware 1.2.3.4` is none."""
    return ":" in text or any(int(each) >= _VERSION for each in re.findall(r"\d{1,9}", text))
