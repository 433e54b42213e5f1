"""What other collectors export becomes rows of sessions and plain events, and nothing that tells who somebody is."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from qoe_agent.__main__ import app
from qoe_agent.viewers import plain, pseudonyms

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SECRETS = ("192.0.2.7", "2001:db8::7", "topsecret", "someone@example.com", "Mozilla")


def run(source: str, *words: str | Path) -> Result:
    """The command."""
    return CliRunner().invoke(app, ["import", "--from", source, *map(str, words)])


def imported(source: str, folder: Path, text: str, *words: str, name: str = "export.txt") -> list[dict[str, Any]]:
    """The rows that come of one file."""
    (folder / name).write_text(text)
    done = run(source, folder / name, "--out", folder / "rows.jsonl", *words)
    assert done.exit_code == 0, done.output
    written = (folder / "rows.jsonl").read_text()
    assert not [secret for secret in SECRETS if secret in written]
    return [json.loads(line) for line in written.splitlines()]


def lines(*objects: dict[str, Any]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(each) + "\n" for each in objects)


MUX = """\
asn,browser,cdn,country,custom_1,custom_2,exit_before_video_start,experiment_name,live_stream_id,live_stream_latency,\
page_url,playback_failure,player_error_message,player_source_height,rebuffer_count,rebuffer_duration,video_startup_time,\
view_end,view_id,view_start,viewer_device_category,viewer_user_agent,viewer_user_id,watch_time
1,Chrome,fastly,DE,gold,someone@example.com,false,hd,ls1,4200,https://a/b?token=topsecret,false,,720,2,1500,812,\
2026-01-31 12:01:00.500,v1,2026-01-31 12:00:00.000,phone,Mozilla/5.0,u1,60500
1,Safari,192.0.2.7,DE,,,true,,ls1,,https://a/b?token=topsecret,true,"failed, at
192.0.2.7",,0,0,,,v2,2026-01-31T12:00:05Z,,Mozilla/5.0,,2500
"""


def test_mux_views_become_sessions(tmp_path: Path) -> None:
    first, second = imported("mux", tmp_path, MUX, "--attribute", "custom_1")
    assert first == {
        "session": "v1", "user": "u1", "stream": "ls1", "start": 1769860800.0, "watch_seconds": 60.5,
        "end": 1769860860.5, "startup_seconds": 0.812, "stalls": 2, "stall_seconds": 1.5, "height": 720,
        "latency_seconds": 4.2, "arm": "hd", "cdn": "fastly", "country": "DE", "device": "phone", "browser": "Chrome",
        "custom_1": "gold",
    }  # fmt: skip
    assert second["cause"] == "failed"
    assert second["end"] == second["start"] + 2.5
    assert {"startup_seconds", "user", "cdn", "height", "custom_1"}.isdisjoint(second)


def test_brightcove_rows_become_sessions_with_and_without_a_header(tmp_path: Path) -> None:
    header = ("session,seq,device_type,device_os,browser,player,player_width,player_height,rendition_indicated_bps,"
              "rendition_width,rendition_height,rendition_framerate,video_codec,video_codec_profile,format,"
              "segment_duration,video_seconds_viewed,forward_buffer_seconds,rebuffering_seconds,rebuffering_count,"
              "media_bytes_transferred,measured_bps\n")  # fmt: skip
    rows = ("7,0,mobile,ios,safari,web,640,360,692000,640,360,29.97,h264,main,hls_v3,6,10,12,0.5,1,1000,9000000\n"
            "8,0,tv,other,other,app,1920,1080,4000000,1280,720,30,h264,high,dash,6,10,12,0,0,1000,9000000\n"
            "7,1,mobile,ios,safari,web,640,360,1192000,960,540,29.97,h264,main,hls_v3,6,30,12,2.5,2,1000,9000000\n"
            )  # fmt: skip
    name = "event1_playback_statistics_0.csv"
    found = imported("brightcove", tmp_path, header + rows, name=name)
    assert found[0] == {
        "session": "7", "stream": "event1", "watch_seconds": 43.0, "stalls": 3, "stall_seconds": 3.0, "height": 540,
        "device": "mobile", "os": "ios", "browser": "safari", "player": "web", "format": "hls_v3", "codec": "h264",
    }  # fmt: skip
    assert found[1]["watch_seconds"] == 10
    assert imported("brightcove", tmp_path, rows, name=name) == found


def segment(event: str, second: float, **properties: Any) -> dict[str, Any]:
    """A call as Segment's libraries make it."""
    return {
        "type": "track", "event": event, "timestamp": f"2026-01-31T12:00:{second:06.3f}Z", "userId": "u1",
        "messageId": f"m{event}{second}", "context": {"ip": "192.0.2.7", "userAgent": "Mozilla/5.0",
                                                       "page": {"url": "https://a/?token=topsecret"},
                                                       "device": {"type": "ios"}},
        "properties": {"session_id": "s1", "content_asset_id": "show", "position": 1, **properties},
    }  # fmt: skip


def test_segment_calls_become_events(tmp_path: Path) -> None:
    found = imported("segment", tmp_path, lines(
        segment("Video Playback Started", 0, livestream=True, email="someone@example.com"),
        segment("Video Playback Buffer Started", 0.1),
        segment("Video Playback Buffer Completed", 1.1),
        segment("Video Content Started", 1.25, quality="hd720", bitrate=2800),
        segment("Video Playback Buffer Started", 5),
        segment("Video Playback Buffer Completed", 7),
        segment("Video Content Playing", 11.25, plan="gold"),
        {"type": "page", "name": "home"},
        segment("Order Completed", 12, revenue=9.5, currency="EUR"),
        segment("Video Playback Exited", 20),
    ), "--attribute", "plan", "--attribute", "email")  # fmt: skip
    assert [(one["kind"], one.get("state"), round(one["at"] - 1769860800, 3)) for one in found] == [
        ("join", "starting", 0), ("heartbeat", "starting", 0.1), ("heartbeat", "starting", 1.1),
        ("heartbeat", "playing", 1.25), ("stall", "stalled", 5), ("heartbeat", "playing", 7),
        ("heartbeat", "playing", 11.25), ("order", None, 12), ("leave", None, 20),
    ]  # fmt: skip
    assert found[3]["startup_seconds"] == 1.25
    assert (found[3]["height"], found[3]["bytes_per_second"], found[3]["stream"]) == (720, 350_000, "show")
    assert (found[6]["interval_seconds"], found[6]["attributes"]) == (10, {"plan": "gold"})
    assert (found[7]["value"], found[7]["currency"]) == (9.5, "EUR")
    assert found[8]["cause"] == "quit"
    assert {one["user"] for one in found} == {"u1"}


MEDIA = "iglu:com.snowplowanalytics.snowplow.media"
SESSION = {"mediaSessionId": "ms1", "pingInterval": 20, "startedAt": "2026-01-31T12:00:00Z"}
PLAYER = {"currentTime": 3.5, "ended": False, "paused": False, "label": "show", "quality": "1080p"}


def enriched(name: str, second: int, **said: Any) -> dict[str, Any]:
    """An event as the analytics SDKs write it."""
    return {
        "app_id": "web", "platform": "web", "event": "unstruct", "event_name": name, "user_id": "u1",
        "event_vendor": "com.snowplowanalytics.snowplow.media", "derived_tstamp": f"2026-01-31T12:00:{second:02d}.000Z",
        "user_ipaddress": "192.0.2.7", "useragent": "Mozilla/5.0", "page_url": "https://a/?token=topsecret",
        "contexts_com_snowplowanalytics_snowplow_media_session_1": [SESSION],
        "contexts_com_snowplowanalytics_snowplow_media_player_2": [PLAYER],
        f"unstruct_event_com_snowplowanalytics_snowplow_media_{name}_1": said,
    }  # fmt: skip


def described(name: str, milliseconds: int, **said: Any) -> dict[str, Any]:
    """The same as trackers write it."""
    return {
        "e": "ue", "dtm": str(milliseconds), "uid": "u1", "ip": "192.0.2.7", "app_id": "web",
        "unstruct_event": {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
                           "data": {"schema": f"{MEDIA}/{name}/jsonschema/1-0-0", "data": said}},
        "contexts": json.dumps({"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0", "data": [
            {"schema": f"{MEDIA}/session/jsonschema/1-0-0", "data": SESSION},
            {"schema": "iglu:com.snowplowanalytics.snowplow/media_player/jsonschema/2-0-0", "data": PLAYER}]}),
    }  # fmt: skip


STORY: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("ready_event", 0, {}), ("buffer_start_event", 1, {}), ("buffer_end_event", 2, {}), ("play_event", 2, {}),
    ("buffer_start_event", 9, {}), ("buffer_end_event", 12, {}),
    ("quality_change_event", 13, {"newQuality": "720p", "bitrate": 2_400_000}), ("ping_event", 20, {}),
    ("error_event", 30, {"errorCode": "E522"}), ("end_event", 40, {}),
)  # fmt: skip


@pytest.mark.parametrize("shape", ["enriched", "described"])
def test_snowplow_events_become_events(tmp_path: Path, shape: str) -> None:
    made = [enriched(name, second, **said) if shape == "enriched" else
            described(name, 1_769_860_800_000 + second * 1000, **said) for name, second, said in STORY]  # fmt: skip
    found = imported("snowplow", tmp_path, lines({"event_name": "page_view"}, *made))
    assert [(one["kind"], one.get("state"), one["at"] - 1769860800) for one in found] == [
        ("join", "starting", 0), ("heartbeat", "starting", 1), ("heartbeat", "playing", 2), ("heartbeat", "playing", 2),
        ("stall", "stalled", 9), ("heartbeat", "playing", 12), ("quality", None, 13), ("heartbeat", "playing", 20),
        ("heartbeat", None, 30), ("leave", "ended", 40),
    ]  # fmt: skip
    assert {(one["session"], one["user"], one["stream"], one["interval_seconds"]) for one in found} == {
        ("ms1", "u1", "show", 20)}  # fmt: skip
    assert (found[6]["height"], found[6]["bytes_per_second"]) == (720, 300_000)
    assert found[8]["error"] == "E522"
    assert found[0]["height"] == 1080


JSON_LOG = (
    '{"t":1769860805.120,"ip":"192.0.2.7","uri":"/live/show/1.m4s","st":200,"b":1000,"rt":0.120,'
    '"q":"bl%3D4000%2Cbr%3D2800%2Cbs%2Ccid%3D%22show%22%2Csid%3D%22s1%22%2Ccom.qoe-user%3D%22u1%22","hr":"","ho":"",'
    '"hs":"","hn":""}\n'
    '{"t":1769860807.000,"ip":"2001:db8::7","uri":"/live/show/2.m4s","st":200,"b":1000,"rt":0.000,"q":"",'
    '"hr":"bl=4000,ltc=3200,sta=p","ho":"br=(5000)","hs":"bs","hn":"sid=\\"s2\\",v=2"}\n'
    '{"t":1769860808.000,"ip":"192.0.2.7","uri":"/index.html","st":200,"b":1000,"rt":0.000,"q":"","hr":"","ho":"",'
    '"hs":"","hn":""}\n'
)
COMBINED_LOG = (
    '192.0.2.7 - - [31/Jan/2026:12:00:05 +0000] "GET /live/show/1.m4s?token=topsecret&CMCD=br%3D2800%2C'
    'sid%3D%22s1%22 HTTP/1.1" 200 1000 "https://a/?token=topsecret" "Mozilla/5.0"\n'
    '192.0.2.7 - - [31/Jan/2026:12:00:06 +0000] "GET /favicon.ico HTTP/1.1" 404 1 "-" "Mozilla/5.0"\n'
)


def test_access_logs_of_nginx_become_events(tmp_path: Path) -> None:
    first, second, third = imported("nginx", tmp_path, JSON_LOG + COMBINED_LOG)
    assert first == {"session": "s1", "kind": "heartbeat", "at": 1769860805.0, "stream": "show", "user": "u1",
                     "bytes_per_second": 350_000}  # fmt: skip
    assert second == {"session": "s2", "kind": "heartbeat", "at": 1769860807.0, "stream": "/live/show",
                      "state": "playing", "latency_seconds": 3.2, "bytes_per_second": 625_000}  # fmt: skip
    assert (third["session"], third["at"], third["stream"]) == ("s1", 1769860805.0, "/live/show")


def test_what_was_passed_over_is_counted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(JSON_LOG + COMBINED_LOG)
    done = run("nginx", tmp_path / "log", "--out", tmp_path / "out")
    assert "3 rows" in done.stderr
    assert "passed over 2: a request without CMCD" in done.stderr


def test_events_are_good_by_the_schema(tmp_path: Path) -> None:
    ring = pseudonyms.Ring([pseudonyms.Key(1, bytes(16))])
    texts = {
        "segment": lines(segment("Video Playback Started", 0)), "nginx": JSON_LOG,
        "snowplow": lines(*(enriched(name, second, **said) for name, second, said in STORY)),
    }  # fmt: skip
    for source, text in texts.items():
        rows = imported(source, tmp_path, text)
        good, faults = plain.read(rows, "test", 0, ring)
        assert len(good) == len(rows) > 0
        assert not faults


def test_users_hide_behind_the_pseudonyms_that_the_facts_have(tmp_path: Path) -> None:
    ring = pseudonyms.create(tmp_path / "keys")
    known = ring.of("u1")
    rows = imported("mux", tmp_path, MUX, "--keys", str(tmp_path / "keys"))
    assert (rows[0]["user"], rows[0]["bucket"]) == (f"{known.key_id}-{known.user_key}", known.bucket)
    assert rows[1]["bucket"] == ring.bucket("v2")
    assert '"u1"' not in (tmp_path / "rows.jsonl").read_text()


def test_packed_files_are_unpacked_and_several_are_joined(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write(MUX)
    (tmp_path / "b.csv").write_text(MUX.replace("v1", "v3").replace("v2", "v4"))
    done = run("mux", tmp_path / "a.csv.gz", tmp_path / "b.csv", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line)["session"] for line in (tmp_path / "out").read_text().splitlines()]
    assert rows == ["v1", "v2", "v3", "v4"]


BAD = (
    ("mux", "view_id,view_start\nv,2026-01-31\n", ":1: header: must have a column watch_time"),
    ("mux", MUX.replace("60500", "long"), ":2: watch_time: must be a number, 0 or more"),
    ("mux", MUX.replace("2026-01-31T12:00:05Z", "yesterday"), ":4: view_start: must be a time, such as"),
    ("mux", MUX + "1,2\n", ":5: must have 24 columns as the header has, not 2"),
    ("segment", "{}\n[1]\n", ":2: must be a JSON object on a line of its own"),
    ("segment", lines({"event": "Video Playback Started", "properties": {"session_id": "s"}}), ":1: timestamp: must"),
    ("segment", lines(segment("Video Playback Started", 0, session_id="s" * 65)), ":1: session: "),
    ("segment", lines(segment("Video Playback Started", 0, session_id=None)), ":1: session: "),
    ("snowplow", lines({"event_name": "play_event"}), ":1: media session: required"),
    ("brightcove", "7,0,mobile\n", ":1: must have 22 columns as the header has, not 3"),
    ("nginx", "what is this\n", ":1: must be a line of the combined log format"),
    ("nginx", '{"t":"x"}\n', ":1: t: must be a time"),
    ("nginx", '{"t":1769860805,"rt":NaN,"q":"sid=%22a%22"}\n', ":1: rt: must be a number, 0 or more"),
    ("nginx", COMBINED_LOG.replace("31/Jan", "99/Jan"), ":1: time: must be as in"),
)  # fmt: skip


@pytest.mark.parametrize(("source", "text", "said"), BAD)
def test_a_bad_line_is_named_with_what_was_expected_and_nothing_is_written(
    tmp_path: Path, source: str, text: str, said: str
) -> None:
    (tmp_path / "export").write_text(text)
    done = run(source, tmp_path / "export", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{tmp_path / 'export'}{said}"), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export"]


def test_rates_beyond_reason_are_not_known(tmp_path: Path) -> None:
    started = segment("Video Playback Started", 0)
    text = lines(started).replace('"properties": {', '"properties": {"bitrate": Infinity, ')
    assert "bytes_per_second" not in imported("segment", tmp_path, text)[0]


def test_bad_lines_can_be_passed_over(tmp_path: Path) -> None:
    found = imported("segment", tmp_path, "nonsense\n" + lines(segment("Video Playback Started", 0)), "--skip-bad")
    assert len(found) == 1


@pytest.mark.parametrize("damage", ["short", "none", "missing"])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.csv.gz"
    if damage != "missing":
        path.write_bytes(gzip.compress(MUX.encode() * 100)[:-20] if damage == "short" else MUX.encode())
    done = run("mux", path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.startswith(str(path))
    assert "Traceback" not in done.stderr
