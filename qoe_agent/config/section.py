"""What every part of the configuration is: a frozen, strict dataclass whose fields are its options."""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict
from pydantic_core import PydanticCustomError

_T = TypeVar("_T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(dataclasses.field,))
def section(cls: type[_T]) -> type[_T]:
    """A part of the configuration; unknown keys and loose types are errors."""
    made: Any = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    return made  # type: ignore[no-any-return] # the same class, remade with slots


def wrong(field: str, message: str) -> PydanticCustomError:
    """The error that options contradict each other, to be shown at `field`."""
    return PydanticCustomError("qoe", "{text}", {"text": message, "field": field})
