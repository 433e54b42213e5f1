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
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

MOST = 200_000
"""Clients that are known at once; of more, the first are forgotten."""
Who: TypeAlias = tuple[str, str]
"""Server, and its id of the client."""


@dataclass(slots=True)
class Player:
    """One who plays."""

    session: str
    path: str
    """app/name of what he plays."""
    ended: bool = False
    """Whether its publisher is gone."""


class Playing:
    """All who play, by server and client."""

    def __init__(self, most: int = MOST) -> None:
        self._players: OrderedDict[Who, Player] = OrderedDict()
        self._paths: dict[tuple[str, str], dict[Who, None]] = {}
        self._most, self._changed = most, False

    def begin(self, who: Who, session: str, path: str) -> None:
        """He plays, in this session."""
        self.end(who)
        self._players[who] = Player(session, path)
        self._paths.setdefault((who[0], path), {})[who] = None
        self._changed = True
        if len(self._players) > self._most:
            self.end(next(iter(self._players)))

    def get(self, who: Who) -> Player | None:
        """What is known of him."""
        return self._players.get(who)

    def those(self, server: str) -> list[Who]:
        """All who play there."""
        return [who for who in self._players if who[0] == server]

    def end(self, who: Who) -> None:
        """He plays no more."""
        if player := self._players.pop(who, None):
            self._changed = True
            there = self._paths[who[0], player.path]
            del there[who]
            if not there:
                del self._paths[who[0], player.path]

    def published(self, server: str, path: str, begun: bool) -> Iterator[str]:
        """A publisher came or went: the sessions for whom that is news."""
        for who in self._paths.get((server, path), {}):
            player = self._players[who]
            if player.ended == begun:
                player.ended, self._changed = not begun, True
                yield player.session

    def save(self, path: Path) -> None:
        """Write the file, if there is anything new. OSError: it cannot be."""
        if not self._changed:
            return
        self._changed = False
        rows = [[*who, each.session, each.path, each.ended] for who, each in self._players.items()]
        temporary = path.with_name(f"{path.name}.tmp")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(rows, file)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Go on from the file, if there is one."""
        with contextlib.suppress(FileNotFoundError):
            try:
                for server, client, session, name, ended in json.loads(path.read_bytes()):
                    self.begin((server, client), session, name)
                    self._players[server, client].ended = bool(ended)
            except (ValueError, TypeError):
                log.warning("%s is damaged: who played before is not known", path.name)
            self._changed = False
