"""`qoe-agent compare sweep` as its users run it, on a clip of a few frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app

from .clips import reference

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

PLAN = """\
references: [reference.mkv]
models: [v0.6.1]
gop: 0.5s
encodes:
  - {encoder: x264, presets: [ultrafast], crf: [20, 30, 40], maxrate: 1M}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a plan that was run once."""
    made = tmp_path_factory.mktemp("sweep")
    reference(made, frames=10)
    (made / "plan.yml").write_text(PLAN)
    return made


def sweep(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["compare", "sweep", str(folder / "plan.yml"), "--quiet", *options])


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_dry_run_lists_the_jobs_and_does_none(folder: Path) -> None:
    result = sweep(folder, "--dry-run", "--results", str(folder / "dry"))
    assert result.exit_code == 0, result.output
    *lines, last = result.stdout.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        f"x264 ultrafast 160x90 crf {crf} max 1000k" for crf in (20, 30, 40)
    ]
    assert last.startswith("3 jobs, 3 to do")
    assert not list((folder / "dry" / "jobs").iterdir())


def test_shares_together_are_the_whole(folder: Path) -> None:
    results = ("--results", str(folder / "shared"))
    for part in range(2):
        assert sweep(folder, "--share", f"{part}/2", *results).exit_code == 0
    kept = sorted((folder / "shared" / "jobs").iterdir())
    assert len(kept) == 3
    before = [path.stat().st_mtime_ns for path in kept]
    found = document(sweep(folder, "--json", *results))
    assert [path.stat().st_mtime_ns for path in kept] == before, "nothing was left to do"
    rates = [point["bits_per_second"] for point in _points(found)]
    assert len(set(rates)) == 3


def _points(found: Any) -> list[Any]:
    """Whatever the document calls encodes: the list of those with a rate."""
    (points,) = [
        value
        for value in found.values()
        if isinstance(value, list) and value and isinstance(value[0], dict) and "bits_per_second" in value[0]
        and "command" in value[0]
    ]  # fmt: skip
    return points


def test_a_target_is_searched_for_and_what_was_tried_is_kept(folder: Path) -> None:
    results = ("--results", str(folder / "shared"))
    options = ("--target", "psnr_y.mean >= 34", "--json", *results)
    found = document(sweep(folder, *options))
    (searched,) = found["searched"]
    assert searched["met"] is True
    assert searched["score"] >= 34
    assert searched["tried"] > 0
    again = document(sweep(folder, *options))["searched"][0]
    assert {**again, "tried": searched["tried"]} == searched
    beyond = sweep(folder, "--target", "vmaf.mean >= 150", "--json", *results)
    assert beyond.exit_code == 1
    (nearest,) = json.loads(beyond.stdout)["searched"]
    assert (nearest["met"], nearest["setting"]["value"]) == (False, 0.0), "of all that were tried, the best"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--share", "2/2"), "--share 2/2: must be I/N, counted from 0"),
        (("--backend", "dusk"), 'must be one of joblib, dask, ray; did you mean "dask"?'),
        (("--only", "x265"), "--only x265: no job is called so"),
        (("--target", "vmaf[v1].mean >= 93"), "not among the models measured"),
        (("--ffmpeg", "/no/such/ffmpeg"), "there is no such program"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(folder: Path, options: tuple[str, ...], said: str) -> None:
    result = sweep(folder, "--results", str(folder / "none"), *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (folder / "none").exists()


def test_an_anchor_that_no_label_begins_with_is_told_before_any_work(folder: Path) -> None:
    other = folder / "anchor.yml"
    other.write_text(PLAN + "anchor: x264 ultrafsat\n")
    result = CliRunner().invoke(app, ["compare", "sweep", str(other), "--quiet"])
    assert result.exit_code == 2
    assert 'anchor: x264 ultrafsat: must be one of x264 ultrafast; did you mean "x264 ultrafast"?' in result.stderr
    assert not (folder / "anchor.results").exists()


def test_faults_of_a_plan_are_all_told(tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text("encodes: [{encoder: x246, crf: [1]}]\nscalar: bicubic\n")
    result = sweep(tmp_path)
    assert result.exit_code == 2
    assert [line.partition("plan.yml:")[2].split(": ")[1] for line in result.stderr.splitlines()] == [
        "references", "encodes[0].encoder", "scalar",
    ]  # fmt: skip


def test_a_reference_is_not_written_over(folder: Path) -> None:
    path = folder / "reference.mkv"
    before = path.read_bytes()
    result = sweep(folder, "--html", str(path), "--results", str(folder / "none"))
    assert result.exit_code == 2
    assert "that is where the file" in result.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize("beside", ["--backend=joblib", ""])
def test_jobs_beside_each_other_give_what_they_give_alone(folder: Path, beside: str) -> None:
    name = "engine" if beside else "beside"
    other = folder / f"{name}.yml"
    other.write_text(PLAN.replace("[20, 30, 40]", "[40]") + ("" if beside else "speed: beside\n"))
    results = ("--only", "crf 40", "--json", "--results")
    alone = document(sweep(folder, *results, str(folder / "shared")))
    options = [*results, str(folder / name), *([beside] if beside else [])]
    found = document(CliRunner().invoke(app, ["compare", "sweep", str(other), "--quiet", *options]))
    assert [_plain(point) for point in _points(found)] == [_plain(point) for point in _points(alone)]
    assert any("ran beside others" in note for note in found["notes"])


def _plain(point: Any) -> tuple[Any, ...]:
    """What does not hang on the machine."""
    return point["bits_per_second"], point["frames"], point["scores"]
