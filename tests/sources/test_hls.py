"""HLS against a scripted origin; what libavformat's muxer wrote, its demuxer reads alike."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from qoe_agent.bitstream.ts import Ts
from qoe_agent.model import (
    BACKLOG,
    CORRUPT,
    DISCONTINUITY,
    Answer,
    Format,
    Opened,
    Packet,
    Playlist,
    Segment,
    Target,
)
from qoe_agent.sources import hls
from qoe_agent.sources.playlist import Master, choose, parse
from tests.bitstream.ts_files import SIZE, muxed
from tests.sources.hls_origin import Ear, Origin, media, payloads, pull, written

if TYPE_CHECKING:
    from pathlib import Path


def listing(names: list[str], *, sequence: int = 0, target: int = 1, end: bool = False, between: str = "") -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", f"#EXT-X-TARGETDURATION:{target}", f"#EXT-X-MEDIA-SEQUENCE:{sequence}"]
    for name in names:
        lines += [*([between] if between else []), "#EXTINF:1.0,", name]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if end else []), ""])


def piece(n: int = 0, **options: object) -> bytes:
    """A second of transport stream, the n-th of its programme."""
    return muxed(seconds=1.0, offset=float(n), **options)  # type: ignore[arg-type]  # keywords as they come


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hls_segment_type": "fmp4"},
        {"hls_flags": "single_file"},
        {"hls_flags": "single_file", "hls_segment_type": "fmp4"},
    ],
    ids=["ts", "fmp4", "ts in one file", "fmp4 in one file"],
)
async def test_a_programme_is_read_as_libavformat_reads_it(options: dict[str, str], tmp_path: Path) -> None:
    playlist = written(tmp_path, **options)
    async with Origin() as origin:
        origin.put(tmp_path)
        lost, ear = await pull(origin.url("index.m3u8"))
    assert lost.reason == "ended"
    assert {kind: [p.data for p in media(ear, kind)] for kind in ("video", "audio")} == payloads(playlist)
    assert [seen.error for seen in ear.all(Segment)] == [""] * 3
    assert sum(seen.discontinuity for seen in ear.all(Segment)) == 0
    for kind in ("video", "audio"):
        decode = [p.dts for p in media(ear, kind) if p.dts is not None]
        steps = [b - a for a, b in itertools.pairwise(decode)]
        assert all(0.0 < step < 0.1 for step in steps)
    formats = ear.all(Format)
    assert sorted((f.codec, f.width, f.sample_rate) for f in formats if f.codec == "h264") == [("h264", 256, None)]
    assert len(formats) == 2


async def test_observations_come_in_order_with_their_times(tmp_path: Path) -> None:
    written(tmp_path, hls_flags="program_date_time")
    async with Origin() as origin:
        origin.put(tmp_path)
        _, ear = await pull(origin.url("index.m3u8"))
    opened = ear.all(Opened)[0]
    assert opened.protocol == "hls"
    assert {"connect", "first_byte"} <= set(opened.phases)
    assert ear.seen[0] is opened
    assert isinstance(ear.seen[1], Playlist)
    assert ear.seen[1].segments == 3
    assert ear.seen[1].ended
    segments = ear.all(Segment)
    for segment in segments:
        before = ear.seen[: ear.seen.index(segment)]
        mine = [seen for seen in before if isinstance(seen, Packet) and segment.requested <= seen.at]
        assert mine
        assert all(segment.first_byte <= p.at <= segment.at for p in mine if segment.first_byte)
        assert segment.tracks == (0, 1)
    dates = [segment.program_date_time for segment in segments]
    assert all(date and date > 1.6e9 for date in dates)


async def test_playlists_are_told_as_they_came_without_secrets() -> None:
    secret = "s3cr3tOfTheViewer"
    async with Origin() as origin:
        origin.files["m.m3u8"] = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8?t={secret}\n".encode()
        origin.files["live.m3u8"] = listing([f"a.ts?t={secret}"], end=True).encode()
        origin.files["a.ts"] = piece()
        lost, ear = await pull(origin.url("m.m3u8"))
    assert lost.reason == "ended"
    said = ear.all(Answer)
    assert [each.kind for each in said] == ["headers", "master", "headers", "playlist"]
    assert "live.m3u8?t=***" in said[1].text
    assert said[3].text == listing(["a.ts?t=***"], end=True).rstrip()
    assert secret not in str(said)


async def test_it_is_told_that_something_came_instead_of_a_playlist() -> None:
    async with Origin() as origin:
        origin.files["m.m3u8"] = b"<html>down for maintenance"
        lost, ear = await pull(origin.url("m.m3u8"))
    assert lost.reason == "protocol"
    assert [(each.kind, "HTML" in each.text) for each in ear.all(Answer)] == [("headers", False), ("master", True)]
    assert "maintenance" not in str(ear.all(Answer))


async def test_encrypted_segments_are_decrypted_and_the_key_fetched_once(tmp_path: Path) -> None:
    key = bytes(range(16))
    (tmp_path / "a.key").write_bytes(key)
    (tmp_path / "info").write_text(f"a.key\n{tmp_path / 'a.key'}\n00112233445566778899aabbccddeeff\n")
    playlist = written(tmp_path, hls_key_info_file=str(tmp_path / "info"))
    assert "IV=0x0011" in playlist.read_text()
    async with Origin() as origin:
        origin.put(tmp_path)
        lost, ear = await pull(origin.url("index.m3u8"))
        assert origin.count("a.key") == 1
    assert lost.reason == "ended"
    assert [seen.error for seen in ear.all(Segment)] == [""] * 3
    assert len(media(ear, "video")) == 75


async def test_without_a_vector_the_sequence_number_is_it() -> None:
    """RFC 8216 §5.2."""
    key = bytes(range(16))

    def encrypted(n: int) -> bytes:
        padder = padding.PKCS7(128).padder()
        body = padder.update(piece(n)) + padder.finalize()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(n.to_bytes(16, "big"))).encryptor()
        return encryptor.update(body) + encryptor.finalize()

    async with Origin() as origin:
        text = listing(["41.ts", "42.ts"], sequence=41, end=True)
        origin.files["l.m3u8"] = text.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF', 1)
        origin.files |= {"k": key, "41.ts": encrypted(41), "42.ts": encrypted(42)[:-16]}
        _, ear = await pull(origin.url("l.m3u8"))
    assert [s.error for s in ear.all(Segment)] == ["", "truncated"]
    assert [p.data for p in media(ear, "video")][:25] == [p.data for p in _packets(piece(41)) if p.kind == "video"]


def _packets(data: bytes) -> list[Packet]:
    ts = Ts()
    return [seen for seen in ts.feed(data, 0.0) + ts.flush(0.0) if isinstance(seen, Packet)]


async def test_a_live_window_is_followed_from_its_edge() -> None:
    async with Origin() as origin:
        step = 0

        async def window(request: web.Request) -> web.Response:
            nonlocal step
            first = 10 + step
            step += 1
            return web.Response(text=listing([f"{n}.ts" for n in range(first, first + 5)], sequence=first))

        for n in range(10, 30):
            origin.files[f"{n}.ts"] = piece(n)
        origin.files["live.m3u8"] = window
        ear = Ear(Target(origin.url("live.m3u8")))
        await ear.until(lambda: len(ear.all(Segment)) >= 5)
        await ear.stop()
    segments = ear.all(Segment)
    assert [s.sequence for s in segments[:5]] == [12, 13, 14, 15, 16]
    assert [s.backlog for s in segments[:5]] == [True, True, False, False, False]
    old = [p for p in ear.all(Packet) if p.flags & BACKLOG]
    assert len({round(p.pts or 0.0) for p in old if p.kind == "video"}) in (2, 3)
    waits = [b - a for a, b in itertools.pairwise(p.requested for p in ear.all(Playlist))]
    assert 0.95 <= min(waits) < 1.6  # changed: a target duration


async def test_an_unchanged_playlist_is_polled_twice_as_often_and_in_the_end_lost() -> None:
    async with Origin() as origin:
        origin.files["live.m3u8"] = listing(["0.ts"])
        origin.files["0.ts"] = piece()
        lost, ear = await pull(origin.url("live.m3u8"), lost_after=1.5)
    assert lost.reason == "silent"
    playlists = ear.all(Playlist)
    assert [p.changed for p in playlists] == [True] + [False] * (len(playlists) - 1)
    waits = [b - a for a, b in itertools.pairwise(p.requested for p in playlists[1:])]
    assert 0.45 <= min(waits) < 0.9


async def test_a_discontinuity_is_marked_on_the_first_packets() -> None:
    async with Origin() as origin:
        text = listing(["a.ts", "b.ts"], end=True)
        origin.files["l.m3u8"] = text.replace("#EXTINF:1.0,\nb", "#EXT-X-DISCONTINUITY\n#EXTINF:1.0,\nb")
        origin.files["a.ts"], origin.files["b.ts"] = piece(50), piece(0, width=320)
        lost, ear = await pull(origin.url("l.m3u8"))
    assert lost.reason == "ended"
    assert [s.discontinuity for s in ear.all(Segment)] == [False, True]
    marked = [p for p in ear.all(Packet) if p.flags & DISCONTINUITY]
    assert sorted(p.kind for p in marked) == ["audio", "video"]
    assert all((p.pts or 99.0) < 3.0 for p in marked)
    assert [f.width for f in ear.all(Format) if f.kind == "video"] == [256, 320]


async def test_gaps_are_skipped() -> None:
    async with Origin() as origin:
        text = listing(["a.ts", "gap.ts", "c.ts"], end=True)
        origin.files["l.m3u8"] = text.replace("#EXTINF:1.0,\ngap", "#EXT-X-GAP\n#EXTINF:1.0,\ngap")
        origin.files["a.ts"], origin.files["c.ts"] = piece(0), piece(2)
        lost, ear = await pull(origin.url("l.m3u8"))
        assert origin.count("gap.ts") == 0
    assert lost.reason == "ended"
    assert [(s.sequence, s.error) for s in ear.all(Segment)] == [(0, ""), (2, "")]


async def test_a_missing_segment_is_reported_and_the_next_one_fetched() -> None:
    async with Origin() as origin:
        origin.files["l.m3u8"] = listing(["a.ts", "b.ts", "c.ts"], end=True)
        origin.files["a.ts"], origin.files["c.ts"] = piece(0), piece(2)
        lost, ear = await pull(origin.url("l.m3u8"))
        assert origin.count("b.ts") == 3
    assert lost.reason == "ended"
    assert [(s.error, s.tracks) for s in ear.all(Segment)] == [("", (0, 1)), ("not_found", ()), ("", (0, 1))]


@pytest.mark.parametrize("how", ["connection", "file"])
async def test_a_truncated_segment_counts_as_far_as_it_goes(how: str) -> None:
    whole = piece()

    async def broken(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(len(whole))})
        await answer.prepare(request)
        await answer.write(whole[: len(whole) // 2])
        assert request.transport
        request.transport.close()
        return answer

    async with Origin() as origin:
        origin.files["l.m3u8"] = listing(["a.ts"], end=True)
        origin.files["a.ts"] = broken if how == "connection" else whole[: len(whole) // 2 // SIZE * SIZE + 77]
        lost, ear = await pull(origin.url("l.m3u8"))
    assert lost.reason == "ended"
    assert [(s.error, s.tracks) for s in ear.all(Segment)] == [("truncated", (0, 1))]
    assert 5 < len(media(ear, "video")) < 20


async def test_a_slow_segment_ends_at_its_deadline() -> None:
    whole = piece()
    never = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(whole[: 30 * SIZE])
        await never.wait()
        return answer

    async with Origin() as origin:
        origin.files["l.m3u8"] = listing(["a.ts"], end=True)
        origin.files["a.ts"] = slow
        lost, ear = await pull(origin.url("l.m3u8"), lost_after=1.0)
        never.set()
    assert lost.reason == "ended"
    segment = ear.all(Segment)[0]
    assert segment.error == "timeout"
    assert 2.0 < segment.at - segment.requested < 8.0
    assert media(ear, "video")


MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="sound.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=200000,CODECS="mp4a.40.2"
only.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=256x144,AUDIO="a"
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720
mid.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5000000,RESOLUTION=1920x1080
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=8000000,RESOLUTION=1920x1080
top.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=8000000,RESOLUTION=1920x1080
spare.m3u8
"""


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("best", "1080p-8000k"),
        ("worst", "144p"),
        ("720", "720p"),
        ("720p", "720p"),
        ("800", "720p"),
        ("1080", "1080p-8000k"),
        ("1080p-5000k", "1080p-5000k"),
        ("200k", "200k"),
        ("nonsense", None),
    ],
)
def test_a_rendition_is_chosen(wanted: str, name: str | None) -> None:
    master = parse(MASTER, "http://h/m.m3u8")
    assert isinstance(master, Master)
    chosen = choose(master, wanted)
    assert (chosen.name if chosen else None) == name


async def test_renditions_are_listed_by_unique_names_without_their_addresses() -> None:
    async with Origin() as origin:
        origin.files["m.m3u8"] = MASTER
        origin.files["l.m3u8"] = listing(["a.ts"])
        found = await hls.renditions(Target(origin.url("m.m3u8")))
        assert [r.name for r in found] == ["200k", "144p", "720p", "1080p-5000k", "1080p-8000k"]
        assert (found[2].bandwidth, found[2].width, found[2].height) == (2_500_000, 1280, 720)
        assert "m3u8" not in repr(found)
        assert await hls.renditions(Target(origin.url("l.m3u8"))) == []
        with pytest.raises(hls.Unavailable) as caught:
            await hls.renditions(Target(origin.url("none.m3u8")))
    assert caught.value.reason == "not_found"


def packed(n: int) -> bytes:
    """A second of sound for segment `n`, with its time in an ID3 tag (RFC 8216 §3.4)."""
    stamp = b"com.apple.streaming.transportStreamTimestamp\0" + (90_000 * (n + 1)).to_bytes(8, "big")
    frame = b"PRIV" + len(stamp).to_bytes(4, "big") + b"\0\0" + stamp
    tag = b"ID3\4\0\0" + bytes((0, 0, len(frame) >> 7, len(frame) & 127)) + frame
    return tag + muxed(None, seconds=1.0, container="adts")


async def test_the_sound_of_a_show_that_is_over_is_still_fetched_where_it_comes_after_the_pictures() -> None:
    async with Origin() as origin:
        origin.files["m.m3u8"] = MASTER
        origin.files["low.m3u8"] = listing(["v0.ts", "v1.ts"], end=True)
        origin.files["sound.m3u8"] = listing(["s0.aac", "s1.aac"], end=True)
        origin.files |= {f"v{n}.ts": piece(n, audio=None) for n in (0, 1)} | {"s0.aac": packed(0)}

        async def late(request: web.Request) -> web.Response:
            await ear.until(lambda: sum(segment.track == 0 for segment in ear.all(Segment)) == 2)
            return web.Response(body=packed(1))

        origin.files["s1.aac"] = late
        ear = Ear(Target(origin.url("m.m3u8"), variant="144p"))
        lost = await ear.lost()
    assert lost.reason == "ended"
    assert 2.0 in [p.pts for p in media(ear, "audio")]


async def test_an_audio_group_is_fetched_beside_the_pictures_on_tracks_of_its_own() -> None:
    async with Origin() as origin:
        origin.files["m.m3u8"] = MASTER
        origin.files["low.m3u8"] = listing(["v0.ts", "v1.ts"], end=True)
        origin.files["sound.m3u8"] = listing(["s0.aac", "s1.aac"], end=True)
        for n in (0, 1):
            origin.files[f"v{n}.ts"] = piece(n, audio=None)
            origin.files[f"s{n}.aac"] = packed(n)
        lost, ear = await pull(origin.url("m.m3u8"), variant="144p")
    assert lost.reason == "ended"
    assert {(p.kind, p.track) for p in ear.all(Packet)} == {("video", 0), ("audio", hls.SOUND_TRACKS)}
    assert {(f.kind, f.track) for f in ear.all(Format)} == {("video", 0), ("audio", hls.SOUND_TRACKS)}
    starts = [p.pts for p in media(ear, "audio")]
    assert starts[0] == 1.0
    assert 2.0 in starts
    assert {(s.track, s.tracks) for s in ear.all(Segment)} == {(0, (0,)), (hls.SOUND_TRACKS, (hls.SOUND_TRACKS,))}
    assert {p.track for p in ear.all(Playlist) if p.kind == "media"} == {0, hls.SOUND_TRACKS}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<!doctype html><html><body>Sign in</body></html>", "protocol"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "protocol"),
        ("", "protocol"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:abc\n", "protocol"),
        ("#EXTM3U\n" + "#" * (5 << 20), "protocol"),
        (listing([], end=True), "empty"),
        (listing([]), "empty"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n", "unsupported"),
        (None, "not_found"),
    ],
)
async def test_what_is_no_stream_is_lost_with_the_reason(body: str | bytes | None, reason: str) -> None:
    async with Origin() as origin:
        if body is not None:
            origin.files["x.m3u8"] = body
        lost, _ = await pull(origin.url("x.m3u8"), open_timeout=1.5 if reason == "empty" else 10.0, lost_after=1.0)
    assert lost.reason == reason
    assert "127.0.0.1" not in lost.detail


@pytest.mark.parametrize("method", ["SAMPLE-AES", "SAMPLE-AES-CTR"])
async def test_protected_segments_are_said_to_be_unsupported(method: str) -> None:
    async with Origin() as origin:
        key = f'#EXT-X-KEY:METHOD={method},URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"'
        origin.files["x.m3u8"] = listing(["a.ts"], end=True, between=key)
        lost, _ = await pull(origin.url("x.m3u8"))
    assert lost.reason == "unsupported"


async def test_segments_are_only_fetched_over_http() -> None:
    async with Origin() as origin:
        origin.files["x.m3u8"] = listing(["file:///etc/hostname", "ftp://127.0.0.1/a.ts"], end=True)
        lost, ear = await pull(origin.url("x.m3u8"))
    assert lost.reason == "ended"
    assert [s.error for s in ear.all(Segment)] == ["unsupported", "unsupported"]


async def test_secrets_of_the_playlist_do_not_go_to_other_hosts() -> None:
    async with Origin() as origin, Origin() as cdn:
        origin.files["x.m3u8"] = listing(["a.ts", "jump.ts", cdn.url("b.ts")], end=True)
        origin.files["a.ts"] = cdn.files["b.ts"] = cdn.files["c.ts"] = piece()

        async def jump(request: web.Request) -> web.Response:
            raise web.HTTPFound(cdn.url("c.ts"))

        origin.files["jump.ts"] = jump
        secret = {"Authorization": "Bearer s3cret", "X-Token": "s3cret"}
        lost, ear = await pull(origin.url("x.m3u8"), headers=secret, cookies={"sid": "s3cret"})
    assert lost.reason == "ended"
    assert [s.error for s in ear.all(Segment)] == ["", "", ""]
    for request in origin.requests:
        assert request.headers["Authorization"] == "Bearer s3cret"
        assert request.cookies["sid"] == "s3cret"
    assert [request.path for request in cdn.requests] == ["/c.ts", "/b.ts"]
    assert not any("s3cret" in value for request in cdn.requests for value in request.headers.values())


async def test_a_server_that_begins_to_count_anew_is_followed() -> None:
    async with Origin() as origin:
        origin.files |= {f"{n}.ts": piece(n) for n in range(4)}
        origin.files["l.m3u8"] = listing(["0.ts", "1.ts"], sequence=100)
        ear = Ear(Target(origin.url("l.m3u8")))
        await ear.until(lambda: len(ear.all(Segment)) == 2)
        origin.files["l.m3u8"] = listing(["2.ts", "3.ts"], sequence=0)
        await ear.until(lambda: len(ear.all(Segment)) == 4)
        await ear.stop()
    assert [(s.sequence, s.discontinuity) for s in ear.all(Segment)][2:] == [(0, True), (1, False)]


async def test_an_old_copy_of_the_playlist_is_no_restart() -> None:
    async with Origin() as origin:
        origin.files |= {f"{n}.ts": piece(n) for n in range(6)}
        new, old = listing(["2.ts", "3.ts"], sequence=2), listing(["1.ts", "2.ts"], sequence=1)
        origin.files["l.m3u8"] = new
        ear = Ear(Target(origin.url("l.m3u8")))
        await ear.until(lambda: len(ear.all(Segment)) == 2)
        origin.files["l.m3u8"] = old
        await ear.until(lambda: ear.all(Playlist)[-1].media_sequence == 1)
        origin.files["l.m3u8"] = listing(["3.ts", "4.ts"], sequence=3)
        await ear.until(lambda: len(ear.all(Segment)) == 3)
        await ear.stop()
        assert origin.count("2.ts") == 1
    assert [s.sequence for s in ear.all(Segment)] == [2, 3, 4]


async def test_segments_that_slid_past_are_reported_missed() -> None:
    async with Origin() as origin:
        origin.files |= {f"{n}.ts": piece(n) for n in range(8)}
        origin.files["l.m3u8"] = listing(["0.ts"])
        ear = Ear(Target(origin.url("l.m3u8")))
        await ear.until(lambda: len(ear.all(Segment)) == 1)
        origin.files["l.m3u8"] = listing(["3.ts"], sequence=3)
        await ear.until(lambda: len(ear.all(Segment)) == 4)
        await ear.stop()
    assert [(s.sequence, s.error) for s in ear.all(Segment)] == [(0, ""), (1, "missed"), (2, "missed"), (3, "")]
    assert {p.kind for p in ear.all(Packet) if p.flags & DISCONTINUITY} == {"video", "audio"}


async def test_a_playlist_that_stays_away_is_lost_with_the_reason() -> None:
    async with Origin() as origin:
        origin.files["l.m3u8"], origin.files["0.ts"] = listing(["0.ts"]), piece()
        ear = Ear(Target(origin.url("l.m3u8"), lost_after=1.5))
        await ear.until(lambda: len(ear.all(Segment)) == 1)
        del origin.files["l.m3u8"]
        lost = await ear.lost()
    assert lost.reason == "not_found"
    assert ear.all(Playlist)[-1].error == "not_found"


async def test_an_html_page_as_segment_is_a_segment_error() -> None:
    async with Origin() as origin:
        origin.files["l.m3u8"] = listing(["a.ts", "b.ts"], end=True)
        origin.files["a.ts"], origin.files["b.ts"] = "<html>login</html>", piece()
        _, ear = await pull(origin.url("l.m3u8"))
    assert [s.error for s in ear.all(Segment)] == ["protocol", ""]


async def test_corrupt_media_inside_a_segment_is_flagged() -> None:
    async with Origin() as origin:
        whole = piece()
        origin.files["l.m3u8"] = listing(["a.ts"], end=True)
        origin.files["a.ts"] = whole[: 60 * SIZE] + whole[63 * SIZE :]
        _, ear = await pull(origin.url("l.m3u8"))
    assert any(p.flags & CORRUPT for p in ear.all(Packet))
