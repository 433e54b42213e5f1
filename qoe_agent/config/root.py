"""The configuration as a whole, and the profiles that it begins with."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from qoe_agent.config import shipped
from qoe_agent.config.agent import Agent, Clock, Discovery, Web
from qoe_agent.config.alerting import Alerts
from qoe_agent.config.section import section
from qoe_agent.config.streams import Profile, Stream, StreamOptions
from qoe_agent.config.values import Word
from qoe_agent.config.viewers import Ingest

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "default": {"description": "For streams that choose none."},
    "show": {
        "description": "A show room or selling room: quick to open, watched hard.",
        "join": {"every": "30s"},
        "thresholds": {"startup": "1s", "stall": "500ms"},
    },
    "rtc": {
        "description": "Co-hosting and 1v1: little buffer, little patience.",
        "lost_after": "5s",
        "probes": {"stall": {"player": "rtc"}},
        "join": {"every": "30s"},
        "thresholds": {"startup": "1s", "stall": "500ms", "black": "1s", "silence": "1s", "content_freeze": "1s"},
    },
    **shipped.profiles(),
}
"""Built-in profiles, as a user would write them; `profiles` may change them and add others. Those of scenarios are
files: configs/profiles."""


@section
class Config:
    """All that a user may write. As returned by `load`, every stream holds its options with profile and defaults."""

    web: Web = field(default_factory=Web)
    """The web side: metrics, probes on demand, health."""
    agent: Agent = field(default_factory=Agent)
    """The agent as a process."""
    clock: Clock = field(default_factory=Clock)
    """How the agent knows what time it is, against which it tells latencies."""
    defaults: StreamOptions = field(default_factory=StreamOptions)
    """Options of every stream, unless its profile or itself says otherwise."""
    profiles: dict[Word, Profile] = field(default_factory=dict)
    """Options under names, for the streams that choose them. Built in are default, show, rtc, and the scenarios of
    configs/profiles: single_host, co_hosting, pk, switch_1v1, multi_screen, outdoor_mobile, replay, cross_border."""
    streams: tuple[Stream, ...] = ()
    """The streams to watch."""
    discovery: Discovery = field(default_factory=Discovery)
    """Where streams come from besides `streams`."""
    alerts: Alerts = field(default_factory=Alerts)
    """Who is told of incidents."""
    ingest: Ingest = field(default_factory=Ingest)
    """Viewers' events: where they come in, who may send them. Off while `folder` is null."""
