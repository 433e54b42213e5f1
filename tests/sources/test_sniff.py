"""What an HTTP body is, known by its first bytes alone."""

from __future__ import annotations

import pytest

from qoe_agent.sources import http


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", None),
        (b"FL", None),
        (b"FLV\x01", "flv"),
        (b"#EXT", None),
        (b"\xef\xbb\xbf\r\n#EXTM3U\n", "hls"),
        (b"G" + bytes(187), None),
        ((b"G" + bytes(187)) * 2, "ts"),
        (bytes(50) + (b"G" + bytes(187)) * 3, "ts"),
        ((bytes(4) + b"G" + bytes(187)) * 3, "ts"),
        ((b"G" + bytes(203)) * 3, "ts"),
        (b" <html>", "foreign"),
        (b"\xff" * 500, None),
        (b"\xff" * 1024, "foreign"),
    ],
)
def test_a_body_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    assert http.sniff(head) == kind
