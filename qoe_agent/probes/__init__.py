"""Measurements, one file each: observations in, findings out. No clock, socket, file or thread.

A probe is a dataclass under `@probe(...)`, which sits above `@dataclass(slots=True)`. Its public fields
are its options, their docstrings the documentation. Whatever lies in this folder is found by itself.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding, Metric, Observation


class Probe(Protocol):
    """A running measurement of one stream."""

    def feed(self, seen: Any) -> Iterable[Finding]:
        """Take one observation; return what follows. Counters are gathered inside and emitted on Tick."""
        ...


class PictureLook(Protocol):
    """Runs on a decode thread, in presentation order, for one connection; its answer travels in `Picture.looks`."""

    def __call__(self, view: View) -> Any:
        """None, or plain values (numbers, tuples, dicts, small arrays); the view is valid only during the call."""
        ...


class SoundLook(Protocol):
    """Runs on a decode thread, in stream order, for one connection; what it returns travels in `Sound.looks`.

    It may have an attribute `when`: "always" (the default); "bursts": everything in the policy `all`, else some seconds
    of every half minute; "search": some seconds of every half minute, everything while its attribute `keen` is true;
    "moving": it serves what is seen in pictures that follow one another, and hears nothing in `keyframes`.
    """

    def __call__(self, samples: NDArray[np.float32], rate: int, pts: float | None) -> Any:
        """`samples`: channels x n, full scale 1.0, valid only during the call."""
        ...


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@probe` recorded about a probe."""

    name: str
    make: type
    metrics: tuple[Metric, ...]
    incidents: Mapping[str, str]
    """Kinds of incident that it may report, each with a line for the documentation."""
    sees: tuple[type, ...]
    """The observations that it wants; the others never reach it."""
    picture: Callable[[Any], PictureLook | None] | None
    """Makes the probe's look at pictures (None: these options need none); its argument is the probe."""
    sound: Callable[[Any], SoundLook] | None


_declared: dict[str, Declaration] = {}
_P = TypeVar("_P", bound=type)


def probe(
    *metrics: Metric,
    sees: tuple[type[Observation], ...],
    incidents: Mapping[str, str] | None = None,
    picture: Callable[[Any], PictureLook | None] | None = None,
    sound: Callable[[Any], SoundLook] | None = None,
) -> Callable[[_P], _P]:
    """Declare a probe: the metrics and incidents that may come out of it and the observations that go in.

    Its name is its module's. `picture` and `sound` make its look for one connection out of the probe's options.
    """

    def declare(cls: _P) -> _P:
        name = cls.__module__.rpartition(".")[2]
        _declared[name] = Declaration(name, cls, metrics, dict(incidents or {}), sees, picture, sound)
        return cls

    return declare


@functools.cache
def declarations() -> Mapping[str, Declaration]:
    """All probes in this folder by name, in alphabetical order."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted((name, d) for name, d in _declared.items() if d.make.__module__.startswith(__name__)))
