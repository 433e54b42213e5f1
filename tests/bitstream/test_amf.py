"""AMF0: values survive the way there and back; nothing read from outside can raise, hang or run deep."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.bitstream import amf
from tests.bitstream import flv_files

_leaf = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20)
_name = st.text(min_size=1, max_size=8)
_value = st.recursive(_leaf, lambda v: st.lists(v, max_size=4) | st.dictionaries(_name, v, max_size=4))


@given(st.lists(_value, max_size=5))
@settings(max_examples=150)
def test_what_is_written_is_read(values: list[Any]) -> None:
    assert amf.decode(amf.encode(values)) == values


@given(st.binary(max_size=200))
def test_garbage_never_raises(data: bytes) -> None:
    assert len(amf.decode(data)) <= len(data)


def test_the_metadata_of_ffmpeg_is_read() -> None:
    data = flv_files.file()
    size = int.from_bytes(data[14:17], "big")
    name, claims = amf.decode(data[24 : 24 + size])
    assert name == "onMetaData"
    assert (claims["width"], claims["height"], claims["framerate"]) == (64.0, 48.0, 25.0)
    assert claims["stereo"] is True
    assert claims["encoder"].startswith("Lavf")


def test_values_of_all_kinds_by_the_specification() -> None:
    """Markers of AMF 0 §2, written by hand."""
    date = b"\x0b" + b"\x42\x70\0\0\0\0\0\0" + b"\0\0"
    typed = b"\x10\0\x01T" + b"\0\x01a\x05" + b"\0\0\x09"
    data = b"\x06" + b"\x0d" + date + b"\x0c\0\0\0\x02hi" + b"\x0f\0\0\0\x01x" + typed
    assert amf.decode(data) == [None, None, 2.0**40, "hi", "x", {"a": None}]


def test_an_array_without_its_end_is_read() -> None:
    assert amf.decode(b"\x08\0\0\0\x01\0\x01a\x01\x01") == [{"a": True}]


def test_what_is_cut_short_is_left_out() -> None:
    whole = amf.encode(["onStatus", 0.0])
    assert amf.decode(whole[:-1]) == ["onStatus"]


@pytest.mark.parametrize("opening", [b"\x0a\0\0\0\x01", b"\x03\0\x01a"])
def test_nesting_has_a_bottom(opening: bytes) -> None:
    assert amf.decode(opening * 100_000) == []


def test_an_array_that_claims_four_billion_values_costs_nothing() -> None:
    assert amf.decode(b"\x0a\xff\xff\xff\xff" + b"\x05" * 100_000) == []


def test_a_long_text_is_written_long() -> None:
    assert amf.decode(amf.encode(["x" * 70_000])) == ["x" * 70_000]
