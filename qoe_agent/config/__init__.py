"""What a user may write, typed and strict; errors are `file:line:col: path: message; did you mean …?`."""

from qoe_agent.config.agent import Agent, Callback, Clock, Discovery, FileSd, HttpSd, Web
from qoe_agent.config.reading import ConfigError, check, load, parse
from qoe_agent.config.root import Config
from qoe_agent.config.streams import Join, Profile, Schedule, Stream, StreamOptions, Thresholds

__all__ = [
    "Agent",
    "Callback",
    "Clock",
    "Config",
    "ConfigError",
    "Discovery",
    "FileSd",
    "HttpSd",
    "Join",
    "Profile",
    "Schedule",
    "Stream",
    "StreamOptions",
    "Thresholds",
    "Web",
    "check",
    "load",
    "parse",
]
