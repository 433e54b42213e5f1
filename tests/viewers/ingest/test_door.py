"""Who may send, and how much."""

from __future__ import annotations

from typing import Any

import pytest

from qoe_agent.config import Ingest, Source
from qoe_agent.viewers.ingest import door as doors
from qoe_agent.viewers.ingest.door import Door, admits, shared

OLD, NEW = "pk-old-0123456789", "pk-new-0123456789"


def door(former: Door | None = None, proxies: tuple[str, ...] = (), per_address: float | None = None,
         **more: Any) -> tuple[Door, Source]:  # fmt: skip
    source = Source(name="web", keys=(NEW,), revoked=(OLD,), **more)
    return Door(Ingest(sources=(source,), trusted_proxies=proxies, address_rate=per_address), former), source


def test_a_key_opens_its_source_a_revoked_one_says_so_and_others_open_nothing() -> None:
    made, source = door()
    assert made.entry(NEW) == (source, False)
    assert made.entry(OLD) == (source, True)
    assert made.entry("x") is None


def test_a_source_may_send_its_rate_and_bursts_of_ten_seconds() -> None:
    made, source = door(rate=10.0)
    assert made.source_wait(source, 0.0) == 0.0
    made.came(source, 100, 0.0)
    assert made.source_wait(source, 0.0) == pytest.approx(0.1)
    assert made.source_wait(source, 0.2) == 0.0


def test_a_large_body_is_paid_for_afterwards() -> None:
    made, source = door(rate=10.0)
    made.source_wait(source, 0.0)
    made.came(source, 1000, 0.0)
    assert made.source_wait(source, 0.0) == pytest.approx(90.1)


def test_a_reload_forgives_no_rate() -> None:
    made, source = door(rate=10.0)
    made.came(source, 200, 0.0)
    again, source = door(former=made, rate=10.0)
    assert again.source_wait(source, 0.0) > 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("9.9.9.9", "1.1.1.1", "9.9.9.9"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "garbage", "garbage"),
        ("::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "1.1.1.1, ::ffff:10.0.0.2", "1.1.1.1"),
    ],
)
def test_only_trusted_proxies_say_who_is_behind_them(peer: str, forwarded: str | None, client: str) -> None:
    assert door(proxies=("10.0.0.0/8",))[0].client(peer, forwarded) == client


def test_each_address_has_a_rate_of_its_own_and_a_customers_network_counts_as_one() -> None:
    made, _ = door(per_address=0.1)
    assert made.address_wait("1.1.1.1", None, 0.0) == 0.0
    assert made.address_wait("1.1.1.1", None, 0.0) > 0
    assert made.address_wait("1.1.1.2", None, 0.0) == 0.0
    assert made.address_wait("2001:db8::1", None, 0.0) == 0.0
    assert made.address_wait("2001:db8::2", None, 0.0) > 0


def test_a_listener_for_both_protocols_does_not_take_all_of_ipv4_for_one_customer() -> None:
    made, _ = door(per_address=0.1)
    assert made.address_wait("::ffff:1.1.1.1", None, 0.0) == 0.0
    assert made.address_wait("::ffff:1.1.1.2", None, 0.0) == 0.0
    assert made.address_wait("1.1.1.1", None, 0.0) > 0


def test_a_trusted_proxy_says_where_the_viewer_is_also_where_its_address_is_mapped() -> None:
    options = Ingest(sources=(), trusted_proxies=("10.0.0.0/8",), region_header="CF-IPCountry")
    assert Door(options).region("::ffff:10.0.0.1", {"CF-IPCountry": "DE"}) == "DE"
    assert Door(options).region("::ffff:9.9.9.9", {"CF-IPCountry": "DE"}) is None
    assert Door(options).region("10.0.0.1", {"CF-IPCountry": "203.0.113.5, 10.0.0.1"}) is None


def test_addresses_without_end_are_forgotten_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "ADDRESSES", 10)
    made, _ = door(per_address=0.1)
    for each in range(12):
        made.address_wait(f"1.1.1.{each}", None, 0.0)
    assert made.address_wait("1.1.1.11", None, 0.0) > 0
    assert made.address_wait("1.1.1.0", None, 0.0) == 0.0


def test_pages_of_other_sites_may_not_send_but_whoever_is_no_page_may() -> None:
    _, source = door(origins=("https://a.example",))
    assert admits(source, None)
    assert admits(source, "https://A.example")
    assert not admits(source, "https://b.example")
    assert not admits(source, "null")
    assert admits(door(origins=("*",))[1], "https://b.example")
    assert not admits(door()[1], "https://a.example")


def test_a_share_of_sessions_is_the_same_sessions_each_time() -> None:
    _, source = door(share=0.25)
    chosen = {each for each in range(4000) if shared(source, f"s{each}")}
    assert 880 < len(chosen) < 1120
    assert chosen == {each for each in range(4000) if shared(source, f"s{each}")}
    assert shared(door()[1], "s0")
