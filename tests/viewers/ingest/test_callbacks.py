"""Media servers' callbacks as events.

The bodies of nginx-rtmp were captured from nginx-rtmp 1.2.2. Those of SRS have the keys, in their order, that SRS 5
to 7 write (trunk/src/app/srs_app_http_hooks.cpp); what MediaMTX knows is what its hooks' environment holds
(internal/hooks/on_read.go, on_available.go), the query escaped since April 2026.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from qoe_agent.viewers.ingest import callbacks
from qoe_agent.viewers.ingest.playing import Playing
from qoe_agent.viewers.ingest.remembering import Remembering

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_014_400_000
CLIENT = "app=live&flashver=LNX%209,0,124,2&swfurl=&tcurl=rtmp://127.0.0.1:1/live&pageurl=&addr=127.0.0.1&clientid=4"
PLAY = f"{CLIENT}&call=play&name=s1&start=4294965296&duration=0&reset=0&viewer=u42&arm=hd"
UPDATE = f"{CLIENT}&call=update_play&time=2&timestamp=3900&name=s1&viewer=u42&arm=hd"
DONE = f"{CLIENT}&call=play_done&name=s1&viewer=u42&arm=hd"


class Server:
    """Calls back once a second."""

    def __init__(self, server: str = "") -> None:
        self.playing, self.now, self._query = Playing(), NOW, {"server": server} if server else {}

    def nginx(self, body: str) -> list[dict[str, Any]]:
        self.now += 1000
        return callbacks.nginx(body.encode(), self._query, self.playing, self.now)

    def srs(self, **said: Any) -> list[dict[str, Any]]:
        self.now += 1000
        return callbacks.srs(json.dumps(said).encode(), self.playing, self.now)

    def mediamtx(self, **said: str) -> list[dict[str, Any]]:
        self.now += 1000
        return callbacks.mediamtx(urlencode(said).encode(), True, self.playing, self.now)


def test_a_viewer_of_nginx_rtmp_joins_watches_and_leaves_as_one_session() -> None:
    server = Server("edge-1")
    (join,), (beat,), (leave,) = server.nginx(PLAY), server.nginx(UPDATE), server.nginx(DONE)
    assert join == {"kind": "join", "session": f"edge-1-4-{NOW + 1000}", "at_ms": NOW + 1000, "state": "playing",
                    "stream": "live/s1", "user": "u42", "arm": "hd"}  # fmt: skip
    assert (beat["kind"], beat["state"], beat["session"]) == ("heartbeat", "playing", join["session"])
    assert (leave["kind"], leave["cause"], leave["session"]) == ("leave", "quit", join["session"])


def test_ids_that_begin_anew_with_the_server_are_other_sessions() -> None:
    server = Server()
    first = server.nginx(PLAY)[0]["session"]
    assert server.nginx(PLAY)[0]["session"] != first


def test_nothing_is_kept_of_addresses_and_programs() -> None:
    events = [event for body in (PLAY, UPDATE, DONE) for event in Server().nginx(body)]
    assert "127.0.0.1" not in json.dumps(events)
    assert "LNX" not in json.dumps(events)


def test_a_session_named_in_the_address_is_that_session() -> None:
    assert Server().nginx(f"{PLAY}&session=abc")[0]["session"] == "abc"


def test_a_viewer_cannot_pass_for_another_call_or_client() -> None:
    (event,) = Server().nginx(f"{PLAY}&call=play_done&clientid=9&name=other")
    assert (event["kind"], event["stream"]) == ("join", "live/s1")


def test_arguments_that_a_client_left_in_the_application_are_not_kept() -> None:
    (event,) = Server().nginx(PLAY.replace("app=live", "app=live%3Ftoken%3Dsecret"))
    assert event["stream"] == "live/s1"


def test_the_publishers_end_is_the_end_for_those_who_watch_and_who_leaves_then_did_not_quit() -> None:
    server = Server()
    session = server.nginx(PLAY)[0]["session"]
    published = CLIENT.replace("clientid=4", "clientid=1")
    (ended,) = server.nginx(f"{published}&call=publish_done&name=s1")
    assert (ended["kind"], ended["session"], ended["state"]) == ("heartbeat", session, "ended")
    assert server.nginx(f"{published}&call=publish_done&name=s1") == []
    assert server.nginx(f"{published}&call=publish_done&name=other") == []
    assert server.nginx(UPDATE)[0]["state"] == "ended"
    assert server.nginx(DONE)[0]["cause"] == "ended"


def test_a_publisher_who_comes_back_is_seen_again() -> None:
    server = Server()
    server.nginx(PLAY)
    published = CLIENT.replace("clientid=4", "clientid=1")
    server.nginx(f"{published}&call=publish_done&name=s1")
    assert server.nginx(f"{published}&call=publish&name=s1")[0]["state"] == "playing"
    assert server.nginx(DONE)[0]["cause"] == "quit"


def test_a_publisher_who_came_back_unheard_is_seen_at_his_next_update() -> None:
    server = Server()
    session = server.nginx(PLAY)[0]["session"]
    publisher = CLIENT.replace("clientid=4", "clientid=1")
    server.nginx(f"{publisher}&call=publish_done&name=s1")
    update = f"{publisher}&call=update_publish&time=30&timestamp=30012&name=s1"
    assert [(each["session"], each["state"]) for each in server.nginx(update)] == [(session, "playing")]
    assert server.nginx(update) == []
    assert server.nginx(UPDATE)[0]["state"] == "playing"
    assert server.nginx(DONE)[0]["cause"] == "quit"


def test_the_agent_itself_is_no_viewer() -> None:
    assert Server().nginx(PLAY.replace("LNX%209,0,124,2", "qoe-agent")) == []


def test_publishers_are_no_viewers() -> None:
    server = Server()
    assert server.nginx(CLIENT.replace("4", "1") + "&call=update_publish&name=s1") == []
    assert server.nginx("app=live&call=connect&epoch=1222237") == []


def test_a_leave_of_whom_nobody_heard_is_told_all_the_same() -> None:
    (leave,) = Server().nginx(DONE)
    assert (leave["kind"], leave["stream"], leave["user"]) == ("leave", "live/s1", "u42")


@pytest.mark.parametrize("body", ["call=play&app=a&name=b", "&".join(f"a{n}=1" for n in range(200))])
def test_what_cannot_be_understood_says_so(body: str) -> None:
    with pytest.raises(callbacks.Malformed):
        Server().nginx(body)


def test_who_plays_survives_the_process(tmp_path: Path) -> None:
    before, after = Server("edge"), Server("edge")
    session = before.nginx(PLAY)[0]["session"]
    before.nginx(CLIENT.replace("4", "1") + "&call=publish_done&name=s1")
    before.playing.save(tmp_path / "playing.json")
    after.playing.load(tmp_path / "playing.json")
    (leave,) = after.nginx(DONE)
    assert (leave["session"], leave["cause"]) == (session, "ended")


class Killed(Server):
    """One whose process ends without a word, as often as it is told to `begin_anew`; it saves only when told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__("edge")
        self.file = folder / "playing.json"
        self.begin_anew()

    def begin_anew(self) -> None:
        self.playing = Remembering()
        self.playing.load(self.file)


@pytest.mark.parametrize("saved", range(4))
def test_a_session_goes_on_when_the_process_is_killed_right_after_a_callback(tmp_path: Path, saved: int) -> None:
    server, heard = Killed(tmp_path), []
    publisher = CLIENT.replace("clientid=4", "clientid=1")
    for turn, body in enumerate((PLAY, f"{publisher}&call=publish_done&name=s1", UPDATE, DONE)):
        heard += server.nginx(body)
        if turn == saved:
            server.playing.save(server.file)
        server.begin_anew()
    assert [(each["kind"], each.get("state"), each.get("cause")) for each in heard] == [
        ("join", "playing", None), ("heartbeat", "ended", None), ("heartbeat", "ended", None), ("leave", None, "ended"),
    ]  # fmt: skip
    assert len({each["session"] for each in heard}) == 1
    server.nginx(PLAY)
    server.nginx(UPDATE)
    server.begin_anew()
    assert [player.updates for _, player in server.playing.all()] == [True]
    assert server.nginx(PLAY)[0]["session"] != heard[0]["session"]


def test_a_change_that_was_written_in_part_is_left_out(tmp_path: Path) -> None:
    server = Killed(tmp_path)
    session = server.nginx(PLAY)[0]["session"]
    with server.file.with_suffix(".changes").open("a") as file:
        file.write('\n["end", ["edge"')
    server.begin_anew()
    other = server.nginx(PLAY.replace("clientid=4", "clientid=5"))[0]["session"]
    server.begin_anew()
    assert server.nginx(DONE)[0]["session"] == session
    assert server.nginx(DONE.replace("clientid=4", "clientid=5"))[0]["session"] == other


def test_changes_are_kept_while_the_file_cannot_be_written(tmp_path: Path) -> None:
    server = Killed(tmp_path)
    session = server.nginx(PLAY)[0]["session"]
    for _ in range(2):
        with pytest.raises(OSError, match="nowhere"):
            server.playing.save(tmp_path / "nowhere" / "playing.json")
    server.begin_anew()
    assert server.nginx(DONE)[0]["session"] == session


def test_a_damaged_file_of_who_plays_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "playing.json").write_text('[["a", "b"')
    Playing().load(tmp_path / "playing.json")


def test_players_without_end_are_forgotten_in_turn() -> None:
    playing = Playing(most=2)
    for each in range(4):
        playing.begin(("", str(each)), f"s{each}", "live/s1")
    assert playing.get(("", "1")) is None
    assert list(playing.published("", "live/s1", begun=False)) == ["s2", "s3"]


SRS = (
    '{{"server_id":"vid-k21d7y2","service_id":"r9f0w3k2","action":"{action}","client_id":"{client}","ip":"192.168.1.10",'
    '"vhost":"__defaultVhost__","app":"live",{more},"stream_url":"/live/livestream","stream_id":"vid-f52d8w3"}}'
)
TC = '"tcUrl":"rtmp://10.0.0.2:1935/live"'
ASKED = '"stream":"livestream",{}"param":"?viewer=u42&arm=hd"'
ON = {
    "on_play": f'{ASKED.format(TC + ",")},"pageUrl":"http://www.test.com/live.html?token=1"',
    **dict.fromkeys(("on_stop", "on_publish", "on_unpublish"), f"{TC},{ASKED.format('')}"),
}


def of_srs(action: str, client: str = "9308h583") -> dict[str, Any]:
    """What SRS says, of an action whose `more` is known."""
    found: dict[str, Any] = json.loads(SRS.format(action=action, client=client, more=ON[action]))
    return found


def test_a_viewer_of_srs_joins_and_leaves() -> None:
    server = Server()
    (join,), (leave,) = server.srs(**of_srs("on_play")), server.srs(**of_srs("on_stop"))
    assert (join["kind"], join["session"], join["stream"]) == ("join", "vid-k21d7y2-9308h583", "live/livestream")
    assert (join["user"], join["arm"]) == ("u42", "hd")
    assert (leave["kind"], leave["session"]) == ("leave", join["session"])
    assert not any(word in json.dumps([join, leave]) for word in ("192.168", "10.0.0.2", "test.com"))


def test_srs_stops_without_a_client_are_left_out() -> None:
    assert Server().srs(**of_srs("on_stop", "")) == []
    assert Server().srs(**{**of_srs("on_play"), "action": "on_connect"}) == []


def test_a_publisher_of_srs_ends_the_stream() -> None:
    server = Server()
    server.srs(**of_srs("on_play"))
    assert server.srs(**of_srs("on_unpublish", "6cz8rv0j"))[0]["state"] == "ended"
    assert server.srs(**of_srs("on_publish", "6cz8rv0k"))[0]["state"] == "playing"


READER = {"path": "live/s1", "id": "b9ea6a9f-6c4f-4f7d-a7ad-43a1b3e9f1e2", "type": "webRTCSession"}


@pytest.mark.parametrize("query", ["viewer=u42&arm=h+d", "viewer%3Du42%26arm%3Dh%2Bd"])
def test_a_reader_of_mediamtx_joins_and_leaves(query: str) -> None:
    server = Server()
    (join,), (leave,) = (server.mediamtx(event=event, **READER, query=query) for event in ("read", "unread"))
    assert (join["kind"], join["session"], join["stream"]) == ("join", READER["id"], "live/s1")
    assert (join["user"], join["arm"]) == ("u42", "h d")
    assert (leave["kind"], leave["session"]) == ("leave", READER["id"])


def test_a_path_of_mediamtx_that_is_not_available_any_more_has_ended() -> None:
    server = Server()
    server.mediamtx(event="read", **READER, query="")
    assert server.mediamtx(event="unavailable", path="live/s1")[0]["state"] == "ended"
    assert server.mediamtx(event="available", path="live/s1")[0]["state"] == "playing"
