"""What is kept of playlists, headers and metadata: all that explains, nothing that opens a door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.quoting import LINES, LONGEST, WIDEST, answered, listed, playlist

SECRET = "dGhpc0lzQVNlY3JldDQy"
LIVE = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:2680
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T13:00:00.000Z
#EXT-X-MAP:URI="init-2680.mp4"
#EXTINF:2.000,
https://cdn.example/live/room_720p/2680.m4s
"""


def test_a_playlist_without_secrets_stays_as_it_is() -> None:
    assert playlist(LIVE) == LIVE.rstrip("\n")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("seg.ts?token={}&e=17", "seg.ts?token=***&e=***"),
        ("https://cdn.example/a/seg.ts?{}", "https://cdn.example/a/seg.ts?***"),
        ("https://user:{}@cdn.example/seg.ts", "https://***@cdn.example/seg.ts"),
        ("seg.ts#{}", "seg.ts#***"),
        ("/hdnts=exp=17~acl=/*~hmac={}/seg.ts", "/hdnts=***~acl=***/*~hmac=***/seg.ts"),
        ("/live/{}/seg.ts", "/live/***/seg.ts"),
        ("/live/9f86d081884c7d659a2feaa0c55ad015/seg.ts", "/live/***/seg.ts"),
        ("seg.ts;jsessionid={}", "seg.ts;jsessionid=***"),
        ('#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/k?t={}",IV=0x01',
         '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/k?t=***",IV=0x01'),
        ('#EXT-X-DEFINE:NAME="t",VALUE="{}"', '#EXT-X-DEFINE:NAME="t",VALUE="***"'),
        ('#EXT-X-DATERANGE:ID="ad",X-TOKEN="{}",X-ASSET-URI="https://a.example/x?y={}"',
         '#EXT-X-DATERANGE:ID="ad",X-TOKEN="***",X-ASSET-URI="https://a.example/x?y=***"'),
        ('#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.4d401f,mp4a.40.2"\nlow.m3u8?auth={}',
         '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.4d401f,mp4a.40.2"\nlow.m3u8?auth=***'),
    ],
)  # fmt: skip
def test_secrets_in_playlists_are_hidden_and_the_rest_is_not(line: str, kept: str) -> None:
    found = playlist(f"#EXTM3U\n{line}".replace("{}", SECRET)).removeprefix("#EXTM3U\n")
    assert SECRET not in found
    assert "{}" not in found
    if "acl" not in line:
        assert found == kept
    else:
        assert found.endswith("/seg.ts")


@pytest.mark.parametrize("where", [4090, 4100, 9000, LONGEST, 60_000 - 13_000])
def test_a_long_playlist_keeps_both_ends_and_shows_no_part_of_an_address(where: int) -> None:
    lines = ["#EXTM3U"]
    while sum(map(len, lines)) < 60_000:
        lines += ["#EXTINF:2.000,", f"{'x' * (where % 97)}/{len(lines)}.ts?token={SECRET}{SECRET}{SECRET}"]
    found = playlist("\n".join(lines))
    assert found.startswith("#EXTM3U\n#EXTINF")
    assert len(found) <= LONGEST + 100
    assert f"/{len(lines) - 2}.ts?token=***" in found
    assert "characters are left out" in found
    assert SECRET[:8] not in found


def test_one_endless_line_is_left_out() -> None:
    assert SECRET not in playlist("#EXTM3U\n" + SECRET * 10_000)


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    "line",
    [
        '#EXT-X-KEY:METHOD=AES-128,URI="data:text/plain;base64,{}"', "data:text/plain;base64,{}",
        "#EXT-X-KEY:METHOD=AES-128,URI=data:text/plain;base64,{}",
        f"/live/{JWT}/1.ts", f"https://cdn.example/live/{JWT}", f"# for {JWT}", "# Authorization: Bearer {}",
        "/live/dGhpc0lzQVNl%2BY3JldDQy%3D/{}/1.ts", "/live/dGhpc0lz+QVNlY3JldDQy/1.ts",
        "#EXT-X-KEY:METHOD=AES-128,URI=http://keys.example/k?token={}", "#EXT-X-I:URI=/k/{}/k.bin,IV=1",
        '#EXT-X-MAP:uri="init.mp4?t={}"', '#EXT-X-MEDIA:Token="{}"', "#EXT-X-CDN:TOKEN={},TTL=5", "#token:{}",
        "#EXT-X-DEFINE:NAME=t,VALUE={}", "#EXT-X-OTHER:A=b=c,session-id = {}",
        "#EXTINF:2.000,http://user:{}@cdn.example/1.ts", "#EXTINF:2.000,see cdn.example/1.ts?{}",
        "# user:{}@cdn.example", "#EXTINF:2.000,//user:p@{}@cdn.example/1.ts", '# {"access_token": "{}"}',
        "#EXTVLCOPT:http-referrer=https://a.example/?t={}",
    ],
)  # fmt: skip
def test_secrets_are_hidden_wherever_a_playlist_says_them(line: str) -> None:
    found = playlist("#EXTM3U\n" + line.replace("{}", SECRET))
    for secret in (SECRET, JWT, JWT.split(".")[1], JWT.split(".")[2], "QVNl"):
        assert secret not in found


@pytest.mark.parametrize(
    "line",
    [
        "live/room_720p/index.m3u8", "/live/show/segment-12.ts", "../1080p.v2/segment-2026-11-22T13.00.00.ts",
        "https://cdn.example:8443/hls/channel+one/index.m3u8", "segment_1080p_Main-High.v12.ts",
        "#EXT-X-BYTERANGE:75232@0",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a/b",NAME="English?",AUTOSELECT=YES,URI="a.m3u8"',
        "#EXT-X-STREAM-INF:BANDWIDTH=1280000,RESOLUTION=1280x720,FRAME-RATE=25.000",
        "#EXT-X-SESSION-KEY:METHOD=AES-128,IV=0x1", "#EXTINF:2.000,What is on?",
        '#EXT-X-DATERANGE:ID="ad",START-DATE="2026-11-22T13:00:00.000Z",DURATION=15.0,SCTE35-OUT=0xFC30',
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0", "# made by packager 3.1: 2 s a segment",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays_as_it_is(line: str) -> None:
    assert playlist("#EXTM3U\n" + line).removeprefix("#EXTM3U\n") == line


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (f'{{"access_token": "{SECRET}"}}', "JSON"), (f"<!DOCTYPE html><p>{SECRET}", "HTML"),
        (f"<?xml version='1.0'?><a>{SECRET}</a>", "XML"), (SECRET, "text"), ("", "text"),
    ],
)  # fmt: skip
def test_of_what_came_instead_of_a_playlist_only_kind_and_length_are_kept(body: str, told: str) -> None:
    assert playlist(body) == f"# no playlist, but {told} of {len(body)} characters"


def test_headers_that_speak_of_secrets_are_left_out() -> None:
    headers = {
        "Server": "nginx", "X-Cache": "HIT from edge-7", "Age": "3", "Content-Type": "video/x-flv; charset=utf-8",
        "Set-Cookie": SECRET, "WWW-Authenticate": SECRET, "X-Auth-Token": SECRET, "X-Amz-Signature": SECRET,
        "X-Session-Id": SECRET, "Location": f"https://u:{SECRET}@a.example/x?sig={SECRET}", "X-Api-Key": SECRET,
    }  # fmt: skip
    assert answered(200, headers).splitlines() == [
        "status: 200", "Server: nginx", "X-Cache: HIT from edge-7", "Age: 3",
        "Content-Type: video/x-flv; charset=utf-8", "Location: https://***@a.example/x?sig=***",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("Location", "/live/***/1.ts"), ("Content-Location", "/live/***/1.ts"), ("X-Origin", "/live/***/1.ts"),
    ],
)  # fmt: skip
def test_addresses_in_headers_are_hidden_as_those_in_playlists(header: str, kept: str) -> None:
    assert listed([(header, f"/live/{SECRET}/1.ts")]) == f"{header}: {kept}"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Location", f"hdnts=exp=17~hmac={SECRET}/1.ts"), ("Location", f"live/1.ts#{SECRET}"),
        ("Link", f'<https://a.example/{SECRET}/1.ts>; rel="next", <b?x={SECRET}>'), ("Location", f"/live/{JWT}/1.ts"),
        ("X-Upstream", f"http://u:{SECRET}@a.example/"), ("Refresh", f"5; url=https://a.example/?{SECRET}"),
        ("X-Note", f"token={SECRET}"),
    ],
)  # fmt: skip
def test_no_header_says_a_secret(header: str, value: str) -> None:
    found = listed([(header, value)])
    assert SECRET not in found
    assert JWT not in found


def test_metadata_is_kept_where_it_is_plain() -> None:
    said = {
        "width": 1280.0, "encoder": "obs-output\0\ud800", "stereo": True, "hasKeyframes": True, "streamKey": SECRET,
        "keyframes": {"times": [1.0]}, "videodatarate": 2500.5,
    }  # fmt: skip
    assert listed(said.items()).splitlines() == [
        "width: 1280", "encoder: obs-output  ", "stereo: True", "hasKeyframes: True", "videodatarate: 2500.5",
    ]  # fmt: skip


def test_neither_many_headers_nor_long_ones_are_kept_whole() -> None:
    found = listed((f"x-{n}", "y" * 10_000) for n in range(1000)).splitlines()
    assert len(found) == LINES
    assert max(map(len, found)) <= WIDEST + 10


@given(st.text())
def test_any_text_can_be_kept(text: str) -> None:
    playlist(text).encode()
    listed([(text, text)]).encode()
