"""When a case is opened, what it holds, and that a few at once are the most."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import pytest

from qoe_agent import clock
from qoe_agent.board import Board
from qoe_agent.config import Evidence
from qoe_agent.evidence.case import Case
from qoe_agent.evidence.keeper import CASES, MOST, Keeper, keeper
from qoe_agent.evidence.mark import mark
from qoe_agent.evidence.shelf import Shelf
from qoe_agent.evidence.witness import AFTER, APART, BEFORE, MOST_ANSWERS, Witness
from qoe_agent.model import Answer, Incident, Lost, Opened, Packet, Tick
from qoe_agent.recorder import NONE, SLOT
from qoe_agent.recorder import mark as name_in_slot
from qoe_agent.ring import Budget
from qoe_agent.sink import Key
from tests.media import h264

if TYPE_CHECKING:
    from pathlib import Path

START = 1000.0
SHOW = Key("show")


class Stand:
    """A stream of 25 pictures a second with a key frame each second, its witness, and a folder."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, policy: Any = "full", most: int = 1 << 24
    ) -> None:
        self.board = Board([CASES])
        self.shelf = Shelf(str(folder), most, 1e9)
        self.keeper = Keeper(self.shelf, self.board)
        self.now = START
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(clock, "wall", lambda at: at + 1_800_000_000.0)
        self.ring = Budget(1 << 24).ring()
        self.form, self.packets = h264(frames=25 * 60, gop=25, start=START)
        self.ring.format(self.form)
        self.witness = self.another(policy)
        self._next = 0

    def another(self, policy: Any = "full") -> Witness:
        return Witness(SHOW, policy, self.ring, self.keeper)

    def until(self, seconds: float) -> None:
        """Packets and Ticks up to there."""
        while self.now < START + seconds:
            while self._next < len(self.packets) and self.packets[self._next].at <= self.now + 1.0:
                packet = self.packets[self._next]
                self.ring.append(packet)
                self.witness.see(packet)
                self._next += 1
            self.now += 1.0
            self.witness.see(Tick(self.now))

    def black(self, start: float, end: float | None = None, severity: Any = "warning") -> Incident:
        found = Incident("black", START + start, end and START + end, severity, start_pts=start)
        self.witness.told(found, self.now)
        return found

    def counted(self, result: str) -> float:
        text = self.board.render().decode()
        found = [
            line for line in text.splitlines() if line.startswith(f'qoe_evidence_cases_total{{result="{result}"}}')
        ]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(tmp_path, monkeypatch)


async def test_whose_stills_are_decoded_is_noted_for_when_that_crashes(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, noted = memoryview(bytearray(SLOT)), list[bytes]()
    stand.keeper = Keeper(stand.shelf, stand.board, slot)
    stand.witness = stand.another()
    files = Case.files
    monkeypatch.setattr(Case, "files", lambda case: noted.append(bytes(slot)) or files(case))
    stand.until(20)
    stand.black(19.2)
    stand.until(30)
    await stand.keeper.drained()
    assert noted == [name_in_slot("show")]
    assert bytes(slot) == NONE


async def test_a_case_holds_ten_seconds_before_and_five_after(stand: Stand) -> None:
    stand.witness.see(Opened(START, START - 1, "rtmp", {"connect": 0.1}))
    stand.witness.line("black began")
    stand.until(20)
    found = stand.black(19.2)
    stand.until(30)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("show", "", 9)
    assert case["files"] == ["case.json", "before.jpg", "at.jpg", "clip.mp4"]
    assert case["name"].endswith(mark("show", "", "black", "", found.start))
    assert BEFORE <= case["opened"] - case["first_packet"] <= BEFORE + 1.1
    assert AFTER <= case["last_packet"] - case["opened"] <= AFTER + 1.1
    assert case["pull"]["opened"]["phases"] == {"connect": 0.1}
    assert [each["line"] for each in case["log"]] == ["black began"]
    assert case["incidents"][0]["start"] == pytest.approx(1_800_000_000 + START + 19.2)
    assert stand.counted("kept") == 1


async def test_playlists_of_that_moment_have_a_file_and_what_else_was_said_is_a_fact(stand: Stand) -> None:
    stand.witness.see(Answer(START, "headers", "status: 200\nServer: nginx"))
    stand.witness.see(Answer(START, "master", "#EXTM3U\nlow.m3u8"))
    for n in range(20):
        stand.until(n)
        stand.witness.see(Answer(stand.now, "playlist", f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{n}"))
        stand.witness.see(Answer(stand.now, "playlist", f"sound {n}", 16))
    stand.until(20)
    stand.black(19.2)
    stand.witness.see(Answer(stand.now + 1, "playlist", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:20"))
    stand.until(30)
    stand.witness.see(Answer(stand.now, "playlist", "too late"))
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("show", "", 9)
    assert "playlist.m3u8" in case["files"]
    path = stand.shelf.file(case["name"], "playlist.m3u8")
    assert path
    text = path.read_text()
    assert text.startswith("# 2027-01-15T08:16:40.000+00:00: the master playlist\n#EXTM3U\nlow.m3u8\n")
    found = [line.rpartition(":")[2] for line in text.splitlines() if "SEQUENCE" in line]
    assert found == ["17", "18", "19", "20"]
    assert "sound 17" in text
    assert "sound 16" not in text
    assert "too late" not in text
    (said,) = case["answers"]
    assert (said["kind"], said["lines"]) == ("headers", ["status: 200", "Server: nginx"])


async def test_answers_of_tracks_without_end_fill_no_memory(stand: Stand) -> None:
    for n in range(1000):
        stand.witness.see(Answer(stand.now, "playlist", "#EXTM3U", n))
    stand.until(20)
    stand.black(19.2)
    stand.until(30)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("show", "", 9)
    path = stand.shelf.file(case["name"], "playlist.m3u8")
    assert path
    assert path.read_text().count("#EXTM3U") == MOST_ANSWERS


async def test_what_begins_meanwhile_is_in_the_same_case_with_its_end(stand: Stand) -> None:
    stand.until(20)
    stand.black(19.2)
    stand.until(22)
    stand.witness.told(Incident("silence", START + 21, None, "warning"), stand.now)
    stand.black(19.2, 21.5)
    stand.until(30)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert [(each["kind"], each["end"] is None) for each in case["incidents"]] == [("black", False), ("silence", True)]
    assert stand.shelf.cases("", mark("show", "", "silence", "", START + 21), 9) == [case]


async def test_a_stream_has_one_case_in_half_a_minute(stand: Stand) -> None:
    stand.until(10)
    stand.black(9)
    stand.until(APART)
    stand.black(APART - 1)
    stand.until(APART + 11)
    stand.black(APART + 11)
    stand.until(APART + 20)
    await stand.keeper.drained()
    assert len(stand.shelf.names()) == 2


async def test_what_only_informs_or_is_long_over_makes_no_case(stand: Stand) -> None:
    stand.until(20)
    stand.black(19, severity="info")
    stand.black(2, 5)
    stand.until(30)
    await stand.keeper.drained()
    assert stand.shelf.names() == []


@pytest.mark.parametrize("policy", ["thumbnail", "off"])
async def test_a_private_room_is_not_filmed(policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(tmp_path, monkeypatch, policy)
    stand.until(20)
    stand.black(19)
    stand.until(30)
    await stand.keeper.drained()
    found = [case["files"] for case in stand.shelf.cases("", "", 9)]
    assert found == ([["case.json", "before.jpg", "at.jpg"]] if policy == "thumbnail" else [])


async def test_a_stream_that_is_no_longer_watched_hands_over_what_it_has(stand: Stand) -> None:
    stand.until(20)
    stand.black(19)
    stand.witness.close()
    await stand.keeper.drained()
    assert len(stand.shelf.names()) == 1


async def test_after_that_nothing_is_opened_and_no_place_is_kept(stand: Stand) -> None:
    for n in range(MOST + 2):
        witness = stand.another()
        witness.see(Lost(stand.now, "stopped"))
        witness.close()
        witness.told(Incident("black", START - n, stand.now, "warning"), stand.now)
    assert stand.keeper.opens()


async def test_a_long_incident_keeps_the_evidence_of_its_beginning(stand: Stand) -> None:
    stand.until(20)
    stand.black(19.2)
    stand.until(35)
    stand.black(19.2)
    stand.until(54)
    stand.black(19.2, 53.5)
    stand.until(60)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert case["last_packet"] - case["opened"] < AFTER + 1.2
    assert case["opened"] == pytest.approx(1_800_000_000 + START + 20, abs=1.0)


async def test_stills_are_of_the_timeline_in_which_it_happened(stand: Stand) -> None:
    """The publisher comes back and its times begin anew: brightness tells which picture it is (tests.media)."""
    stand.until(10)
    stand.witness.told(Incident("lost", START + 10.5, None, "critical"), stand.now)
    last = max((seen.pts or 0.0) for seen in stand.ring if seen.at <= START + 10.5)
    for packet in stand.packets[:50]:
        stand.witness.see(replace(packet, at=stand.now + 1.0 + (packet.pts or 0.0)))
    stand.witness.see(Tick(stand.now + AFTER))
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    path = stand.shelf.file(case["name"], "at.jpg")
    assert path
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    shade = float(picture[20:80, 56:65].mean()) * 219 / 255 + 16
    shown = {(60 + 3 * round(25 * last) + step) % 256 for step in range(-3, 9)}  # up to a tenth of a second later
    assert min(abs(shade - each) for each in shown) < 4


async def test_what_comes_in_another_format_is_left_out(stand: Stand) -> None:
    stand.until(20)
    stand.black(19)
    before = len(list(stand.ring))
    stand.witness.see(replace(stand.form, width=999))
    stand.until(30)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert case["packets"] <= before


async def test_a_picture_from_before_is_none_that_is_not_from_before(stand: Stand) -> None:
    stand.until(2)
    stand.black(0.2)
    stand.until(10)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert "before.jpg" not in case["files"]
    assert "no before.jpg: the packets do not reach so far back" in case["notes"]


async def test_a_stream_that_is_not_to_be_decoded_is_not(stand: Stand) -> None:
    stand.witness = Witness(SHOW, "full", stand.ring, stand.keeper, bare=True)
    stand.until(20)
    stand.black(19)
    stand.until(30)
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert case["files"] == ["case.json", "clip.mp4"]


async def test_without_a_packet_there_is_still_what_is_known(stand: Stand) -> None:
    stand.witness.told(Incident("lost", START, None, "critical"), stand.now)
    stand.now += AFTER + 1
    stand.witness.see(Tick(stand.now))
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert case["files"] == ["case.json"]
    assert case["notes"] == ["no packets were there to cut from"]


async def test_a_few_at_once_are_the_most(stand: Stand) -> None:
    stand.until(20)
    every = [stand.another() for _ in range(MOST + 2)]
    for n, witness in enumerate(every):
        witness.told(Incident("black", START + 19, None, "warning", key=str(n)), stand.now)
    for witness in every:
        witness.see(Tick(stand.now + AFTER))
    await stand.keeper.drained()
    assert len(stand.shelf.names()) == MOST
    assert (stand.counted("kept"), stand.counted("skipped")) == (MOST, 2)


async def test_what_cannot_be_kept_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(tmp_path, monkeypatch, most=5000)
    stand.until(20)
    stand.black(19)
    stand.until(26)
    await stand.keeper.drained()
    assert (stand.counted("too_large"), stand.shelf.names()) == (1, [])
    (tmp_path / "file").write_text("")
    beside = Keeper(Shelf(str(tmp_path / "file" / "folder"), 1 << 24, 1e9), stand.board)
    witness = Witness(SHOW, "full", stand.ring, beside)
    witness.told(Incident("black", START + 25, None, "warning"), stand.now)
    witness.see(Tick(stand.now + AFTER))
    await beside.drained()
    assert stand.counted("failed") == 1


async def test_nothing_of_the_address_is_in_a_case(stand: Stand) -> None:
    stand.until(20)
    stand.black(19)
    stand.until(30)
    await stand.keeper.drained()
    (name,) = stand.shelf.names()
    said = json.loads((stand.shelf.folder / name / "case.json").read_text())
    assert not {"url", "headers", "cookies", "proxy"} & set(said)


def test_without_a_folder_nobody_keeps() -> None:
    assert keeper(Evidence(), Board()) is None
    assert keeper(None, Board()) is None


async def test_packets_beyond_the_most_are_left_out(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qoe_agent.evidence.witness.LARGEST", 1000)
    stand.until(20)
    stand.black(19)
    before = len(list(stand.ring))
    for n in range(200):
        stand.witness.see(Packet(stand.now, 0, "video", 20 + n / 25, None, 0, 100, bytes(100)))
    stand.witness.see(Tick(stand.now + AFTER))
    await stand.keeper.drained()
    (case,) = stand.shelf.cases("", "", 9)
    assert case["packets"] <= before + 10
