"""Who watches now, who left in which state, and what players say of startup, stalls and messages."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from qoe_agent.board import Board
from qoe_agent.sink import Key
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.live import LONGEST, PATIENCE, SILENCE, Live
from tests.viewers.made import NOON_MS, heartbeat


class Audience:
    """Sessions that send events at times counted in seconds."""

    def __init__(self, most: int = 100, **more: Any) -> None:
        self.live, self.board = Live(most, 0.0, **more), Board(meter.METRICS)
        self.board.admit(Key("show"))
        self._sn: Counter[str] = Counter()
        self.at = 0.0

    def says(self, at: float, session: str = "s", kind: str = "heartbeat", stream: str | None = "show",
             told: bool = False, came: float | None = None, **more: Any) -> None:  # fmt: skip
        came = at if came is None else came
        self._sn[session] += 1
        self.live.take(heartbeat(session, self._sn[session], kind=kind, at_ms=NOON_MS + round(at * 1000),
                                 received_ms=NOON_MS + round(came * 1000), **more), stream, came, told)  # fmt: skip

    def until(self, at: float) -> None:
        while self.at < at:
            self.at = min(at, self.at + 1.0)
            self.live.tick(self.at)

    def told(self, metric: str, **labels: str) -> float | None:
        self.live.tell(self.board, self.at)
        for one in self.board.metrics(Key("show")) + self.board.metrics(None):
            if one["name"] == metric and labels.items() <= one["labels"].items():
                return float(one["value"])
        return None


@pytest.fixture
def audience() -> Audience:
    return Audience()


def test_who_joined_watches_until_he_leaves(audience: Audience) -> None:
    audience.says(1, kind="join", state="starting")
    audience.says(2, state="playing")
    assert audience.told("qoe_viewer_sessions") == 1
    audience.says(9, kind="leave", cause="quit")
    assert audience.told("qoe_viewer_sessions") == 0
    assert audience.told("qoe_viewer_joins_total") == 1
    assert audience.told("qoe_viewer_exits_total", state="playing") == 1


def test_players_that_would_tell_a_stall_are_counted_apart_from_servers_that_would_not(audience: Audience) -> None:
    audience.says(1, "server", kind="join", state="playing")
    assert audience.told("qoe_viewer_sessions_speaking") is None
    audience.says(1, kind="join", state="starting")
    audience.says(2, state="playing")
    assert (audience.told("qoe_viewer_sessions"), audience.told("qoe_viewer_sessions_speaking")) == (2, 1)
    audience.says(9, kind="leave", cause="quit")
    assert (audience.told("qoe_viewer_sessions"), audience.told("qoe_viewer_sessions_speaking")) == (1, 0)


def test_who_leaves_during_a_stall_is_counted_there(audience: Audience) -> None:
    audience.says(1, kind="join", state="playing")
    audience.says(5, kind="stall", state="stalled")
    audience.says(7, kind="leave")
    assert audience.told("qoe_viewer_exits_total", state="stalled") == 1


def test_a_failure_is_an_exit_of_its_own_whatever_was_seen_before(audience: Audience) -> None:
    audience.says(1, kind="join", state="playing")
    audience.says(5, kind="leave", cause="failed")
    assert audience.told("qoe_viewer_exits_total", state="failed") == 1


def test_who_falls_silent_has_left_after_ninety_seconds(audience: Audience) -> None:
    audience.says(0, kind="join", state="playing")
    audience.until(SILENCE - 1)
    assert audience.told("qoe_viewer_sessions") == 1
    audience.until(SILENCE + 1)
    assert audience.told("qoe_viewer_sessions") == 0
    assert audience.told("qoe_viewer_exits_total", state="playing") == 1


def test_who_reports_seldom_has_three_of_his_intervals(audience: Audience) -> None:
    audience.says(0, kind="join", interval_ms=60_000)
    audience.until(179)
    assert audience.told("qoe_viewer_sessions") == 1
    audience.until(182)
    assert audience.told("qoe_viewer_sessions") == 0


def test_an_interval_that_is_not_told_is_seen(audience: Audience) -> None:
    for at in (0, 60, 120):
        audience.says(at)
        audience.until(at + 1)
    audience.until(290)
    assert audience.told("qoe_viewer_sessions") == 1
    audience.until(302)
    assert audience.told("qoe_viewer_sessions") == 0


def test_silence_means_nothing_where_a_server_tells_of_the_end(audience: Audience) -> None:
    audience.says(0, kind="join", told=True, state="playing")
    audience.until(3 * LONGEST)
    assert audience.told("qoe_viewer_sessions") == 1
    audience.says(audience.at, kind="leave", told=True)
    assert audience.told("qoe_viewer_exits_total", state="playing") == 1


def test_a_server_that_never_tells_is_not_waited_for_more_than_a_day(audience: Audience) -> None:
    audience.says(0, kind="join", told=True)
    audience.until(PATIENCE + 2)
    assert audience.told("qoe_viewer_sessions") == 0


def test_what_comes_late_does_not_bring_back_who_left(audience: Audience) -> None:
    audience.says(1, kind="join", state="playing")
    audience.says(9, kind="leave")
    audience.says(8, came=10, state="stalled")
    assert audience.told("qoe_viewer_sessions") == 0
    assert audience.told("qoe_viewer_joins_total") == 1


def test_who_comes_back_is_there_again(audience: Audience) -> None:
    audience.says(1, kind="join")
    audience.says(9, kind="leave")
    audience.says(30, kind="join")
    assert audience.told("qoe_viewer_sessions") == 1
    assert audience.told("qoe_viewer_joins_total") == 2


def test_an_older_report_does_not_change_the_state(audience: Audience) -> None:
    audience.says(1, kind="join", state="playing")
    audience.says(9, state="stalled")
    audience.says(5, came=10, state="playing")
    audience.says(11, kind="leave")
    assert audience.told("qoe_viewer_exits_total", state="stalled") == 1


def test_who_never_said_what_he_sees_left_unknown(audience: Audience) -> None:
    audience.says(1)
    audience.says(2, kind="leave")
    assert audience.told("qoe_viewer_exits_total", state="unknown") == 1


def test_startup_counts_once_a_session(audience: Audience) -> None:
    for at in (1, 2, 3):
        audience.says(at, startup_ms=800)
    audience.says(3, session="other", startup_ms=2500)
    assert audience.told("qoe_viewer_startup_seconds_count") == 2
    assert audience.told("qoe_viewer_startup_seconds_sum") == pytest.approx(3.3)


def test_stalls_are_timed_by_changes_of_state_or_as_told_but_not_twice(audience: Audience) -> None:
    audience.says(1, state="playing")
    audience.says(2, kind="stall", state="stalled")
    audience.says(3, state="stalled")
    audience.says(6, state="playing")
    audience.says(10, kind="stall", state="playing", stall_ms=500)
    assert audience.told("qoe_viewer_stall_seconds_count") == 2
    assert audience.told("qoe_viewer_stall_seconds_sum") == pytest.approx(4.5)


@pytest.mark.parametrize("playing_first", [True, False])
def test_a_stall_that_is_told_both_ways_counts_once(audience: Audience, playing_first: bool) -> None:
    audience.says(1, state="playing")
    audience.says(2, state="stalled")
    ends = [{"at": 5, "state": "playing"}, {"at": 2, "came": 5, "kind": "stall", "state": "stalled", "stall_ms": 3000}]
    for end in ends if playing_first else reversed(ends):
        audience.says(**end)
    assert audience.told("qoe_viewer_stall_seconds_count") == 1
    assert audience.told("qoe_viewer_stall_seconds_sum") == pytest.approx(3.0)
    audience.says(6, kind="leave")
    assert audience.told("qoe_viewer_exits_total", state="playing") == 1


def test_a_stall_that_is_told_when_it_is_long_over_counts(audience: Audience) -> None:
    audience.says(9, state="playing")
    audience.says(2, came=10, kind="stall", stall_ms=500)
    assert audience.told("qoe_viewer_stall_seconds_count") == 1


def test_messages_are_timed_from_sender_to_viewer_by_clocks_that_are_corrected(audience: Audience) -> None:
    audience.says(-100, came=0, session="sender")  # whose clock is 100 s slow
    audience.says(-98, came=2.0, session="sender", kind="message_sent", message="m1")
    audience.says(4.0, session="viewer", kind="message_shown", message="m1")
    assert audience.told("qoe_viewer_message_delay_seconds_sum") == pytest.approx(2.0)
    assert audience.told("qoe_viewer_messages_sent_total") == 1
    assert audience.told("qoe_viewer_messages_shown_total") == 1


def test_a_message_may_be_shown_before_its_sender_says_that_he_sent_it(audience: Audience) -> None:
    audience.says(0, session="sender")  # from which its clock is known
    audience.says(4.0, session="viewer", kind="message_shown", message="m1")
    audience.says(2.0, came=5.0, session="sender", kind="message_sent", message="m1")
    assert audience.told("qoe_viewer_message_delay_seconds_sum") == pytest.approx(2.0)


def test_a_message_that_nobody_was_shown_within_a_minute_is_lost(audience: Audience) -> None:
    audience.says(0, session="a", kind="message_sent", message="m1")
    audience.says(0, session="a", kind="message_sent", message="m2")
    audience.says(1, session="b", kind="message_shown", message="m2")
    audience.until(59)
    assert audience.told("qoe_viewer_messages_lost_total") is None
    audience.until(61)
    assert audience.told("qoe_viewer_messages_lost_total") == 1


def test_beyond_the_limit_sessions_are_counted_and_not_followed() -> None:
    audience = Audience(most=2)
    for each in range(5):
        audience.says(1, session=f"s{each}", kind="join")
    assert audience.told("qoe_viewer_sessions") == 2
    assert audience.told("qoe_viewer_sessions_untracked_total") == 3


def test_events_without_a_stream_are_of_the_one_that_the_session_named(audience: Audience) -> None:
    audience.says(1, kind="join", state="playing")
    audience.says(2, stream=None, state="stalled")
    audience.says(3, stream=None, kind="leave")
    audience.says(3, session="stranger", stream=None, kind="join")
    assert audience.told("qoe_viewer_exits_total", state="stalled") == 1
    assert audience.told("qoe_viewer_joins_total") == 1


def test_who_was_there_before_this_process_has_not_just_joined() -> None:
    audience = Audience(again=True)
    audience.says(1, state="playing")
    audience.says(1, session="new", kind="join")
    assert audience.told("qoe_viewer_joins_total") == 1
    assert audience.told("qoe_viewer_sessions") is None, "nobody knows how many there are yet"
    audience.until(SILENCE)
    assert audience.told("qoe_viewer_sessions") == 2


def test_sessions_of_a_stream_that_is_no_longer_ours_are_let_go(audience: Audience) -> None:
    audience.says(1, kind="join")
    audience.live.keep(frozenset())
    assert len(audience.live) == 0


def test_a_stream_of_whose_viewers_nobody_ever_heard_has_no_number(audience: Audience) -> None:
    assert audience.told("qoe_viewer_sessions") is None


def test_no_label_names_a_session_or_a_user(audience: Audience) -> None:
    audience.says(1, session="very-private", kind="join", user="somebody", state="playing", startup_ms=5)
    audience.says(2, session="very-private", kind="message_sent", message="word")
    audience.says(3, session="very-private", kind="leave")
    audience.live.tell(audience.board, 3.0)
    text = audience.board.render().decode()
    assert "qoe_viewer_exits_total" in text
    assert not [word for word in ("very-private", "somebody", "word") if word in text]
