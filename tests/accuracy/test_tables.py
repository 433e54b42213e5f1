"""The results file and the tables made of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.accuracy.aligning import Answer, tell
from tests.accuracy.score import Span, Tally, spread, wilson
from tests.accuracy.tables import tables, tally
from tests.accuracy.work import GROUPS, done, failures, jobs, mend, rows

if TYPE_CHECKING:
    from pathlib import Path

JSON = dict[str, Any]


def interval_row(truth: list[list[float]], found: list[list[float]], **more: Any) -> JSON:
    row: JSON = {"row": "intervals", "detector": "black", "decode": "all", "least": 0.5, "truth": truth, "found": found}
    return row | {"said": [start + 0.5 for start, _ in found]} | more


def counted(total: Tally) -> tuple[int, int, int]:
    return total.found, total.missed, total.invented


def test_an_interval_of_wilson_s_is_the_published_one() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Newcombe 1998, method 3
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(400, 400)[1] == 1.0


def test_a_fault_is_found_by_what_covers_half_of_it() -> None:
    total = Tally()
    total.add([Span(1, 3), Span(5, 6), Span(8, 9)], [Span(1.1, 3.2), Span(5.6, 6), Span(20, 21)], [1.6, 6.0, 20.5])
    assert counted(total) == (1, 2, 1)
    assert total.onset == pytest.approx([0.1])
    assert total.delay == pytest.approx([0.6])


def test_faults_too_short_to_be_promised_count_neither_way() -> None:
    row = interval_row([[1.0, 1.4], [5.0, 7.0]], [[1.0, 1.4], [5.0, 7.0], [9.0, 10.0]])
    assert counted(tally([row], lambda it: it["found"], lambda it: it["least"])) == (1, 0, 1)


def test_what_a_policy_need_not_see_counts_neither_way() -> None:
    row = interval_row([], [[1.0, 2.0]], optional=[[0.9, 2.1]])
    assert counted(tally([row], lambda it: it["found"], lambda it: it["least"])) == (0, 0, 0)


def test_of_key_frames_any_overlap_counts() -> None:
    row = interval_row([[10.0, 20.0]], [[18.0, 25.0]], decode="keyframes")
    assert counted(tally([row], lambda it: it["found"], lambda it: it["least"])) == (1, 0, 0)


def test_the_tables_hold_what_the_rows_say() -> None:
    beside = {"defaults": [], "beside": [[1.0, 2.0], [5.0, 6.0]]}
    told = tables(
        [
            interval_row([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0]], **beside),
            {"row": "number", "measure": "loudness", "ours": -20.5, "truth": -20.0, "unit": "LU", "oracle": "ebur128"},
            {"row": "number", "measure": "loudness", "ours": None, "truth": -20.0, "unit": "LU", "oracle": "ebur128"},
            {"row": "cost", "look": "black", "calls": 600, "mean": 0.1, "p99": 0.2, "worst": 0.3},
        ]
    )
    assert "| `black` | all | 2 | 1 | 0.500 (0.095 to 0.905) | 1.000 (0.207 to 1.000) | 0.667 | 0.000, 0.500 |" in told
    assert "| loudness | ebur128 | 2 | 1 | -0.500 LU (-0.500 to -0.500) | 0.500 LU |" in told
    assert "| `black` | 600 | 0.100 | 0.20 | 0.30 |" in told


def test_nothing_measured_makes_no_table() -> None:
    assert tables([]) == ""
    assert spread([]) is None


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    lines: list[JSON] = [
        {"job": ["blank", 0], "rows": [{"row": "cost"}]},
        {"job": ["blank", 1], "error": "OSError: gone"},
        {"job": ["blank", 2], "error": "OSError: gone"},
        {"job": ["blank", 2], "rows": []},
    ]
    results.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"job": ["blank", 3], "ro')
    assert done(results) == {("blank", 0), ("blank", 2)}
    assert [line["job"] for line in failures(results)] == [["blank", 1]]
    assert rows(results) == [{"row": "cost", "job": ["blank", 0]}]
    mend(results)
    with results.open("a") as file:
        file.write(json.dumps({"job": ["blank", 3], "rows": []}) + "\n")
    assert ("blank", 3) in done(results)


def test_an_early_end_leaves_all_groups_in_proportion() -> None:
    every = jobs([*GROUPS], None, 1.0)
    assert Counter(name for name, _ in every) == {name: group.count for name, group in GROUPS.items()}
    half = Counter(name for name, _ in every[: len(every) // 2])
    assert all(abs(half[name] - group.count / 2) <= 1 for name, group in GROUPS.items())


def test_programmes_that_were_coded_hard_are_counted_apart() -> None:
    coded = {"libx264 veryfast 34 gop 12": "right", "libx265 ultrafast 35 gop 50": "ambiguous",
             "mpeg2video  16 gop 12": "right", "mpeg2video  17 gop 250": "ambiguous"}  # fmt: skip
    told = tell(
        [Answer(n, "cuts", f"from {n}; size 320; {each}", coded[each], 1.0, "") for n, each in enumerate(coded)]
    )
    counts = {line[:20].strip(): line.split()[-6:] for line in told.splitlines() if line.startswith("all ")}
    assert counts["all up to CRF 34"] == ["2", "2", "0", "0", "0", "0"]
    assert counts["all above CRF 34"] == ["2", "0", "2", "0", "0", "0"]
