"""Fuzzes the transport stream parser: `python -m tests.fuzz.fuzz_ts [libFuzzer options] [corpus]`.

Whatever comes, nothing is raised, memory stays bounded, and how the bytes are cut changes nothing.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["qoe_agent.bitstream"]):
    from qoe_agent.bitstream import psi
    from qoe_agent.bitstream.packed import Packed
    from qoe_agent.bitstream.ts import Ts
    from qoe_agent.maths.timeline import Unwrap

SIZE = 188


def repaired(data: bytes) -> bytes:
    """With sync bytes and checksums where they belong, so that the fuzzer gets past them."""
    out = bytearray(data)
    for at in range(0, len(out) - SIZE + 1, SIZE):
        out[at] = 0x47
        start = at + 5 + out[at + 4]
        size = 3 + ((out[start + 1] & 15) << 8 | out[start + 2]) if start + 3 <= at + SIZE else 0
        if out[at + 1] & 0x40 and 12 <= size <= at + SIZE - start and out[start] in (0, 2, 0xFC):
            out[start + size - 4 : start + size] = psi.crc32(bytes(out[start : start + size - 4])).to_bytes(4, "big")
    return bytes(out)


def one_input(data: bytes) -> None:
    """libFuzzer's target."""
    if len(data) < 4:
        return
    body = repaired(data[2:]) if data[0] & 1 else data[2:]
    whole = Ts()
    expected = whole.feed(body, 0.0) + whole.flush(0.0)
    pieces, found, step = Ts(), [], 1 + data[1]
    for at in range(0, len(body), step):
        found += pieces.feed(body[at : at + step], 0.0)
    found += pieces.flush(0.0)
    assert found == expected
    if body:
        Packed(Unwrap(1 << 33)).segment(body, [(len(body), 0.0)])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
