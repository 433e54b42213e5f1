"""Who plays, as media servers' callbacks tell: which session is behind a server's id of a client, from play to stop.

Kept in a file now and then, so that those who play while this process is replaced keep their sessions.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

MOST = 200_000
"""Clients that are known at once; of more, the first of the source that has the most are forgotten."""
Who: TypeAlias = tuple[str, str]
"""Server, and its id of the client."""
_APART = "\n"
"""Between a source and what it calls a server; no source has it in its name."""


@dataclass(slots=True)
class Player:
    """One who plays."""

    session: str
    path: str
    """app/name of what he plays."""
    ended: bool = False
    """Whether its publisher is gone."""
    updates: bool = False
    """Whether its server tells now and then that he still plays."""
    began_ms: int = 0
    """When he began, in Unix milliseconds; 0: before he was heard of."""


class Players(Protocol):
    """Those whom one source knows."""

    def begin(self, who: Who, session: str, path: str, began_ms: int = 0) -> None:
        """He plays, in this session."""

    def get(self, who: Who) -> Player | None:
        """What is known of him."""

    def updated(self, who: Who) -> None:
        """His server says that he still plays."""

    def those(self, server: str) -> list[Who]:
        """All who play there."""

    def end(self, who: Who) -> None:
        """He plays no more."""

    def published(self, server: str, path: str, begun: bool) -> Iterator[str]:
        """A publisher came or went: the sessions for whom that is news."""


class Playing:
    """All who play, by server and client."""

    def __init__(self, most: int = MOST) -> None:
        self._players: dict[str, OrderedDict[Who, Player]] = {}
        """By source."""
        self._paths: dict[tuple[str, str], dict[Who, None]] = {}
        self._most, self._count, self._changed = most, 0, False
        self.true_at: float | None = None
        """When what was loaded was true, in Unix seconds."""

    def of(self, source: str) -> Players:
        """Those whom `source` knows: of others it can neither hear nor tell."""
        return _Theirs(self, source)

    def all(self) -> Iterator[tuple[str, Player]]:
        """Everybody, with his source."""
        for source, players in self._players.items():
            for player in players.values():
                yield source, player

    def begin(self, who: Who, session: str, path: str, began_ms: int = 0) -> None:
        """He plays, in this session."""
        self.end(who)
        self._players.setdefault(_source(who), OrderedDict())[who] = Player(session, path, began_ms=began_ms)
        self._paths.setdefault((who[0], path), {})[who] = None
        self._count += 1
        self._changed = True
        if self._count > self._most:
            most = max(self._players, key=lambda source: len(self._players[source]))
            self.end(next(iter(self._players[most])))

    def get(self, who: Who) -> Player | None:
        """What is known of him."""
        theirs = self._players.get(_source(who))
        return theirs.get(who) if theirs else None

    def updated(self, who: Who) -> None:
        """His server says that he still plays."""
        if (player := self.get(who)) and not player.updates:
            player.updates = self._changed = True

    def those(self, server: str) -> list[Who]:
        """All who play there."""
        return [who for who in self._players.get(_source((server, "")), ()) if who[0] == server]

    def end(self, who: Who) -> None:
        """He plays no more."""
        theirs = self._players.get(_source(who), OrderedDict())
        if player := theirs.pop(who, None):
            self._count -= 1
            self._changed = True
            if not theirs:
                del self._players[_source(who)]
            there = self._paths[who[0], player.path]
            del there[who]
            if not there:
                del self._paths[who[0], player.path]

    def published(self, server: str, path: str, begun: bool) -> Iterator[str]:
        """A publisher came or went: the sessions for whom that is news."""
        for who in self._paths.get((server, path), {}):
            player = self.get(who)
            if player is not None and player.ended == begun:
                player.ended, self._changed = not begun, True
                yield player.session

    def save(self, path: Path) -> None:
        """Write the file, if there is anything new; else note that it is still true. OSError: it cannot be."""
        if not self._changed:
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)
            return
        self._changed = False
        rows = [[*who, each.session, each.path, each.ended, each.updates, each.began_ms]
                for theirs in self._players.values() for who, each in theirs.items()]  # fmt: skip
        temporary = path.with_name(f"{path.name}.tmp")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(rows, file)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Go on from the file, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            self.true_at = path.stat().st_mtime
            try:
                for server, client, session, name, ended, updates, began_ms in json.loads(path.read_bytes()):
                    self.begin((server, client), session, name, began_ms)
                    if player := self.get((server, client)):
                        player.ended, player.updates = bool(ended), bool(updates)
            except (ValueError, TypeError):
                log.warning("%s is damaged: who played before is not known", path.name)
            self._changed = False


class _Theirs:
    """Those of one source."""

    def __init__(self, playing: Playing, source: str) -> None:
        self._playing, self._prefix = playing, f"{source}{_APART}"

    def _who(self, who: Who) -> Who:
        return self._prefix + who[0], who[1]

    def begin(self, who: Who, session: str, path: str, began_ms: int = 0) -> None:
        self._playing.begin(self._who(who), session, path, began_ms)

    def get(self, who: Who) -> Player | None:
        return self._playing.get(self._who(who))

    def updated(self, who: Who) -> None:
        self._playing.updated(self._who(who))

    def those(self, server: str) -> list[Who]:
        return [(server, client) for _, client in self._playing.those(self._prefix + server)]

    def end(self, who: Who) -> None:
        self._playing.end(self._who(who))

    def published(self, server: str, path: str, begun: bool) -> Iterator[str]:
        return self._playing.published(self._prefix + server, path, begun)


def _source(who: Who) -> str:
    return who[0].partition(_APART)[0] if _APART in who[0] else ""
