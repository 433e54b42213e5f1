"""From text to a configuration, or to everything that is wrong with it."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from qoe_agent.config import document as documents
from qoe_agent.config.agent import Agent
from qoe_agent.config.layers import on_top, profiles_of, stream_of
from qoe_agent.config.messages import report
from qoe_agent.config.root import PROFILES, Config
from qoe_agent.config.streams import Stream, StreamOptions
from qoe_agent.config.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qoe_agent.config.document import Document, Path
    from qoe_agent.config.streams import Profile

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
        _check_whole(data, document)
    if given is None or document.problems:
        raise refusal(document, file)
    return _resolved(given, data)


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
    return ConfigError(dict.fromkeys(problem.line(file) for problem in ordered))


def check_streams(entries: Any, document: Document, prefix: Path, below: Mapping[str, Mapping[str, Any]]) -> None:
    """Note streams of the same name, without their profile, or without their schedule.

    `below`: for each profile, what holds where a stream says nothing itself.
    """
    first: dict[str, int] = {}
    whole: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, dict):
            continue
        path = (*prefix, index)
        name, profile = entry.get("name"), entry.get("profile", "default")
        if isinstance(name, str) and name and name in first:
            place = document.place((*prefix, first[name], "name"))
            where = f" on line {place[0]}" if place else f" at {documents.shown((*prefix, first[name]))}"
            document.trouble((*path, "name"), f"duplicate stream name, first{where}")
        elif isinstance(name, str):
            first[name] = index
        _check_profile(profile, document, path, below)
        said = {**below.get(str(profile), {}), **entry}
        whole |= {str(name)} if said.get("variant") == "all" else set()
        if said.get("expected") == "schedule" and not said.get("schedule"):
            document.trouble((*path, "expected"), "needs a schedule")
        elif "schedule" in entry and said.get("expected", "always") in ("always", "on_publish"):
            document.trouble((*path, "schedule"), "has no effect without expected: schedule")
    for name, like in confusable(first, whole):
        document.trouble((*prefix, first[name], "name"), f"could be taken for a rendition of {like}")


def confusable(names: Iterable[str], whole: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that people would take for a rendition (STREAM/RENDITION) of a stream of which all are watched, and its."""
    return ((name, like) for name in names for like in whole if name.startswith(f"{like}/"))


def _check_profile(profile: Any, document: Document, path: Path, known: Mapping[str, Any]) -> None:
    if isinstance(profile, str) and profile not in known:
        document.trouble((*path, "profile"), "no such profile" + suggestion(profile, known))


def _check_whole(data: Any, document: Document) -> None:
    """Note what one part of the configuration says that another does not bear out."""
    if not isinstance(data, dict):
        return
    defaults, own, agent, discovery = (_mapping(data.get(k)) for k in ("defaults", "profiles", "agent", "discovery"))
    below = {name: {**defaults, **_mapping(own.get(name))} for name in {**PROFILES, **own}}
    streams = data.get("streams")
    check_streams(streams, document, ("streams",), below)
    limit = agent.get("max_streams", Agent().max_streams)
    if isinstance(streams, list) and type(limit) is int and len(streams) > limit > 0:
        document.trouble(("streams", limit), f"more streams than agent.max_streams ({limit}) admits")
    for kind in ("file_sd", "http_sd", "callbacks"):
        entries = discovery.get(kind)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            _check_profile(_mapping(entry).get("profile"), document, ("discovery", kind, index), below)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _resolved(given: Config, data: Mapping[str, Any]) -> Config:
    """`given` with defaults and profiles laid under every stream."""
    defaults = on_top(StreamOptions(), given.defaults, data.get("defaults", {}))
    profiles = profiles_of(defaults, given.profiles, data.get("profiles", {}))
    streams = resolve(given.streams, data.get("streams", []), profiles)
    return replace(given, defaults=defaults, profiles=profiles, streams=streams)


def resolve(
    given: Iterable[Stream], entries: Iterable[Mapping[str, Any]], profiles: Mapping[str, Profile]
) -> tuple[Stream, ...]:
    """The streams with their profiles laid under them; `entries` tells what each said itself."""
    pairs = zip(given, entries, strict=True)
    return tuple(stream_of(stream, entry, profiles[stream.profile]) for stream, entry in pairs)


def listed(
    entries: list[Any], document: Document, file: str, folder: str, profiles: Mapping[str, Profile]
) -> tuple[Stream, ...]:
    """The streams of a list of their own; ConfigError says all that is wrong with it."""
    given = validate(streams_type(), entries, document, folder)
    below = {name: {"expected": p.expected, "schedule": p.schedule} for name, p in profiles.items()}
    check_streams(entries, document, (), below)
    if given is None or document.problems:
        raise refusal(document, file)
    return resolve(given, entries, profiles)


def one(said: Mapping[str, Any], profiles: Mapping[str, Profile], file: str) -> Stream:
    """The stream of which `said` is written, outside any file; `file` is its name in errors."""
    return listed([dict(said)], documents.Document(), file, "", profiles)[0]
