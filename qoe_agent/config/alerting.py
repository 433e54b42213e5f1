"""What may be said about alerts: which incidents are told, to whom, and when not."""

from dataclasses import field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from qoe_agent.catalogue import kinds
from qoe_agent.config.schedule import Schedule
from qoe_agent.config.section import section, wrong
from qoe_agent.config.suggest import suggestion
from qoe_agent.config.values import Bytes, File, Headers, HttpUrl, Line, Seconds, Word, Zone, instant, seconds
from qoe_agent.model import Severity

Minimum = Literal["info", "warning", "critical", "off"]
Network = Literal["public", "private", "any"]
Language = Literal["en", "zh"]
Format = Literal["json", "slack", "feishu", "dingtalk", "wecom"]
Instant = Annotated[float, BeforeValidator(instant)]
"""A moment, written as text with its offset from UTC, in Unix seconds."""
_Span = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=86400)]


def _kind(value: str) -> str:
    if value not in kinds():
        raise ValueError("no such incident" + suggestion(value, kinds()))
    return value


class RuleOptions:
    """Makes pydantic check a mapping of incidents' kinds to how they are told."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        kind = handler.generate_schema(Annotated[str, AfterValidator(_kind)])
        rule = _keyed({
            "for": handler.generate_schema(_Span),
            "resolve_after": handler.generate_schema(_Span),
            "merge": handler.generate_schema(_Span),
            "severity": handler.generate_schema(Severity),
            "silenced_by": core_schema.list_schema(kind, strict=True),
        })  # fmt: skip
        return _keyed(dict.fromkeys(kinds(), rule))


def _keyed(schemas: dict[str, CoreSchema]) -> CoreSchema:
    fields = {key: core_schema.typed_dict_field(schema, required=False) for key, schema in schemas.items()}
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


@section
class StreamAlerts:
    """Which incidents of a stream are told."""

    minimum_severity: Minimum = "warning"
    """Less severe incidents are not told; off: none is."""
    rules: Annotated[dict[str, dict[str, Any]], RuleOptions()] = field(default_factory=dict)
    """By kind of incident: for (how long it must last), resolve_after, merge, severity, silenced_by."""


@section
class Alertmanager:
    """A Prometheus Alertmanager, which is told all by its API v2. Of several each is told all."""

    url: HttpUrl = field(repr=False)
    """Where it is, without /api/v2/alerts."""
    name: Annotated[str, Field(max_length=200)] = ""
    """Its name in metrics and logs; empty: its host and port."""
    headers: Headers = field(default_factory=dict, repr=False)
    """Extra request headers, such as Authorization."""
    network: Network = "private"
    """Addresses that its name may stand for: public ones, also private and loopback, or any (also link-local)."""
    ca_file: File | None = None
    """Certificates to trust instead of the system's (PEM)."""
    verify_tls: bool = True
    """False accepts any certificate."""
    timeout: Annotated[Seconds, Field(le=60)] = 5.0
    """How long an answer may take."""

    @property
    def receiver(self) -> str:
        """How it is called."""
        return self.name or urlsplit(self.url).netloc.rpartition("@")[2]


@section
class Webhook:
    """A server that is told of incidents by POST: a program of yours, or a chat."""

    name: Word
    """Its name in metrics and logs."""
    url: HttpUrl = field(repr=False)
    """Where to post. Chats' addresses are secrets: ${NAME}."""
    format: Format = "json"
    """What is posted: json (see README), slack, feishu (Lark too), dingtalk, wecom."""
    secret: Annotated[str, Field(min_length=1, max_length=1000)] | None = field(default=None, repr=False)
    """Signs what is posted: json by the Standard Webhooks, feishu and dingtalk by their own rules; slack and wecom have
    none."""
    minimum_severity: Severity = "info"
    """Less severe incidents are not told to this one."""
    streams: Annotated[tuple[Word, ...], Field(min_length=1)] = ("*",)
    """Names, or patterns such as show-*, of the streams that it hears of."""
    resolved: bool = True
    """Whether it is told of ends."""
    language: Language | None = None
    """In which language chats are told; null: as `alerts.language` says."""
    headers: Headers = field(default_factory=dict, repr=False)
    """Extra request headers."""
    network: Network = "public"
    """Addresses that its name may stand for: public ones, also private and loopback, or any (also link-local)."""
    ca_file: File | None = None
    """Certificates to trust instead of the system's (PEM)."""
    verify_tls: bool = True
    """False accepts any certificate."""
    timeout: Annotated[Seconds, Field(le=60)] = 5.0
    """How long an answer may take."""
    retry_for: Seconds = 600.0
    """How long a notification is tried again before it is a dead letter."""
    queue: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Notifications that may wait; beyond them the oldest is a dead letter."""

    def __post_init__(self) -> None:
        if self.secret is not None and self.format in ("slack", "wecom"):
            raise wrong("secret", f"{self.format} has no signatures: its address is the secret")

    @property
    def receiver(self) -> str:
        """How it is called."""
        return self.name


@section
class Maintenance:
    """A time at which nothing new is told: from start to end, or weekly."""

    streams: Annotated[tuple[Word, ...], Field(min_length=1)] = ("*",)
    """Names, or patterns such as show-*, of the streams that it is about."""
    start: Instant | None = None
    """When it begins, such as "2030-06-18T02:00:00+08:00"."""
    end: Instant | None = None
    """When it ends."""
    weekly: tuple[Schedule, ...] = ()
    """Or every week: days, from, to and timezone, as in a stream's `schedule`."""
    reason: Line = ""
    """What it is for."""

    def __post_init__(self) -> None:
        if self.weekly and (self.start is not None or self.end is not None):
            raise wrong("weekly", "either weekly, or start and end")
        if not self.weekly and (self.start is None or self.end is None):
            raise wrong("end" if self.start is not None else "start", "required: start and end, or weekly")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise wrong("end", "must be after start")

    def holds(self, stream: str, at: float) -> bool:
        """Whether it is on for `stream` at `at` (Unix seconds)."""
        if not any(fnmatchcase(stream, pattern) for pattern in self.streams):
            return False
        if self.start is not None and self.end is not None:
            return self.start <= at < self.end
        return any(window.holds(at) for window in self.weekly)


@section
class Alerts:
    """Who is told of incidents."""

    page: HttpUrl | None = None
    """Where people reach this agent's page, such as https://qoe.example.com; links in notifications begin with it."""
    language: Language = "en"
    """In which language people are told: en or zh."""
    timezone: Zone = "UTC"
    """Whose local time they are told: a name such as Asia/Shanghai."""
    state: File | None = None
    """Where it is kept what was told, so that a restart neither repeats nor forgets it; null: nowhere."""
    resend: Annotated[Seconds, Field(ge=1, le=3600)] = 60.0
    """How often Alertmanagers are reminded of what is firing; after four times as long they take it for over."""
    alertmanagers: tuple[Alertmanager, ...] = ()
    """Alertmanagers, each of which is told all."""
    webhooks: tuple[Webhook, ...] = ()
    """Servers and chats that are told by POST."""
    maintenance: tuple[Maintenance, ...] = ()
    """Times at which nothing new is told; what still is wrong afterwards is told then."""
    dead_letters: File | None = None
    """Where notifications go that could not be delivered (JSON Lines); null: only the log and metrics tell of them."""
    dead_letter_bytes: Annotated[Bytes, Field(ge=10_000)] = 10_000_000
    """Largest size of that file and of the one before it, together."""

    def __post_init__(self) -> None:
        names = [one.receiver for one in self.alertmanagers] + [one.receiver for one in self.webhooks]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            where = "webhooks" if any(made.name == twice for made in self.webhooks) else "alertmanagers"
            raise wrong(where, f"two receivers are called {twice}: give them names of their own")
