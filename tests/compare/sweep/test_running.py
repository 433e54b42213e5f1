"""Jobs are done once, kept, taken up again, and told when they fail. Scores are made up where nothing hangs on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Step, Unfit
from qoe_agent.compare.sweep import jobs, working
from qoe_agent.compare.sweep.kept import Folder
from qoe_agent.compare.sweep.running import Runner
from qoe_agent.compare.sweep.working import How

from .clips import ffmpeg, plan, reference

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.compare.sweep.jobs import Job
    from qoe_agent.compare.sweep.kept import Result

KILLED = """
import os, sys
from qoe_agent.compare.sweep.kept import Folder
with Folder(sys.argv[1]).work():
    os.kill(os.getpid(), 9)
"""
CRFS = "encodes: [{encoder: x264, presets: [ultrafast], crf: [30, 40]}]\n"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return reference(tmp_path, frames=10, size="64x64")


@pytest.fixture
def encodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of the jobs that were encoded; scores are not what these tests are about."""
    made: list[str] = []
    real = working.encoded

    def encoded(job: Job, *rest: object) -> Result:
        made.append(job.title)
        return real(job, *rest)  # type: ignore[arg-type]

    def scored(result: Result, how: How, *_: object) -> Result:
        return replace(result, scores={"vmaf[v1]": {"mean": 90.0, "min_1s": 80.0}}, scored=how.scored)

    monkeypatch.setattr(working, "encoded", encoded)
    monkeypatch.setattr(working, "scored", scored)
    return made


def runner(clip: Path, models: tuple[str, ...] = ("v1",), **more: object) -> Runner:
    media = inspect(str(clip))
    from qoe_agent.compare import ffmpeg as programs

    how = How(ffmpeg(), programs.program(ffmpeg()).version, models, ())
    folder = Folder(str(clip.parent / "results"))
    return Runner(folder, how, {media.digest: media}, {media.digest: "clip"}, lambda _: None, **more)  # type: ignore[arg-type]


def planned(clip: Path, text: str = CRFS) -> tuple[Job, ...]:
    return jobs.jobs(plan(text, clip), [inspect(str(clip))])


def files(clip: Path) -> tuple[int, int]:
    """Results and encodes that are kept, and whatever lies beside them."""
    results = clip.parent / "results"
    return len(list((results / "jobs").iterdir())), len(list((results / "encoded").iterdir()))


def test_a_second_run_makes_nothing_and_knows_everything(clip: Path, encodes: list[str]) -> None:
    first = runner(clip)
    first.run(planned(clip))
    assert len(encodes) == 2
    assert files(clip) == (2, 0)
    second = runner(clip)
    second.run(planned(clip))
    assert len(encodes) == 2
    kept = {key: replace(one, encoded=replace(one.encoded, kept=False)) for key, one in second.results.items()}
    assert kept == first.results
    assert all(one.encoded.kept for one in second.results.values())


def test_a_changed_plan_makes_only_what_is_new(clip: Path, encodes: list[str]) -> None:
    runner(clip).run(planned(clip))
    more = CRFS.replace("[30, 40]", "[30, 35, 40]")
    renamed = more.replace("encoder: x264", "encoder: x264, name: ours")
    again = runner(clip)
    again.run(planned(clip, renamed))
    assert encodes[2:] == ["ours ultrafast 64x64 crf 35"]
    assert {one.encoded.setting.label for one in again.results.values()} == {"ours ultrafast"}


def test_more_repeats_are_made_anew(clip: Path, encodes: list[str]) -> None:
    runner(clip).run(planned(clip))
    again = runner(clip)
    again.run(planned(clip, f"{CRFS}repeats: 2"))
    assert len(encodes) == 4
    runner(clip).run(planned(clip))
    assert len(encodes) == 4, "more repeats than asked for do"


def test_kept_encodes_are_scored_by_another_model_without_encoding(clip: Path, encodes: list[str]) -> None:
    runner(clip, keep=True).run(planned(clip))
    assert files(clip) == (2, 2)
    runner(clip, ("neg",), keep=True).run(planned(clip))
    assert len(encodes) == 2


def test_an_interrupted_run_goes_on_where_it_was(
    clip: Path, encodes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored, real = list[str](), working.scored

    def interrupted(result: Result, *rest: object) -> Result:
        if scored:
            raise KeyboardInterrupt
        scored.append(result.encoded.key)
        return real(result, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "scored", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner(clip).run(planned(clip))
    assert files(clip) == (2, 1), "what is encoded waits for its scores"
    monkeypatch.setattr(working, "scored", real)
    again = runner(clip)
    again.run(planned(clip))
    assert len(encodes) == 2
    assert len(again.results) == 2
    assert files(clip) == (2, 0)


def test_an_interrupted_encode_leaves_nothing(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heard(step: Step) -> None:
        if step.done:
            raise KeyboardInterrupt

    work = runner(clip)
    work.heard = heard
    with pytest.raises(KeyboardInterrupt):
        work.run(planned(clip))
    assert files(clip) == (0, 0)


def test_a_job_that_fails_is_told_and_does_not_end_the_others(clip: Path, encodes: list[str]) -> None:
    bad = "{encoder: x264, presets: [fast], crf: [30], options: {no-such-option: 1}}"
    work = runner(clip)
    work.run(planned(clip, CRFS.replace("[{", f"[{bad}, {{")))
    (failure,) = work.failures.values()
    assert failure.title == "x264 fast 64x64 crf 30"
    assert "no-such-option" in failure.reason
    assert len(work.results) == 2


def test_an_encoder_that_is_not_here_is_left_out_and_not_counted_as_failed(clip: Path, encodes: list[str]) -> None:
    work = runner(clip)
    work.run(planned(clip, CRFS.replace("[{", "[{encoder: h264_videotoolbox, abr: [1M, 2M]}, {")))
    assert work.failures == {}
    assert work.absent == {("h264_videotoolbox", "Unknown encoder 'h264_videotoolbox'"): 2}
    assert len(work.results) == 2


def test_what_cannot_be_read_of_a_folder_is_made_again(clip: Path, encodes: list[str]) -> None:
    runner(clip).run(planned(clip))
    torn, strange = sorted((clip.parent / "results" / "jobs").iterdir())
    torn.write_text(torn.read_text()[:100])
    strange.write_text(json.dumps({**json.loads(strange.read_text()), "form": 0}))
    runner(clip).run(planned(clip))
    assert len(encodes) == 4


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unfit, match="--results"):
        Folder(str(tmp_path / "file"))


def test_an_encode_lies_on_its_reference_frame_by_frame_or_is_refused(tmp_path: Path) -> None:
    whole = inspect(str(reference(tmp_path, frames=10)))
    short = inspect(str(reference(tmp_path, frames=9, name="short.mkv")))
    laid = working.laid(whole, whole)
    assert (laid.method, laid.pairs, laid.offset_frames) == ("timestamps", 10, 0)
    with pytest.raises(Unfit, match="has 9 frames where its reference has 10"):
        working.laid(whole, short)
    late = replace(whole, video=replace(whole.video, times=whole.video.times * 1.2))
    with pytest.raises(Unfit, match="frame 3 of the encode is not shown when that of its reference is"):
        working.laid(whole, late)


def test_work_of_a_killed_run_is_deleted_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=60)
    (left,) = tmp_path.glob("encoded/.work-*")
    with Folder(str(tmp_path)).work() as mine:
        assert not left.exists()
        Folder(str(tmp_path))
        assert os.path.isdir(mine)
    assert not list(tmp_path.glob("encoded/.work-*"))
