"""Offline comparisons from files to a verdict, and the command around them."""

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app
from qoe_agent.compare import align, offline, scoring
from qoe_agent.compare.offline import Asked, called, compare, together
from qoe_agent.compare.progress import Progress, Stopped
from qoe_agent.compare.shapes import Step, Unfit
from qoe_agent.report import compare_json
from tests.compare import spoken
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from click.testing import Result

SCHEMA = json.loads((Path(__file__).parents[2] / "configs" / "compare.schema.json").read_text())
SCENES, FRAMES = 7, 84
SHOWN = spoken.pictures(FRAMES, SCENES)
SPEECH = spoken.speech(FRAMES / spoken.FPS)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    spoken.write(folder / "reference.mp4", SHOWN, SPEECH, crf=4)
    spoken.write(folder / "fine.mp4", SHOWN, spoken.late(SPEECH, 0.08), crf=22)
    spoken.write(folder / "coarse.mp4", SHOWN, SPEECH, crf=34)
    spoken.write(folder / "other.mp4", spoken.pictures(FRAMES, SCENES, seed=7), None)
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


def asked(clips: Path, kept: str | None, *tests: str, **more: Any) -> Asked:
    return Asked(str(clips / "reference.mp4"), tuple(str(clips / each) for each in tests), cache=kept, **more)


def command(clips: Path, kept: str, *words: str) -> Result:
    here = Path.cwd()
    os.chdir(clips)
    try:
        return CliRunner().invoke(app, ["compare", "reference.mp4", *words, "--cache", kept, "--quiet"])
    finally:
        os.chdir(here)


def test_two_encodes_are_measured_and_weighed(clips: Path, kept: str) -> None:
    steps: list[Step] = []
    found = compare(asked(clips, kept, "fine.mp4", "coarse.mp4"), steps.append)
    fine, coarse = found.tests
    assert fine.refused == coarse.refused == ()
    assert fine.pooled["vmaf[v1]"].mean > coarse.pooled["vmaf[v1]"].mean
    assert fine.heard is not None
    assert fine.heard.offset_seconds == pytest.approx(0.08, abs=0.001)
    (vmaf,) = [each for each in found.pairs if each.metric == "vmaf[v1]"]
    assert (vmaf.a, vmaf.b, vmaf.n_scenes) == ("fine.mp4", "coarse.mp4", SCENES)
    assert vmaf.low is not None
    assert vmaf.high is not None
    assert vmaf.low <= vmaf.difference <= vmaf.high < 0
    assert found.verdict.startswith("fine.mp4 scores ")
    assert "fine.mp4: its sound is 80 ms late." in found.verdict
    assert [each.done for each in steps] == sorted(each.done for each in steps)
    assert steps[-1].done == pytest.approx(2 * FRAMES) == steps[-1].total
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(compare_json.document(found))))


def test_kept_scores_are_the_same_scores(clips: Path, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compare(asked(clips, kept, "fine.mp4"))
    monkeypatch.setattr(scoring, "score", lambda *_: pytest.fail("scored again"))
    again = compare(asked(clips, kept, "fine.mp4"))
    assert again.provenance["cached"] == ["fine.mp4"]
    one, two = (compare_json.document(each)["tests"] for each in (first, again))
    assert one == two
    with pytest.raises(pytest.fail.Exception):
        compare(asked(clips, kept, "fine.mp4", scaler="lanczos"))


def test_provenance_names_files_as_the_user_did_and_no_folder_of_the_machine(
    clips: Path, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips)
    found = compare(Asked("reference.mp4", ("coarse.mp4",), cache=None, sound=False))
    said = json.dumps(compare_json.document(found))
    assert str(clips) not in said
    assert "site-packages" not in said
    (written,) = found.provenance["commands"]["coarse.mp4"]
    assert written.startswith("ffmpeg ")
    assert "file:coarse.mp4" in written


def test_a_test_of_other_content_is_refused_and_the_rest_compared(clips: Path, kept: str) -> None:
    found = compare(asked(clips, kept, "other.mp4", "fine.mp4"))
    other, fine = found.tests
    assert other.refused
    assert fine.scores is not None
    assert "other.mp4 was not compared: " in found.verdict
    assert found.pairs == ()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(compare_json.document(found))))


def test_identical_pictures_are_null_and_said_in_json(clips: Path) -> None:
    found = compare(asked(clips, None, "reference.mp4", models=("neg",), sound=False))
    psnr = json.loads(json.dumps(compare_json.document(found), allow_nan=False))["tests"][0]["metrics"]["psnr_y"]
    assert (psnr["mean"], psnr["identical"], psnr["identical_frames"]) == (None, True, FRAMES)


def test_timestamps_that_pictures_contradict_give_way_to_content(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = align.given

    def by_times(reference: Any, test: Any, *_: Any) -> Any:
        return replace(wrong(reference, test, 2), method="timestamps")

    seen, by_content = [], align.by_content

    def watched(*given: Any) -> Any:
        seen.append(given[-1].crop)
        return by_content(*given)

    monkeypatch.setattr(align, "by_times", by_times)
    monkeypatch.setattr(align, "by_content", watched)
    (test,) = compare(asked(clips, None, "fine.mp4", models=("neg",), sound=False, crop="off")).tests
    assert seen == ["off"]
    assert test.alignment is not None
    assert (test.alignment.method, test.alignment.offset_frames) == ("content", 0)
    assert any("laid by content instead" in note for note in test.notes)


def test_a_still_of_which_the_test_shows_a_part_is_compared_by_its_times(tmp_path: Path) -> None:
    whole = moving(40, seed=6, kind="still")
    part = [each[12:168, 22:298].copy() for each in whole]
    files = [clip(tmp_path / name, planes) for name, planes in (("a.mp4", whole), ("b.mp4", part))]
    (test,) = compare(Asked(files[0], (files[1],), models=("neg",), sound=False)).tests
    assert test.refused == ()
    assert test.alignment is not None
    assert test.space is not None
    assert (test.alignment.method, test.alignment.pairs, test.space.part) == ("timestamps", 40, (276, 156, 22, 12))


def test_files_that_cannot_be_read_are_all_named(clips: Path) -> None:
    (clips / "text.mp4").write_text("no video")
    with pytest.raises(Unfit) as caught:
        compare(asked(clips, None, "fine.mp4", "text.mp4", "gone.mp4"))
    assert [line.split(":")[0].rsplit("/", 1)[1] for line in str(caught.value).split("\n")] == ["text.mp4", "gone.mp4"]


def test_a_folder_that_cannot_be_written_is_a_note_and_no_failure(
    clips: Path, tmp_path: Path, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    found = compare(asked(clips, str(tmp_path / "file" / "cache"), "coarse.mp4", models=("neg",), sound=False))
    assert any(note.startswith("scores are not kept for the next time") for note in found.tests[0].notes)


def test_a_file_that_grows_meanwhile_is_said_and_not_kept(clips: Path, tmp_path: Path) -> None:
    for name in ("reference.mp4", "fine.mp4"):
        shutil.copy(clips / name, tmp_path)

    def grows(_: Step) -> None:
        with (tmp_path / "reference.mp4").open("ab") as file:
            file.write(b"more")

    found = compare(asked(tmp_path, str(tmp_path / "kept"), "fine.mp4", models=(), sound=False), grows)
    assert "reference.mp4 changed while it was read" in " ".join(found.tests[0].notes)
    assert not list(tmp_path.glob("kept/*"))


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert called(["x/a.mp4", "x/b.mp4"]) == ["a.mp4", "b.mp4"]
    assert called(["x/a.mp4", "y/a.mp4", "b.mp4"]) == ["x/a.mp4", "y/a.mp4", "b.mp4"]
    assert called(["a.mp4", "a.mp4"]) == ["a.mp4 (1)", "a.mp4 (2)"]


def test_when_one_job_fails_the_others_are_stopped_and_waited_for() -> None:
    began, ended = threading.Event(), threading.Event()
    progress = Progress([10, 10], lambda step: None)
    heard = progress.of(1, 0.0, 1.0)

    def works() -> None:
        began.set()
        try:
            for n in range(10**9):
                heard(Step("", n, 10**9))
        finally:
            ended.set()

    def fails() -> None:
        began.wait(10)
        raise Unfit("no")

    with pytest.raises(Unfit):
        together([works, fails], 2, progress.stop)
    assert ended.is_set()
    with pytest.raises(Stopped):
        heard(Step("", 1, 1))


def test_an_interrupt_does_not_wait_for_what_cannot_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qoe_agent.compare.together.GRACE", 0.01)
    release, ended = threading.Event(), threading.Event()

    def decodes() -> None:
        release.wait(10)
        ended.set()

    def interrupted() -> None:
        raise KeyboardInterrupt

    progress = Progress([1], lambda step: None)
    try:
        with pytest.raises(KeyboardInterrupt):
            together([decodes, interrupted, decodes], 2, progress.stop)
        assert progress.stopped.is_set()
        assert not ended.is_set()
    finally:
        release.set()
    assert ended.wait(10)


def test_the_bar_never_goes_back() -> None:
    steps: list[Step] = []
    progress = Progress([100, 300], steps.append)
    laying, scoring = progress.of(0, 0.0, 0.25), progress.of(0, 0.25, 1.0)
    for each in (laying, scoring, laying):
        each(Step("", 50, 100))
    progress.came(1, 1.0, "")
    assert [each.done for each in steps] == pytest.approx([0.125 / 1.3 * 100, 0.75 / 1.3 * 100, 0.75 / 1.3 * 100,
                                                           0.75 / 1.3 * 100 + 300])  # fmt: skip


def test_the_command_writes_what_is_asked_for(clips: Path, kept: str, tmp_path: Path) -> None:
    junit, table = tmp_path / "junit.xml", tmp_path / "frames.csv"
    found = command(
        clips, kept, "fine.mp4", "coarse.mp4", "--json", "--junit", str(junit), "--csv", str(table),
        "--fail-if", "vmaf[v1].p5 < 0", "--fail-if", "av_offset_seconds > 0.04",
    )  # fmt: skip
    assert found.exit_code == 1
    document = json.loads(found.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert [each["path"] for each in document["tests"]] == ["fine.mp4", "coarse.mp4"]
    assert found.stderr.startswith("fine.mp4: --fail-if 'av_offset_seconds > 0.04': av_offset_seconds is 0.0")
    assert found.stderr.count("\n") == 1
    suite = ElementTree.fromstring(junit.read_bytes())
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("6", "1", "0")
    assert len(table.read_text().splitlines()) == 1 + 2 * FRAMES


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["fine.mp4"], 0, ""),
        (["fine.mp4", "--fail-if", "vmaf.mean < 100.1"], 1, "which is < 100.1"),
        (["fine.mp4", "--fail-if", "psnr_y.harmonic_mean < 1"], 2, "it has no value here"),
        (["fine.mp4", "--fail-if", "vmaf.meen < 1"], 2, "^ no such statistic"),
        (["fine.mp4", "--fail-if", "vmaf[4k] < 1"], 2, "add --vmaf-model 4k"),
        (["fine.mp4", "--fail-if", "cambi > 1"], 2, "add --metric cambi"),
        (["fine.mp4", "--vmaf-only"], 0, ""),
        (["fine.mp4", "--vmaf-only", "--fail-if", "ssim < 1"], 2, "^ ssim is not measured with --vmaf-only"),
        (["fine.mp4", "--vmaf-model", "v9"], 2, "expected one of v1"),
        (["fine.mp4", "--metric", "lpips"], 2, "--metric lpips: cambi or ms_ssim"),
        (["fine.mp4", "--crop", "1:2"], 2, "auto, off, or W:H:X:Y"),
        (["fine.mp4", "--crop", "0:2:0:0"], 2, "nothing is left"),
        (["fine.mp4", "--no-cache"], 2, "--cache, --no-cache: one of them"),
        (["fine.mp4", "--csv", "fine.mp4"], 2, "that is where the file fine.mp4 is"),
        (["gone.mp4"], 2, "gone.mp4: there is no such file"),
        (["other.mp4"], 1, "other.mp4 against reference.mp4"),
    ],
)
def test_the_exit_status_says_what_came_of_it(clips: Path, kept: str, words: list[str], status: int, said: str) -> None:
    found = command(clips, kept, *words)
    assert (found.exit_code, said in found.stderr) == (status, True), found.stderr
    assert status == 2 or found.stdout


def test_what_is_kept_goes_below_the_users_folder_of_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    from qoe_agent import compare_options

    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert compare_options.folder(None, False) == "/caches/qoe-agent/compare"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/me")
    assert compare_options.folder(None, False) == "/home/me/.cache/qoe-agent/compare"
    assert compare_options.folder(None, True) is None


def test_the_same_files_give_the_same_intervals(clips: Path, kept: str) -> None:
    one, two = (compare(asked(clips, kept, "fine.mp4", "coarse.mp4")).pairs for _ in range(2))
    assert one == two
    assert np.isfinite([each.difference for each in one]).all()
    assert offline.threads(Asked("", (), threads=3)) == 3


def test_bars_that_one_side_has_are_cut_from_it(clips: Path) -> None:
    barred = [np.pad(each, ((16, 16), (0, 0)), constant_values=16) for each in SHOWN]
    bars = spoken.write(clips / "barred.mp4", barred, None, crf=10)
    plain = str(clips / "reference.mp4")
    (cut,) = compare(Asked(plain, (bars,), models=("neg",))).tests
    assert cut.space is not None
    assert cut.space.crop == (spoken.WIDTH, spoken.HEIGHT, 0, 16)
    assert cut.pooled["psnr_y"].mean > 35
    (within,) = compare(Asked(bars, (plain,), models=("neg",))).tests
    assert within.space is not None
    assert within.space.part == (spoken.WIDTH, spoken.HEIGHT, 0, 16)
    assert within.pooled["psnr_y"].mean > 35
