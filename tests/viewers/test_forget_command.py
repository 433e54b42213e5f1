"""`qoe-agent forget` as it is run: who is named is gone from the facts, all others stay, and no name is repeated."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from qoe_agent import forgetting
from qoe_agent.__main__ import app
from qoe_agent.viewers.facts import compaction, reading, segments
from qoe_agent.viewers.facts.writer import Writer
from qoe_agent.viewers.pseudonyms import Key, Ring
from tests.viewers.made import heartbeat, record, stored

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyarrow", reason="needs the extra viewers")

OLD, NEW = Key(1, b"1" * 32), Key(2, b"2" * 32)


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """Events of ann under two keys, of bob and of eve, some still in the log; a ring that was rotated."""
    folder = tmp_path / "facts"
    folder.mkdir()
    writer = Writer(folder, 1 << 20, 3600)
    writer.commit([segments.framed(record(heartbeat("a", 1, user="ann", ring=Ring([OLD])), heartbeat("a", 2)))])
    writer.commit([segments.framed(record(heartbeat("b", 1, user="bob", ring=Ring([OLD]))))])
    writer.close()
    writer = Writer(folder, 1 << 20, 3600)
    new = Ring([OLD, NEW])
    writer.commit(
        [segments.framed(record(*(heartbeat(user[0] * 2, 1, user=user, ring=new) for user in ("ann", "eve"))))]
    )
    (folder / "pseudonyms.keys").write_text("".join(f"{key.id} {key.secret.hex()}\n" for key in (OLD, NEW)))
    return folder


def run(*arguments: object, typed: str | bytes = "") -> tuple[int, str]:
    """Exit status and what was said."""
    found = CliRunner().invoke(app, ["forget", *map(str, arguments)], input=typed)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


def test_who_is_named_is_gone_under_each_key_and_the_others_are_not(facts: Path) -> None:
    assert run("ann", "--facts", facts) == (0, "2 events deleted, 1 in the log hidden until compaction deletes them\n")
    assert stored(facts) == [("b", 1), ("ee", 1)]


def test_what_a_killed_agent_left_open_in_the_log_is_deleted_at_once(facts: Path) -> None:
    left = facts.with_name("left")
    shutil.copytree(facts, left)
    assert run("ann", "--facts", left) == (0, "3 events deleted\n")
    assert not [*(left / "log").glob("0*")]
    assert stored(left) == [("b", 1), ("ee", 1)]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files to somebody")
def test_what_root_deletes_leaves_the_agent_its_files(facts: Path) -> None:
    owner = 65_534
    for path in (facts, *facts.rglob("*")):
        os.chown(path, owner, owner)
    assert run("ann", "--facts", facts)[0] == 0
    with reading.snapshot(facts):
        found = {path.relative_to(facts).parts[-1]: path.stat().st_uid for path in facts.rglob("*")}
    assert {"forgotten.json", ".lock", ".readers", "lock"} <= {*found}
    assert any(name.endswith(".parquet") for name in found)
    assert set(found.values()) == {owner}


def test_a_configuration_says_where_they_are_and_names_may_be_typed(facts: Path) -> None:
    config = facts.parent / "agent.yml"
    config.write_text("ingest: {folder: facts, sources: [{name: web, keys: [pk-web-2030-0123456789]}]}\n"
                      "streams: [{name: show, url: 'rtmp://h/live/show'}]\n")  # fmt: skip
    status, said = run("-", "--config", config, typed="\ufeffbob\r\neve\n\nbob\n")
    assert (status, said.count("\n")) == (0, 2)
    assert "bob" not in said
    assert stored(facts) == [("a", 1), ("a", 2), ("aa", 1)]


def test_of_somebody_unknown_nothing_is_deleted(facts: Path) -> None:
    before = stored(facts)
    assert run("nobody", "--facts", facts) == (
        0,
        "0 events deleted\n",
    )
    assert stored(facts) == before


def test_what_cannot_be_done_is_told(facts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("ann", "--facts", facts / "none") == (2, f"{facts / 'none'}: no such folder\n")
    assert run("ann", "--facts", facts, "--config", "x") == (2, "name --facts or --config: one of them\n")
    assert run("ann", "--facts", facts, "--keys", facts / "none")[0] == 2
    assert run("-", "--facts", facts, typed=b"\xff") == (
        2,
        "standard input: must be UTF-8, a user's id in each line\n",
    )
    monkeypatch.setattr(forgetting, "TURNS", 0)
    with compaction.owning(facts):
        status, said = run("ann", "--facts", facts)
    assert (status, "another process compacts it" in said) == (2, True)
    assert len(stored(facts)) == 5
