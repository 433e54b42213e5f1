"""YAML text to plain values, with the line and column of each: never a Python object, never a bomb.

Scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) and not YAML 1.1,
so that `off`, `no` and `12:30` stay the words that were written.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Path: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""

MAX_NODES = 200_000
"""Values in one document, aliases counted as often as they are used."""
MAX_DEPTH = 32
"""Levels of nesting."""

_NAME = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_TAGS = "tag:yaml.org,2002:"
_PLAIN = {_TAGS + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_BASE: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Loader(_BASE):  # type: ignore[misc] # its base depends on how PyYAML was built
    """Composes nodes; its constructors are never run."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 # PyYAML's way


_Loader.add_implicit_resolver(_TAGS + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")
_Loader.add_implicit_resolver(_TAGS + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_TAGS + "int", re.compile(r"^[-+]?[0-9]{1,30}$"), "-+0123456789")
_Loader.add_implicit_resolver(
    _TAGS + "float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?$"),
    "-+.0123456789",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place in a file."""

    place: Place | None
    path: str
    message: str

    def line(self, file: str) -> str:
        """As the user sees it: `file:line:col: path: message`."""
        where = f"{file}:{self.place[0]}:{self.place[1]}" if self.place else file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


@dataclass(slots=True)
class Document:
    """What a text says, where each part of it stands, and what was wrong with it."""

    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    """Where the value at a path begins."""
    keys: dict[Path, Place] = field(default_factory=dict)
    """Where the key of a path stands."""
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[Path] = field(default_factory=set)
    """Paths that already have their problem and need no second."""

    written: Callable[[Path], Path] = lambda path: path
    """Where the text has what the data holds at a path, if the data was rearranged after reading."""

    def place(self, path: Path) -> Place | None:
        """Where `path` stands, or the nearest thing around it."""
        path = self.written(path)
        for end in range(len(path), -1, -1):
            if path[:end] in self.values:
                return self.values[path[:end]]
        return None

    def key(self, path: Path) -> Place | None:
        """Where the key of `path` stands."""
        return self.keys.get(self.written(path))

    def has(self, path: Path) -> bool:
        """Whether the text has a value at `path`; always, where no places are known."""
        return not self.values or self.written(path) in self.values

    def trouble(self, path: Path, message: str, place: Place | None = None) -> None:
        """Note what is wrong at `path`."""
        self.problems.append(Problem(place or self.place(path), shown(self.written(path)), message))


def shown(path: Path) -> str:
    """`("streams", 0, "url")` as `streams[0].url`."""
    text = ""
    for part in path:
        if isinstance(part, str) and (len(part) > 100 or not part.isprintable()):
            part = repr(part[:100])
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Excess(Exception):
    """More than any configuration needs; carries what, and where."""

    def __init__(self, message: str, node: yaml.Node | yaml.Event) -> None:
        super().__init__(message)
        self.problem = Problem(_place(node), "", message)


def read(text: str, environ: Mapping[str, str] | None) -> Document:
    """The document in `text`, with `${NAME}` taken from `environ` (None: left alone)."""
    document = Document()
    try:
        _measure(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            document.data = _Walk(document, environ).value(node, ())
    except _Excess as excess:
        document.problems = [excess.problem]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else None
        message = ", ".join(part for part in (error.context, error.problem) if part)
        document.problems.append(Problem(place, "", f"not YAML: {message}"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        document.problems.append(Problem(place, "", "not YAML: a character that no text may hold"))
    except UnicodeEncodeError:
        document.problems.append(Problem(None, "", "not YAML: a character that no text may hold"))
    return document


def _measure(text: str) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _Excess(f"nested more than {MAX_DEPTH} levels deep", event)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Walk:
    """Goes through the nodes once."""

    def __init__(self, document: Document, environ: Mapping[str, str] | None) -> None:
        self._document = document
        self._environ = environ
        self._nodes = 0
        self._depth = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The plain value of `node`."""
        self._document.values[path] = _place(node)
        self._nodes += 1
        if self._nodes > MAX_NODES or self._depth > MAX_DEPTH:
            raise _Excess("too many values: an alias that repeats, or a document beyond reason", node)
        self._depth += 1
        try:
            if node.tag not in _PLAIN:
                self._spoil(path, node, "tags are not supported")
            elif isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            elif isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            elif isinstance(node, yaml.ScalarNode):
                return self._scalar(node, path)
            return None
        finally:
            self._depth -= 1

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._spoil(path, key, "a key must be a word")
                continue
            here = (*path, key.value)
            if key.tag == _TAGS + "merge" or key.value == "<<":
                self._spoil(here, key, "merge keys are not supported: share options with profiles or defaults")
            elif key.value in found:
                first = self._document.keys[here][0]
                self._spoil(here, key, f"duplicate key, first on line {first}")
            else:
                self._document.keys[here] = _place(key)
                found[key.value] = self.value(item, here)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text: str = node.value
        if node.tag == _TAGS + "null":
            return None
        if node.tag == _TAGS + "bool":
            return text.lower() == "true"
        if node.tag == _TAGS + "int":
            return int(text)
        if node.tag == _TAGS + "float":
            return float(text) if math.isfinite(float(text)) else text
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            self._spoil(path, node, "half a character (a lone surrogate)")
            return None
        return self._expand(text, node, path)

    def _expand(self, text: str, node: yaml.Node, path: Path) -> str:
        if self._environ is None or "${" not in text:
            return text
        environ = self._environ

        def put(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            name = found[1]
            if not found[2] or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                self._spoil(path, node, '"${" begins the name of an environment variable, as in ${NAME}; '
                            'write "$${" for the characters themselves')  # fmt: skip
            elif name not in environ:
                self._spoil(path, node, f"environment variable {name} is not set")
            return environ.get(name, "")

        return _NAME.sub(put, text)

    def _spoil(self, path: Path, node: yaml.Node, message: str) -> None:
        self._document.spoilt.add(path)
        self._document.trouble(path, message, _place(node))


def _place(node: yaml.Node | yaml.Event) -> Place:
    mark: Any = node.start_mark  # always there, whatever the stubs say
    return mark.line + 1, mark.column + 1
