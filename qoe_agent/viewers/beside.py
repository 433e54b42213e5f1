"""What an agent writes beside viewers' events: incidents and measures of the streams that it watches."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from qoe_agent.viewers.chronicle import Chronicle
from qoe_agent.viewers.measures import Measures

if TYPE_CHECKING:
    from qoe_agent.board import Board
    from qoe_agent.config import Config
    from qoe_agent.history import History


def writers(board: Board, history: History, config: Config, shard: str) -> tuple[Chronicle | Measures, ...]:
    """Who writes, each with a `run`; nobody where viewers' events are not kept. `shard`: this agent's number."""
    if not config.ingest.folder:
        return ()
    name = "-".join(filter(None, (socket.gethostname(), config.agent.vantage, shard)))
    folder, keep = Path(config.ingest.folder), config.ingest.keep
    return Chronicle(board, history, folder, name, keep), Measures(history, folder, name, keep)
