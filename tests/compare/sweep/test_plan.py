"""Plans: what they may say, and every fault of them told at once with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from qoe_agent.compare.sweep import plan as plans
from qoe_agent.compare.sweep.encoders import ENCODERS

from .clips import wrong

SAMPLE = Path(__file__).parents[3] / "configs" / "sweep.yml"
HEAD = "references: [a.mp4]\nencodes:\n"


def test_every_fault_is_told_with_its_place_and_what_may_have_been_meant() -> None:
    text = """references: [a.mp4]
encodes:
  - encoder: x246
    crf: [20]
  - encoder: x264
    presets: [veryfst, medium]
    crf: [22]
  - encoder: svt-av1
    crf: [3O]
    maxrate: fast
resolution: [640x360]
resolutions: [640x361]
gop: 2 s
"""
    assert wrong(text) == [
        f'plan.yml:3:14: encodes[0].encoder: must be one of {", ".join(ENCODERS)}; did you mean "x264"?',
        "plan.yml:6:14: encodes[1].presets: [0] must be one of ultrafast, superfast, veryfast, faster, fast, medium, "
        'slow, slower, veryslow, placebo; did you mean "veryfast"?',
        "plan.yml:9:11: encodes[2].crf[0]: must be a number",
        'plan.yml:10:14: encodes[2].maxrate: must be a rate such as "3M", or times the rate aimed at such as "1.5x"',
        'plan.yml:11:1: resolution: unknown key; did you mean "resolutions"?',
        'plan.yml:12:15: resolutions[0]: must be "source", or a width and a height, both even, such as "1280x720"',
        'plan.yml:13:6: gop: must be a duration: seconds, or text such as "500ms", "10s", "5m", "1h" or "7d"',
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{encoder: x264, crf: [52]}", "encodes[0].crf: must be from 0 to 51 for x264"),
        ("{encoder: x264}", "encodes[0].encoder: needs one of crf, qp, abr, cbr, with values to try"),
        ("{encoder: svt-av1, abr: [1M], maxrate: 2M}", "encodes[0].maxrate: svt-av1 takes none with abr"),
        ("{encoder: svt-av1, abr: [1M], passes: 2}", "encodes[0].passes: a second pass cannot be done by svt-av1"),
        ("{encoder: x264, crf: [20], passes: 2}", "encodes[0].passes: a second pass is for abr"),
        ("{encoder: h264_videotoolbox, crf: [20]}", "encodes[0].crf: h264_videotoolbox has none: use abr or cbr"),
        ("{encoder: x264, abr: [fast]}", 'must be a rate: bits per second, or text such as "800k" or "2.5M"'),
        ("{encoder: x264, crf: [20], bufsize: big}", 'must be bits such as "4M", or seconds at the peak rate'),
        ("{encoder: x264, crf: [20], options: {i: x}}", "set by the plan itself, or would change what is measured"),
        ("{encoder: x264, crf: [20], options: {-tune: x}}", "not an option of FFmpeg: its name without the dash"),
    ],
)
def test_what_an_encoder_cannot_do_is_known_before_it_is_run(entry: str, said: str) -> None:
    (line,) = wrong(f"{HEAD}  - {entry}\n")
    assert said in line


def test_names_must_tell_entries_apart() -> None:
    entry = "  - {encoder: x264, name: ours, crf: [20]}\n"
    assert wrong(HEAD + entry + entry) == ["plan.yml:4:27: encodes[1].name: duplicate name, first at encodes[0]"]


@pytest.mark.parametrize("presets", ["", "presets: [fast, medium], "])
def test_what_reports_would_tell_alike_must_encode_alike(presets: str) -> None:
    other = f"{{encoder: x264, {presets}crf: [30], options: {{tune: grain}}}}"
    entry = "  - {encoder: x264, crf: [20]}\n"
    assert wrong(f"{HEAD}{entry}  - {other}\n") == [
        "plan.yml:4:15: encodes[1].encoder: as encodes[0] but for options: give one a name, to be told apart"
    ]
    assert len(plans.parse(HEAD + entry + entry.replace("20", "30"), "plan.yml").encodes) == 2


def test_models_that_there_are_not_are_told_with_their_place() -> None:
    (line,) = wrong(f"{HEAD}  - {{encoder: x264, crf: [20]}}\nmodels: [v1, ngo]\n")
    assert line.startswith("plan.yml:4:14: models[1]: must be one of v1, ")
    assert 'did you mean "neg"?' in line


@pytest.mark.parametrize("key", ["references", "encodes"])
def test_lists_must_hold_something(key: str) -> None:
    text = "references: [a.mp4]\nencodes: [{encoder: x264, crf: [20]}]\n"
    lines = [f"{key}: []" if line.startswith(key) else line for line in text.splitlines()]
    (line,) = wrong("\n".join(lines))
    assert line.endswith(f"{key}: must have at least one entry")


def test_references_and_models_are_relative_to_the_plan() -> None:
    found = plans.parse(f"{HEAD}  - {{encoder: x264, crf: [20]}}\nmodels: [v1, own/model.json]\n", "/plans/plan.yml")
    assert found.references == ("/plans/a.mp4",)
    assert found.models == ("v1", "/plans/own/model.json")


def test_the_sample_loads_and_names_every_option() -> None:
    plans.load(str(SAMPLE))
    text = SAMPLE.read_text()
    for part in (plans.Plan, plans.Encode, plans.Prices):
        for name in part.__dataclass_fields__:
            assert name in text, f"{part.__name__}.{name}"


def test_what_the_sample_says_of_defaults_is_true() -> None:
    bare = "references: [a.mp4]\nencodes: [{encoder: x264, crf: [20]}]\n"
    said = [line[2:] for line in SAMPLE.read_text().splitlines() if line.startswith("# ") and ": " in line]
    options = [line for line in said if line.partition(":")[0] in plans.Plan.__dataclass_fields__]
    stated = [line for line in options if not line.startswith(("quality", "target", "gop: auto"))]
    assert len(stated) >= 10
    assert plans.parse(bare + "\n".join(stated), "plan.yml") == plans.parse(bare, "plan.yml")
