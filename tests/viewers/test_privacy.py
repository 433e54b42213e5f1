"""What is never stored in clear, and what is no reason to leave anything out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qoe_agent.viewers import cmcd, cmcd_events, plain, privacy
from qoe_agent.viewers.events import encoded, event
from qoe_agent.viewers.ingest import callbacks
from qoe_agent.viewers.ingest.playing import Playing
from tests.viewers.made import NOON_MS, RING

ADDRESSES = (
    "203.0.113.5", "203.0.113.5, 10.0.0.1", " 203.0.113.6", "203.0.113.7:555", "[2001:db8::1]:80", "2001:db8::1",
    "fe80::1%eth0", "203.0.113.0/24", "for=203.0.113.5;proto=http", 'for="[2001:db8::1]:80"', "from 203.0.113.5",
    "::ffff:203.0.113.5", "10.0.0.1",
)  # fmt: skip
MAIL = ("somebody@example.org", "Some Body <some.body@mail.example>", "a@b.c", "somebody%40example.org", "u@163.com")
PLAIN_WORDS = (
    "gold", "eu-west-1", "Chrome 120.0.0.0", "120.0.0.0", "Chrome/120.0.6099.224", "Firmware 1.2.3.4", "12:30:45",
    "hls.js@1.5.0", "@home", "Who won? Part 2", "C#", "1.5", "Safari 17.2, macOS 14.2", "16:9", "AT&T", "50%",
)  # fmt: skip


@pytest.mark.parametrize("text", [*ADDRESSES, *MAIL])
def test_addresses_are_known_in_each_form(text: str) -> None:
    assert privacy.telling(text)


@pytest.mark.parametrize("text", PLAIN_WORDS)
def test_other_words_are_no_addresses_and_stay_as_they_are(text: str) -> None:
    assert not privacy.telling(text)
    assert privacy.page(text) == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((each, True) for each in (
            "user", "user_id", "userId", "UserID", "uid", "account", "account-id", "mail", "E-Mail", "email_address",
            "customer_id", "viewer", "client_ip", "X-Forwarded-For", "remote_addr", "session_token", "device_id",
            "member.number", "user_hash", "query_string", "com.example-user-id", "com.example-account",
        )),
        *((each, False) for each in (
            "tier", "user_tier", "account_type", "ip_version", "phone_model", "device", "device_name", "customer",
            "subscriber", "com.user-level", "email_opt_in", "id", "room_id", "name", "scenario", "",
        )),
    ],
)  # fmt: skip
def test_attributes_are_known_by_their_names(name: str, expected: bool) -> None:
    assert privacy.named(name) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("show-1?token=SECRET", "show-1"), ("live/show#SECRET", "live/show"), ("show-1%3Ftoken=SECRET", "show-1"),
        ("show-1&token=SECRET", "show-1"), ("show;jsessionid=SECRET", "show"), ("show-1", "show-1"),
        ("camera #2", "camera #2"), ("camera#2", "camera#2"), ("?token=SECRET", ""),
        ("rtmp://user:SECRET@host/live/show", "rtmp://host/live/show"), ("AT&T", "AT&T"),
    ],
)  # fmt: skip
def test_names_of_streams_lose_what_follows_them(given: str, expected: str) -> None:
    assert privacy.bare(given) == expected


@pytest.mark.parametrize("stream", ["show-1?token=SECRET", "show-1#SECRET", "https://u:SECRET@a.example/x?SECRET"])
def test_no_way_in_keeps_a_query_of_a_stream(stream: str) -> None:
    body = json.dumps({"kind": "join", "session": "s", "at": NOON_MS / 1000, "stream": stream})
    found = list(plain.read(json.loads(body), "web", NOON_MS, RING)[0])
    reading = cmcd.from_body(f'sid="s",cid="{stream}",e=ps,sta=p,v=2,ts={NOON_MS}'.encode(), cmcd.Limits())
    found += [event(cmcd_events.said(each, NOON_MS) or {}, "web", "m", NOON_MS, RING) for each in reading.records]
    hooks = {"action": "on_play", "server_id": "v", "client_id": "c", "app": f"live?{stream}", "stream": stream}
    said = callbacks.srs(json.dumps(hooks).encode(), Playing(), NOON_MS)
    said += callbacks.mediamtx(json.dumps({"event": "read", "path": stream, "id": "i"}).encode(), False, Playing(), 0)
    found += [event(each, "edge", "m", NOON_MS, RING) for each in said]
    assert len(found) == 4
    assert all(each.stream for each in found)
    assert b"SECRET" not in encoded(found)


@pytest.mark.parametrize("text", [*ADDRESSES, *MAIL])
@pytest.mark.parametrize("key", ["region", "device", "network", "arm", "rendition", "message", "experiment"])
def test_an_address_in_a_field_is_refused_and_the_field_is_named(key: str, text: str) -> None:
    events, faults = plain.read({"kind": "join", "session": "s", "at": NOON_MS / 1000, key: text}, "web", 0, RING)
    assert not events
    assert str(faults[0]) == f"event 0: {key}: must not say who somebody is: addresses and the like are not stored"


@pytest.mark.parametrize(
    "attributes",
    [
        *({"x": text} for text in (*ADDRESSES, *MAIL)),
        {"user_id": "u42"},
        {"accountId": 17.0},
        {"mail": "x"},
        {"a@b.example": 1.0},
    ],
)
def test_attributes_that_tell_who_somebody_is_are_refused(attributes: dict[str, Any]) -> None:
    said = {"kind": "join", "session": "s", "at": NOON_MS / 1000, "attributes": attributes}
    events, faults = plain.read(said, "web", 0, RING)
    assert not events
    assert faults[0].key == "attributes"


def test_an_error_is_stored_without_an_address_and_its_event_all_the_same() -> None:
    said = {"kind": "leave", "session": "s", "at": NOON_MS / 1000, "error": "connect 203.0.113.5:80 failed"}
    (found,), _ = plain.read(said, "web", 0, RING)
    assert found.error is None
    (found,), _ = plain.read({**said, "error": "https://a.example/x.m3u8?token=SECRET"}, "web", 0, RING)
    assert found.error == "https://a.example/x.m3u8"


def test_pages_among_attributes_lose_their_query_and_flags_may_be_of_users() -> None:
    given = {"page": "/watch?email=a@b.c", "other": "watch?v=1", "title": "Who won? Part 2", "new_user": True}
    (found,), _ = plain.read({"kind": "join", "session": "s", "at": NOON_MS / 1000, "attributes": given}, "w", 0, RING)
    assert found.attributes == {"page": "/watch", "other": "watch", "title": "Who won? Part 2", "new_user": "true"}


@pytest.mark.parametrize("address", ["203.0.113.5", "203.0.113.5:1234", "2001:db8::1", "somebody@example.org"])
def test_a_session_that_is_called_by_an_address_is_known_by_a_keyed_hash(address: str) -> None:
    said = {"kind": "join", "session": address, "at": NOON_MS / 1000}
    (found,), _ = plain.read(said, "web", 0, RING)
    (again,), _ = plain.read({**said, "kind": "leave"}, "web", 0, RING)
    assert address.encode() not in encoded([found])
    assert found.session == again.session
    (other,), _ = plain.read({**said, "session": f"1{address}"}, "web", 0, RING)
    assert other.session != found.session
    (usual,), _ = plain.read({**said, "session": "6f1c"}, "web", 0, RING)
    assert usual.session == "6f1c"


@pytest.mark.parametrize(
    "custom",
    ["com.example-user_id", "com.example-user-id", "com.example-account", "com.example-mail", "com.other-user"],
)
def test_custom_keys_of_players_that_name_a_user_are_left_out(custom: str) -> None:
    body = (
        f'sid="s",v=2,e=ps,ts={NOON_MS},{custom}="u42",com.example-tier="gold",com.qoe-region="203.0.113.5, 10.0.0.1"'
    )
    (record,) = cmcd.from_body(body.encode(), cmcd.Limits()).records
    found = cmcd_events.said(record, NOON_MS)
    assert found
    assert found["attributes"] == {"com.example-tier": "gold"}
    assert "region" not in found


def test_arguments_of_play_addresses_are_looked_at_too() -> None:
    hooks = {"action": "on_play", "server_id": "v", "client_id": "c", "app": "live", "stream": "s",
             "param": "?region=203.0.113.5&device=tv&arm=a@b.example&session=203.0.113.9"}  # fmt: skip
    (said,) = callbacks.srs(json.dumps(hooks).encode(), Playing(), NOON_MS)
    found = event(said, "edge", "srs", NOON_MS, RING)
    assert (found.device, found.region, found.arm) == ("tv", None, None)
    assert b"203.0.113" not in encoded([found])
