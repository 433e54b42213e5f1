"""`qoe-agent lift` as its users run it: exit statuses, lines for what is wrong, the document, the page, the plan."""

from __future__ import annotations

import csv
import importlib
import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app
from qoe_agent.report import lift_words
from qoe_agent.viewers import apart
from qoe_agent.viewers.lift import assignment
from tests.viewers.pages import alone

pytest.importorskip("ibis", reason="needs the extra viewers")

SCHEMA = json.loads((Path(__file__).parents[3] / "configs" / "lift.schema.json").read_text())
MANY = 8_000
BEGAN = 1_795_291_200
LONGER = 1.1
"""Times that the treatment watches."""
ASKED = ("--user", "viewer", "--arm", "variant", "--watch", "seconds", "--control", "sd")


def sessions(path: Path, share: float = 0.5, longer: float = LONGER) -> Path:
    """Two sessions a user, of exactly exponential lengths in either arm."""
    lines = ["session,viewer,variant,seconds,device,height"]
    arms = {"hd": round(MANY * share), "sd": MANY - round(MANY * share)}
    for arm, many in arms.items():
        for number in range(many):
            length = -600 * math.log(1 - (number + 0.5) / many) * (longer if arm == "hd" else 1.0)
            for part in (0.25, 0.75):
                lines.append(f"{arm}{number}-{part},{arm}{number},{arm},{length * part:.3f},"
                             f"{'tv' if number % 3 else 'phone'},{1080 if arm == 'hd' else 480}")  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sessions(tmp_path_factory.mktemp("good") / "sessions.csv")


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> None:
    """Analyses run in this process: for the second and more of them that takes no time."""

    def run(work: str, asked: Any, *_: object) -> Any:
        module, _, name = work.partition(":")
        return getattr(importlib.import_module(module), name)(asked, lambda _: None)

    monkeypatch.setattr(apart, "run", run)


def run(*arguments: object, given: str | None = None) -> tuple[int, str, str]:
    """Exit status, standard output, standard error; `given`: standard input."""
    found = CliRunner().invoke(app, ["lift", *map(str, arguments)], input=given, env={"COLUMNS": "200", "TERM": "dumb"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.stdout, found.stderr


def wrong(*arguments: object) -> str:
    """The one line that says why not."""
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1, err
    return err.rstrip("\n")


def test_the_plain_way_in_gives_the_same_figures_everywhere(good: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "lift.html", tmp_path / "lift.csv"
    status, out, err = run(good, *ASKED, "--segment", "device", "--json", "--html", page, "--csv", table,
                           "--smallest-effect", 0.1)  # fmt: skip
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert list(found)[:6] == ["schema_version", "verdict", "design", "checks", "estimates", "notes"]
    assert found["verdict"]["code"] == "better"
    assert found["verdict"]["text"].startswith("hd arm watched ")
    assert found["checks"]["sample_ratio"]["passed"] is True
    (whole,) = (
        one for one in found["estimates"] if (one["metric"], one["cap"], one["segment"]) == ("watch", None, None)
    )
    assert whole["lift"] == pytest.approx(LONGER - 1, abs=1e-4)
    assert whole["low"] < LONGER - 1 < whole["high"]
    assert whole["n"] == {"hd": MANY // 2, "sd": MANY // 2}
    assert (whole["unit"], whole["scale"], whole["always_valid"]) == ("user", "ratio", None)
    half = math.log((1 + whole["high"]) / (1 + whole["low"])) / 2
    assert half == pytest.approx(1.96 * math.sqrt(2 / (MANY // 2)), rel=0.01), "lengths are exponential: CV 1"
    assert {one["segment"]["value"] for one in found["estimates"] if one["segment"]} == {"tv", "phone"}
    doses = {(one["arm"], one["measure"], one["source"]): one for one in found["doses"]}
    assert [doses[arm, "height", "told"]["hd"] for arm in ("hd", "sd")] == [1.0, 0.0]
    assert found["checks"]["delivered_contrast"]["passed"] is True
    text = page.read_text("utf-8")
    alone(text)
    assert found["verdict"]["text"] in text
    assert lift_words.interval(whole["low"], whole["high"]) in text
    with table.open() as file:
        assert float(next(csv.DictReader(file))["lift"]) == found["estimates"][0]["lift"]


def test_people_get_the_verdict_first(within: None, good: Path) -> None:
    status, out, _ = run(good, *ASKED, "--smallest-effect", 0.1)
    assert status == 0
    assert out.startswith("BETTER  hd arm watched ")
    assert out.index("Design") < out.index("Checks") < out.index("What the arms differ in")


def test_arms_of_odd_sizes_block_the_verdict_and_end_with_1(within: None, tmp_path: Path) -> None:
    uneven = sessions(tmp_path / "uneven.csv", share=0.45)
    status, out, _ = run(uneven, *ASKED)
    assert status == 1
    assert out.startswith("BLOCKED")
    status, out, _ = run(uneven, *ASKED, "--allocation", "hd=.45,sd=.55")
    assert status == 0, out


def test_a_guardrail_that_says_hold_ends_with_1(within: None, tmp_path: Path) -> None:
    worse = sessions(tmp_path / "worse.csv", longer=0.9)
    status, out, _ = run(worse, *ASKED, "--smallest-effect", 0.1, "--guardrail", "watch_per_session:-0.02")
    assert status == 1
    assert "time a session" in out
    assert re.search(r"time a session, .* hold +hd over sd: .* does not keep within the margin of −2.00 %", out)


def test_what_makes_no_sense_is_told_in_one_line(within: None, good: Path, tmp_path: Path) -> None:
    assert "nowhere.csv" in wrong(tmp_path / "nowhere.csv", *ASKED)
    assert "--control NAME is required" in wrong(good, *ASKED[:-2])
    assert "no arm 'ld' in variant; there are hd, sd" in wrong(good, *ASKED[:-1], "ld")
    said = wrong(good, "--user", "nobody", *ASKED[2:])
    assert "sessions.csv" in said
    assert "nobody" in said
    assert "one of them" in wrong(good, *ASKED, "--facts", tmp_path)
    status, out, err = run(good, *ASKED, "--html", tmp_path / "nosuch" / "lift.html")
    assert (status, err.count("\n")) == (2, 1)
    assert "nosuch/lift.html" in err
    assert "watch time" in out  # what can be told is told
    (tmp_path / "one.csv").write_text("viewer,variant,seconds\na,sd,5\nb,sd,6\n")
    assert "one arm only" in wrong(tmp_path / "one.csv", *ASKED)
    (tmp_path / "odd.csv").write_text("viewer,variant,seconds\na,sd,5\nb,hd,soon\n")
    said = wrong(tmp_path / "odd.csv", *ASKED)
    assert "odd.csv:3" in said
    assert "seconds" in said


def test_tiny_data_is_no_traceback(within: None, tmp_path: Path) -> None:
    (tmp_path / "tiny.csv").write_text("viewer,variant,seconds\na,sd,5\nb,hd,6\n")
    status, out, err = run(tmp_path / "tiny.csv", *ASKED, "--json")
    assert status in (0, 1, 2)
    assert "Traceback" not in err
    if status != 2:
        assert json.loads(out)["verdict"]["code"] in ("underpowered", "blocked")


def test_a_switchback_is_told_without_warnings(within: None, tmp_path: Path) -> None:
    rows = [f"{stream},{BEGAN + 60 * block + part},{'hd' if (block * 7 + stream) % 5 < 2 else 'sd'},"
            f"{10 + (block * 31 + part) % 50}"
            for stream in range(3) for block in range(40) for part in range(5)]  # fmt: skip
    (tmp_path / "blocks.csv").write_text("\n".join(["room,began,variant,seconds", *rows]) + "\n")
    asked = (*ASKED[2:], "--stream", "room", "--time", "began", "--switchback", "1m", "--json")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        status, out, err = run(tmp_path / "blocks.csv", *asked)
    found = json.loads(out)
    assert (err, found["design"]["kind"]) == ("", "switchback")
    assert {one["unit"] for one in found["estimates"]} == {"block"}
    assert "carry_over" in found["checks"]
    assert status in (0, 1)


def test_who_never_saw_a_picture_watched_shortest_not_longest(within: None, tmp_path: Path) -> None:
    rows = [
        f"{arm}{number},{arm},{0 if number % 4 else 50 + number % 7}" for arm in ("hd", "sd") for number in range(400)
    ]
    (tmp_path / "none.csv").write_text("\n".join(["viewer,variant,seconds", *rows]) + "\n")
    found = json.loads(run(tmp_path / "none.csv", *ASKED, "--json")[1])
    assert found["tail"] == {arm: {"sessions": 0.0, "watched": 0.0} for arm in ("hd", "sd")}
    marks = {round(one["seconds"]): one["share"] for one in found["retention"]["hd"]}
    assert marks[1] == marks[32] == 0.25


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--cap", "soon", "must be a duration"), ("--allocation", "hd:1", "ARM=SHARE"),
        ("--guardrail", "watch", "METRIC:MARGIN"), ("--smallest-effect", "3", "less than 1"),
        ("--window", "-1", "duration"), ("--planned-users", "0", "2 at least"), ("--metric", "a/b/c", "COLUMN/COLUMN"),
        ("--memory", "banana", "must be"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_named(good: Path, option: str, value: str, expected: str) -> None:
    status, _, err = run(good, *ASKED, option, value)
    assert status == 2
    assert option in err
    assert expected in err


def test_no_file_is_written_twice_or_over_what_is_read(good: Path, tmp_path: Path) -> None:
    same = tmp_path / "lift.out"
    assert "--csv" in wrong(good, *ASKED, "--html", same, "--csv", tmp_path / "." / "lift.out")
    assert not same.exists()
    assert "--csv" in wrong(good, *ASKED, "--csv", good)


def test_users_are_found_by_their_usual_names_and_few_segments_by_theirs(within: None, tmp_path: Path) -> None:
    rows = [f"u{number // 2},{'hd' if number % 4 < 2 else 'sd'},{number}" for number in range(400)]
    rows += [f"a{number},{arm},1" for number in range(120) for arm in ("hd", "sd", "hd")]
    (tmp_path / "named.csv").write_text("\n".join(["user_id,arm,watch_seconds", *rows]) + "\n")
    found = json.loads(run(tmp_path / "named.csv", "--control", "sd", "--json")[1])
    assert (found["design"]["unit"], found["design"]["users"]) == ("user", {"hd": 100, "sd": 100})
    said = wrong(tmp_path / "named.csv", "--control", "sd", "--segment", "user_id")
    assert "--segment user_id: it has more than 50 values" in said
    said = wrong(tmp_path / "named.csv", "--control", "sd", "--watch", "seconds")
    assert "no column 'seconds' (--watch names it); the file has" in said


def test_lines_are_as_long_as_asked_for_and_end_where_they_do(within: None, good: Path) -> None:
    lines = run(good, *ASKED)[1].splitlines()
    assert 120 < max(map(len, lines)) <= 200
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_plan_is_registered_and_what_changes_afterwards_is_told(within: None, good: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yml"
    design = ("--control", "sd", "--treatment", "hd", "--cap", "900", "--smallest-effect", 0.1)
    status, out, err = run("plan", good, "--user", "viewer", "--watch", "seconds", *design, "--register", plan)
    assert (status, err) == (0, "")
    assert "+10.3 %" in out
    assert "there is such a file" in wrong("plan", *design, "--register", plan)
    status, out, _ = run(good, *ASKED[:-2], "--plan", plan, "--json")
    found = json.loads(out)
    assert status == 0, found["checks"]
    assert found["registered"] == []
    assert {one["cap"] for one in found["estimates"] if one["metric"] == "watch"} == {900.0}
    status, out, _ = run(good, *ASKED, "--plan", plan, "--cap", "none")
    assert "Other than registered" in out
    assert "caps: registered 900, analysed none" in out


def test_a_plan_without_files_takes_published_figures(within: None, tmp_path: Path) -> None:
    status, out, err = run("plan", "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    needs = {(one["cap"], one["effect"]): one["fixed"] for one in found["needs"]}
    assert 12_000 < needs[None, 0.103] < 13_000
    assert set(needs) >= {(9000.0, 0.01), (3600.0, 0.0015)}
    assert (
        run("plan", "--help")[1].lstrip().startswith("Usage: qoe-agent lift plan")
        or "lift plan" in (run("plan", "--help")[1])
    )


def test_arms_are_given_as_registered(within: None, tmp_path: Path) -> None:
    plan, mapping = tmp_path / "plan.yml", tmp_path / "arms.csv"
    named = ("--control", "sd", "--treatment", "hd", "--register", plan)
    assert run("plan", *named, "--experiment", "ladder", "--allocation", "sd=.5,hd=.3")[0] == 0
    users = ["u1", "Zoë", 'a,"b"', *(f"user-{number}" for number in range(500))]
    status, out, err = run("assign", "--plan", plan, given="\n".join(users))
    assert (status, err) == (0, "")
    arms = {user: assignment.arm("ladder", user, (("sd", 0.5), ("hd", 0.3))) for user in users}
    found = {user: name for user, name in arms.items() if name}
    rows = list(csv.reader(out.splitlines()))
    assert rows == [["user", "arm"], *map(list, found.items())], "who is in no arm is left out"
    assert 350 < len(found) < 450
    assert run("assign", "--plan", plan, given="")[1] == "user,arm\n"
    assert run("assign", "--plan", plan, given="u1\r\nu2\r\n")[1] == run("assign", "--plan", plan, given="u1\nu2")[1]
    mapping.write_text(out)
    (tmp_path / "sessions.csv").write_text(
        "\n".join(["user,watch_seconds", *(f"user-{number},{number + 1}" for number in range(500))]))  # fmt: skip
    told = json.loads(run(tmp_path / "sessions.csv", "--mapping", mapping, "--control", "sd", "--allocation",
                          "sd=.5,hd=.3", "--json")[1])  # fmt: skip
    assert sum(told["design"]["users"].values()) == sum(user.startswith("user-") for user in found)
    assert run("assign", "--plan", plan, given="u1\n\nu2")[2].startswith("line 2: a unit's name must not be empty")
    plan.write_text(plan.read_text().replace("hd: 0.3", "hd: 0.4"))
    assert "its hash is another" in run("assign", "--plan", plan, given="u1")[2]
    plan.unlink()
    assert run("plan", *named)[0] == 0
    assert "names no experiment" in run("assign", "--plan", plan, given="u1")[2]


def test_a_file_called_plan_can_be_named(within: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "plan" in wrong("./plan", *ASKED)
