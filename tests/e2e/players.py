"""Real players in a real browser: fetched from the npm registry when a test wants them, never part of this project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.facts import reading
from tests.e2e import servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HLS_JS = ("hls.js", "1.7.4", "package/dist/hls.min.js")
SHAKA = ("shaka-player", "5.2.12", "package/dist/shaka-player.compiled.js")
KEY = "a-public-key-of-players"
PATIENCE = 180
"""Seconds that the registry may take."""

CONFIGURATION = """
web: {{listen: '127.0.0.1:{web}'}}
ingest:
  listen: '127.0.0.1:{port}'
  folder: {home}/facts
  sources:
    - {{name: players, keys: [{key}], origins: ['*']}}
streams:
  - {{name: show, url: 'http://127.0.0.1:9/none', viewers: {{cid: [show]}}}}
"""

START = {
    HLS_JS: """
  const hls = new Hls({cmcd: {version: 2, contentId: 'show', sessionId: SESSION,
    eventTargets: [{url: URL, version: 2, events: ['ps', 't', 'e', 'bc'], interval: 1,
      includeKeys: ['e', 'ts', 'sid', 'cid', 'sn', 'v', 'sta', 'br', 'bs', 'bsd', 'bg', 'ec', 'ltc', 'msd', 'pt',
                    'com.qoe-user', 'com.qoe-arm']}],
    reporterCallback: (reporter) => reporter.updateCustomData({'com.qoe-user': 'u42', 'com.qoe-arm': 'hd'})}});
  hls.loadSource('/hls/show.m3u8'); hls.attachMedia(video);""",
    SHAKA: """
  const player = new shaka.Player(); await player.attach(video);
  player.configure('cmcd', {enabled: true, version: 2, contentId: 'show', sessionId: SESSION, eventTargets: [
    {mode: 'event', enabled: true, useHeaders: false, url: URL, version: 2, events: ['ps', 't', 'e', 'bc'],
     interval: 1, includeKeys: []}]});
  await player.load(location.origin + '/hls/show.m3u8');""",
}  # fmt: skip
"""How each is told to report. hls.js sends keys of ours only where they are among `includeKeys`."""


def library(cache: pytest.Cache, player: tuple[str, str, str]) -> str:
    """The player's script, out of the cache of the tests or the registry; skips where neither is there: npm and its
    registry are none of the servers that the tests install. In CI a registry that answers must have it."""
    name, version, inside = player
    folder = cache.mkdir("players")
    archive = folder / f"{name}-{version}.tgz"
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip(f"needs npm to fetch {name}")
        wanted = f"{name}@{version}"
        if not _runs(folder, npm, "pack", wanted, "--silent") and not _runs(folder, npm, "pack", wanted, "--silent"):
            if os.environ.get("CI") and _runs(folder, npm, "ping", "--fetch-retries=0"):
                pytest.fail(f"the npm registry answers, and {wanted} could not be fetched from it, twice")
            pytest.skip(f"{wanted} could not be fetched from the npm registry")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(inside)
        assert member is not None
        return member.read().decode()


def _runs(folder: Path, *command: str) -> bool:
    """Whether it does what it should, in good time."""
    try:
        return subprocess.run(command, cwd=folder, timeout=PATIENCE, capture_output=True, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def started(player: tuple[str, str, str], port: int, session: str) -> str:
    """JavaScript that makes a <video> play the show and report."""
    script = START[player].replace("SESSION", f"'{session}'")
    script = script.replace("URL", f"'http://127.0.0.1:{port}/in/{KEY}/cmcd'")
    return f"""(async () => {{
  const video = document.createElement('video'); video.muted = true; document.body.append(video);
{script}
  video.play().catch(() => {{}}); return true; }})()"""


@dataclass(frozen=True, slots=True)
class Ingest:
    """A running `qoe-agent ingest`."""

    port: int
    facts: Path

    def events(self) -> list[dict[str, Any]]:
        """All that it has acknowledged, in order of the sessions' counters; what is not known is absent."""
        import pyarrow as pa
        from pyarrow import parquet

        with reading.snapshot(self.facts) as snapshot:
            whole = pa.concat_tables([*map(parquet.read_table, snapshot.files), snapshot.logged],
                                     promote_options="default")  # fmt: skip
        rows = [{name: value for name, value in row.items() if value is not None} for row in whole.to_pylist()]
        return sorted(rows, key=lambda row: (row["session"], row.get("sn", 0)))


@asynccontextmanager
async def ingest(home: Path) -> AsyncIterator[Ingest]:
    """Takes events in from anywhere."""
    home.mkdir(exist_ok=True)
    port, config = servers.free_port(), home / "ingest.yml"
    config.write_text(CONFIGURATION.format(web=servers.free_port(), port=port, home=home, key=KEY))
    log = home / "ingest.log"
    async with servers.running(sys.executable, "-m", "qoe_agent", "ingest", config, log=log) as process:
        await servers.comes(process, lambda: servers.answers(port), "ingest", log)
        yield Ingest(port, home / "facts")
    assert "Traceback" not in log.read_text(), log.read_text()
