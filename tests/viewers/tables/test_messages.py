"""What became of messages, and who met a late or lost one when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers.tables import Audience, open_files
from tests.viewers.tables import told
from tests.viewers.tables.told import event, lines

if TYPE_CHECKING:
    from pathlib import Path


def watching(session: str, until: int, *events: dict[str, Any], every: int = 10) -> list[dict[str, Any]]:
    """Reports every so many seconds, then a leave."""
    beats = [event(session, float(at), stream="s") for at in range(0, until, every)]
    return [*beats, *events, event(session, float(until), "leave", stream="s")]


def sent(session: str, at: float, message: str) -> dict[str, Any]:
    return event(session, at, "message_sent", message=message, stream="s")


def shown(session: str, at: float, message: str) -> dict[str, Any]:
    return event(session, at, "message_shown", message=message, stream="s")


def audience(folder: Path, *rows: list[dict[str, Any]]) -> Audience:
    return open_files([lines(folder / "events.jsonl", [one for each in rows for one in each])])


def spent(found: Audience) -> dict[str, float]:
    return {name: seconds for (name,), seconds in told.spent(found.cells(["message"])).items()}


def test_thirty_seconds_after_a_message_count_by_how_late_it_was(tmp_path: Path) -> None:
    a = watching("a", 200, sent("a", 5, "m"), shown("a", 6, "m"), shown("a", 103, "n"))
    b = watching("b", 150, sent("b", 100, "n"), shown("b", 100.5, "n"), shown("b", 8, "m"))
    with audience(tmp_path, a, b) as found:
        delivery = found.delivery()
        assert delivery is not None
        assert (delivery.shown.sum(), delivery.late.sum()) == (4, 2)
        assert (delivery.sent.sum(), delivery.lost.sum()) == (2, 0)
        assert np.flatnonzero(delivery.delays).tolist() == [5, 10, 30]
        assert spent(found) == {"in time": 30 + 30, "late": 30 + 30, "none": 140 + 90}


def test_a_late_one_outweighs_those_in_time_and_clocks_may_be_a_little_wrong(tmp_path: Path) -> None:
    a = watching("a", 100, sent("a", 20, "m"), shown("a", 21, "m"), sent("a", 30, "n"), shown("a", 33, "n"),
                 sent("a", 35, "o"), shown("a", 35, "o"))  # fmt: skip
    b = watching("b", 50, shown("b", 18, "m"), shown("b", 2, "n"), shown("b", 40, "unheard of"))
    with audience(tmp_path, a, b) as found:
        delivery = found.delivery()
        assert delivery is not None
        assert delivery.shown.sum() == 4, "nothing is shown 28 s before it is sent; 2 s are clocks"
        assert delivery.delays[0] == 2
        assert spent(found) == {"in time": 12 + 2 + 30, "late": 30, "none": 21 + 35 + 18 + 2}


def test_a_lost_message_counts_once_its_sender_is_heard_of_again(tmp_path: Path) -> None:
    good = [each for number in range(3) for each in (sent("a", 70 + number, f"g{number}"),
                                                     shown("a", 70.5 + number, f"g{number}"))]  # fmt: skip
    a = watching("a", 100, sent("a", 12, "m"), *good)
    with audience(tmp_path, a) as found:
        delivery = found.delivery()
        assert delivery is not None
        assert (delivery.sent.sum(), delivery.lost.sum()) == (4, 1)
        assert delivery.tells
        assert spent(found) == {"none": 22 + 18.5, "unknown": 8, "late": 22, "in time": 29.5}


def test_of_a_sender_who_is_gone_nothing_is_concluded(tmp_path: Path) -> None:
    """His player tells nothing any more: that is no lost message."""
    good = watching(
        "b",
        60,
        *[
            each
            for number in range(3)
            for each in (sent("b", number, f"g{number}"), shown("b", 0.5 + number, f"g{number}"))
        ],
    )
    a = [event("a", 0.0, stream="s"), event("a", 10.0, stream="s"), sent("a", 11, "m")]
    others = watching("c", 300)
    with audience(tmp_path, a, good, others) as found:
        delivery = found.delivery()
        assert delivery is not None
        assert (delivery.sent.sum(), delivery.lost.sum()) == (3, 0)
        cells = found.cells(["message"])
    assert "late" not in cells.levels[0]
    [gone] = [pieces for cause, _, pieces in told.exits(cells) if len(pieces) > 1]
    assert {level for level, *_ in gone} <= {"none", "unknown"}


def test_where_players_do_not_tell_what_they_show_nothing_is_lost(tmp_path: Path) -> None:
    a = watching("a", 100, *[sent("a", 10.0 * number, f"m{number}") for number in range(1, 8)], shown("a", 10.5, "m1"))
    with audience(tmp_path, a) as found:
        delivery = found.delivery()
        assert delivery is not None
        assert not delivery.tells
        assert spent(found) == {"none": 70, "in time": 30}


def test_without_messages_there_is_no_such_factor(tmp_path: Path) -> None:
    with audience(tmp_path, watching("a", 100, sent("a", 10, "m"))) as found:
        assert "messages" not in found.has
        assert found.delivery() is None
        with pytest.raises(ValueError, match="message"):
            found.cells(["message"])
