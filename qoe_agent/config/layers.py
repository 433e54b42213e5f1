"""Options laid over options: a stream over its profile, that over the defaults."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from qoe_agent.config.root import PROFILES
from qoe_agent.config.streams import Profile, Stream, StreamOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T", bound=StreamOptions)


def on_top(base: _T, given: StreamOptions, said: Mapping[str, Any]) -> _T:
    """`base` with those options of `given` that were `said`; mappings and sections are merged key by key."""
    return dataclasses.replace(base, **_changes(base, given, said))


def profiles_of(
    defaults: StreamOptions, given: Mapping[str, Profile], said: Mapping[str, Mapping[str, Any]]
) -> dict[str, Profile]:
    """The built-in profiles and those of the user, each complete."""
    made = {}
    bottom = Profile(**_shared(defaults))
    for name in {**PROFILES, **given}:
        profile = bottom
        if name in PROFILES:
            profile = on_top(profile, _built_in()[name], PROFILES[name])
        if name in given:
            profile = on_top(profile, given[name], said[name])
        made[name] = profile
    return made


def stream_of(given: Stream, said: Mapping[str, Any], base: StreamOptions) -> Stream:
    """The stream `given`, of which only `said` was written, on `base`."""
    bottom = Stream(**_shared(base), name=given.name, url=given.url, profile=given.profile)
    return on_top(bottom, given, said)


@functools.cache
def _built_in() -> Mapping[str, Profile]:
    return TypeAdapter(dict[str, Profile]).validate_json(json.dumps(PROFILES), strict=True)


def _shared(options: StreamOptions) -> dict[str, Any]:
    return {field.name: getattr(options, field.name) for field in dataclasses.fields(StreamOptions)}


def _changes(base: Any, given: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    changes = {}
    for field in dataclasses.fields(given):
        if field.name not in said:
            continue
        value, under = getattr(given, field.name), getattr(base, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = dataclasses.replace(under, **_changes(under, value, said[field.name]))
        else:
            changes[field.name] = _merged(under, value)
    return changes


def _merged(under: Any, over: Any) -> Any:
    """Mappings key by key, to any depth; anything else is replaced."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}
