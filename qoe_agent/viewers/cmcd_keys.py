"""The keys of CMCD: CTA-5004-B (14 April 2026) §4.3 table 1, and version 1 (CTA-5004, September 2020) table 1.

Durations and times are in milliseconds and bitrates in kilobits a second, as the standard has them and unlike the rest
of this program: values are kept as they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["flag", "whole", "signed", "rate", "text", "token", "amounts", "texts", "paths"]
"""flag: boolean; whole: integer from 0 up; signed: any integer; rate: decimal or integer; amounts: inner list of
integers by object type; texts: inner list of strings; paths: inner list of strings with a range `r`."""
Header: TypeAlias = Literal["Object", "Request", "Status", "Session"]
Mode: TypeAlias = Literal["request", "event"]
MODES: tuple[Mode, ...] = ("request", "event")

NEWEST = 2
"""The highest version understood: a report of a higher one is ignored whole (§6)."""
TYPES = frozenset(("m", "a", "v", "av", "i", "c", "tt", "k", "o"))
"""Object types: tokens of `ot`, and parameters of the values of `amounts` (§4.1)."""
CUSTOM_LENGTH = 64
"""Characters of a custom key's value, at most (§4.1)."""


@dataclass(frozen=True, slots=True)
class Key:
    """A reserved key."""

    name: str
    kind: Kind
    header: Header | None
    """The header that a player puts it into; None: only in event mode, so never in a header."""
    meaning: str
    """What it tells; units in brackets."""
    first: Kind | None = None
    """Its kind in version 1; None: version 1 has no such key."""
    tokens: frozenset[str] = frozenset()
    first_tokens: frozenset[str] = frozenset()
    longest: int | None = None
    """Characters, at most."""
    first_longest: int | None = None
    responses: bool = False
    """Only on events `rr`, response received."""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Allowed modes."""
        return MODES if self.header else ("event",)


def _tokens(words: str) -> frozenset[str]:
    return frozenset(words.split())


_EVENTS = _tokens("abs abe ae as b bc c ce e h m pc pe pr ps rr sk t um")
_STATES = _tokens("s p k r a w e f q d")

TABLE = (
    Key("ab", "amounts", "Object", "aggregate encoded bitrate (kbit/s)"),
    Key("bl", "amounts", "Request", "buffer length (ms)", "whole"),
    Key("bg", "flag", "Status", "all players of the session are out of sight"),
    Key("br", "amounts", "Object", "encoded bitrate (kbit/s)", "whole"),
    Key("bs", "flag", "Status", "the buffer was starved since the report before", "flag"),
    Key("bsa", "amounts", "Status", "buffer starvations since the session began"),
    Key("bsd", "amounts", "Status", "durations of starvations that ended (ms)"),
    Key("bsda", "amounts", "Status", "duration of all starvations since the session began (ms)"),
    Key("cen", "text", None, "name of a custom event", longest=64),
    Key("cid", "text", "Session", "content id", "text", longest=128, first_longest=64),
    Key("cmsdd", "text", None, "header CMSD-Dynamic of the response, in Base64", responses=True),
    Key("cmsds", "text", None, "header CMSD-Static of the response, in Base64", responses=True),
    Key("cs", "text", "Request", "content signature"),
    Key("d", "whole", "Object", "object duration (ms)", "whole"),
    Key("dfa", "whole", "Request", "dropped frames since the session began"),
    Key("dl", "whole", "Request", "deadline from the request on (ms)", "whole"),
    Key("e", "token", None, "event", tokens=_EVENTS),
    Key("ec", "texts", "Status", "the player's error codes"),
    Key("h", "text", None, "host that content comes from", longest=128),
    Key("lab", "amounts", "Object", "lowest aggregate bitrate (kbit/s)"),
    Key("lb", "amounts", "Object", "lowest encoded bitrate (kbit/s)"),
    Key("ltc", "signed", "Request", "live latency, origin to screen (ms; below 0 where clocks disagree)"),
    Key("msd", "whole", "Session", "media start delay (ms)"),
    Key("mtp", "amounts", "Request", "measured throughput (kbit/s)", "whole"),
    Key("nor", "paths", "Request", "next objects, relative paths with a range of bytes", "text"),
    Key("nr", "flag", "Status", "what is fetched is not rendered"),
    Key("ot", "token", "Object", "object type", "token", tokens=TYPES, first_tokens=TYPES),
    Key("pb", "amounts", "Request", "bitrate at the playhead (kbit/s)"),
    Key("pr", "rate", "Status", "playback rate (1 is real time, 0 is not playing)", "rate"),
    Key("pt", "signed", "Status", "playhead (ms; live with a date: since 1970)"),
    Key("rc", "whole", None, "status code of the response, 0: none came", responses=True),
    Key("rtp", "whole", "Status", "requested maximum throughput (kbit/s)", "whole"),
    Key("sf", "token", "Session", "format", "token", tokens=_tokens("d h e s o"), first_tokens=_tokens("d h s o")),
    Key("sid", "text", "Session", "session id", "text", longest=64, first_longest=64),
    Key("smrt", "text", None, "header SMRT-Data of the response, in Base64", responses=True),
    Key("sn", "whole", "Request", "number of the report within session, mode and target"),
    Key("st", "token", "Session", "stream type", "token", tokens=_tokens("v l ll"), first_tokens=_tokens("v l")),
    Key("sta", "token", "Request", "playback state", tokens=_STATES),
    Key("su", "flag", "Request", "needed urgently: startup, seek or recovery", "flag"),
    Key("tab", "amounts", "Object", "top aggregate bitrate (kbit/s)"),
    Key("tb", "amounts", "Object", "top encoded bitrate (kbit/s)", "whole"),
    Key("tbl", "amounts", "Request", "target buffer length (ms)"),
    Key("tpb", "amounts", "Object", "top playable bitrate (kbit/s)"),
    Key("ts", "whole", None, "when the event happened (ms since 1970, the player's clock)"),
    Key("ttfb", "whole", None, "request to first byte (ms)", responses=True),
    Key("ttfbb", "whole", None, "request to first byte of the body (ms)", responses=True),
    Key("ttlb", "whole", None, "request to last byte (ms)", responses=True),
    Key("url", "text", None, "URL requested first"),
    Key("v", "whole", "Session", "version of CMCD", "whole"),
)
"""Version 2, by name. `w` among the states is a token without a definition there."""

KEYS = {key.name: key for key in TABLE}
RESPONSE_KEYS = frozenset(key.name for key in TABLE if key.responses)
HEADERS = ("cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status")
"""In lower case; names of headers are not case-sensitive (§3.1)."""
