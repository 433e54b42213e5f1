"""Pseudonyms: users are known by a keyed hash, made before anything is stored.

A ring of keys is a text file, one key a line: `id secret` (a whole number, then at least 32 hexadecimal digits); the
last one is in use. Rotate by adding a line: a user has another pseudonym and bucket from then on, so never rotate while
an experiment is open. Keep old lines until retention has removed what they named: to delete a user, each is tried.
Who deletes a line makes its pseudonyms anonymous, and can no longer delete single users among them. Keep the file apart
from the facts: with it, a known user id can be found among them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUCKETS = 1000
"""Users fall into so many buckets, over which analyses resample."""
_POSITIVE = (1 << 63) - 1
_SHORTEST = 16


class BadRing(Exception):
    """The file of keys cannot be used; says where and why."""


class Key(NamedTuple):
    """A secret and its number, which is stored with each pseudonym."""

    id: int
    secret: bytes


class Pseudonym(NamedTuple):
    """What is stored for a user."""

    key_id: int
    user_key: int
    """63 bits; in 100 million users about one pair in 2,000 such audiences shares one."""
    bucket: int


class Ring:
    """All keys, the one in use last."""

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys or len({key.id for key in keys}) < len(keys) or any(len(key.secret) < _SHORTEST for key in keys):
            raise BadRing("keys need an id each, all different, and secrets of at least 16 bytes")
        self._keys = tuple(keys)

    def of(self, user: str) -> Pseudonym:
        """The pseudonym of `user` by the key in use."""
        return _pseudonym(self._keys[-1], b"user", user)

    def all(self, user: str) -> tuple[Pseudonym, ...]:
        """The pseudonyms that `user` has had."""
        return tuple(_pseudonym(key, b"user", user) for key in self._keys)

    def alias(self, session: str) -> str:
        """What a session is called whose id tells who somebody is."""
        return f"h{_pseudonym(self._keys[-1], b'alias', session).user_key:016x}"

    def bucket(self, session: str) -> int:
        """The bucket of a session of nobody known."""
        return _pseudonym(self._keys[-1], b"session", session).bucket


def _pseudonym(key: Key, person: bytes, name: str) -> Pseudonym:
    digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8, key=key.secret[:64], person=person)
    number = int.from_bytes(digest.digest()) & _POSITIVE
    return Pseudonym(key.id, number, number % BUCKETS)


def read(path: Path) -> Ring:
    """The ring in the file at `path`. BadRing: it is not one. A secret is never quoted."""
    keys = []
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRing(f"{path}: {getattr(error, 'strerror', None) or 'not plain text'}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, secret = line.split()
            keys.append(Key(int(name), bytes.fromhex(secret)))
        except ValueError:
            raise BadRing(f"{path}:{number}: expected a whole number and a secret in hexadecimal digits") from None
    try:
        return Ring(keys)
    except BadRing as error:
        raise BadRing(f"{path}: {error}") from None


def create(path: Path) -> Ring:
    """The ring in the file at `path`; a new one, readable by its owner alone, where there is none or an empty file.

    It gets its name once it is whole on disk: whatever happens meanwhile, the next attempt begins anew.
    """
    if _there(path):
        return read(path)
    temporary = path.with_name(f".{path.name}.new")
    with open(os.open(temporary, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of several that begin at once, one makes it
        if not _there(path):
            file.truncate()
            file.write(f"1 {secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync(path.parent)
    return read(path)


def _there(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
