"""What pydantic found wrong, in the words of this project. A value is never quoted: it may be a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qoe_agent.config.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import TypeAdapter, ValidationError
    from pydantic_core import ErrorDetails

    from qoe_agent.config.document import Document, Path

_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden"}
_TYPES = {
    "missing": "required",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "dataclass_type": "must be a mapping of options",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "none_required": "must be null",
}
_LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


def report(error: ValidationError, adapter: TypeAdapter[Any], document: Document, prefix: Path) -> None:
    """Add each fault that pydantic found below `prefix` to the problems of `document`, once a path."""
    schema = adapter.json_schema()
    seen: set[Path] = set()
    for fault in error.errors(include_url=False):
        location = fault["loc"]
        at_key = bool(location) and location[-1] == "[key]"
        path = (*prefix, *_within(location[:-1] if at_key else location, fault, document, prefix))
        if path in seen or path in document.spoilt:
            continue
        seen.add(path)
        known = set(_keys(schema, location[:-1])) if fault["type"] in _UNKNOWN else set()
        key = document.key(path) if at_key or fault["type"] in _UNKNOWN else None
        document.trouble(path, worded(fault, known), key)


def _within(location: Path, fault: ErrorDetails, document: Document, prefix: Path) -> Path:
    """`location` without what pydantic adds to it to name the member of a union."""
    if fault["type"] == "qoe":
        return (*location, fault["ctx"]["field"])
    if fault["type"] == "missing":
        return location
    length = len(location)
    while length and not document.has((*prefix, *location[:length])):
        length -= 1
    return location[:length]


def worded(fault: ErrorDetails, known: set[str]) -> str:
    """What is wrong, and what was expected; `known`: keys that an unknown one may have meant."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in _UNKNOWN:
        return "unknown key" + suggestion(str(fault["loc"][-1]), known)
    if kind == "qoe":
        return str(context["text"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        given = fault["input"]
        return f"must be one of {', '.join(choices)}" + (suggestion(given, choices) if isinstance(given, str) else "")
    if kind == "string_type":
        quoted = isinstance(fault["input"], int | float)
        return "must be text: put it in quotes" if quoted else "must be text"
    if kind in _LIMITS:
        return _LIMITS[kind].format_map({name: _number(value) for name, value in context.items()})
    return _TYPES.get(kind, fault["msg"])


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _keys(schema: Mapping[str, Any], location: Path) -> Iterator[str]:
    """The keys that the JSON schema knows at `location`."""
    nodes = [schema]
    for part in (*location, None):
        nodes = list(_plain(nodes, schema))
        if part is not None:
            nodes = [below for node in nodes for below in _below(node, part)]
    for node in nodes:
        yield from node.get("properties", {})


def _plain(nodes: list[Mapping[str, Any]], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """`nodes` with references followed and alternatives spread out."""
    for node in nodes:
        if "$ref" in node:
            yield from _plain([schema["$defs"][node["$ref"].rpartition("/")[2]]], schema)
        elif "anyOf" in node:
            yield from _plain(node["anyOf"], schema)
        else:
            yield node


def _below(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        found = node.get("items")
    else:
        found = node.get("properties", {}).get(part, node.get("additionalProperties"))
    if isinstance(found, dict):
        yield found
