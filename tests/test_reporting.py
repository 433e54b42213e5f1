"""Where reports go: to files, to standard output, and never twice to one place."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from rich.text import Text

from qoe_agent import reporting
from qoe_agent.viewers.apart import Unusable

FORMS = reporting.Forms(
    Text, lambda found: {"found": found}, "<p>{}</p>".format, "name,{}\n".format, "<s>{}</s>".format
)
STANDARD = Path("-")


def test_a_table_on_standard_output_is_all_that_is_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    reporting.tell("seven", FORMS, False, page, STANDARD)
    assert capsys.readouterr().out == "name,seven\n"
    assert page.read_text() == "<p>seven</p>"


def test_the_report_or_json_goes_to_standard_output_where_no_file_does(capsys: pytest.CaptureFixture[str]) -> None:
    reporting.tell("seven", FORMS, False, None)
    reporting.tell("seven", FORMS, True, None)
    assert capsys.readouterr().out == 'seven\n{"found": "seven"}\n'
    reporting.tell("seven", FORMS, False, None, junit=STANDARD)
    assert capsys.readouterr().out == "<s>seven</s>"


def test_a_full_disk_takes_no_other_report_away(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table, page = tmp_path / "table.csv", tmp_path / "page.html"
    page.symlink_to("/dev/full")
    with pytest.raises(Unusable, match=r"page\.html: No space left on device"):
        reporting.tell("seven", FORMS, False, page, table)
    assert table.read_text() == "name,seven\n"
    assert capsys.readouterr().out == "seven\n"


def test_half_of_a_report_is_not_left(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(Unusable, match="File too large"):
            reporting.write(page, "x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not page.exists()


def test_a_full_standard_output_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(Unusable, match=r"^standard output: No space left on device$"):
            reporting.say({"found": "seven"})
        with pytest.raises(OSError, match="No space"):
            full.close()


@pytest.mark.parametrize(
    ("html", "csv", "as_json", "said"),
    [
        (None, "-", True, "--csv -: standard output is for --json already"),
        ("-", "-", False, "--csv -: standard output is for --html already"),
        ("page.html", "page.html", False, "--csv page.html: that is where what --html writes is"),
        (None, "ref.mp4", False, "--csv ref.mp4: that is where the file ref.mp4 is"),
    ],
)
def test_two_reports_do_not_go_to_one_place(html: str | None, csv: str, as_json: bool, said: str) -> None:
    written = {"--html": Path(html) if html else None, "--csv": Path(csv)}
    with pytest.raises(Unusable, match=f"^{said}$"):
        reporting.apart(written, [Path("ref.mp4")], as_json)


def test_standard_output_is_no_folder_and_can_be_written() -> None:
    reporting.possible({"--csv": STANDARD, "--html": None})
