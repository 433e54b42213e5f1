"""From text to a configuration, or to everything that is wrong with it."""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from qoe_agent.config import document as documents
from qoe_agent.config.layers import on_top, profiles_of, stream_of
from qoe_agent.config.messages import report
from qoe_agent.config.root import Config
from qoe_agent.config.streams import Stream, StreamOptions
from qoe_agent.config.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.config.document import Document, Path

MAX_BYTES = 4 << 20
"""The largest file that is read."""

_T = TypeVar("_T")


class ConfigError(Exception):
    """What is wrong with a configuration, all of it."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        """One line each: `file:line:col: path: message`."""
        super().__init__("\n".join(self.errors))


def load(path: str, environ: Mapping[str, str]) -> Config:
    """The configuration in the file at `path`, with `${NAME}` taken from `environ`; ConfigError if it is bad."""
    return parse(text_of(path), path, environ)


def check(path: str, environ: Mapping[str, str]) -> list[str]:
    """What is wrong with the file at `path`; nothing, if it is good."""
    try:
        load(path, environ)
    except ConfigError as error:
        return error.errors
    return []


def text_of(path: str) -> str:
    """The text in the file at `path`; ConfigError says why not."""
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConfigError([f"{path}: cannot be read: {reason or 'not a path'}"]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError([f"{path}: larger than {MAX_BYTES >> 20} MiB"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise ConfigError([f"{path}:{line}:{column}: not UTF-8 text"]) from None


def parse(text: str, file: str, environ: Mapping[str, str] | None) -> Config:
    """The configuration in `text`; `file` is its name in errors, and its folder that of relative paths.

    Without `environ`, `${NAME}` is left as it stands.
    """
    document = documents.read(text, environ)
    data = {} if document.data is None else document.data
    given = None
    if document.data is not None or not document.problems:
        given = validate(config_type(), data, document, os.path.dirname(os.path.abspath(file)))
        _check_names(data, document)
    if given is None or document.problems:
        raise refusal(document, file)
    config = _resolved(given, data, document)
    if document.problems:
        raise refusal(document, file)
    return config


@functools.cache
def config_type() -> TypeAdapter[Config]:
    """What a configuration file holds."""
    return TypeAdapter(Config)


@functools.cache
def streams_type() -> TypeAdapter[tuple[Stream, ...]]:
    """What a list of streams holds."""
    return TypeAdapter(tuple[Stream, ...])


def validate(adapter: TypeAdapter[_T], data: Any, document: Document, folder: str, prefix: Path = ()) -> _T | None:
    """`data` as what `adapter` describes; None, with the problems noted, if it is not."""
    try:
        # JSON, because strict means "as JSON would have it" there: lists may become tuples.
        return adapter.validate_json(json.dumps(data), context={"folder": folder}, strict=True)
    except ValidationError as error:
        report(error, adapter, document, prefix)
        return None


def refusal(document: Document, file: str) -> ConfigError:
    """All problems of `document` in the order of the file."""
    ordered = sorted(document.problems, key=lambda problem: problem.place or (0, 0))
    return ConfigError(problem.line(file) for problem in ordered)


def check_streams(entries: Any, document: Document, prefix: Path, profiles: Iterable[str]) -> None:
    """Note streams that have the same name or a profile that does not exist."""
    first: dict[str, int] = {}
    known = set(profiles)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, dict):
            continue
        path = (*prefix, index)
        name, profile = entry.get("name"), entry.get("profile")
        if isinstance(name, str) and name and name in first:
            place = document.place((*prefix, first[name], "name"))
            where = f" on line {place[0]}" if place else f" at {documents.shown((*prefix, first[name]))}"
            document.trouble((*path, "name"), f"duplicate stream name, first{where}")
        elif isinstance(name, str):
            first[name] = index
        if isinstance(profile, str) and profile not in known:
            document.trouble((*path, "profile"), "no such profile" + suggestion(profile, known))


def _check_names(data: Any, document: Document) -> None:
    if not isinstance(data, dict):
        return
    own = data.get("profiles")
    profiles = {*profiles_of(StreamOptions(), {}, {}), *(own if isinstance(own, dict) else ())}
    check_streams(data.get("streams"), document, ("streams",), profiles)
    discovery = data.get("discovery")
    for kind in ("file_sd", "http_sd", "callbacks"):
        entries = discovery.get(kind) if isinstance(discovery, dict) else None
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            profile = entry.get("profile") if isinstance(entry, dict) else None
            if isinstance(profile, str) and profile not in profiles:
                path = ("discovery", kind, index, "profile")
                document.trouble(path, "no such profile" + suggestion(profile, profiles))


def _resolved(given: Config, data: Mapping[str, Any], document: Document) -> Config:
    """`given` with defaults and profiles laid under every stream."""
    defaults = on_top(StreamOptions(), given.defaults, data.get("defaults", {}))
    profiles = profiles_of(defaults, given.profiles, data.get("profiles", {}))
    streams = resolve(given.streams, data.get("streams", []), profiles, document, ("streams",))
    limit = given.agent.max_streams
    if len(streams) > limit:
        document.trouble(("streams", limit), f"more streams than agent.max_streams ({limit}) admits")
    return Config(
        web=given.web,
        agent=given.agent,
        defaults=defaults,
        profiles=profiles,
        streams=streams,
        discovery=given.discovery,
    )


def resolve(
    given: Iterable[Stream],
    entries: Iterable[Mapping[str, Any]],
    profiles: Mapping[str, StreamOptions],
    document: Document,
    prefix: Path,
) -> tuple[Stream, ...]:
    """The streams with their profiles laid under them; `entries` tells what each said itself."""
    made = []
    for index, (stream, entry) in enumerate(zip(given, entries, strict=True)):
        made.append(stream_of(stream, entry, profiles[stream.profile]))
        if made[-1].expected == "schedule" and not made[-1].schedule:
            document.trouble((*prefix, index, "expected"), "needs a schedule")
        if made[-1].expected != "schedule" and "schedule" in entry:
            document.trouble((*prefix, index, "schedule"), "has no effect without expected: schedule")
    return tuple(made)


def one(said: Mapping[str, Any], profiles: Mapping[str, StreamOptions], file: str) -> Stream:
    """The stream of which `said` is written, outside any file; `file` is its name in errors."""
    document = documents.Document(data=[dict(said)])
    given = validate(streams_type(), document.data, document, "")
    check_streams(document.data, document, (), profiles)
    made = () if given is None or document.problems else resolve(given, document.data, profiles, document, ())
    if document.problems:
        raise refusal(document, file)
    return made[0]
