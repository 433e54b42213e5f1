"""Lists of streams from outside the configuration: our own, or those that Prometheus's service discovery uses.

The formats of file_sd and http_sd: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from qoe_agent.config import document as documents
from qoe_agent.config import reading
from qoe_agent.config.document import Document, Path, Problem
from qoe_agent.config.values import NETWORK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.config import Profile, Stream


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a list came from, and what all of its streams have in common."""

    file: str
    """Its name in errors, without secrets."""
    folder: str
    """What its relative paths are relative to."""
    labels: Mapping[str, str]
    profile: str
    environ: Mapping[str, str] | None
    """What `${NAME}` stands for; None for lists from elsewhere, which must not read our environment."""

    @property
    def local(self) -> bool:
        """Whether its author may name files of this machine."""
        return self.environ is not None


def streams_in(text: str, origin: Origin, profiles: Mapping[str, Profile]) -> tuple[Stream, ...]:
    """The streams that `text` (YAML or JSON) lists; ConfigError says all that is wrong with it."""
    document = _json(text) if origin.file.endswith(".json") or not origin.local else None
    document = document or documents.read(text, origin.environ)
    if document.problems:
        raise reading.refusal(document, origin.file)
    entries = _entries(document, origin)
    if not origin.local:
        _check_remote(entries, document)
    return reading.listed(entries, document, origin.file, origin.folder, profiles)


def _json(text: str) -> Document:
    """JSON has no places, but its own escapes and tabs."""
    document = Document()
    try:
        document.data = json.loads(text)
    except json.JSONDecodeError as error:
        document.problems.append(Problem((error.lineno, error.colno), "", f"not JSON: {error.msg}"))
    except (RecursionError, ValueError):
        document.problems.append(Problem(None, "", "not JSON: nested too deeply, or a number beyond reason"))
    return document


def _entries(document: Document, origin: Origin) -> list[dict[str, Any]]:
    """What the document lists, each entry as our own `streams` has it."""
    data = [] if document.data is None else document.data
    if isinstance(data, dict) and set(data) == {"streams"}:
        document.trouble(("streams",), "must be the list itself, without the word streams")
    elif not isinstance(data, list):
        document.trouble((), "must be a list of streams, or of targets with labels")
    if document.problems:
        return []
    entries: list[dict[str, Any]] = []
    places: list[Path] = []
    for index, entry in enumerate(data):
        if not isinstance(entry, dict):
            document.trouble((index,), "must be a mapping of options")
        elif "targets" in entry:
            made = _of_group(entry, index, document)
            entries += made
            places += [(index, "targets", number) for number in range(len(made))]
        else:
            entries.append(entry)
            places.append((index,))
    document.written = lambda path: _written(places, path)
    return [_with_common(entry, origin) for entry in entries]


def _written(places: list[Path], path: Path) -> Path:
    """Where an option of a stream stands in the list that was read."""
    if not path or not isinstance(path[0], int) or path[0] >= len(places):
        return path
    place, option = places[path[0]], path[1:]
    if len(place) == 1:
        return (*place, *option)
    return (place[0], *option) if option[:1] == ("labels",) else place


def _of_group(group: Mapping[str, Any], index: int, document: Document) -> list[dict[str, Any]]:
    """One target group of Prometheus as streams. Its label `stream` names a single target."""
    labels, targets = group.get("labels", {}), group["targets"]
    for key in sorted(set(group) - {"targets", "labels"}):
        document.trouble((index, key), "unknown key: a group has targets and labels")
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        document.trouble((index, "targets"), "must be a list of URLs")
        return []
    if not isinstance(labels, dict):
        document.trouble((index, "labels"), "must be a mapping")
        return []
    name = labels.get("stream")
    if name is not None and len(targets) != 1:
        document.trouble((index, "labels", "stream"), "names one target: give each target a group of its own")
        name = None
    own = {key: value for key, value in labels.items() if key != "stream" and not key.startswith("__")}
    return [{"name": name or _name_of(url), "url": url, "labels": own} for url in targets]


def _name_of(url: str) -> str:
    """What a stream without a name is called: the path of its URL, which `redact` shows too."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "?"
    return unquote(parts.path).strip("/") or parts.hostname or "?"


def _with_common(entry: dict[str, Any], origin: Origin) -> dict[str, Any]:
    common: dict[str, Any] = {"profile": origin.profile, **entry}
    labels = entry.get("labels", {})
    if origin.labels and isinstance(labels, dict):
        common["labels"] = {**origin.labels, **labels}
    return common


def _check_remote(entries: list[dict[str, Any]], document: Document) -> None:
    """A list from the network may not make us read this machine's own files."""
    for index, entry in enumerate(entries):
        url = entry.get("url")
        if isinstance(url, str) and url.partition(":")[0].lower() not in NETWORK:
            document.trouble((index, "url"), "a list from the network may only name network addresses")
        if "ca_file" in entry:
            document.trouble((index, "ca_file"), "a list from the network may not name files")
