"""What a user may write, typed and strict; errors are `file:line:col: path: message; did you mean …?`."""

from qoe_agent.config.agent import Agent, Callback, Clock, Discovery, Evidence, FileSd, HttpSd, Web
from qoe_agent.config.alerting import Alertmanager, Alerts, Maintenance, StreamAlerts, Webhook
from qoe_agent.config.reading import ConfigError, check, load, parse
from qoe_agent.config.root import Config
from qoe_agent.config.schedule import Schedule
from qoe_agent.config.streams import Join, Profile, Stream, StreamOptions, Thresholds
from qoe_agent.config.viewers import Ingest, Source, Stat, Viewers

__all__ = [
    "Agent",
    "Alertmanager",
    "Alerts",
    "Callback",
    "Clock",
    "Config",
    "ConfigError",
    "Discovery",
    "Evidence",
    "FileSd",
    "HttpSd",
    "Ingest",
    "Join",
    "Maintenance",
    "Profile",
    "Schedule",
    "Source",
    "Stat",
    "Stream",
    "StreamAlerts",
    "StreamOptions",
    "Thresholds",
    "Viewers",
    "Web",
    "Webhook",
    "check",
    "load",
    "parse",
]
