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
    found = playlist(line.replace("{}", SECRET))
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
    assert SECRET not in playlist(SECRET * 10_000)


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
