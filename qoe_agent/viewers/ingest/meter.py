"""What is said about viewers and their events, live."""

from __future__ import annotations

from qoe_agent.model import Metric

EVENTS = Metric("qoe_viewer_events_total", "counter", "Viewers' events that were stored.", ("source", "kind"))
REJECTED = Metric(
    "qoe_viewer_events_rejected_total", "counter", "Viewers' events, or requests where nobody looked into them, that "
    "were not stored, by reason: key (unknown), revoked, origin, method, type, large, malformed, version (of "
    "CMCD), session (none is named), share, rate, busy, full, disk, slow, gone (in the middle of a body), bug.",
    ("source", "reason"),
)  # fmt: skip
REPEATED = Metric(
    "qoe_viewer_events_repeated_total", "counter", "Viewers' events that had been stored before.", ("source",)
)
UNMATCHED = Metric(
    "qoe_viewer_events_unmatched_total", "counter", "Stored events whose stream is none of ours.", ("source",)
)
SESSIONS = Metric("qoe_viewer_sessions", "gauge", "Sessions that watch now.")
SPEAKING = Metric(
    "qoe_viewer_sessions_speaking", "gauge", "Of the sessions that watch now, those whose players tell more than that "
    "they play: stalls of others are unknown.",
)  # fmt: skip
JOINS = Metric("qoe_viewer_joins_total", "counter", "Sessions that began, or were first heard of.")
EXITS = Metric(
    "qoe_viewer_exits_total", "counter", "Sessions that ended, by what the viewer saw then: starting, playing, "
    "stalled, paused, seeking, waiting, ended, failed or unknown. Who falls silent for three of his intervals, at "
    "least 90 seconds, has left.", ("state",),
)  # fmt: skip
STARTUP = Metric(
    "qoe_viewer_startup_seconds", "histogram", "From the wish to watch to the first picture, as players say.",
    buckets=(0.2, 0.4, 0.6, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0),
)  # fmt: skip
STALL = Metric(
    "qoe_viewer_stall_seconds", "histogram", "How long stalls lasted, as players say.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0),
)  # fmt: skip
SENT = Metric("qoe_viewer_messages_sent_total", "counter", "Messages that viewers sent.")
SHOWN = Metric("qoe_viewer_messages_shown_total", "counter", "Times that a viewer was shown a message.")
LOST = Metric("qoe_viewer_messages_lost_total", "counter", "Messages that within 60 seconds nobody was shown.")
DELAY = Metric(
    "qoe_viewer_message_delay_seconds", "histogram", "From sending a message to showing it to a viewer, with both "
    "clocks corrected.", buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0),
)  # fmt: skip
UNTRACKED = Metric(
    "qoe_viewer_sessions_untracked_total", "counter", "Times a session began that is not followed live, because "
    "ingest.max_sessions are; its events are stored.",
)  # fmt: skip
UP = Metric("qoe_viewer_ingest_up", "gauge", "Whether viewers' events are taken in and can be stored.")
RESTARTS = Metric("qoe_viewer_ingest_restarts_total", "counter", "Times that process ended and was begun again.")
REQUESTS = Metric(
    "qoe_viewer_requests_total", "counter", "Requests with viewers' events, by status of the answer.", ("status",)
)
POLLS = Metric(
    "qoe_viewer_polls_total", "counter", "Times a server was asked who watches, by result: good or failed.",
    ("source", "result"),
)  # fmt: skip
COMPACTED = Metric(
    "qoe_viewer_events_compacted_total", "counter", "Viewers' events that were moved from the log to Parquet files."
)
WAITING = Metric("qoe_viewer_log_bytes", "gauge", "Size of the log that is yet to be moved to Parquet files.")
METRICS = (
    EVENTS, REJECTED, REPEATED, UNMATCHED, SESSIONS, SPEAKING, JOINS, EXITS, STARTUP, STALL, SENT, SHOWN, LOST, DELAY,
    UNTRACKED, UP, RESTARTS, POLLS, REQUESTS, COMPACTED, WAITING,
)  # fmt: skip
