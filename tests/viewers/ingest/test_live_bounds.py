"""What strangers, clocks that are set and a process that is begun anew must not do to live figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock
from qoe_agent.board import Board
from qoe_agent.config import Ingest, Source, Stat
from qoe_agent.sink import Key
from qoe_agent.viewers.ingest import meter, process
from qoe_agent.viewers.ingest.live import BELIEVED, UPDATES
from qoe_agent.viewers.ingest.messages import PATIENCE as WAITED
from qoe_agent.viewers.ingest.messages import Messages
from qoe_agent.viewers.ingest.playing import Player
from qoe_agent.viewers.ingest.process import Process, Setup
from qoe_agent.viewers.ingest.remembering import Remembering
from qoe_agent.viewers.ingest.store import PLAYING
from qoe_agent.viewers.ingest.sums import Sums
from qoe_agent.viewers.ingest.whose import Known
from tests.viewers.ingest.test_live import Audience
from tests.viewers.made import NOON_MS, heartbeat

if TYPE_CHECKING:
    from pathlib import Path

KEY = "pk-web-0123456789abcdef"


@pytest.mark.parametrize("at_ms", [NOON_MS + 1000, NOON_MS + 9000, None])
def test_a_join_that_comes_after_its_own_leave_begins_nothing(at_ms: int | None) -> None:
    audience = Audience()
    audience.says(0)
    audience.says(9, kind="leave")
    audience.live.take(heartbeat("s", 99, kind="join", at_ms=at_ms, received_ms=NOON_MS + 10_000), "show", 10.0)
    assert audience.told("qoe_viewer_sessions") == 0
    assert audience.told("qoe_viewer_exits_total") == 1


def test_callbacks_of_one_source_without_end_leave_room_for_other_sources_and_for_players() -> None:
    audience = Audience(most=10)
    for each in range(20):
        audience.says(1, session=f"forged-{each}", kind="join", told=True, source="web")
    assert len(audience.live) == 10
    audience.says(2, session="page", kind="join", source="web")
    for each in range(3):
        audience.says(2, session=f"edge-{each}", kind="join", told=True, source="edge")
    assert audience.told("qoe_viewer_joins_total") == 14
    assert audience.told("qoe_viewer_sessions") == 10
    assert audience.told("qoe_viewer_exits_total") is None
    for name in ("page", "edge-0", "edge-1", "edge-2"):
        audience.says(3, session=name, kind="leave", source="web" if name == "page" else "edge")
    assert audience.told("qoe_viewer_sessions") == 6


def test_up_to_half_of_all_are_safe_from_others() -> None:
    audience = Audience(most=10)
    for each in range(5):
        audience.says(1, session=f"edge-{each}", kind="join", told=True, source="edge")
    for each in range(20):
        audience.says(1, session=f"page-{each}", kind="join", source="web")
    for each in range(5):
        audience.says(2, session=f"edge-{each}", kind="leave", source="edge")
    assert audience.told("qoe_viewer_sessions") == 5
    assert audience.told("qoe_viewer_sessions_untracked_total") == 15


def test_those_of_whom_a_server_tells_now_and_then_are_not_pushed_out() -> None:
    audience = Audience(most=4)
    for at in (1, 11):
        for each in range(4):
            audience.says(at, session=f"edge-{each}", kind="join" if at == 1 else "heartbeat", told=True, source="edge")
    audience.says(12, session="page", kind="join", source="web")
    assert audience.told("qoe_viewer_joins_total") == 4


def test_a_stall_across_a_clock_that_is_set_is_not_counted() -> None:
    audience = Audience()
    audience.says(1, state="playing")
    audience.says(2, state="stalled")
    audience.says(2 + BELIEVED + 1, came=3, state="playing")
    audience.says(9000, came=4, kind="stall", stall_ms=round(BELIEVED * 1000) + 1)
    assert audience.told("qoe_viewer_stall_seconds_count") is None
    audience.says(9001, came=5, kind="stall", stall_ms=2000)
    assert audience.told("qoe_viewer_stall_seconds_sum") == pytest.approx(2.0)


def test_a_startup_of_hours_is_not_counted() -> None:
    audience = Audience()
    audience.says(1, startup_ms=round(BELIEVED * 1000) + 1)
    assert audience.told("qoe_viewer_startup_seconds_count") is None


@pytest.mark.parametrize("wrong", [-6.0, -1e9, WAITED + 1, 1e9])
@pytest.mark.parametrize("shown_first", [True, False])
def test_a_message_that_took_what_only_a_wrong_clock_can_say_is_shown_but_not_timed(
    wrong: float, shown_first: bool
) -> None:
    sums, board = Sums(), Board(meter.METRICS)
    board.admit(Key("show"))
    messages = Messages(sums)
    says = [(messages.sent, 10.0), (messages.shown, 10.0 + wrong)]
    for say, at in reversed(says) if shown_first else says:
        say("show", "m", at, 11.0)
    sums.tell(board, 11.0)
    assert {one["name"]: one["value"] for one in board.metrics(Key("show")) if "delay" not in one["name"]} == {
        "qoe_viewer_messages_sent_total": 1, "qoe_viewer_messages_shown_total": 1,
    }  # fmt: skip
    assert not [one for one in board.metrics(Key("show")) if one["name"] == "qoe_viewer_message_delay_seconds_count"]


class _Link:
    full = False

    def send(self, *_: Any) -> None:
        pass


def begun(folder: Path, *streams: str) -> Process:
    """A process that goes on from what is in `folder`, without its listener."""
    options = Ingest(
        folder=str(folder),
        sources=(Source(name="edge", keys=(KEY,)),),
        stats=(Stat(name="stat", url="http://host/stat", every=60.0),),
    )
    known = tuple(Known(name, (), f"live/{name}") for name in streams)
    made = Process(_Link(), Setup(options, known, clock.state(), "text", "info", True))  # type: ignore[arg-type]  # a stand-in
    made._try()
    return made


def watching(made: Process, stream: str, later: float) -> float | None:
    board = Board(meter.METRICS)
    for name in made.listener.whose.names:
        board.admit(Key(name))
    made.live.tick(clock.now() + later)
    made.live.tell(board, clock.now() + later)
    found = [one["value"] for one in board.metrics(Key(stream)) if one["name"] == "qoe_viewer_sessions"]
    return found[0] if found else None


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a process left: four who play."""
    playing = Remembering()
    those = (("edge", "1", "show"), ("edge", "2", "show"), ("edge", "3", "other"), ("stat", "4", "show"))
    for source, client, path in those:
        playing.of(source).begin(("", client), f"{source}-{client}", f"live/{path}")
    playing.of("edge").updated(("", "2"))
    playing.save(tmp_path / PLAYING)
    return tmp_path


async def test_who_played_before_this_process_watches_and_has_not_just_joined(left: Path) -> None:
    made = begun(left, "show")
    assert watching(made, "show", 91.0) == 3
    assert not [name for name in made.live.sums._counts if name[1] == "qoe_viewer_joins_total"]
    made._on_streams((Known("show", (), "live/show"), Known("other", (), "live/other")))
    assert watching(made, "other", 91.0) == 1
    assert watching(made, "show", 91.0) == 3
    await made.store.close()


async def test_those_who_are_told_of_now_and_then_are_not_waited_for_a_day(left: Path) -> None:
    made = begun(left, "show")
    assert watching(made, "show", 3 * UPDATES + 2) == 1
    await made.store.close()


async def test_what_is_old_is_not_believed(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.realtime
    monkeypatch.setattr(clock, "realtime", lambda: real() + process.FRESH + 1)
    made = begun(left, "show")
    assert len(made.live) == 0
    await made.store.close()


def test_a_player_who_resumed_leaves_as_himself() -> None:
    audience = Audience(again=True)
    audience.live.resume("web", Player("s", "live/show"), "show", 0.0, 0.0)
    audience.says(5, kind="leave", told=True)
    assert audience.told("qoe_viewer_exits_total", state="playing") == 1
