"""`qoe-agent watch` as its users run it: exit statuses, the JSON document, JUnit, recordings."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from qoe_agent.sources import replay

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = Path(__file__).parent.parent / "fixtures" / "streams"
DEADLINE = 30.0
KEYS = ["url", "started", "seconds", "verdict", "reasons", "stream", "metrics", "incidents"]
INCIDENT = {"kind", "severity", "start", "end", "seconds", "start_pts", "end_pts", "detail"}


async def start(*arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qoe_agent", "watch", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def watch(*arguments: object) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = await start(*arguments)
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert "Traceback" not in err.decode(), err.decode()
    return process.returncode or 0, out.decode(), err.decode()


def document(out: str) -> dict[str, Any]:
    """The JSON document, which is all there is on standard output."""
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
    assert list(found) == KEYS
    return found


def value(told: dict[str, Any], name: str, **labels: str) -> float | None:
    return next(
        (one["value"] for one in told["metrics"] if one["name"] == name and labels.items() <= one["labels"].items()),
        None,
    )


@pytest.fixture
def closed() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


async def test_a_good_file_is_recorded_and_the_recording_tells_the_same(tmp_path: Path) -> None:
    record, junit = tmp_path / "seen.jsonl.gz", tmp_path / "junit.xml"
    status, out, _ = await watch(STREAMS / "h264.flv", "--json", "--record", record, "--junit", junit)
    told = document(out)
    assert (status, told["verdict"], told["reasons"]) == (0, "good", [])
    truth = json.loads((STREAMS / "h264.flv.truth.json").read_text())
    video, audio = truth["tracks"]
    stream = told["stream"]
    assert [stream[key] for key in ("width", "height", "codec", "pixel_format")] == [
        video[key] for key in ("width", "height", "codec", "pixel_format")
    ]
    assert [stream["audio_codec"], stream["sample_rate"], stream["channels"]] == [
        audio[key] for key in ("codec", "sample_rate", "channels")
    ]
    assert stream["frame_rate"] == pytest.approx(video["frame_rate"], abs=0.1)
    assert value(told, "qoe_packets_total", track="video") == video["packets"]
    assert told["seconds"] == pytest.approx(truth["seconds"], abs=2.0)
    assert {one["kind"] for one in told["incidents"]} <= {"ended"}
    assert all(set(one) == INCIDENT for one in told["incidents"])
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("failures"), suite.findall(".//failure")) == ("0", [])

    assert not any(getattr(seen, "looks", {}) is None for seen in replay.read(record))
    status, out, _ = await watch(record, "--json")
    again = document(out)
    assert (status, again["verdict"]) == (0, "good")
    assert again["stream"] == told["stream"]
    for name in ("qoe_packets_total", "qoe_frames_total", "qoe_join_attempts_total", "qoe_decode_errors_total"):
        assert value(again, name) == value(told, name), name
    assert value(again, "qoe_startup_seconds_sum") == pytest.approx(value(told, "qoe_startup_seconds_sum"), abs=1e-6)


async def test_a_refused_connection_could_not_be_measured(closed: str, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    status, out, errors = await watch(f"rtmp://user:secret@{closed}/live/x?token=abcdef", "--json", "--junit", junit)
    told = document(out)
    assert (status, told["verdict"]) == (2, "failed")
    assert "refused" in told["reasons"][0]
    assert told["stream"] == {}
    assert value(told, "qoe_up") == 0.0
    assert told["seconds"] < 5.0
    failed = [
        case.get("name") for case in ElementTree.parse(junit).iter("testcase") if case.find("failure") is not None
    ]
    assert failed == ["media"]
    for text in (out, errors, junit.read_text()):
        assert "secret" not in text
        assert "abcdef" not in text


async def test_broken_thresholds_are_bad(tmp_path: Path) -> None:
    config = tmp_path / "agent.yml"
    config.write_text(
        f"profiles: {{strict: {{thresholds: {{startup: 1ms}}}}}}\n"
        f"streams: [{{name: show, url: 'file:{STREAMS / 'h264.flv'}', profile: strict}}]\n"
    )
    status, out, _ = await watch("show", "--config", config, "--for", "2s", "--json")
    told = document(out)
    assert (status, told["verdict"]) == (1, "bad")
    assert told["reasons"][0].startswith("startup took")
    assert told["seconds"] == pytest.approx(2.0, abs=1.5)


async def test_interrupted_it_still_tells(tmp_path: Path) -> None:
    record = tmp_path / "seen.jsonl.gz"
    process = await start(STREAMS / "h264.flv", "--json", "--record", record)
    async with asyncio.timeout(DEADLINE):
        while not record.exists():
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert "Traceback" not in err.decode()
    assert document(out.decode())["seconds"] < 6.0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nonsense",), "no media"),
        (("rtmp://127.0.0.1/live/x", "--for", "-3s"), "Error"),
        (("rtmp://127.0.0.1/live/x", "--profile", "none"), "no such profile"),
        (("rtmp://127.0.0.1/live/x", "--config", "/no/such/file"), "/no/such/file"),
        ((STREAMS / "h264.flv", "--record", "/no/such/file"), "/no/such/file"),
        ((STREAMS / "h264.flv", "--record", "/dev/full"), "No space left"),
        ((STREAMS / "h264.flv", "--for", "100ms", "--junit", "/no/such/file"), "/no/such/file"),
        ((STREAMS / "garbage.bin",), "no media"),
    ],
)
async def test_what_makes_no_sense_ends_with_two_and_a_line(arguments: tuple[object, ...], told: str) -> None:
    status, out, errors = await watch(*arguments)
    assert (status, out) == (2, "")
    assert told in errors
