"""Lines of exported files, and values in them; what is wrong is told by file, line and name."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from pydantic_core import from_json

from qoe_agent.viewers import plain
from qoe_agent.viewers.pseudonyms import Key, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LONGEST = 1 << 20
"""Characters of a line."""
_WORDLESS = re.compile(r"[\x00-\x1f\x7f]")
_NOBODY = Ring([Key(0, bytes(16))])
"""For checking events, of which nothing is kept."""


class BadRow(ValueError):
    """A line that is not what it was taken for."""

    def __init__(self, path: Path, line: int, name: str, expected: str) -> None:
        super().__init__(f"{path}:{line}: {name + ': ' if name else ''}{expected}")


@dataclass(slots=True)
class Lines:
    """One file being read, and what became of its lines."""

    path: Path
    strict: bool = True
    """Whether a bad line ends the import; else it is passed over."""
    line: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    """Lines passed over, by the reason."""

    def texts(self) -> Iterator[str]:
        """Lines that hold something; `.gz` is unpacked."""
        opened = gzip.open if self.path.suffix == ".gz" else open
        with opened(self.path, "rt", encoding="utf-8", errors="replace", newline="") as file:
            while text := self._next(file):
                self.line += 1
                if len(text) >= LONGEST:
                    raise BadRow(self.path, self.line, "", f"a line must be shorter than {LONGEST} characters")
                if text.strip():
                    yield text

    def _next(self, file: IO[str]) -> str:
        try:
            return file.readline(LONGEST)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise BadRow(self.path, self.line + 1, "", "must be a whole gzip file") from None

    def objects(self) -> Iterator[dict[str, Any]]:
        """JSON objects, one a line."""
        for text in self.texts():
            try:
                found = from_json(text)
            except ValueError:
                found = None
            if isinstance(found, dict):
                yield found
            else:
                self.bad("", "must be a JSON object on a line of its own")

    def table(self, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """Rows of a CSV file with a header that has the columns `needed`."""
        reader = csv.reader(self.texts())
        header = [name.strip().lower() for name in next(reader, [])]
        if header:
            header[0] = header[0].removeprefix("\ufeff")
        if lacking := [name for name in needed if name not in header]:
            raise BadRow(self.path, max(self.line, 1), "header", f"must have a column {lacking[0]}")
        yield from self.records(reader, header)

    def records(self, reader: Iterator[list[str]], header: list[str]) -> Iterator[dict[str, str]]:
        """Rows by the names of a header."""
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadRow(self.path, self.line, "", f"must be CSV ({error})") from None
            if len(row) == len(header):
                yield dict(zip(header, row, strict=True))
            else:
                self.bad("", f"must have {len(header)} columns as the header has, not {len(row)}")

    def bad(self, name: str, expected: str) -> None:
        """Say that the line cannot be used: BadRow, or a line passed over."""
        if self.strict:
            raise BadRow(self.path, self.line, name, expected)
        self.skip(f"{name + ': ' if name else ''}{expected}")

    def skip(self, reason: str) -> None:
        """Count a line that is of no use here."""
        self.passed[reason] = self.passed.get(reason, 0) + 1

    def time(self, name: str, value: object, needed: bool = True) -> float | None:
        """Unix seconds out of ISO 8601 (without a zone: UTC) or Unix seconds or milliseconds. None: told as bad, or
        empty where it is not `needed`."""
        if value in (None, "") and not needed:
            return None
        try:
            seconds = _unix(value)
        except (ValueError, OverflowError):
            seconds = 0.0
        if plain.FIRST <= seconds <= plain.LAST:
            return round(seconds, 3)
        self.bad(name, "must be a time, such as 2026-01-31T12:00:00.000Z")
        return None

    def number(self, name: str, value: object, per: float = 1.0) -> float | None:
        """A number of 0 or more, divided by `per`; None: there is none, or it was told as bad."""
        if value in (None, ""):
            return None
        try:
            found = float(value) / per  # type: ignore[arg-type]  # what is no number raises
        except (TypeError, ValueError):
            found = -1.0
        if 0 <= found < 1e15:
            return round(found, 6)
        self.bad(name, "must be a number, 0 or more")
        return None

    def event(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """The same without what is not known, if it is good by the plain schema; None: told as bad."""
        known = {name: value for name, value in event.items() if value is not None}
        _, faults = plain.read([known], "import", 0, _NOBODY)
        if faults:
            self.bad(faults[0].key, faults[0].expected)
            return None
        return known


def _unix(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value / 1000 if value > plain.LAST else float(value)
    text = str(value).strip().removesuffix(" UTC")
    if re.fullmatch(r"[0-9]{9,13}(?:\.[0-9]+)?", text):
        return _unix(float(text))
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def word(value: object, longest: int = 128) -> str | None:
    """A text to break figures down by; None: empty, or it might say who somebody is."""
    if value is None or isinstance(value, (dict, list)):
        return None
    found = _WORDLESS.sub(" ", plain.text(value) if isinstance(value, (str, float, bool)) else str(value)).strip()
    return found[:longest] if found and not plain.private("", found) else None


def chosen_words(row: Mapping[str, Any], chosen: tuple[str, ...]) -> dict[str, str]:
    """The further attributes that the user asked for."""
    found = {name: word(row.get(name)) for name in chosen if not plain.private(name, "")}
    return {name: value for name, value in found.items() if value is not None}


def height(value: object) -> int | None:
    """Lines of the picture in a name of a quality, such as 1080p or hd720."""
    match = re.search(r"(?<![0-9])([1-9][0-9]{2,3})(?=p|$|[^0-9])", str(value or ""))
    return int(match[1]) if match else None
