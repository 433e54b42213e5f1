"""The RTMP client over bytes: conversation, chunk streams, refusals, ends, garbage."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import amf, chunks, rtmp
from qoe_agent.bitstream.flv import Flv
from qoe_agent.model import Answer, Damage, Packet
from tests import rtmp_server as server
from tests.bitstream.flv_files import file, tag

if TYPE_CHECKING:
    from collections.abc import Iterable

FLV = file()
SHOW = server.media(server.tags(FLV))


def client() -> rtmp.Client:
    return rtmp.Client(rtmp.address("rtmp://host/live/key?token=t"), "qoe-agent")


def run(data: bytes, cuts: list[int] | None = None) -> tuple[rtmp.Client, list[Any]]:
    """A client that got `data` in these pieces, and what came of it."""
    one, out = client(), []
    edges = sorted({0, *(c for c in cuts or [] if c < len(data)), len(data)})
    for start, end in pairwise(edges):
        out += one.receive(data[start:end], 1.0)
    return one, out


def over(seen: list[Any]) -> tuple[str, str]:
    [event] = [e for e in seen if isinstance(e, rtmp.Event) and e.what == "over"]
    return event.reason, event.detail


def played(data: bytes) -> list[Packet]:
    _, seen = run(server.HANDSHAKE + server.ACCEPTED + data)
    return [p for p in seen if isinstance(p, Packet)]


def sent(data: bytes) -> list[chunks.Message]:
    """The messages in what a client sent behind its handshake."""
    return [message for message in chunks.Reader().feed(data) if message]


@pytest.mark.parametrize(
    ("url", "app", "stream", "tc_url"),
    [
        ("rtmp://host/live/key", "live", "key", "rtmp://host:1935/live"),
        ("rtmp://host:1936/live/key?a=b/c", "live", "key?a=b/c", "rtmp://host:1936/live"),
        ("rtmps://u:p@host/a/b/key", "a/b", "key", "rtmps://host:443/a/b"),
        ("rtmp://host/app?vhost=v/key", "app?vhost=v", "key", "rtmp://host:1935/app?vhost=v"),
        ("rtmp://[::1]/live/key", "live", "key", "rtmp://[::1]:1935/live"),
    ],
)
def test_an_address_comes_apart(url: str, app: str, stream: str, tc_url: str) -> None:
    where = rtmp.address(url)
    assert (where.app, where.stream, where.tc_url) == (app, stream, tc_url)


@pytest.mark.parametrize(
    "url", ["rtmp://host", "rtmp://host/live", "rtmp:///live/key", "http://h/a/b", "rtmp://h:x/a/b"]
)
def test_an_address_without_its_parts_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rtmp.address(url)


def test_the_conversation_is_that_of_the_specification() -> None:
    one = client()
    hello = one.to_send()
    assert (len(hello), hello[0]) == (1537, 3)
    one.receive(server.HANDSHAKE[:1537], 1.0)
    assert one.to_send() == server.HANDSHAKE[1:1537]  # C2 repeats S1
    assert [e.what for e in one.receive(server.HANDSHAKE[1537:], 2.0)] == ["shaken"]
    [connect] = sent(one.to_send())
    name, call, claims = amf.decode(connect.payload)
    assert (name, call, connect.kind) == ("connect", 1.0, 20)
    assert (claims["app"], claims["tcUrl"]) == ("live", "rtmp://host:1935/live")
    assert claims["flashVer"] == "qoe-agent"
    one.receive(server.CONNECTED, 3.0)
    assert amf.decode(sent(one.to_send())[-1].payload) == ["createStream", 2.0, None]
    one.receive(server.CREATED, 4.0)
    play, buffer = sent(one.to_send())
    assert amf.decode(play.payload) == ["play", 0.0, None, "key?token=t", -2000.0]
    assert (play.stream, buffer.kind, buffer.payload[:6]) == (1, 4, bytes([0, 3, 0, 0, 0, 1]))
    said = "fmsVer: FMS/3,0,1,123\ncode: NetConnection.Connect.Success"
    assert one.receive(server.PLAYING, 5.0) == [rtmp.Event(5.0, "playing"), Answer(5.0, "headers", said)]


def test_messages_are_the_tags_of_the_file() -> None:
    """Oracle: the same tags through the FLV demuxer, which equals libavformat's."""
    _, seen = run(server.HANDSHAKE + server.ACCEPTED + SHOW)
    own = [s for s in seen if not isinstance(s, rtmp.Event) and not (isinstance(s, Answer) and s.kind == "headers")]
    assert own == Flv().feed(FLV, 1.0)


@given(st.lists(st.integers(0, len(SHOW) + 4000), max_size=12))
@settings(max_examples=60)
def test_where_the_bytes_are_cut_does_not_matter(cuts: list[int]) -> None:
    data = server.HANDSHAKE + server.ACCEPTED + SHOW
    assert run(data, cuts)[1] == run(data)[1]


@given(st.binary(max_size=300), st.integers(0, 6000), st.lists(st.integers(0, 9000), max_size=6))
@settings(max_examples=100)
def test_garbage_never_raises_and_gives_the_same_in_any_cut(noise: bytes, where: int, cuts: list[int]) -> None:
    data = server.HANDSHAKE + server.ACCEPTED + SHOW
    data = data[:where] + noise + data[where + len(noise) // 2 :]
    assert run(data, cuts)[1] == run(data)[1]


def test_media_before_the_servers_consent_is_consent() -> None:
    _, seen = run(server.HANDSHAKE + server.CONNECTED + server.CREATED + SHOW)
    assert [e.what for e in seen if isinstance(e, rtmp.Event)] == ["shaken", "playing"]


def test_all_chunk_types_and_long_channel_numbers() -> None:
    body = b"\x2fabc"
    for channel in (4, 70, 1000):
        data = server.chunked(8, body, stamp=100, channel=channel, stream=1)
        data += server.follow(1, body + b"d", delta=20, kind=8, channel=channel)
        data += server.follow(2, body + b"d", delta=30, channel=channel)
        data += server.follow(3, body + b"d", channel=channel)
        assert [p.pts for p in played(data)] == [0.1, 0.12, 0.15, 0.18]


def test_a_chunk_of_type_3_after_type_0_repeats_the_absolute_time() -> None:
    """Adobe RTMP 1.0 §5.3.1.2.4, and libavformat/rtmppkt.c."""
    data = server.chunked(8, b"\x2fabc", stamp=100, channel=4, stream=1) + server.follow(3, b"\x2fabc", channel=4)
    assert [p.pts for p in played(data)] == [0.1, 0.2]


@pytest.mark.parametrize("repeat", [True, False])
def test_extended_times(repeat: bool) -> None:
    late = 0x1234567
    body = b"\x2f" + bytes(range(200)) * 2
    data = server.chunked(8, body, stamp=late, channel=4, stream=1, repeat=repeat)
    data += server.follow(1, b"\x2fabc", delta=0x1000000, kind=8, channel=4)
    first, second = played(data)
    assert (first.data, second.data) == (body[1:], b"abc")
    assert (first.pts, second.pts) == (late / 1000, (late + 0x1000000) / 1000)


def test_messages_of_two_channels_interleave() -> None:
    video, audio = b"\x22" + b"v" * 300, b"\x2f" + b"a" * 200
    v = [server.chunked(9, video, channel=6, stream=1)[i : i + n] for i, n in ((0, 140), (140, 129), (269, 99))]
    a = [server.chunked(8, audio, channel=4, stream=1)[i : i + n] for i, n in ((0, 140), (140, 99))]
    assert [p.data for p in played(v[0] + a[0] + v[1] + a[1] + v[2])] == [audio[1:], video[1:]]


@pytest.mark.parametrize("first", [1, 2, 8, 15])
def test_a_message_may_come_between_any_two_chunks_of_another(first: int) -> None:
    video, audio = b"\x22" + b"\xc6" * 2000, server.chunked(8, b"\x2f" + b"a" * 200, channel=4, stream=1)
    whole = server.chunked(9, video, channel=6, stream=1)
    cut = 12 + 128 * first + first - 1
    assert [p.data for p in played(whole[:cut] + audio + whole[cut:])] == [b"a" * 200, video[1:]]


def test_the_smallest_chunks_of_two_messages_in_turn_cost_no_more_the_more_there_are() -> None:
    """Else a server could keep an agent busy for minutes."""

    class Noted(bytes):
        seen = 0

        def __getitem__(self, place: Any) -> Any:
            found = super().__getitem__(place)
            Noted.seen += len(found) if isinstance(place, slice) else 1
            return found

    many, reader = 5000, chunks.Reader()
    reader.resize(1)
    begun = [bytes((channel, 0, 0, 0)) + many.to_bytes(3, "big") + b"\x09\1\0\0\0x" for channel in (6, 7)]
    found = list(reader.feed(Noted(b"".join(begun) + b"\xc6x\xc7x" * (many - 1))))
    assert [each.payload for each in found if each] == [b"x" * many] * 2
    assert Noted.seen < 2 * many * 2 * chunks.FEW


def test_the_chunk_size_changes_between_two_messages() -> None:
    body = b"\x2f" + b"x" * 5000
    data = server.chunked(server.SET_CHUNK_SIZE, (4096).to_bytes(4, "big"), channel=2)
    data += server.chunked(8, body, channel=4, stream=1, size=4096)
    assert [p.size for p in played(data)] == [5000]


def test_an_aborted_message_is_forgotten() -> None:
    half = server.chunked(8, b"\x2f" + b"x" * 200, channel=4, stream=1)[:140]
    abort = server.chunked(server.ABORT, (4).to_bytes(4, "big"), channel=2)
    assert [p.data for p in played(half + abort + server.chunked(8, b"\x2fabc", channel=4, stream=1))] == [b"abc"]


def test_a_message_begun_anew_is_damage() -> None:
    half = server.chunked(8, b"\x2f" + b"x" * 200, channel=4, stream=1)[:140]
    _, seen = run(server.HANDSHAKE + server.ACCEPTED + half + server.chunked(8, b"\x2fabc", channel=4, stream=1))
    assert [type(s).__name__ for s in seen[-3:]] == ["Damage", "Format", "Packet"]


def test_an_aggregate_is_its_tags_with_their_distances() -> None:
    data = server.chunked(22, tag(8, 50, b"\x2fone") + tag(8, 70, b"\x2ftwo"), stamp=1000, channel=4, stream=1)
    assert [(p.data, p.pts) for p in played(data)] == [(b"one", 1.0), (b"two", 1.02)]
    _, seen = run(server.HANDSHAKE + server.ACCEPTED + server.chunked(22, tag(8, 0, b"\x2fone")[:-6], channel=4))
    assert isinstance(seen[-1], Damage)


def test_a_ping_is_answered_and_received_bytes_are_acknowledged() -> None:
    one, _ = run(
        server.HANDSHAKE + server.ACCEPTED + server.chunked(server.WINDOW, (2000).to_bytes(4, "big"), channel=2)
    )
    one.to_send()
    one.receive(server.control(6, 77), 2.0)
    [pong] = [m for m in sent(one.to_send()) if m.kind == 4]
    assert pong.payload == bytes([0, 7, 0, 0, 0, 77])
    one.receive(SHOW, 2.0)
    [ack] = [m for m in sent(one.to_send()) if m.kind == 3]
    assert int.from_bytes(ack.payload, "big") > len(SHOW)
    one.receive(server.control(31, 1), 2.0)
    assert one.to_send() == b""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (server.status("NetStream.Play.StreamNotFound", "error"), "not_found"),
        (server.status("NetStream.Play.Failed", "error"), "status"),
        (server.status("NetStream.Play.UnpublishNotify"), "ended"),
        (server.status("NetStream.Play.Stop"), "ended"),
        (server.control(1, 1), "ended"),
        (server.chunked(18, amf.encode(["onPlayStatus", {"code": "NetStream.Play.Complete"}])), "ended"),
        (server.command("_error", 2.0, None, {"code": "NetStream.Failed"}), "status"),
    ],
)
def test_ends_and_refusals_of_a_stream(answer: bytes, reason: str) -> None:
    one, seen = run(server.HANDSHAKE + server.CONNECTED + server.CREATED + answer + SHOW)
    assert over(seen)[0] == reason
    assert one.state == "over"
    assert not [s for s in seen if isinstance(s, Packet)]
    assert one.receive(SHOW, 9.0) == []


def test_a_rejected_connection_says_why_in_one_line() -> None:
    info = {"level": "error", "code": "NetConnection.Connect.Rejected", "description": "[ AccessManager.Reject ]\nauth"}
    _, seen = run(server.HANDSHAKE + server.command("_error", 1.0, None, info))
    assert over(seen) == ("auth", "the server refused: NetConnection.Connect.Rejected: [ AccessManager.Reject ] auth")


@pytest.mark.parametrize("info", [None, 5.0, "x", [1.0], {"code": 7.0}, {}])
def test_status_objects_of_any_shape_are_survived(info: Any) -> None:
    run(server.HANDSHAKE + server.ACCEPTED + server.command("onStatus", 0.0, None, info) + SHOW)
    _, seen = run(server.HANDSHAKE + server.command("_error", 1.0, None, info))
    assert over(seen)[0] == "status"


@pytest.mark.parametrize("stream", [float("nan"), float("inf"), -1.0, 2.0**40, "1", None])
def test_a_stream_id_that_cannot_be_is_survived(stream: Any) -> None:
    run(server.HANDSHAKE + server.CONNECTED + server.command("_result", 2.0, None, stream) + SHOW)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not speak RTMP"),
        (server.HANDSHAKE + b"\xc3" + bytes(200), "not RTMP: a chunk continues a message that never began"),
        (server.HANDSHAKE + b"\x04\0\0\0\xff\xff\xff\x08\0\0\0\0" + bytes(200), "not RTMP: a message too large"),
        (server.HANDSHAKE + server.chunked(1, bytes(4), channel=2), "not RTMP: a chunk size that cannot be"),
        (
            server.HANDSHAKE + b"".join(server.chunked(3, bytes(4), channel=n) for n in range(2, 80)),
            "not RTMP: too many chunk streams",
        ),
    ],
)
def test_what_is_not_rtmp_is_named(data: bytes, detail: str) -> None:
    assert over(run(data)[1]) == ("protocol", detail)


def _exhaust(reader: chunks.Reader, heads: Iterable[bytes], size: int) -> None:
    for head in heads:
        assert list(reader.feed(head + bytes(4 + size))) == []


def test_unfinished_messages_are_bounded() -> None:
    size = 1 << 20
    reader = chunks.Reader()
    reader.resize(size)
    heads = (bytes([channel, 0, 0, 0]) + (15_000_000).to_bytes(3, "big") + b"\x09" for channel in range(3, 60))
    with pytest.raises(chunks.Violation, match="unfinished"):
        _exhaust(reader, heads, size)


def test_what_a_closed_connection_means_depends_on_how_far_we_were() -> None:
    details = [
        run(data)[0].closed(1.0).detail
        for data in (
            b"\x03",
            server.HANDSHAKE,
            server.HANDSHAKE + server.ACCEPTED,
            server.HANDSHAKE + server.ACCEPTED + SHOW,
        )
    ]
    assert len(set(details)) == 4
    assert all(d.startswith("the server closed the connection") for d in details)
