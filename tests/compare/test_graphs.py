"""Expressions that keep the frames of an alignment, and what is brought to what before it is compared."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from qoe_agent.compare import graphs, models
from qoe_agent.compare.shapes import Asked, Run, Unfit, Unlike
from qoe_agent.compare.space import space
from tests.compare.scored import media

ASKED = Asked("", ())


def chosen(expression: str, count: int) -> list[int]:
    """The n for which FFmpeg's expression is true."""
    names = {
        "lt": lambda a, b: a < b,
        "eq": lambda a, b: a == b,
        "between": lambda n, a, b: a <= n <= b,
        "mod": lambda a, b: a % b,
        "cond": lambda if_, then, other: then if if_ else other,
        "no": lambda a: not a,
    }
    python = re.sub(r"\bif\(", "cond(", expression).replace("not(", "no(")
    kept = eval(f"lambda n: {python}", {"__builtins__": {}} | names)
    return [n for n in range(count) if kept(n)]


def test_the_expression_keeps_exactly_the_frames_of_the_pairs() -> None:
    rng = np.random.default_rng(5)
    runs, test, reference = [], 0, 0
    for _ in range(60):
        test, reference = test + int(rng.integers(0, 5)), reference + int(rng.integers(0, 5))
        run = Run(test, reference, int(rng.integers(1, 9)), int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        runs.append(run)
        test += (run.frames - 1) * run.test_step + 1
        reference += (run.frames - 1) * run.reference_step + 1
    for parts, side in zip(graphs.kept(runs), ("reference", "test"), strict=True):
        wanted = [getattr(r, side) + k * getattr(r, f"{side}_step") for r in runs for k in range(r.frames)]
        assert chosen(graphs.selecting(parts), wanted[-1] + 50) == wanted
        assert chosen(graphs.selecting(parts, wanted[0]), wanted[-1] + 50) == [n - wanted[0] for n in wanted]


def test_depth_grows_with_the_logarithm_of_the_runs() -> None:
    _, parts = graphs.kept([Run(3 * k, 3 * k, 2) for k in range(3000)])
    depth = deepest = 0
    for sign in graphs.selecting(parts):
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    assert deepest < 16, "FFmpeg refuses deeper than 100"


def test_fields_are_made_frames_before_any_is_taken_away() -> None:
    text = graphs.side([graphs.Kept(0, 5, 1)], Fraction(25), "bwdif=mode=send_frame:deint=all,scale=8:8")
    assert text.index("bwdif") < text.index("select") < text.index("scale=8:8")


def test_the_test_is_scaled_and_the_reference_is_not() -> None:
    found = space(media(), media(width=160, height=90), replace(ASKED, scaler="lanczos"))
    assert (found.width, found.height) == (320, 180)
    assert "scale=320:180:flags=lanczos" in found.test_filters
    assert found.notes == ("the test's 160x90 are scaled to the reference's 320x180 (lanczos)",)
    with pytest.raises(Unfit, match="--scaler best: expected one of bicubic"):
        space(media(), media(), replace(ASKED, scaler="best"))


def test_ranges_matrices_depths_and_chroma_are_brought_to_one_and_said() -> None:
    other = media(range=None, matrix="smpte170m", pixel_format="yuv422p10le")
    other = replace(other, video=replace(other.video, bits=10))
    found = space(media(range="full", pixel_format="yuvj420p"), other, ASKED)
    assert "in_range=full:out_range=limited" in found.reference_filters
    assert "in_range=limited:out_range=limited:in_color_matrix=bt601:out_color_matrix=bt709" in found.test_filters
    assert "format=yuv420p10le" in found.test_filters
    assert "format=yuv420p10le" in found.reference_filters
    said = "; ".join(found.notes)
    assert "the reference's chroma is 4:2:0, the test's 4:2:2" in said
    assert "8 bits a sample, the test 10" in said
    assert "the reference's samples use the full range" in said
    assert "bt601 in the test: brought to the reference's bt709" in said


def test_a_matrix_that_one_side_leaves_open_is_taken_for_the_others() -> None:
    for one, other in ((media(matrix=None), media(matrix="smpte170m")), (media(matrix="bt709"), media(matrix=None))):
        found = space(one, other, ASKED)
        assert "color_matrix" not in found.test_filters
        assert found.test_filters.rpartition(",")[2] == found.reference_filters.rpartition(",")[2]


def test_rgb_is_coded_as_the_other_side_is() -> None:
    rgb = media(matrix="gbr", range="full", pixel_format="gbrp")
    for found, side in ((space(rgb, media(), ASKED), 0), (space(media(), rgb, ASKED), 1)):
        filters = found.reference_filters, found.test_filters
        assert "in_range=full:out_range=limited:out_color_matrix=bt709" in filters[side]
        assert "color_matrix" not in filters[1 - side]
        assert all("format=yuv420p" in each and "colorspace=bt709" in each for each in filters)
        assert any("is RGB: coded by bt709" in note for note in found.notes)


def test_hdr_is_said_and_never_mapped() -> None:
    one = media(transfer="pq", pixel_format="yuv420p10le", matrix="bt2020nc")
    assert any("no tones are mapped" in note for note in space(one, one, ASKED).notes)
    with pytest.raises(Unlike, match=r"b\.mp4: it is SDR, the reference PQ"):
        space(one, media("b.mp4"), ASKED)
    unsaid = media(matrix=None, transfer_stated=False)
    unsaid = replace(unsaid, video=replace(unsaid.video, bits=10))
    assert space(unsaid, one, ASKED).notes[0] == (
        "the reference does not say its transfer: taken for PQ, as the other is"
    )
    with pytest.raises(Unlike):
        space(one, media(transfer_stated=False), ASKED)
    with pytest.raises(Unlike, match="HLG"):
        space(one, media(transfer="hlg"), ASKED)


def test_turned_interlaced_and_stretched_pictures() -> None:
    turned = media(width=180, height=320, rotation=90)
    found = space(media(), turned, ASKED, (176, 320, 2, 0))
    assert found.test_filters.startswith("crop=176:320:2:0:exact=1,transpose=clock,scale=320:180")
    combed = space(media(interlaced=True), media(), ASKED)
    assert combed.reference_filters.startswith("bwdif=mode=send_frame:deint=all,")
    assert "bwdif" not in combed.test_filters
    wide = space(media(), media(width=240, height=180), ASKED)
    assert any("the shapes differ (1.778 and 1.333" in note for note in wide.notes)
    square = space(media(), media(width=240, height=180, aspect=Fraction(4, 3)), ASKED)
    assert not any("shapes" in note for note in square.notes)
    with pytest.raises(Unfit, match=r"--crop 400:180:0:0: expected width:height:x:y within a\.mp4's 320x180"):
        space(media(), media(), replace(ASKED, crop=(400, 180, 0, 0)))


def test_models_that_do_not_suit_the_reference_are_named() -> None:
    pick = models.chosen(("v1", "neg"))
    assert models.suited(pick, media(width=1920, height=1080)) == ()
    tall = models.suited(pick, media(width=3840, height=2160))
    assert [note.rpartition(" ")[2] for note in tall] == ["v1-4k", "neg-4k"]
    assert models.suited(pick, media(width=640, height=360))[0].startswith("VMAF v1 and neg take 360 lines")
    both = models.suited(models.chosen(("v1", "neg", "v1-phone")), media(width=1920, height=1080))
    assert both == (
        "VMAF of different models is not to be compared, as each is for its own screen: v1 and neg for a screen from 3 "
        "heights, v1-phone for a telephone",
    )
    assert "see v1-hfr" in models.suited(pick[:1], media(width=1920, height=1080, rate=Fraction(60)))[0]
    assert "HDR (PQ)" in models.suited(pick, media(width=1920, height=1080, transfer="pq"))[0]


def test_banding_is_looked_for_at_the_size_of_the_encode() -> None:
    small = media(width=640, height=360).video
    v1, neg = models.chosen(("v1", "neg"))
    assert models.specification(v1, "m0", encoded=small).endswith(
        r"\:cambi.enc_width=640\:cambi.enc_height=360\:cambi.enc_bitdepth=8"
    )
    assert "cambi" not in models.specification(neg, "m1", encoded=small)
    assert models.banding(small) == r"name=cambi\:enc_width=640\:enc_height=360\:enc_bitdepth=8"
