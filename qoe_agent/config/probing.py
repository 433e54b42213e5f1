"""The options of the probes, as their dataclasses declare them."""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from qoe_agent.config.values import seconds
from qoe_agent.probes import declarations


@dataclass(frozen=True, slots=True)
class Option:
    """One public field of a probe."""

    type: Any
    default: Any


@functools.cache
def options() -> Mapping[str, Mapping[str, Option]]:
    """The options of every probe, by its name."""
    return {name: options_of(declaration.make) for name, declaration in declarations().items()}


def options_of(make: type) -> dict[str, Option]:
    """The public fields of the probe `make`, but for what the agent itself gives it (metadata `option`: False)."""
    fields = [field for field in dataclasses.fields(make) if field.init and not field.name.startswith("_")]
    public = [field for field in fields if field.metadata.get("option", True)]
    # A stub, because the private fields may be annotated with what only a type checker imports.
    written = {field.name: field.type for field in public}
    stub = types.new_class("Stub", (), {}, lambda body: body.update(__annotations__=written))
    stub.__module__ = make.__module__
    hints = typing.get_type_hints(stub, include_extras=True)
    return {field.name: Option(hints[field.name], _default(field)) for field in public}


class ProbeOptions:
    """Makes pydantic check a mapping of probes to options against what the probes declare."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _keyed({probe: self._probe(known, handler) for probe, known in options().items()})

    def _probe(self, known: Mapping[str, Option], handler: GetCoreSchemaHandler) -> CoreSchema:
        return _keyed({name: handler.generate_schema(_timed(option.type)) for name, option in known.items()})


def _keyed(schemas: Mapping[str, CoreSchema]) -> CoreSchema:
    fields = {key: core_schema.typed_dict_field(schema, required=False) for key, schema in schemas.items()}
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)


def _timed(wanted: Any) -> Any:
    """`wanted`, where every float may be written as a duration."""
    if wanted is float:
        return Annotated[float, BeforeValidator(seconds), Field(ge=0)]
    if typing.get_origin(wanted) in (Union, types.UnionType) and float in typing.get_args(wanted):
        rest = tuple(part for part in typing.get_args(wanted) if part is not float)
        return Annotated[Union[(float, *rest)], BeforeValidator(seconds)]
    return wanted


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
