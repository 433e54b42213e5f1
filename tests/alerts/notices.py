"""Notices for tests."""

from __future__ import annotations

from typing import Any

from qoe_agent.alerts.cases import Name, Notice

AT = 1_900_000_000.0
"""2030-03-17 17:46:40 UTC."""


def notice(kind: str = "black", stream: str = "show-1", **more: Any) -> Notice:
    """A picture that has been black for 12 s, or what is said to differ."""
    name = Name(stream, more.pop("rendition", ""), kind, more.pop("key", ""))
    known: dict[str, Any] = {
        "id": "0123456789abcdef", "number": 1, "status": "firing", "name": name, "severity": "warning", "start": AT,
        "end": None, "seconds": 12.0, "count": 1, "at": AT + 12.0,
    }  # fmt: skip
    return Notice(**{**known, **more})


def over(kind: str = "black", stream: str = "show-1", **more: Any) -> Notice:
    """Its end."""
    known: dict[str, Any] = {"status": "resolved", "number": 2, "end": AT + 30.0, "seconds": 30.0, "at": AT + 40.0}
    return notice(kind, stream, **{**known, **more})
