"""Fuzz the FLV demuxer: `python -m tests.fuzz.fuzz_flv [libFuzzer options] [corpus]`.

The first byte says how the rest is cut; cut and whole must give the same.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["qoe_agent.bitstream"]):
    from qoe_agent.bitstream.flv import Flv

from tests.bitstream.flv_files import HEADER


def one(data: bytes) -> None:
    if not data:
        return
    for stream in (data[1:], HEADER + data[1:]):
        whole = Flv()
        expected = whole.feed(stream, 1.0) + whole.flush(1.0)
        cut, got, size = Flv(), [], data[0] + 1
        for start in range(0, len(stream), size):
            got += cut.feed(stream[start : start + size], 1.0)
        assert got + cut.flush(1.0) == expected


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
