"""Plain JSON events: what is taken in, what is refused in which words, and what is never stored."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from qoe_agent.viewers import plain
from qoe_agent.viewers.events import CAUSES, FIELDS, KINDS, STATES, ViewerEvent, decoded, encoded
from qoe_agent.viewers.pseudonyms import Key, Ring
from tests.viewers.made import NOON_MS, RING, heartbeat

AT = NOON_MS / 1000


def good(**more: Any) -> dict[str, Any]:
    return {"kind": "heartbeat", "session": "s", "at": AT, **more}


def event(**more: Any) -> ViewerEvent:
    (found,), faults = plain.read(good(**more), "web", NOON_MS, RING)
    assert not faults
    return found


def test_seconds_are_stored_as_milliseconds_and_what_was_not_said_is_absent() -> None:
    found = event(stall_seconds=1.2345, media_at=AT - 2.5, height=720)
    assert (found.at_ms, found.stall_ms, found.media_ms, found.height) == (NOON_MS, 1234, NOON_MS - 2500, 720)
    assert (found.startup_ms, found.user_key, found.user_key_id, found.attributes) == (None, None, None, None)
    assert found.source == "web"
    assert found.received_ms == NOON_MS


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (3, "event 0: must be an object"),
        ({"kind": "jion", "session": "s", "at": AT}, "event 0: kind: must be one of join,"),
        (good(sesion="s"), 'event 0: sesion: unknown key; did you mean "session"?'),
        ({"kind": "join", "at": AT}, "event 0: session: required"),
        (good(session=""), "event 0: session: must not be empty"),
        (good(session="s" * 65), "event 0: session: must have at most 64 characters"),
        (good(session="a\nb"), "event 0: session: has characters that it must not have"),
        (good(at=AT * 1000), "event 0: at: must be at most"),
        (good(at="now"), "event 0: at: must be a number (Unix seconds, not milliseconds)"),
        (good(at=True), "event 0: at: must be a number"),
        (good(latency_seconds=float("nan")), "event 0: latency_seconds: "),
        (good(stall_seconds=-1), "event 0: stall_seconds: must be at least 0"),
        (good(height=720.5), "event 0: height: must be a whole number"),
        (good(kind="arm", arm="hd"), "event 0: experiment: required where kind is arm"),
        ({"kind": "join", "session": "s"}, "event 0: at: required where there is no sn"),
        (good(attributes={"a": []}), "event 0: attributes: must be text, a number or true or false"),
        (good(attributes={"Client-IP": "somebody"}), "event 0: attributes: must not say who somebody is"),
        (good(attributes={"from": "2001:db8::1"}), "event 0: attributes: must not say who somebody is"),
        (good(ip="10.0.0.1"), "event 0: ip: unknown key"),
    ],
)
def test_a_bad_event_is_refused_in_words_that_tell_where_and_what_was_expected(said: Any, expected: str) -> None:
    events, faults = plain.read(said, "web", NOON_MS, RING)
    assert not events
    assert str(faults[0]).startswith(expected)


def test_good_events_beside_bad_ones_are_taken_in_and_faults_are_numbered() -> None:
    events, faults = plain.read([good(sn=1), 3, good(sn=2), good(sn=-1)], "web", NOON_MS, RING)
    assert [each.sn for each in events] == [1, 2]
    assert [fault.number for fault in faults] == [1, 3]


def test_a_body_has_a_limit() -> None:
    events, faults = plain.read([good()] * (plain.MOST + 1), "web", NOON_MS, RING)
    assert not events
    assert "at most 1000 events" in str(faults[0])


def test_a_body_may_repeat_attributes_but_not_invent_new_ones_without_end() -> None:
    alike = [good(sn=n, attributes={"tier": "high", "stage": "purchase"}) for n in range(1000)]
    assert not plain.read(alike, "web", NOON_MS, RING)[1]
    fresh = [good(sn=n, attributes={f"k{n}-{each}": "x" for each in range(32)}) for n in range(1000)]
    events, faults = plain.read(fresh, "web", NOON_MS, RING)
    assert len(events) == plain.MOST_DIFFERENT // 32
    assert str(faults[0]).startswith(f"event {len(events)}: attributes: must have at most 4000 different")


STRANGE = {str(each): 1 for each in range(50_000)}


@pytest.mark.parametrize(
    "sent",
    [
        good(**STRANGE),
        [STRANGE] * 3,
        [{str(each): 1 for each in range(60)}] * plain.MOST,
        good(attributes={key: [] for key in STRANGE}),
        [good(attributes={str(each): [] for each in range(32)})] * plain.MOST,
    ],
)
def test_what_a_stranger_does_wrong_a_thousand_times_is_worded_a_few_times(
    sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    worded, guessed = [], []
    monkeypatch.setattr(plain, "worded", lambda fault, hints: worded.append(1) or guessed.append(bool(hints)) or "no")
    events, faults = plain.read(sent, "web", NOON_MS, RING)
    assert not events
    assert 0 < len(faults) <= plain.MOST_FAULTS
    assert len(worded) <= plain.MOST_FAULTS + plain.MOST_KEYS
    assert sum(guessed) <= plain.HINTED + plain.MOST_KEYS


def test_a_word_as_long_as_a_body_is_not_guessed_at() -> None:
    sent = [good(**{"s" * 10_000: 1}), {**good(), "kind": "j" * 10_000}]
    _, faults = plain.read(sent, "web", NOON_MS, RING)
    assert len(faults) == 2
    assert not [fault for fault in faults if "did you mean" in str(fault)]


def test_a_value_is_never_quoted() -> None:
    _, faults = plain.read([good(user={"secret": "hunter2"}), good(hunter2="x", at="hunter2")], "web", 0, RING)
    assert faults
    assert not [fault for fault in faults if "hunter2" in fault.expected]


def test_the_schema_says_what_the_code_does() -> None:
    schema = plain.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid(good(user="u", attributes={"a": "b", "n": 1.5, "t": True}))
    for bad in (good(kind="jion"), good(session=""), good(sesion="s"), good(at=AT * 1000), good(height=0),
                {"kind": "join", "session": "s"}):  # fmt: skip
        assert not check.is_valid(bad)
        assert plain.read(bad, "web", 0, RING)[1]
    found = schema["properties"]
    assert (*found["kind"]["enum"],) == KINDS
    assert (*found["state"]["enum"],) == STATES
    assert (*found["cause"]["enum"],) == CAUSES
    assert all(each.get("description") for each in found.values())


def test_users_are_pseudonyms_and_their_names_are_nowhere() -> None:
    found = event(user="somebody@example.org")
    assert b"somebody" not in encoded([found])
    assert found.user_key is not None
    assert 0 <= found.user_key < 1 << 63
    assert found.bucket == found.user_key % 1000
    assert event(user="somebody@example.org", session="t").user_key == found.user_key
    (other,), _ = plain.read(good(user="somebody@example.org"), "web", 0, Ring([Key(2, b"2" * 32)]))
    assert other.user_key != found.user_key
    assert other.key == found.key, "who knows user names must not find them by an event's key"


def test_a_session_of_nobody_known_keeps_its_bucket() -> None:
    assert event(session="a", sn=1).bucket == event(session="a", sn=2).bucket
    assert len({event(session=str(each)).bucket for each in range(100)}) > 80


def test_addresses_of_pages_lose_their_query() -> None:
    assert event(attributes={"page": "https://a.example/x?user=u#t"}).attributes == {"page": "https://a.example/x"}


def test_an_event_is_the_same_by_its_sequence_number_else_by_all_that_it_says() -> None:
    assert event(sn=1).key == event(sn=1, at=AT + 1, height=720).key
    assert event(sn=1).key != event(sn=2).key
    assert event(sn=1).key != event(sn=1, session="t").key
    assert event(height=720).key == event(height=720).key
    assert event(height=720).key != event(height=1080).key
    assert event().key != event(at=AT + 1).key
    assert plain.read(good(sn=1), "tv", 0, RING)[0][0].key != event(sn=1).key


def test_what_is_encoded_is_what_comes_back() -> None:
    given = [heartbeat("s", 1, user="u", attributes={"a": "b"}, background=False), heartbeat("t", 2)]
    back = [ViewerEvent(**one) for one in decoded(encoded(given))]
    assert back == given
    assert set(FIELDS) >= set(decoded(encoded(given))[0])
