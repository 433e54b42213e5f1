"""Viewer events: what a session of a viewer said, as it is stored.

A `ViewerEvent` holds times as whole milliseconds (names in `_ms`). `at_ms` is by the client's clock, `received_ms` by
ours: the two together let a query correct a session's clock. Nothing in it names a person: users are pseudonyms, and
there is no place for addresses or query strings.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json, to_json

from qoe_agent.viewers import privacy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.viewers.pseudonyms import Ring

KINDS = (
    "join", "leave", "heartbeat", "stall", "quality", "order", "message_sent", "message_shown", "arm", "attributes",
)  # fmt: skip
STATES = ("starting", "playing", "stalled", "paused", "seeking", "waiting", "ended", "failed")
CAUSES = ("quit", "ended", "failed", "refused", "backgrounded", "switched", "lost")
_POSITIVE = (1 << 63) - 1


class ViewerEvent(NamedTuple):
    """One thing that a session said; None: it did not say."""

    source: str
    """By which way it came in: a name out of the configuration."""
    session: str
    kind: str
    """One of KINDS."""
    key: int
    """Who has the same key is the same event, however often it comes (63 bits)."""
    received_ms: int
    """When it came, by the server's clock."""
    bucket: int
    """0…999: of the user, else of the session."""
    at_ms: int | None = None
    """When it happened, by the client's clock."""
    sn: int | None = None
    user_key: int | None = None
    user_key_id: int | None = None
    stream: str | None = None
    state: str | None = None
    """One of STATES."""
    cause: str | None = None
    """Of a leave: one of CAUSES."""
    error: str | None = None
    background: bool | None = None
    media_ms: int | None = None
    """Media time at the playhead."""
    startup_ms: int | None = None
    stall_ms: int | None = None
    """How long the stall lasted that began at `at_ms`."""
    stalls_total: int | None = None
    """Stalls of this session so far."""
    stalled_total_ms: int | None = None
    """Time that this session stalled so far."""
    latency_ms: int | None = None
    interval_ms: int | None = None
    """How often this session reports."""
    height: int | None = None
    bytes_per_second: int | None = None
    rendition: str | None = None
    cdn: str | None = None
    region: str | None = None
    device: str | None = None
    network: str | None = None
    value: float | None = None
    """Of an order, in `currency`."""
    currency: str | None = None
    message: str | None = None
    """Id of a message (never its text): what was sent and what was shown are joined by it."""
    experiment: str | None = None
    arm: str | None = None
    attributes: dict[str, str] | None = None


FIELDS = ViewerEvent._fields


def identity(source: str, session: str, mode: str, sn: int | None, known: Mapping[str, Any]) -> int:
    """The key of an event: by its sequence number in `mode` of `session`; without one, by all that is `known` of it."""
    which = sorted(known.items()) if sn is None else sn
    digest = hashlib.blake2b(to_json((source, session, mode, which)), digest_size=8).digest()
    return int.from_bytes(digest) & _POSITIVE


def event(said: Mapping[str, Any], source: str, mode: str, received_ms: int, ring: Ring) -> ViewerEvent:
    """The event whose fields are `said`: those of ViewerEvent, and `user` in clear, which leaves no trace.

    `mode` names a way in which a session counts its `sn` apart from others. What has neither `sn` nor `at_ms` would be
    taken for a repetition of the last of its kind: give such events the time at which they came.
    """
    known = dict(said)
    user, session = known.pop("user", None), known["session"]
    if privacy.telling(session) or privacy.page(session) != session:
        session = known["session"] = ring.alias(session)
    if stream := known.get("stream"):
        known["stream"] = privacy.bare(stream) or None
    known["key"] = identity(source, session, mode, known.get("sn"), known)
    if user is None:
        known["bucket"] = ring.bucket(session)
    else:
        known["user_key_id"], known["user_key"], known["bucket"] = ring.of(user)
    return ViewerEvent(source=source, received_ms=received_ms, **known)


def encoded(events: Iterable[ViewerEvent]) -> bytes:
    """The events as one record of the log: JSON objects that name what they know."""
    return to_json([{name: value for name, value in zip(FIELDS, one, strict=True) if value is not None}
                    for one in events])  # fmt: skip


def decoded(record: bytes) -> list[dict[str, Any]]:
    """The events in a record of the log, by the names of their fields. Raises ValueError if it is none."""
    found = from_json(record)
    if not isinstance(found, list):
        raise ValueError("a record must be a list of events")
    return found
