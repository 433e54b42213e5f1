"""`qoe-agent check --notify`, as its user runs it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from tests.alerts.receivers import Taken, receiver
from tests.e2e.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path


async def check(path: Path, **environ: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qoe_agent", "check", str(path), "--notify",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **environ},
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_every_receiver_gets_a_test_and_what_came_of_it_is_said(tmp_path: Path) -> None:
    def answer(taken: Taken) -> web.Response:
        return web.json_response({"code": 19021} if taken.path.startswith("/feishu") else {"errcode": 0})

    path = tmp_path / "agent.yml"
    async with receiver(answer) as server:
        base = server.base
        path.write_text(f"""
alerts:
  language: zh
  alertmanagers: [{{url: "{base}", name: am}}, {{url: "http://127.0.0.1:{free_port()}", name: down}}]
  webhooks:
    - {{name: oncall, url: "{base}/json", network: private, secret: "${{SECRET}}"}}
    - {{name: chat, url: "{base}/wecom/${{SECRET}}", network: private, format: wecom, minimum_severity: critical}}
    - {{name: lark, url: "{base}/feishu/${{SECRET}}", network: private, format: feishu, secret: "${{SECRET}}"}}
    - {{name: guarded, url: "{base}/${{SECRET}}"}}
""")
        status, out, err = await check(path, SECRET="hunter2")
    assert status == 1
    assert [line.partition(" in ")[0] for line in out.splitlines()] == ["am: taken", "oncall: taken", "chat: taken"]
    assert err.splitlines() == [
        f"{path}: good",
        "down: connection refused",
        "lark: feishu answered code 19021: the signature does not fit, or the clock is an hour off",
        "guarded: its address is not public: if it is meant, set network: private or any",
    ]
    assert "hunter2" not in out + err
    told = {taken.path.split("/")[1]: taken for taken in server.taken}
    assert set(told) == {"api", "json", "wecom", "feishu"}
    assert told["api"].told[0]["labels"] == {"alertname": "QoeTest", "severity": "info"}
    assert told["json"].told["alerts"][0]["kind"] == "test"
    assert "测试消息" in told["wecom"].told["markdown"]["content"]


async def test_all_good_is_nothing_to_complain_of_and_no_receiver_is(tmp_path: Path) -> None:
    path = tmp_path / "agent.yml"
    async with receiver() as server:
        path.write_text(f"alerts: {{webhooks: [{{name: a, url: '{server.base}', network: private}}]}}")
        assert (await check(path))[0] == 0
    path.write_text("streams: []")
    status, _, err = await check(path)
    assert (status, err.splitlines()[-1]) == (1, "alerts: no receivers are configured")


async def test_a_bad_configuration_notifies_nobody(tmp_path: Path) -> None:
    path = tmp_path / "agent.yml"
    async with receiver() as server:
        path.write_text(f"alerts: {{webhooks: [{{name: a, url: '{server.base}', network: privat}}]}}")
        status, _, err = await check(path)
    assert status == 2
    assert 'did you mean "private"?' in err
    assert server.taken == []
