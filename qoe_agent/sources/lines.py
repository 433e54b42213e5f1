"""One observation as one line of JSON, and back; what comes back equals what went in.

Looks may hold numbers, text, lists, maps, bytes and numpy arrays; tuples and arrays come back as lists. A look
that is too big for a line, or holds anything else, is left out.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from qoe_agent.model import Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOK_LIMIT = 65536
"""Characters of one look; what is bigger is a picture."""
_BYTES = "base64"
_SHAPES: dict[str, tuple[type, ...]] = {
    "float": (float, int),
    "int": (int,),
    "str": (str,),
    "bool": (bool,),
    "bytes": (str,),
    "Kind": (str,),
    "Literal": (str,),
    "Mapping": (dict,),
    "tuple": (list,),
}
"""What JSON holds for each type that a field may have."""


class BadLine(ValueError):
    """A line that is no observation."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: str
    """A key of _SHAPES."""
    optional: bool
    default: Any

    def value(self, found: Any) -> Any:
        """What JSON held, as the observation has it."""
        if found is None and self.optional:
            return None
        if type(found) not in _SHAPES[self.kind]:
            raise BadLine(f"{self.name}: {self.kind} expected, not {json.dumps(found)[:40]}")
        if self.kind == "bytes":
            return _from_base64(found)
        if self.kind == "Mapping":
            return {key: _plain(value) for key, value in found.items()}
        if self.kind == "tuple" and not all(type(value) is int for value in found):
            raise BadLine(f"{self.name}: a list of whole numbers expected")
        return tuple(found) if self.kind == "tuple" else float(found) if self.kind == "float" else found


def _layout(cls: type) -> tuple[_Field, ...]:
    found = []
    for field in fields(cls):
        annotation = str(field.type)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        kind = annotation.removesuffix(" | None").partition("[")[0]
        found.append(_Field(field.name, kind, annotation.endswith(" | None"), default))
    return tuple(found)


_TYPES: dict[str, type] = {cls.__name__: cls for cls in get_args(Observation)}
_LAYOUTS = {name: _layout(cls) for name, cls in _TYPES.items()}


def encode(seen: Observation) -> str:
    """One line, without its end."""
    name = type(seen).__name__
    line: dict[str, Any] = {"seen": name}
    for field in _LAYOUTS[name]:
        value = getattr(seen, field.name)
        if field.default is not MISSING and value == field.default:
            continue
        if field.name == "looks":
            value = _looks(value)
        elif field.kind == "bytes":
            value = base64.b64encode(value).decode()
        elif field.kind == "Mapping":
            value = dict(value)
        line[field.name] = value
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def _looks(looks: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, look in looks.items():
        try:
            text = json.dumps(look, default=_jsonable)
        except (TypeError, ValueError):
            continue
        if len(text) <= LOOK_LIMIT:
            kept[name] = json.loads(text)
    return kept


def _jsonable(value: object) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def decode(line: bytes | str) -> Observation:
    """The observation on a line. Raises BadLine."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine("not JSON") from error
    name = found.pop("seen", None) if isinstance(found, dict) else None
    if not isinstance(name, str) or name not in _TYPES:
        raise BadLine(f"no observation is called {name!r}")
    values = {}
    for field in _LAYOUTS[name]:
        if field.name in found:
            values[field.name] = field.value(found.pop(field.name))
        elif field.default is MISSING:
            raise BadLine(f"{name} without {field.name}")
    if found:
        raise BadLine(f"{name} has no {next(iter(found))}")
    seen: Observation = _TYPES[name](**values)
    return seen


def _plain(value: Any) -> Any:
    """Bytes inside looks, brought back."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == {_BYTES} and isinstance(value[_BYTES], str):
            return _from_base64(value[_BYTES])
        return {key: _plain(item) for key, item in value.items()}
    return value


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadLine("broken base64") from error
