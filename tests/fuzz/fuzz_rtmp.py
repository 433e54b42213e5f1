"""Fuzz the RTMP client: `python -m tests.fuzz.fuzz_rtmp [libFuzzer options] [corpus]`.

The first byte says how the rest is cut and whether it comes instead of, or after, a good conversation.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["qoe_agent.bitstream"]):
    from qoe_agent.bitstream import rtmp

from tests import rtmp_server as server

WHERE = rtmp.address("rtmp://host/live/key")


def one(data: bytes) -> None:
    if not data:
        return
    stream = server.HANDSHAKE + (server.ACCEPTED if data[0] & 1 else b"") + data[1:]
    whole = rtmp.Client(WHERE, "fuzz")
    expected = whole.receive(stream, 1.0)
    cut, got, size = rtmp.Client(WHERE, "fuzz"), [], data[0] + 1
    for start in range(0, len(stream), size):
        got += cut.receive(stream[start : start + size], 1.0)
        cut.to_send()
    assert got == expected
    pieces = [(stream[start : start + size], 1.0) for start in range(0, len(stream), size)]
    assert rtmp.Client(WHERE, "fuzz").receive_all(pieces) == expected


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
