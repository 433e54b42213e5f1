"""Servers for the end-to-end tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e import servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def servers_needed() -> None:
    """Skips where the servers are not installed; in CI that is a failure."""
    lacking = servers.missing()
    if lacking and os.environ.get("CI"):
        pytest.fail(f"end-to-end tests need {', '.join(lacking)}")
    if lacking:
        pytest.skip(
            f"end-to-end tests need {', '.join(lacking)}: install nginx libnginx-mod-rtmp ffmpeg prometheus "
            "prometheus-alertmanager chromium"
        )


@pytest.fixture
async def nginx(servers_needed: None, tmp_path: Path) -> AsyncIterator[servers.Nginx]:
    """nginx with RTMP and HLS of one-second fragments."""
    async with servers.nginx(tmp_path / "nginx") as server:
        yield server
