"""A board with a stream, and a rendition of it."""

from __future__ import annotations

import pytest

from qoe_agent import catalogue
from qoe_agent.board import Board
from qoe_agent.sink import Key


@pytest.fixture
def board() -> Board:
    board = Board(catalogue.metrics())
    for key in (Key("show"), Key("show", "480p")):
        board.add(key, {})
    return board
