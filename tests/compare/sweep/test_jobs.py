"""Plans become jobs: each encode once, under a key that tells it from every other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qoe_agent.compare.media import inspect
from qoe_agent.compare.sweep import jobs

from .clips import plan, reference

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.compare.shapes import Media


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return inspect(str(reference(tmp_path_factory.mktemp("clips"))))


def made(media: Media, tmp_path: Path, text: str) -> tuple[jobs.Job, ...]:
    return jobs.jobs(plan(text, tmp_path / "reference.mkv"), [media])


def test_every_preset_meets_every_resolution_and_rate(media: Media, tmp_path: Path) -> None:
    found = made(media, tmp_path, "encodes: [{encoder: x264, presets: [fast, slow], crf: [20, 30], abr: [1M]}]\n"
                                  "resolutions: [source, 80x46]")  # fmt: skip
    assert [job.title for job in found][:4] == [
        "x264 fast 160x90 crf 20", "x264 fast 160x90 crf 30", "x264 fast abr 160x90 abr 1000k",
        "x264 fast 80x46 crf 20",
    ]  # fmt: skip
    assert len(found) == 12
    assert len({job.key("9") for job in found}) == 12


def test_the_same_encode_is_made_once(media: Media, tmp_path: Path) -> None:
    found = made(media, tmp_path, "encodes: [{encoder: x264, crf: [20, 20]}]\nresolutions: [source, 160x90]")
    assert len(found) == 1


def test_a_key_changes_with_all_that_changes_an_encode(media: Media, tmp_path: Path) -> None:
    (job,) = made(media, tmp_path, "encodes: [{encoder: x264, crf: [20]}]")
    other = replace(job.rate, value=21.0)
    changed = [replace(job, digest="0"), replace(job, rate=other), replace(job, threads=1), replace(job, preset="slow"),
               replace(job, gop=replace(job.gop, frames=7)), replace(job, scaled=True), replace(job, passes=2),
               replace(job, pixel_format="yuv420p10le"), replace(job, options={"tune": "film"})]  # fmt: skip
    keys = {job.key("9"), job.key("10"), *(each.key("9") for each in changed)}
    assert len(keys) == len(changed) + 2
    assert job.key("9") == replace(job, repeats=5, name="ours", reference="/moved.mkv").key("9")


@pytest.mark.parametrize(
    ("caps", "maxrate", "bufsize"),
    [
        ("maxrate: 3M", 3_000_000, 6_000_000),
        ("maxrate: 1.5x", 1_500_000, 3_000_000),
        ("maxrate: 1.5x, bufsize: 1s", 1_500_000, 1_500_000),
        ("maxrate: 3M, bufsize: 4M", 3_000_000, 4_000_000),
        ("bufsize: 4M", None, None),
    ],
)
def test_caps_follow_the_rate(media: Media, tmp_path: Path, caps: str, maxrate: int, bufsize: int) -> None:
    (job,) = made(media, tmp_path, f"encodes: [{{encoder: x264, abr: [1M], {caps}}}]")
    assert (job.rate.maxrate, job.rate.bufsize) == (maxrate, bufsize)


def test_key_frames_are_two_seconds_apart_and_closed_where_nothing_else_is_said(media: Media, tmp_path: Path) -> None:
    (job,) = made(media, tmp_path, "encodes: [{encoder: x264, crf: [20]}]")
    told = " ".join(job.command())
    assert "-g 20 -keyint_min 20 -sc_threshold 0 -flags +cgop" in told
    (job,) = made(media, tmp_path, "encodes: [{encoder: x265, crf: [20]}]")
    assert "scenecut=0:keyint=20:open-gop=0:min-keyint=20" in " ".join(job.command())
    (job,) = made(media, tmp_path, "encodes: [{encoder: x264, crf: [20]}]\ngop: auto\nscene_cuts: true")
    assert "-g" not in job.command()


def test_private_parameters_from_all_sides_come_in_one_option(media: Media, tmp_path: Path) -> None:
    (job,) = made(media, tmp_path, "encodes: [{encoder: x265, crf: [20], options: {x265-params: 'aq-mode=3'}}]")
    told = job.command()
    assert told.count("-x265-params") == 1
    assert told[told.index("-x265-params") + 1].endswith("log-level=warning:aq-mode=3")
