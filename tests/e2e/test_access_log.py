"""What a real nginx logs of players' requests by the shipped log format is imported."""

from __future__ import annotations

import json
import os
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app
from tests.e2e import servers

pytestmark = [pytest.mark.e2e, pytest.mark.beside, pytest.mark.usefixtures("servers_needed")]

SHIPPED = Path(__file__).parents[2] / "configs" / "viewers" / "nginx-access-log.conf"
NGINX = """
{user}daemon off; master_process off; pid {home}/nginx.pid; error_log {home}/error.log notice;
events {{ worker_connections 64; }}
http {{
  include {shipped};
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  server {{
    listen 127.0.0.1:{port};
    location / {{ access_log {home}/viewers.log viewers; access_log {home}/combined.log combined; return 204; }}
  }}
}}
"""
HEADERS = {"CMCD-Request": 'bl=4000,ltc=3200,sta=p,com.qoe-user="u1"', "CMCD-Object": "br=(5000)", "CMCD-Status": "bs",
           "CMCD-Session": 'sid="by \\"header\\"",cid="show",v=2'}  # fmt: skip


async def test_the_shipped_log_format_is_imported(tmp_path: Path) -> None:
    port = servers.free_port()
    config = tmp_path / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(home=tmp_path, port=port, shipped=SHIPPED, user=user))
    program = servers._program("nginx") or ""
    async with servers.running(program, "-p", tmp_path, "-c", config, "-e", tmp_path / "error.log",
                               log=tmp_path / "out.log") as process:  # fmt: skip
        await servers.comes(process, lambda: servers.answers(port), "nginx", tmp_path / "out.log")
        async with aiohttp.ClientSession() as client:
            base = f"http://127.0.0.1:{port}/live/show"
            query = {"token": "topsecret", "CMCD": 'br=2800,sid="by-query",cid="a b%,c"'}
            for address, asked, headers in ((f"{base}/1.m4s", query, {}), (f"{base}/2.m4s", {}, HEADERS),
                                            (f"{base}/3.m4s", {}, {})):  # fmt: skip
                async with client.get(address, params=asked, headers=headers) as answer:
                    assert answer.status == 204
    for name, expected in (("viewers.log", 2), ("combined.log", 1)):
        done = CliRunner().invoke(
            app, ["import", "--from", "nginx", str(tmp_path / name), "--out", str(tmp_path / "rows.jsonl")]
        )
        assert done.exit_code == 0, done.output
        text = (tmp_path / "rows.jsonl").read_text()
        rows = [json.loads(each) for each in text.splitlines()]
        assert len(rows) == expected
        assert "127.0.0.1" not in text
        assert "topsecret" not in text
        assert (rows[0]["session"], rows[0]["stream"], rows[0]["bytes_per_second"]) == ("by-query", "a b%,c", 350_000)
        if expected > 1:
            assert (rows[1]["session"], rows[1]["user"], rows[1]["latency_seconds"]) == ('by "header"', "u1", 3.2)
    assert "127.0.0.1" not in (tmp_path / "viewers.log").read_text()
