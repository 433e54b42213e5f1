"""Scores are what FFmpeg's own filters say of the same pairs, run by hand on files that hold those pairs alone."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare import ffmpeg, models, readings, scoring
from qoe_agent.compare.figures.pooling import pooled
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Alignment, Asked, Run, Scores, Step, Unfit
from qoe_agent.compare.space import space

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 36
PROGRAM = ffmpeg.program().path
LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "yuv420p")
ALIKE = ("psnr_y", "psnr_u", "psnr_v", "psnr_avg", "ssim_y", "ssim", "xpsnr_y", "xpsnr_u", "xpsnr_v")


def made(*options: str) -> None:
    subprocess.run([PROGRAM, "-v", "error", "-nostdin", "-y", *options], check=True, timeout=60)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, and encodes of it: whole, less half of its frames, and with bars."""
    room = tmp_path_factory.mktemp("scoring")
    source = f"mandelbrot=size=320x180:rate=25:start_scale=1:end_scale=0.2:end_pts={FRAMES}"
    made("-f", "lavfi", "-i", source, "-frames:v", str(FRAMES), *LOSSLESS, str(room / "reference.mkv"))
    bad = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "34", "-pix_fmt", "yuv420p")
    made("-i", str(room / "reference.mkv"), *bad, str(room / "whole.mp4"))
    gone = "select='gte(n,4)*not(between(n,10,14))',setpts=N/25/TB"
    made("-i", str(room / "reference.mkv"), "-vf", gone, *bad, str(room / "gaps.mp4"))
    made("-i", str(room / "reference.mkv"), "-vf", "pad=320:240:0:30", *bad, str(room / "it's 1:2 %d.mp4"))
    return room


def laid(*runs: Run) -> Alignment:
    return Alignment("given", 0, 0.0, 1.0, runs, 0, 0)


def scored(room: Path, test: str, alignment: Alignment, **options: object) -> Scores:
    asked = Asked("", (), models=("v1", "neg"), threads=2)
    asked = replace(asked, **options)  # type: ignore[arg-type]
    one, other = inspect(str(room / "reference.mkv")), inspect(str(room / test))
    crop = options.get("crop")
    where = space(one, other, asked, crop if isinstance(crop, tuple) else None)
    return scoring.score(one, other, alignment, where, asked, lambda _: None)


def by_hand(test: Path, reference: Path, folder: Path) -> dict[str, float]:
    """The means that FFmpeg prints of two files as they lie."""
    spec = r"version=vmaf_v1.0.16_3d0h\:name=v1|version=vmaf_v0.6.1neg\:name=neg"
    log = "log_fmt=json:log_path=by_hand.json"
    said = ""
    for graph in (f"[0:v][1:v]libvmaf=model='{spec}':{log}", "[0:v][1:v]psnr", "[0:v][1:v]ssim", "[1:v][0:v]xpsnr"):
        command = [PROGRAM, "-nostdin", "-i", str(test), "-i", str(reference), "-lavfi", graph, "-f", "null", "-"]
        said += subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stderr
    whole = json.loads((folder / "by_hand.json").read_text())["pooled_metrics"]
    found = {f"vmaf[{name}]": whole[name]["mean"] for name in ("v1", "neg")}
    found |= {f"harmonic {name}": whole[name]["harmonic_mean"] for name in ("v1", "neg")}
    lines = {name: re.search(rf"\] {name} +(.*)", said)[1] for name in ("PSNR", "SSIM", "XPSNR")}  # type: ignore[index]
    places = {"psnr_y": "PSNR y", "psnr_u": "PSNR u", "psnr_v": "PSNR v", "psnr_avg": "PSNR average",
              "ssim_y": "SSIM Y", "ssim": "SSIM All", "xpsnr_y": "XPSNR y", "xpsnr_u": "XPSNR u",
              "xpsnr_v": "XPSNR v"}  # fmt: skip
    for key, place in places.items():
        name, part = place.split()
        found[key] = float(re.search(rf"\b{part}: *([\d.]+)", lines[name])[1])  # type: ignore[index]
    return found


def same(scores: Scores, expected: dict[str, float]) -> None:
    whole = pooled(scores, 25)
    unprinted = pooled(replace(scores, printed={}), 25)
    for key, value in expected.items():
        if key.startswith("harmonic "):
            harmonic = whole[f"vmaf[{key[9:]}]"].harmonic_mean
            assert harmonic == pytest.approx(value, abs=2e-6), key
            continue
        digits = 4 if key.startswith("xpsnr") else 6
        assert round(whole[key].mean, digits) == pytest.approx(value, abs=0.2 * 10**-digits), key
        assert unprinted[key].mean == pytest.approx(value, abs=1.1 * 10**-digits), f"{key}, from the frames"


def test_aligned_files_score_as_by_hand(room: Path, tmp_path: Path) -> None:
    found = scored(room, "whole.mp4", laid(Run(0, 0, FRAMES)))
    same(found, by_hand(room / "whole.mp4", room / "reference.mkv", tmp_path))
    assert found.thumbs is not None
    assert found.thumbs[0].shape == found.thumbs[1].shape == (FRAMES, 18, 32)
    assert found.versions["libvmaf"] != "unknown"


def test_shifted_and_dropped_frames_score_as_files_cut_by_hand(room: Path, tmp_path: Path) -> None:
    runs = (Run(0, 4, 6), Run(6, 15, FRAMES - 15))
    kept = "select='gte(n,4)*not(between(n,10,14))',setpts=N/25/TB"
    made("-i", str(room / "reference.mkv"), "-vf", kept, *LOSSLESS, str(tmp_path / "cut.mkv"))
    found = scored(room, "gaps.mp4", laid(*runs))
    same(found, by_hand(room / "gaps.mp4", tmp_path / "cut.mkv", tmp_path))
    assert found.reference.tolist() == [*range(4, 10), *range(15, FRAMES)]
    assert found.test.tolist() == list(range(FRAMES - 9))


def test_cropped_bars_and_odd_names_score_as_files_cropped_by_hand(room: Path, tmp_path: Path) -> None:
    name = "it's 1:2 %d.mp4"
    made("-i", str(room / name), "-vf", "crop=320:180:0:30", *LOSSLESS, str(tmp_path / "cropped.mkv"))
    found = scored(room, name, laid(Run(0, 0, FRAMES)), crop=(320, 180, 0, 30))
    same(found, by_hand(tmp_path / "cropped.mkv", room / "reference.mkv", tmp_path))


def test_of_8_bits_vmaf_is_the_same_beside_a_master_of_10(room: Path, tmp_path: Path) -> None:
    """As CAMBI is told how many bits the encode has (libvmaf's resource/doc/models_v1.md)."""
    made("-i", str(room / "reference.mkv"), "-frames:v", "8", "-c:v", "ffv1", "-pix_fmt", "yuv420p10le",
         str(tmp_path / "reference.mkv"))  # fmt: skip
    (tmp_path / "whole.mp4").symlink_to(room / "whole.mp4")
    eight, ten = (scored(each, "whole.mp4", laid(Run(0, 0, 8)), more=("cambi",)) for each in (room, tmp_path))
    assert eight.frames["cambi"].mean() > 0
    for name in ("vmaf[v1]", "vmaf[neg]", "cambi"):
        np.testing.assert_allclose(ten.frames[name], eight.frames[name], atol=2e-6, err_msg=name)


@pytest.mark.parametrize("samples", ["gray", "gray10le", "yuv444p12le"])
def test_every_format_of_samples_is_scored(room: Path, tmp_path: Path, samples: str) -> None:
    for name in ("reference.mkv", "whole.mp4"):
        made("-i", str(room / name), "-frames:v", "2", "-c:v", "ffv1", "-f", "matroska", "-pix_fmt", samples,
             str(tmp_path / name))  # fmt: skip
    found = scored(tmp_path, "whole.mp4", laid(Run(0, 0, 2)))
    assert 20 < found.frames["vmaf[v1]"].mean() < 100


def test_threads_change_nothing(room: Path) -> None:
    alignment = laid(Run(3, 3, 20))
    one, four = (scored(room, "whole.mp4", alignment, threads=threads, models=("v1",)) for threads in (1, 4))
    for name, values in one.frames.items():
        np.testing.assert_array_equal(values, four.frames[name], name)


def test_without_a_program_pyav_measures_the_same(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alignment = laid(Run(0, 4, 6), Run(7, 16, 8, 2, 2))
    by_program = scored(room, "gaps.mp4", alignment, more=("cambi", "ms_ssim"))

    def missing(_: str | None = None) -> ffmpeg.Program:
        raise Unfit(f"there is none: {ffmpeg.INSTALL}")

    monkeypatch.setattr(ffmpeg, "program", missing)
    steps: list[Step] = []
    one, other = inspect(str(room / "reference.mkv")), inspect(str(room / "gaps.mp4"))
    asked = Asked("", ())
    plain = scoring.score(one, other, alignment, space(one, other, asked), asked, steps.append)
    assert set(by_program.frames) - set(plain.frames) == {"vmaf[v1]", "vmaf[neg]", "cambi", "ms_ssim"}
    for name, values in plain.frames.items():
        np.testing.assert_array_equal(values, by_program.frames[name], name)
    assert "not measured: VMAF v1, VMAF neg" in plain.notes[0]
    assert "qoe-agent[compare]" in plain.notes[0]
    assert (steps[-1].done, steps[-1].total) == (alignment.pairs, alignment.pairs)


def test_identical_pictures_are_infinitely_alike(room: Path) -> None:
    found = scored(room, "reference.mkv", laid(Run(0, 0, 8)), models=("neg",))
    assert np.isinf(found.frames["psnr_y"]).all()
    assert pooled(found, 25)["psnr_avg"].mean == np.inf
    assert pooled(found, 25)["ssim"].min_1s == 1.0


def test_fewer_frames_than_aligned_is_no_result(room: Path) -> None:
    with pytest.raises(Unfit, match=r"whole\.mp4: 36 of 40 pairs were decoded"):
        scored(room, "whole.mp4", laid(Run(0, 0, FRAMES + 4)), models=("neg",))


def test_unknown_names_are_answered_with_the_known(room: Path) -> None:
    with pytest.raises(Unfit, match=r"--vmaf-model v9: expected one of v1, v1-phone"):
        scored(room, "whole.mp4", laid(Run(0, 0, 2)), models=("v9",))
    with pytest.raises(Unfit, match="expected cambi or ms_ssim"):
        scored(room, "whole.mp4", laid(Run(0, 0, 2)), more=("vif",))
    with pytest.raises(Unfit, match="there is no such program"):
        scored(room, "whole.mp4", laid(Run(0, 0, 2)), ffmpeg="/nowhere/ffmpeg")


def test_every_model_by_its_short_name_is_in_libvmaf() -> None:
    names = tuple(models.specification(each, f"m{n}") for n, each in enumerate(models.KNOWN.values()))
    assert ffmpeg.libvmaf(PROGRAM, names), "all of them in one run"
    assert ffmpeg.libvmaf(PROGRAM, ("version=vmaf_v9",)) is None


def test_fifteen_hundred_runs_are_one_graph(tmp_path: Path) -> None:
    """Of a clip of which every second frame is missing; the test is the reference, so wrong pairs would differ."""
    many = 1500
    source = "life=size=64x48:rate=25:seed=7:mold=10:ratio=0.3"
    made("-f", "lavfi", "-i", source, "-frames:v", str(2 * many), "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0",
         "-pix_fmt", "yuv420p", str(tmp_path / "reference.mkv"))  # fmt: skip
    made("-i", str(tmp_path / "reference.mkv"), "-vf", "select='mod(n,2)',setpts=N/25/TB", "-c:v", "libx264",
         "-preset", "ultrafast", "-qp", "0", str(tmp_path / "test.mkv"))  # fmt: skip
    runs = [Run(k, 2 * k + 1, 1) for k in range(many)]
    found = scored(tmp_path, "test.mkv", laid(*runs), models=())
    assert len(found.frames["psnr_y"]) == many
    assert np.isinf(found.frames["psnr_avg"]).all()


def test_a_stopped_run_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    program = ffmpeg.program()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    endless = ["-f", "lavfi", "-i", "testsrc2=size=64x48", "-f", "null", "-metadata", "comment=never-ends", "-"]
    with pytest.raises(KeyboardInterrupt):
        ffmpeg.run(endless, str(tmp_path), interrupted, program)
    left = [p for p in Path("/proc").glob("[0-9]*/cwd") if os.access(p, os.R_OK) and p.resolve() == tmp_path]
    assert left == []


def test_chatter_in_the_midst_of_a_line_leaves_the_line_whole() -> None:
    said = b"[ssim @ 0x1] libvmaf WARNING est_params: covariance matrix is singular\nSSIM Y:0.923252 All:0.9 (1)\n"
    noise = b"libvmaf WARNING libvmaf WARNING est_params: covariance matrix is singular\n" * 50
    last = b"est_params: covariance matrix is singular\nlibvmaf WARNING [psnr @ 0x2] PSNR y:32.297231 average:31.0\n"
    kept: list[bytes] = []
    ffmpeg._collect(io.BytesIO(said + noise + last), kept.append)
    assert len(kept) <= 3
    found = readings.printed(b"".join(kept).decode(), [])
    assert found == {"ssim_y": 0.923252, "ssim": 0.9, "psnr_y": 32.297231, "psnr_avg": 31.0}


@pytest.mark.parametrize("read", [readings.metadata, lambda path: readings.vmaf(path, {"m0": "vmaf[v1]"})])
def test_scores_that_a_full_disk_cut_short_are_none(tmp_path: Path, read: Callable[[Path], object]) -> None:
    for text in ("", "Frame,m0\n0,75.1\n1,7"):
        (tmp_path / "log").write_text(text)
        with pytest.raises(Unfit, match="is there room in that folder"):
            read(tmp_path / "log")
    (tmp_path / "log").write_text("Frame,m0\n0,75.1\n1,75.2\n")
    read(tmp_path / "log")


def test_failures_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(100))
    with pytest.raises(ffmpeg.Failed, match="cut short"):
        ffmpeg.run(["-i", "file:broken.mp4", "-f", "null", "-"], str(tmp_path), lambda _: None, ffmpeg.program())
    assert "no decoder" in ffmpeg.in_words("[dec:x @ 0x55] Decoder (codec none) not found for input stream #0:0", 1)
    assert ffmpeg.in_words("", -9).startswith("FFmpeg was killed by signal 9")
