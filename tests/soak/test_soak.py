"""How a soak is planned and judged; the soak itself is no test (`python -m tests.soak`)."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import psutil
import pytest

from tests.soak import judge, names
from tests.soak.judge import Event, Gap, Injected, Late
from tests.soak.kept import Kept
from tests.soak.machine import Machine, Shares
from tests.soak.plan import AGENTS, CONTROL, MEANING, SHOWS, plan
from tests.soak.seen import Seen

STALL = Injected("stall", 100.0, 114.0, 144.0, frozenset({"a", "b"}))
KILL = Injected("kill", 200.0, 202.0, 222.0, frozenset({"a"}))


def test_a_plan_follows_from_its_seed_and_holds_everything_if_there_is_time() -> None:
    made = plan(1, 3600.0, 5)
    assert made == plan(1, 3600.0, 5)
    assert made != plan(2, 3600.0, 5)
    assert {fault.kind for fault in made} == {*SHOWS, *AGENTS} == set(MEANING)
    assert max(fault.until for fault in made) <= 3600.0
    assert all((fault.show is not None) == (fault.kind in SHOWS) for fault in made)
    assert CONTROL not in {fault.show for fault in made}


def test_faults_share_their_time_only_with_those_of_another_publisher() -> None:
    made = plan(3, 3600.0, 5)
    for one in made:
        at_once = [other for other in made if other is not one and other.start < one.until and one.start < other.until]
        assert all(other.start == one.start for other in at_once)
        assert one.show not in {other.show for other in at_once}
        assert len(at_once) <= 1


def test_kinds_may_be_chosen() -> None:
    assert {fault.kind for fault in plan(1, 600.0, 3, frozenset({"kill", "stall"}))} == {"kill", "stall"}
    assert plan(1, 600.0, 3, frozenset()) == []


def test_a_fault_is_found_only_if_all_its_streams_show_it_in_time() -> None:
    shown = [Event(103.0, "a", "stall"), Event(104.0, "b", "lost")]
    assert judge.missed(STALL, shown) == []
    assert judge.missed(STALL, shown[:1]) == ["b"]
    assert judge.missed(STALL, [shown[0], Event(160.0, "b", "stall")]) == ["b"]
    assert judge.missed(STALL, [shown[0], Event(104.0, "b", "black")]) == ["b"]
    assert judge.missed(KILL, []) == []


def test_what_no_fault_explains_is_invented() -> None:
    events = [
        Event(103.0, "a", "freeze"), Event(103.0, "c", "stall"), Event(103.0, "a", "black"), Event(99.9, "b", "stall"),
        Event(90.0, "b", "stall"), Event(201.0, "a", "stall"), Event(103.0, "", "agent_overloaded"),
    ]  # fmt: skip
    assert judge.invented([STALL, KILL], events) == [events[1], events[2], events[4], events[6]]


def test_a_wrong_clock_may_be_told_of_any_stream() -> None:
    step = Injected("clock_backward", 10.0, 30.0, 40.0, frozenset(), clock=True)
    assert judge.invented([step], [Event(20.0, "a", "clock_untrusted"), Event(20.0, "a", "stall")]) == [
        Event(20.0, "a", "stall")
    ]


def test_a_publisher_that_was_late_excuses_stalls_of_its_streams_for_a_while() -> None:
    late = Late(50.0, frozenset({"a"}))
    events = [
        Event(51.0, "a", "stall"),
        Event(51.0, "b", "stall"),
        Event(60.0, "a", "stall"),
        Event(51.0, "a", "black"),
    ]
    assert judge.invented([], events, [late]) == events[1:]


def test_a_player_of_segments_that_ran_dry_may_stand_for_a_little_more_until_it_is_late_enough() -> None:
    fault = Injected("flap", 100.0, 114.0, 144.0, frozenset({"hls-1", "rtmp-1"}))
    once, again = Event(160.0, "hls-1", "stall"), Event(200.0, "hls-1", "stall")
    others = [Event(160.0, "rtmp-1", "stall"), Event(160.0, "hls-2", "stall"), Event(160.0, "hls-1", "freeze")]
    seen = Seen(psutil.Process().pid, 1, Path("/nonexistent"))
    seen.stalls["hls-1"] += [(130.0, 9.0), (161.0, 1.5), (201.0, 1.5)]
    assert judge.echoes([fault], [once, again, *others], seen.stalled) == [once]
    assert judge.echoes([fault._replace(kind="black")], [once], seen.stalled) == []


def test_silences_are_explained_by_what_hit_the_stream() -> None:
    gaps = [Gap("a", 199.0, 206.0), Gap("b", 199.0, 206.0), Gap("a", 300.0, 310.0)]
    assert judge.unexplained([STALL, KILL], gaps) == gaps[1:]
    assert judge.unexplained([STALL, KILL], gaps, [Late(305.0, frozenset({"a"}))]) == gaps[1:2]


def test_growth_compares_the_halves_after_the_warm_up() -> None:
    rising = [(float(n), 100.0 + n) for n in range(100)]
    assert judge.grew([(at, 100.0) for at, _ in rising], 20.0) == 0.0
    assert judge.grew(rising, 0.0) == pytest.approx(50.0 / 124.5)
    assert judge.grew([(0.0, 900.0), *((at, 100.0) for at, _ in rising)], 1.0) == 0.0
    assert judge.grew(rising[:5], 0.0) is None
    assert judge.counted(rising, 0.0) == (112.0, 187.0)
    assert judge.counted(rising[:5], 0.0) is None


def test_the_machine_was_contended_where_others_had_it_and_the_agent_waited_longer_than_it_worked() -> None:
    machine = Machine(psutil.Process(), lambda: 0.0)
    cores = psutil.cpu_count() or 1
    machine.shares += [
        Shares(50.0, agent=0.5, ours=0.7, others=0.9 * cores, waited=0.1),
        Shares(100.0, agent=0.5, ours=0.7, others=0.1 * cores, waited=0.9),
        Shares(150.0, agent=0.5, ours=0.7, others=0.9 * cores, waited=0.9),
    ]
    assert [machine.contended(at, at) for at in (50.0, 100.0, 150.0)] == [False, False, True]
    assert machine.summary(0.0)["contended"] == pytest.approx(1 / 3, abs=1e-3)
    assert machine.summary(200.0)["agent"] is None


def test_a_soak_that_is_killed_leaves_its_latest_report_and_says_so(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "out")
    kept.crashed("signal 9")
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == {"cut": "signal 9"}
    assert "CUT SHORT: signal 9" in (tmp_path / "out" / "report.txt").read_text()


def question(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def test_the_name_server_answers_by_its_mood() -> None:
    known = names.reply(question(names.KNOWN), "well")
    assert (known[:2], known[3] & 15, known[-4:]) == (b"\0\7", 0, bytes([127, 0, 0, 1]))
    assert struct.unpack_from("!H", names.reply(question(names.KNOWN, 28), "well"), 6) == (0,)
    assert names.reply(question("nowhere.soak.test"), "well")[3] & 15 == 3
    assert names.reply(question(names.KNOWN), "gone")[3] & 15 == 3
    assert names.reply(question(names.KNOWN), "mute") == b""
    assert names.reply(question(f"3.{names.MUTE}"), "well") == b""


LOOK = """qoe_up{{stream="a"}} 1.0
qoe_packets_total{{stream="a",track="video"}} {packets}
qoe_incidents_total{{stream="a",kind="stall"}} {stalls}
qoe_agent_decode_faults_total 0.0
qoe_agent_probe_errors_total{{probe="black"}} {errors}
"""


def test_looks_become_events_silences_and_counters_that_went_down() -> None:
    seen = Seen(psutil.Process().pid, 1, Path("/nonexistent"))
    seen.watched = {"a"}
    for at, packets, stalls in ((1.0, 10, 0), (2.0, 20, 1), (9.0, 30, 1), (10.0, 40, 3), (11.0, 5, 3)):
        seen.take(LOOK.format(packets=packets, stalls=stalls, errors=0.0), at)
    assert seen.events == [Event(2.0, "a", "stall"), Event(10.0, "a", "stall"), Event(10.0, "a", "stall")]
    assert seen.gaps == [Gap("a", 2.0, 9.0)]
    assert seen.backwards == ["a packets: 40 to 5"]
    assert seen.quiet(frozenset({"a", "b"}), 10.5) == ["b"]
    assert seen.bugs() == []
    seen.take(LOOK.format(packets=9, stalls=3, errors=1.0), 12.0)
    assert seen.bugs() == ["qoe_agent_probe_errors_total{'probe': 'black'} is 1"]
