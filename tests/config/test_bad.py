"""Every bad configuration in fixtures/configs/bad is refused with exactly the lines beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qoe_agent import config

BAD = Path(__file__).parents[2] / "fixtures" / "configs" / "bad"
ENVIRON = {"QOE_SHORT": "hunter2", "QOE_USER": "hunter2"}


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yml")), ids=lambda file: file.stem)
def test_a_bad_configuration_is_refused_with_its_exact_message(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    assert config.check(file.name, ENVIRON) == file.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yml")), ids=lambda file: file.stem)
def test_no_message_holds_a_secret(file: Path) -> None:
    assert "hunter2" not in "\n".join(config.check(str(file), ENVIRON))


def test_every_bad_configuration_has_its_message_and_every_message_its_configuration() -> None:
    assert {file.stem for file in BAD.glob("*.yml")} == {file.stem for file in BAD.glob("*.txt")}


def test_a_missing_file_a_folder_and_a_name_that_is_none_are_said_plainly(tmp_path: Path) -> None:
    assert config.check(str(tmp_path / "no.yml"), {}) == [
        f"{tmp_path}/no.yml: cannot be read: No such file or directory"
    ]
    assert config.check(str(tmp_path), {}) == [f"{tmp_path}: cannot be read: Is a directory"]
    assert config.check("a\0b", {}) == ["a\0b: cannot be read: not a path"]


def test_a_file_beyond_reason_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "big.yml").write_bytes(b"#" * (4 << 20) + b"\n")
    assert config.check(str(tmp_path / "big.yml"), {}) == [f"{tmp_path}/big.yml: larger than 4 MiB"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "bom.yml").write_bytes(b"\xef\xbb\xbfstreams: []\n")
    assert config.check(str(tmp_path / "bom.yml"), {}) == []


def test_deep_nesting_is_refused_before_anything_recurses_into_it() -> None:
    with pytest.raises(config.ConfigError, match="nested more than 32 levels deep"):
        config.parse("a: " + "[" * 1_000_000, "deep.yml", {})
