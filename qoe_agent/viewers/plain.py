"""Plain JSON events: the schema that users write to, and what is wrong with events that break it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Required

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from qoe_agent.config.messages import worded
from qoe_agent.viewers import privacy
from qoe_agent.viewers.events import ViewerEvent, event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.pseudonyms import Ring

MOST = 1000
"""Events that one body may hold."""
MOST_FAULTS = 100
"""Faults that are told; more are none the wiser."""
MOST_KEYS, MOST_ATTRIBUTES = 64, 32
"""Keys of an event, and of its attributes: who sends more is told no more than that."""
MOST_DIFFERENT = 4000
"""Attributes of all events of a body that differ: each is looked at for what must not be stored."""
HINTED = 10
"""Faults before which it is said what an unknown key may have meant: that takes long."""
FIRST, LAST = 978_307_200, 4_102_444_800
"""2001 and 2100: a time beyond is not in Unix seconds."""
_WORDS = ("region", "device", "network", "rendition", "message", "experiment", "arm")
"""Keys in which addresses have no place; that of a CDN's machine tells of no viewer."""
_TEXTS = frozenset((*_WORDS, "stream", "error", "cdn"))
_TELLING = "must not say who somebody is: addresses and the like are not stored"

_Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Seconds = Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)]
_Unix = Annotated[float, Field(ge=FIRST, le=LAST, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, lt=1 << 53)]
_Word = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Said(TypedDict, total=False):
    """One event as its sender writes it: a JSON object. `at` or `sn` must be there: they tell it from a repetition."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # how pydantic wants it

    kind: Required[
        Annotated[
            Literal[
                "join", "leave", "heartbeat", "stall", "quality", "order", "message_sent", "message_shown", "arm",
                "attributes",
            ],
            Field(description="What happened. Any kind may carry any of the other keys."),
        ]
    ]  # fmt: skip
    session: Required[Annotated[_Id, Field(description="The playback session: new whenever the player opens.")]]
    at: Annotated[_Unix, Field(description="When it happened, by the sender's clock, in Unix seconds.")]
    sn: Annotated[_Count, Field(description="Sequence number of the event in its session.")]
    user: Annotated[_Name, Field(description="Who watches: hashed with a key before anything is stored.")]
    stream: Annotated[_Name, Field(description="Which stream is watched; a query is left out.")]
    state: Annotated[
        Literal["starting", "playing", "stalled", "paused", "seeking", "waiting", "ended", "failed"],
        Field(description="What the player does from now on."),
    ]
    cause: Annotated[
        Literal["quit", "ended", "failed", "refused", "backgrounded", "switched", "lost"],
        Field(description="Of a leave: why."),
    ]
    error: Annotated[_Id, Field(description="A code, not a text.")]
    background: Annotated[bool, Field(description="Whether nobody can see the player.")]
    media_at: Annotated[_Unix, Field(description="Media time at the playhead, in Unix seconds.")]
    startup_seconds: Annotated[_Seconds, Field(description="From the wish to watch to the first picture.")]
    stall_seconds: Annotated[_Seconds, Field(description="Of a stall: how long it lasted, once that is known.")]
    stalls_total: Annotated[_Count, Field(description="Stalls of the session so far.")]
    stalled_total_seconds: Annotated[_Seconds, Field(description="Time that the session stalled so far.")]
    latency_seconds: Annotated[_Seconds, Field(description="Behind live.")]
    interval_seconds: Annotated[_Seconds, Field(description="How often the session reports.")]
    height: Annotated[int, Field(ge=1, le=65_535, description="Lines of the picture that is played.")]
    bytes_per_second: Annotated[_Count, Field(description="Bitrate of what is played, in bytes.")]
    rendition: Annotated[_Name, Field(description="Name of the rendition that is played.")]
    cdn: Annotated[_Name, Field(description="Which CDN delivers.")]
    region: Annotated[_Name, Field(description="Where the viewer is: never looked up from an address.")]
    device: Annotated[_Name, Field(description="What plays.")]
    network: Annotated[_Name, Field(description="What it is connected by.")]
    value: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False, description="Of an order, in `currency`.")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="Three letters, ISO 4217.")]
    message: Annotated[_Id, Field(description="Id of a message, never its text.")]
    experiment: Annotated[_Name, Field(description="Of which experiment `arm` is one.")]
    arm: Annotated[_Name, Field(description="The arm that the user is in.")]
    attributes: Annotated[
        dict[_Id, _Word | float | bool],
        Field(max_length=MOST_ATTRIBUTES, description="Whatever else to break figures down by."),
    ]


NEEDED: Mapping[str, tuple[str, ...]] = {
    "message_sent": ("message",), "message_shown": ("message",), "arm": ("experiment", "arm"),
    "attributes": ("attributes",),
}  # fmt: skip
"""What an event of a kind cannot do without."""
_MILLISECONDS = {
    "at": "at_ms", "media_at": "media_ms", "startup_seconds": "startup_ms", "stall_seconds": "stall_ms",
    "stalled_total_seconds": "stalled_total_ms", "latency_seconds": "latency_ms", "interval_seconds": "interval_ms",
}  # fmt: skip
_ATTRIBUTES = f"must be text, a number or true or false, by names of 1 to 64 characters, at most {MOST_ATTRIBUTES}"
_ADAPTER = TypeAdapter(Said)
_KEYS = set(Said.__annotations__)


class Fault(NamedTuple):
    """What is wrong with an event; never quotes what was sent."""

    number: int
    """Of the event in its body, from 0."""
    key: str
    """Where in the event; empty: the whole of it."""
    expected: str

    def __str__(self) -> str:
        return f"event {self.number}: {self.key + ': ' if self.key else ''}{self.expected}"


def schema() -> dict[str, Any]:
    """The JSON Schema of one event."""
    return {**_ADAPTER.json_schema(), "title": "Viewer event", "anyOf": [{"required": ["at"]}, {"required": ["sn"]}]}


def read(found: Any, source: str, received_ms: int, ring: Ring) -> tuple[list[ViewerEvent], list[Fault]]:
    """The events in a parsed body (an event, or a list of them), and what is wrong with the others."""
    given = found if isinstance(found, list) else [found]
    if len(given) > MOST:
        return [], [Fault(MOST, "", f"at most {MOST} events in one body")]
    events: list[ViewerEvent] = []
    faults: list[Fault] = []
    different: set[tuple[str, object]] = set()
    for index, one in enumerate(given):
        if wrong := _excess(index, one):
            faults.append(wrong)
            continue
        try:
            said = _ADAPTER.validate_python(one)
        except ValidationError as error:
            if len(faults) < MOST_FAULTS:
                faults += _faults(index, error, _KEYS if len(faults) < HINTED else set())
            continue
        different.update(said.get("attributes", {}).items())
        if wrong := _crowded(index, len(different)) or _missing(index, said) or _private(index, said):
            faults.append(wrong)
            continue
        events.append(event(_stored(said), source, "plain", received_ms, ring))
    return events, faults[:MOST_FAULTS]


def _excess(index: int, said: Any) -> Fault | None:
    """What is so large that nobody looks at the rest."""
    if not isinstance(said, dict):
        return None
    if len(said) > MOST_KEYS:
        return Fault(index, "", f"must have at most {MOST_KEYS} keys")
    attributes = said.get("attributes")
    if isinstance(attributes, dict) and len(attributes) > MOST_ATTRIBUTES:
        return Fault(index, "attributes", _ATTRIBUTES)
    return None


def _faults(index: int, error: ValidationError, hints: set[str]) -> list[Fault]:
    """`hints`: keys that an unknown one may have meant."""
    found = {}
    for fault in error.errors(include_url=False):
        where = [str(part) for part in fault["loc"] if part != "[key]"]
        if where and where[0] == "attributes":
            found["attributes"] = _ATTRIBUTES
            continue
        key = ".".join(where)
        if key and key not in _KEYS:
            found[key[:64]] = worded(fault, hints if len(key) <= 64 else set())
        elif not where and fault["type"] in ("dict_type", "typed_dict_type"):
            found[key] = "must be an object"
        else:
            seconds = " (Unix seconds, not milliseconds)" if key in ("at", "media_at") else ""
            pattern = "has characters that it must not have" if fault["type"] == "string_pattern_mismatch" else ""
            found[key] = (pattern or worded(fault, _KEYS)) + seconds
    return [Fault(index, key, expected) for key, expected in found.items()]


def _crowded(index: int, different: int) -> Fault | None:
    if different <= MOST_DIFFERENT:
        return None
    return Fault(index, "attributes", f"must have at most {MOST_DIFFERENT} different values in one body")


def _missing(index: int, said: Said) -> Fault | None:
    for key in NEEDED.get(said["kind"], ()):
        if key not in said:
            return Fault(index, key, f"required where kind is {said['kind']}")
    if "at" not in said and "sn" not in said:
        return Fault(index, "at", "required where there is no sn")
    return None


def _private(index: int, said: Said) -> Fault | None:
    for key in _WORDS:
        if isinstance(value := said.get(key), str) and privacy.word(value) is None:
            return Fault(index, key, _TELLING)
    if any(private(name, value) for name, value in said.get("attributes", {}).items()):
        return Fault(index, "attributes", _TELLING)
    return None


def private(name: str, value: object) -> bool:
    """Whether an attribute tells who somebody is; that somebody is one of a kind (true, false) does not."""
    if value is True or value is False or value in ("true", "false"):
        return False
    return privacy.named(name) or (isinstance(value, str) and bool(value) and privacy.word(value) is None)


def _stored(said: Mapping[str, Any]) -> dict[str, Any]:
    """The same in the fields of ViewerEvent."""
    known = {}
    for name, value in said.items():
        milliseconds = _MILLISECONDS.get(name)
        if milliseconds is not None:
            known[milliseconds] = round(value * 1000)
        elif name == "attributes":
            known[name] = {each: text(found) for each, found in value.items()}
        elif name not in _TEXTS:
            known[name] = value
        elif found := tidy(name, value):
            known[name] = found
    return known


def tidy(field: str, value: str) -> str | None:
    """A text of an event as it may be stored; None: not at all."""
    if field == "stream":
        return privacy.bare(value) or None
    return privacy.page(value) or None if field == "cdn" else privacy.word(value)


def text(value: str | float) -> str:
    """An attribute as text; addresses of pages lose their query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return privacy.page(value) if isinstance(value, str) else f"{value:.15g}"
