"""Results that stay: a folder with one JSON file for each job, so that a run goes on where another was ended."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.sweep.shapes import Buffer, Encoded, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORM = 1
"""Of the files; what has another is made anew."""
LOCK = "lock"
"""In a folder of work: a file that its process holds for as long as it lives."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of a job."""

    encoded: Encoded
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By metric, by statistic: mean, harmonic_mean, p1, p5, median, min_1s. Nothing: not scored yet."""
    scored: str = ""
    """What it was scored by: another run must ask for the same to use them."""
    notes: tuple[str, ...] = ()


class Folder:
    """A folder of results. Files appear in it whole or not at all."""

    def __init__(self, path: str) -> None:
        """Raises Unfit if there can be no such folder."""
        self._jobs, self._videos = Path(path).absolute() / "jobs", Path(path).absolute() / "encoded"
        try:
            self._jobs.mkdir(parents=True, exist_ok=True)
            self._videos.mkdir(exist_ok=True)
        except OSError as error:
            raise Unfit(f"--results {path}: {error.strerror}") from None
        self._tidy()

    def get(self, key: str) -> Result | None:
        """What an earlier run found; None: nothing that can be read."""
        try:
            return _result(json.loads((self._jobs / f"{key}.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, result: Result) -> None:
        """Keep it, in place of what was there. Raises Unfit."""
        document = {"form": FORM, **dataclasses.asdict(result)}
        try:
            _replace(self._jobs / f"{result.encoded.key}.json", json.dumps(document, ensure_ascii=False, indent=1))
        except OSError as error:
            raise Unfit(f"{self._jobs}: cannot keep results: {error.strerror}") from None

    def video(self, key: str) -> str:
        """Where the encode itself lies, or would."""
        return str(self._videos / f"{key}.mp4")

    @contextlib.contextmanager
    def work(self) -> Iterator[str]:
        """A folder beside the encodes, for what is not done yet; gone with its end."""
        with (
            tempfile.TemporaryDirectory(prefix=".work-", dir=self._videos) as folder,
            open(os.path.join(folder, LOCK), "wb") as lock,
        ):
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder

    def _tidy(self) -> None:
        """Delete what runs left that were killed: folders of work that nobody holds any more."""
        for left in self._videos.glob(".work-*"):
            with contextlib.suppress(OSError), open(left / LOCK, "rb+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)

    def forget(self, key: str) -> None:
        """Delete the encode itself."""
        with contextlib.suppress(OSError):
            os.unlink(self.video(key))


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _result(read: Any) -> Result:
    """From plain values. Raises ValueError, KeyError or TypeError where they are not of this form."""
    if read.pop("form") != FORM:
        raise ValueError("of another form")
    encoded = dict(read["encoded"])
    buffer = encoded.pop("buffer")
    for name in ("wall", "cpu", "keys", "command"):
        encoded[name] = tuple(encoded[name])
    setting = Setting(**encoded.pop("setting"))
    whole = Encoded(**encoded, setting=setting, buffer=Buffer(**buffer) if buffer else None)
    return Result(whole, read["scores"], str(read["scored"]), tuple(read["notes"]))
