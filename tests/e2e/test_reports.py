"""Reports as pages in a real browser, made by the real command: for everybody, at every width, light and dark."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from qoe_agent.report import compare_page, exits_page, lift_page
from tests.compare import compared_made
from tests.compare.test_reports import CROPS
from tests.e2e.browser import browse
from tests.viewers import exits_made, lift_made

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.browser import Page as Browser

pytest.importorskip("ibis", reason="needs the extra viewers")
pytestmark = [pytest.mark.e2e, pytest.mark.beside]

AXE = resources.files("axe_core_python").joinpath("axe.min.js").read_text()
"""Deque's checks of accessibility."""
BROKEN = "axe.run(document).then(found => JSON.stringify([found.passes.length, found.violations.map(each => each.id)]))"
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT = """JSON.stringify([...document.querySelectorAll('{}')].filter(each => each.offsetParent)
    .map(each => each.scrollWidth - each.closest('.wide').clientWidth).filter(each => each > 1))"""
"""Pixels by which tables are wider than what they scroll in."""
MANY = 3_000
BEGAN = 1_795_291_200


def sessions(path: Path) -> Path:
    """Users of two weeks, of whom those of `hd` watch a quarter longer."""
    lines = ["session,user,arm,watch_seconds,start,device,height"]
    for number in range(MANY):
        arm = "hd" if number % 2 else "sd"
        length = -900 * math.log(1 - ((number * 7919) % MANY + 0.5) / MANY) * (1.25 if arm == "hd" else 1.0)
        start = BEGAN + (number * 104_729) % (14 * 86_400)
        lines.append(f"s{number},u{number},{arm},{length:.3f},{start},{'tv' if number % 3 else '<b>phone'},"
                     f"{1080 if arm == 'hd' else 480}")  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def real(servers_needed: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the real command."""
    folder = tmp_path_factory.mktemp("lift")
    page = folder / "lift.html"
    command = [sys.executable, "-m", "qoe_agent", "lift", sessions(folder / "sessions.csv"), "--user", "user", "--arm",
               "arm", "--watch", "watch_seconds", "--control", "sd", "--time", "start", "--window", "1d",
               "--planned-users", MANY, "--segment", "device", "--html", page, "--quiet",
               "--smallest-effect", 0.2]  # fmt: skip
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "hd arm watched " in ran.stdout
    return page


async def test_pages_of_reports_are_for_everybody(real: Path, tmp_path: Path) -> None:
    pages = {"command": real}
    for name, text in (
        ("lift", lift_page.page(lift_made.lift())), ("observed", lift_page.page(lift_made.observed())),
        ("exits", exits_page.page(exits_made.exits())),
        ("compare", compare_page.page(compared_made.compared(), CROPS)),
    ):  # fmt: skip
        pages[name] = tmp_path / f"{name}.html"
        pages[name].write_text(text, "utf-8")
    async with browse("about:blank#first", 390, 844) as page:
        await page.ask("Log.enable")
        for name, path in pages.items():
            await page.ask(
                "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True
            )
            await page.run("window.former = true")
            await page.ask("Page.navigate", url=path.as_uri())
            await page.until("!window.former && document.readyState == 'complete'")
            if name == "command":
                await shown(page)
            else:
                await accessible(page, name)
            assert await page.run(BEYOND) == 0, f"{name} is wider than a telephone"
            assert await page.run(CUT.format(".told")) == "[]", f"{name}: a table is cut on a telephone"
            await page.ask(
                "Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False
            )
            assert await page.run(CUT.format(".told")) == "[]", f"{name}: a table is cut at 1280 pixels"
        assert page.said == []


async def accessible(page: Browser, name: str) -> None:
    await page.run(AXE + "; document.querySelectorAll('details').forEach(each => each.open = true)")
    for mode in ("light", "dark"):
        await page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])
        passed, broken = json.loads(await page.run(BROKEN))
        assert passed > 10
        assert broken == [], f"{name}, {mode}"


async def shown(page: Browser) -> None:
    """What the command found."""
    assert (await page.run("document.querySelector('.first').textContent")).startswith("Better. hd arm watched ")
    found = json.loads(await page.run("document.querySelector('pre').textContent"))
    first = found["estimates"][0]
    assert first["always_valid"]["low"] < first["low"] < 0.25 < first["high"] < first["always_valid"]["high"]
    assert len(found["over_time"]) > 5
    titles = await page.run("[...document.querySelectorAll('h2')].map(each => each.textContent)")
    assert titles[:3] == ["Design", "Checks", "What the arms differ in"]
    assert {"Who still watches", "Lift over time", "By segment", "What the longest sessions hold"} <= set(titles)
    for label in ("Share still watching", "Lift over time"):
        box = json.loads(await page.run(
            f"JSON.stringify(document.querySelector('svg[aria-label^=\"{label}\"] path').getBoundingClientRect())"
        ))  # fmt: skip
        assert box["width"] > 300
        assert box["height"] > 5
