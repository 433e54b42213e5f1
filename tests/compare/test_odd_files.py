"""Files that are turned, small, or coloured otherwise are compared as they are seen."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app
from qoe_agent.compare import ffmpeg
from qoe_agent.compare.aligning import pairing
from qoe_agent.compare.offline import Asked, compare

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.compare.shapes import Tested

FLAGS = "setparams=colorspace={0}:color_primaries={0}:color_trc={0}"


def made(*options: str) -> None:
    """By FFmpeg, one thread."""
    command = [ffmpeg.program().path, "-v", "error", "-y", "-threads", "1", *options]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("odd")
    made("-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25:end_scale=0.2:end_pts=40", "-frames:v", "30", "-vf",
         f"format=yuv420p,{FLAGS.format('bt709')}", "-c:v", "ffv1", str(found / "reference.mkv"))  # fmt: skip
    return found


def against(
    folder: Path, test: str, *models: str, reference: str = "reference.mkv", more: tuple[str, ...] = ()
) -> Tested:
    asked = Asked(str(folder / reference), (str(folder / test),), models=models, more=more, sound=False)
    (found,) = compare(asked).tests
    assert found.refused == ()
    return found


def test_a_picture_that_players_turn_is_turned_before_it_is_laid_and_scored(folder: Path) -> None:
    lossless = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")
    made("-i", str(folder / "reference.mkv"), "-vf", "transpose=cclock", *lossless, str(folder / "lying.mp4"))
    made("-display_rotation", "270", "-i", str(folder / "lying.mp4"), "-c", "copy", str(folder / "turned.mp4"))
    found = against(folder, "turned.mp4")
    assert found.pooled["psnr_y"].mean == float("inf")
    assert not any("scale" in note for note in found.notes)


def test_the_other_matrix_costs_no_more_than_rounding(folder: Path) -> None:
    exact = "scale=flags=bicubic+accurate_rnd+full_chroma_int:in_color_matrix=bt709:out_color_matrix=bt601"
    made("-i", str(folder / "reference.mkv"), "-vf", f"{exact},{FLAGS.format('smpte170m')}", "-c:v", "ffv1",
         str(folder / "bt601.mkv"))  # fmt: skip
    assert against(folder, "bt601.mkv").pooled["psnr_y"].mean > 45


def test_pictures_too_small_for_a_metric_are_measured_by_the_others(folder: Path) -> None:
    made("-i", str(folder / "reference.mkv"), "-vf", "scale=192:108", "-c:v", "ffv1", str(folder / "small.mkv"))
    found = against(folder, "small.mkv", "v1", "neg", reference="small.mkv", more=("cambi", "ms_ssim"))
    assert {"vmaf[v1]", "cambi", "ms_ssim"}.isdisjoint(found.pooled)
    assert "vmaf[neg]" in found.pooled
    assert sum(note.startswith("not measured: ") and "the reference has 192x108" in note for note in found.notes) == 3
    # Coded smaller than CAMBI knows sizes of encoding, but shown large enough.
    assert "vmaf[v1]" in against(folder, "small.mkv", "v1", more=("cambi",)).pooled


def test_one_picture_is_laid_on_one_picture_if_they_are_alike(folder: Path) -> None:
    for name, filters in {"one.png": "null", "soft.png": "scale=160:90,scale=320:180", "other.png": "negate"}.items():
        made("-i", str(folder / "reference.mkv"), "-vf", filters, "-frames:v", "1", str(folder / name))
    found = against(folder, "soft.png", reference="one.png")
    assert found.alignment is not None
    assert found.alignment.pairs == 1
    (other,) = compare(Asked(str(folder / "one.png"), (str(folder / "other.png"),), sound=False)).tests
    assert other.refused[0].endswith("the pictures are not alike")


def test_what_a_longer_test_goes_on_with_is_not_shown_twice() -> None:
    laid = pairing.paired(np.array([0, 1, 1, 2, 3, 3, 3]))
    assert (laid.duplicated, laid.dropped, laid.test.tolist()) == (1, 0, [0, 1, 3, 4])


@pytest.mark.parametrize("words", [("--html", "gone/page.html"), ("--csv", ".")])
def test_a_report_that_cannot_be_written_ends_the_command_before_the_work(words: tuple[str, str]) -> None:
    ran = CliRunner().invoke(app, ["compare", "no reference", "no test", *words])
    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"{words[0]} {words[1]}: ")
