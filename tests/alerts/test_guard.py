"""Where notifications may go."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.alerts import guard
from qoe_agent.alerts.guard import Forbidden, Guard

if TYPE_CHECKING:
    from qoe_agent.config.alerting import Network

ADDRESSES = {
    "93.184.216.34": "public", "2606:2800:220:1::1": "public", "64:ff9b::5db8:d822": "public",
    "127.0.0.1": "private", "10.1.2.3": "private", "172.16.0.1": "private", "192.168.1.1": "private",
    "100.64.0.1": "private", "::1": "private", "fd00::1": "private", "::ffff:10.0.0.1": "private",
    "64:ff9b::7f00:1": "private", "2002:7f00:1::": "private",
    "169.254.169.254": "other", "fe80::1": "other", "::ffff:169.254.169.254": "other", "0.0.0.0": "other",
    "::": "other", "224.0.0.1": "other", "ff02::1": "other", "255.255.255.255": "other", "240.0.0.1": "other",
    "fd00:ec2::254": "other", "100.100.100.200": "other", "168.63.129.16": "other",
    "64:ff9b::a9fe:a9fe": "other", "2002:a9fe:a9fe::": "other",
}  # fmt: skip


@pytest.mark.parametrize(("address", "kind"), ADDRESSES.items())
def test_addresses(address: str, kind: str) -> None:
    assert guard.allowed(address, "public") == (kind == "public")
    assert guard.allowed(address, "private") == (kind in ("public", "private"))
    assert guard.allowed(address, "any")


def test_what_is_no_address_is_not_allowed() -> None:
    assert not guard.allowed("nonsense", "any")
    assert guard.allowed("fe80::1%eth0", "any")


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Whatever is asked for stands for these."""

    async def resolved(host: str, port: int, **more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)


async def test_only_what_is_allowed_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "10.0.0.1", "93.184.216.34", "169.254.169.254")
    found = await Guard("public").resolve("h.example", 443)
    assert [(each["host"], each["port"]) for each in found] == [("93.184.216.34", 443)]


@pytest.mark.parametrize(("network", "wider"), [("public", "private or any"), ("private", "any")])
async def test_a_name_of_a_metadata_service_is_refused_and_the_way_out_is_said(
    network: Network, wider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "169.254.169.254")
    with pytest.raises(Forbidden, match=f"set network: {wider}"):
        await Guard(network).resolve("metadata.example", 80)


@pytest.mark.parametrize("host", ["169.254.169.254", "::1", "127.0.0.1"])
def test_an_address_itself_is_checked_as_well(host: str) -> None:
    with pytest.raises(Forbidden):
        Guard("public").literal(host)
    Guard("any").literal(host)
    Guard("public").literal("h.example")


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433"])
async def test_odd_spellings_of_loopback_are_seen_through(host: str) -> None:
    Guard("public").literal(host)  # no address as it stands: it is resolved
    with pytest.raises(Forbidden):
        await Guard("public").resolve(host, 80)
