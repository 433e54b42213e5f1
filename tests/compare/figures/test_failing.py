"""The grammar of --fail-if."""

from __future__ import annotations

import operator
from dataclasses import replace

import pytest

from qoe_agent.compare.figures import failing
from qoe_agent.compare.figures.failing import condition, outcome
from qoe_agent.compare.shapes import Heard, Unfit
from tests.compare.scored import candidate

MODELS = ("v1", "neg")
HEARD = Heard(0.05, 0.9, -23.0, -29.0, 2.0, ((1.0, 3.0),), 1.0, 16000.0, 16000.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vmaf < 92", ("vmaf", "", "mean", "<", 92.0)),
        ("vmaf.mean<92", ("vmaf", "", "mean", "<", 92.0)),
        ("vmaf[v1].harmonic_mean <= 92.5", ("vmaf", "v1", "harmonic_mean", "<=", 92.5)),
        (" vmaf [ v0.6.1 ] . p5 >= .5 ", ("vmaf", "v0.6.1", "p5", ">=", 0.5)),
        ("psnr_y.min_1s != 1e2", ("psnr_y", "", "min_1s", "!=", 100.0)),
        ("av_offset_seconds > -0.04", ("av_offset_seconds", "", "", ">", -0.04)),
        ("dropped == 0", ("dropped", "", "", "==", 0.0)),
        ("psnr_y < inf", ("psnr_y", "", "mean", "<", float("inf"))),
    ],
)
def test_conditions_are_read(text: str, expected: tuple[object, ...]) -> None:
    found = condition(text)
    assert (found.name, found.model, found.statistic, found.sign, found.number) == expected


@pytest.mark.parametrize(
    ("text", "pointed", "said"),
    [
        ("", "", "expected a name"),
        ("vmaff < 92", "vmaff", "no such name; there are vmaf,"),
        ("vmaf.meen < 92", "meen", "no such statistic; there are mean,"),
        ("vmaf. < 92", "< 92", "expected one of mean"),
        ("vmaf 92", "92", "expected <, <=, >"),
        ("vmaf = 92", "= 92", "expected <, <=, >"),
        ("vmaf < many", "many", "expected a number"),
        ("vmaf < nan", "nan", "expected a number"),
        ("vmaf < 92 and psnr_y < 30", "and", "expected nothing more"),
        ("vmaf[neg.mean < 92", "neg.mean", "expected a model and ]"),
        ("vmaf[] < 92", "] <", "expected a model and ]"),
        ("psnr_y[v1] < 30", "[v1]", "only vmaf has models"),
        ("dropped.mean > 3", "mean", "dropped is one number"),
    ],
)
def test_what_is_wrong_is_pointed_at(text: str, pointed: str, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        condition(text)
    line, mark = str(caught.value).split("\n")
    assert line == f"--fail-if {text}"
    assert line[mark.index("^") :].startswith(pointed)
    assert mark.split("^ ")[1].startswith(said)


@pytest.mark.parametrize("sign", failing.OPERATORS)
@pytest.mark.parametrize("number", [79.0, 80.0, 81.0])
def test_every_operator_does_what_it_says(sign: str, number: float) -> None:
    test = candidate("a", {"vmaf[v1]": [80.0, 80.0]})
    by = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
          "!=": operator.ne}  # fmt: skip
    found = outcome(condition(f"vmaf {sign} {number}"), test, MODELS)
    assert (found.value, found.fails) == (80.0, by[sign](80.0, number))


def test_vmaf_without_a_model_is_the_first_that_was_asked_for() -> None:
    test = candidate("a", {"vmaf[v1]": [80.0], "vmaf[neg]": [70.0]})
    assert outcome(condition("vmaf < 75"), test, MODELS).value == 80.0
    assert outcome(condition("vmaf < 75"), test, MODELS[::-1]).value == 70.0
    assert outcome(condition("vmaf[neg] < 75"), test, MODELS).fails


def test_properties_of_a_test_can_be_asked_for() -> None:
    test = candidate("a", {"vmaf[v1]": [80.0]}, bits=2e6, heard=HEARD)
    values = {each: outcome(condition(f"{each} > 0"), test, MODELS).value for each in failing.PROPERTIES}
    assert values["bitrate_bits_per_second"] == 2e6
    assert values["av_offset_seconds"] == 0.05
    assert values["missing_sound_seconds"] == 2.0
    assert values["loudness_difference"] == -6.0
    assert values["dropped"] == 0
    assert None not in values.values()


def test_what_has_no_value_never_passes() -> None:
    silent = candidate("a", {"vmaf[v1]": [80.0], "psnr_y": [40.0]}, heard=replace(HEARD, offset_seconds=None))
    for text in ("vmaf[neg] < 0", "cambi > 100", "av_offset_seconds > 9", "psnr_y.harmonic_mean < 0"):
        found = outcome(condition(text), silent, MODELS)
        assert (found.value, found.fails) == (None, True)
        assert found.why.startswith("it has no value here; there are ")
    assert "vmaf[v1], psnr_y" in outcome(condition("cambi > 9"), silent, MODELS).why


def test_a_refused_test_fails_every_condition() -> None:
    test = replace(candidate("a", {"vmaf[v1]": [99.0]}), refused=("not the same content",))
    assert outcome(condition("vmaf < 1"), test, MODELS)[1:] == (None, True, "not compared: not the same content")


def test_conditions_on_what_will_not_be_measured_are_refused_before_the_work() -> None:
    failing.measured(condition("vmaf[neg] < 1"), MODELS, ())
    with pytest.raises(Unfit, match="add --vmaf-model 4k"):
        failing.measured(condition("vmaf[4k] < 1"), MODELS, ())
    with pytest.raises(Unfit, match="add --metric cambi"):
        failing.measured(condition("cambi > 1"), MODELS, ())
    failing.measured(condition("cambi > 1"), MODELS, ("cambi",))
