"""One POST, and what is made of every way in which it can fail."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from qoe_agent.alerts.post import Outcome, Poster
from qoe_agent.config import Webhook
from tests.alerts.receivers import Receiver, Taken, receiver
from tests.e2e.servers import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


async def attempt(url: str, form: str = "json", **options: Any) -> Outcome:
    options = {"network": "private", "timeout": 5.0, **options}
    poster = Poster(Webhook(name="w", url=url, **options), form)
    try:
        return await poster.post(url, b'{"a":1}', {"webhook-id": "m"})
    finally:
        await poster.close()


def says(status: int, text: str = "", **headers: str) -> Callable[[Taken], web.Response]:
    return lambda taken: web.Response(status=status, text=text, headers=headers)


async def test_it_arrives_with_the_headers_that_were_asked_for(server: Receiver) -> None:
    assert await attempt(f"{server.base}/x?k=v", headers={"Authorization": "Bearer t"}) == Outcome()
    (taken,) = server.taken
    assert (taken.path, taken.body) == ("/x?k=v", b'{"a":1}')
    assert taken.headers["Authorization"] == "Bearer t"
    assert taken.headers["Content-Type"] == "application/json; charset=utf-8"
    assert taken.headers["webhook-id"] == "m"
    assert taken.headers["User-Agent"].startswith("qoe-agent/")


@pytest.mark.parametrize(
    ("status", "again", "wait"), [(500, True, None), (503, True, 7.0), (429, True, 7.0), (404, False, None)]
)
async def test_what_may_help_later_is_tried_again(
    server: Receiver, status: int, again: bool, wait: float | None
) -> None:
    server.answer = says(status, **({"Retry-After": "7"} if wait else {}))
    made = await attempt(server.base)
    assert made == Outcome(f"answered {status}", again, wait)


async def test_a_receiver_cannot_ask_for_patience_without_end(server: Receiver) -> None:
    server.answer = says(429, **{"Retry-After": "99999999"})
    assert (await attempt(server.base)).wait == 300.0


async def test_redirects_are_not_followed(server: Receiver) -> None:
    async with receiver() as other:
        server.answer = says(302, Location=f"{other.base}/secret")
        assert await attempt(server.base) == Outcome("answered 302: redirects are not followed")
        assert other.taken == []


@pytest.mark.parametrize(
    ("form", "status", "body", "outcome"),
    [
        ("feishu", 200, {"code": 0, "msg": "success"}, Outcome()),
        ("feishu", 200, {"StatusCode": 0}, Outcome()),
        ("feishu", 200, {"code": 19021}, Outcome(
            "feishu answered code 19021: the signature does not fit, or the clock is an hour off")),
        ("feishu", 400, {"code": 9499}, Outcome("feishu answered code 9499")),
        ("feishu", 400, {"code": 11232}, Outcome("feishu answered code 11232", again=True)),
        ("dingtalk", 200, {"errcode": 0, "errmsg": "ok"}, Outcome()),
        ("dingtalk", 200, {"errcode": 130101}, Outcome("dingtalk answered code 130101", again=True)),
        ("wecom", 200, {"errcode": 45009}, Outcome("wecom answered code 45009", again=True)),
        ("wecom", 200, {"errcode": 93000}, Outcome("wecom answered code 93000: the robot's address is not valid")),
        ("wecom", 200, "<html>log in</html>", Outcome("answered 200, and not as wecom does", again=True)),
        ("slack", 200, "ok", Outcome()),
        ("slack", 404, "no_service", Outcome("answered 404: no_service")),
        ("slack", 403, "<b>token=abcdef</b>", Outcome("answered 403")),
    ],
)  # fmt: skip
async def test_what_chats_answer(server: Receiver, form: str, status: int, body: Any, outcome: Outcome) -> None:
    server.answer = says(status, body if isinstance(body, str) else json.dumps(body))
    assert await attempt(server.base, form) == outcome


async def test_an_answer_that_does_not_come_has_a_deadline(server: Receiver) -> None:
    async def never(taken: Taken) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    server.answer = never
    assert await attempt(server.base, timeout=0.05) == Outcome("no answer within 0.05 s", again=True)


async def test_nobody_there_and_no_such_name() -> None:
    url = f"http://127.0.0.1:{free_port()}/hook/topsecret"
    assert await attempt(url) == Outcome("connection refused", again=True)
    assert await attempt("http://nowhere.invalid/topsecret") == Outcome("the host name has no address", again=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_of_this_machine_is_refused_unless_it_is_meant(server: Receiver, host: str) -> None:
    url = server.base.replace("127.0.0.1", host)
    made = await attempt(url, network="public")
    assert made == Outcome("its address is not public: if it is meant, set network: private or any")
    assert server.taken == []
    assert await attempt(url) == Outcome()


async def test_something_that_is_not_http() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        await reader.read(1000)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made = await attempt(f"http://127.0.0.1:{port}/topsecret")
    server.close()
    await server.wait_closed()
    assert made.again
    assert "topsecret" not in made.error
    assert "the exchange failed" in made.error
