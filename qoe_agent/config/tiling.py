"""The tiles of a picture, as a user writes them: regions under names, or a grid."""

import re
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from qoe_agent.maths.tiles import MOST, Tile, grid

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_GRID = re.compile(r"([1-9])x([1-9])", re.ASCII)
_SMALLEST = 0.05
"""Of the picture's width and height: less is no part of a layout."""
_SLACK = 1e-6
_FORM = 'must be a mapping of names to regions, as in {host: [0, 0, 0.5, 1]}, or a grid such as "2x2"'


class TileOptions:
    """Makes pydantic read a mapping of names to regions, or a grid, as a tuple of Tile."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        name = core_schema.no_info_after_validator_function(_name, core_schema.str_schema())
        region = core_schema.no_info_after_validator_function(_region, _four())
        options = core_schema.typed_dict_schema(
            {
                "region": core_schema.typed_dict_field(region),
                "black": core_schema.typed_dict_field(core_schema.bool_schema(), required=False),
                "freeze": core_schema.typed_dict_field(core_schema.bool_schema(), required=False),
            },
            extra_behavior="forbid", strict=True,
        )  # fmt: skip
        entry = core_schema.no_info_before_validator_function(_entry, options)
        named = core_schema.dict_schema(name, entry, max_length=MOST, strict=True)
        return core_schema.no_info_before_validator_function(
            _mapping, core_schema.no_info_after_validator_function(_tiles, named)
        )


def _four() -> CoreSchema:
    share = core_schema.no_info_before_validator_function(_share, core_schema.float_schema())
    return core_schema.list_schema(share, min_length=4, max_length=4, strict=True)


def _share(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a number between 0 and 1")
    return value


def _mapping(value: Any) -> Any:
    """A grid, alone or with what holds for all of it, as the mapping that it stands for."""
    if isinstance(value, dict) and isinstance(value.get("grid"), str):
        options = {key: option for key, option in value.items() if key != "grid"}
        if "region" in options:
            raise ValueError("a grid has regions of its own: say black or freeze beside it, nothing else")
        return {name: {"region": region, **options} for name, region in _grid(value["grid"]).items()}
    return value if isinstance(value, dict) else _grid(value)


def _grid(value: Any) -> dict[str, list[float]]:
    found = _GRID.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(_FORM)
    rows, columns = int(found[1]), int(found[2])
    if rows * columns > MOST:
        raise ValueError(f"must be at most {MOST} tiles")
    return {tile.name: [tile.left, tile.top, tile.width, tile.height] for tile in grid(rows, columns)}


def _entry(value: Any) -> Any:
    if isinstance(value, list):
        return {"region": value}
    if not isinstance(value, dict):
        raise ValueError("must be a region [left, top, width, height], or a mapping with region, black and freeze")
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("not a tile's name: a small letter, then small letters, digits and _, at most 32 in all")
    return value


def _region(value: list[float]) -> list[float]:
    left, top, width, height = value
    if left + width > 1 + _SLACK or top + height > 1 + _SLACK:
        raise ValueError("reaches beyond the picture: a region is left, top, width and height")
    if min(width, height) < _SMALLEST:
        raise ValueError(f"too small: width and height are at least {_SMALLEST:g} of the picture's")
    return value


def _tiles(value: dict[str, dict[str, Any]]) -> tuple[Tile, ...]:
    made = tuple(_tile(name, **options) for name, options in value.items())
    for tile in made:
        if not tile.black and not tile.freeze:
            text = "judged for nothing: leave it out, or let black or freeze be true"
            raise PydanticCustomError("qoe", "{text}", {"text": text, "field": tile.name})
    return made


def _tile(name: str, region: list[float], black: bool = True, freeze: bool = True) -> Tile:
    left, top, width, height = region
    return Tile(name, left, top, width, height, black, freeze)
