"""The sample configuration: every option with its meaning and its default, out of the dataclasses themselves.

`python -m qoe_agent.config.sample > configs/agent.yml` writes it anew.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import sys
import textwrap
import typing
from typing import TYPE_CHECKING, Any

from qoe_agent.config.agent import Agent, Callback, Clock, Discovery, FileSd, HttpSd, Web
from qoe_agent.config.alerting import Alertmanager, Alerts, Maintenance, StreamAlerts, Webhook
from qoe_agent.config.probing import options
from qoe_agent.config.root import Config
from qoe_agent.config.schedule import Schedule
from qoe_agent.config.streams import Profile, Stream, StreamOptions
from qoe_agent.config.tiling import TileOptions
from qoe_agent.config.values import Bytes, Seconds, SecondsOrOff, TimeOfDay
from qoe_agent.config.viewers import Ingest, Source, Stat
from qoe_agent.probes import declarations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HEAD = """\
# qoe-agent: every option, with its meaning and its default. A file with `streams` alone will do: see minimal.yml.
# Durations are seconds, or text such as 500ms, 10s, 5m, 1h, 7d; sizes are bytes, or text such as 128MB or 64MiB.
# Any text may hold ${NAME}, which stands for an environment variable ($${ stands for ${ itself): secrets belong there.
# Options of a stream win over those of its profile, these over `defaults`.
# What is commented out are examples, and options that have no place elsewhere: take the first # of each line away.
"""
_EXAMPLES: Mapping[type, Mapping[str, Any]] = {
    Stream: {"name": "show-1", "url": "rtmp://127.0.0.1/live/show-1"},
    FileSd: {"files": ["streams/*.yml"]},
    HttpSd: {"url": "http://127.0.0.1:8080/streams.json"},
    Source: {"name": "web", "keys": ["pk-web-2030-0123456789"], "origins": ["https://www.example.com"]},
    Stat: {"name": "edge-1", "url": "http://127.0.0.1:8080/stat"},
    Callback: {"app": "live", "url": "rtmp://127.0.0.1/{app}/{name}"},
    Alertmanager: {"url": "http://127.0.0.1:9093"},
    Webhook: {"name": "oncall", "url": "https://alerts.example.com/qoe"},
    Maintenance: {"streams": ["show-*"], "start": "2030-06-18T02:00:00+08:00", "end": "2030-06-18T04:00:00+08:00"},
}
_RULE: Mapping[str, Any] = {
    "for": "2s", "resolve_after": "10s", "merge": "60s", "severity": "warning",
    "silenced_by": ["lost", "ended"],
}  # fmt: skip
"""How a stall is told, as an example of a rule."""
_WIDTH = 112


def render() -> str:
    """The text of configs/agent.yml."""
    whole = _docs(Config)
    lines = [HEAD.rstrip()]
    for name, made in (("web", Web()), ("agent", Agent()), ("clock", Clock()), ("defaults", StreamOptions())):
        lines += ["", *_comment(whole[name], ""), f"{name}:", *_options(made, "  ")]
    lines += ["", *_comment(whole["profiles"], ""), "#profiles:", "#  evening:"]
    lines += _off(_own(Profile, StreamOptions, "    "))
    lines += ["", *_comment(whole["streams"], ""), "#streams:"]
    example = [*_own(Stream, StreamOptions, "    "), "", *_schedule("    "), "", *_probes("    "), "", *_rules("    ")]
    lines += _off(_item(example, "  "))
    lines += ["", *_comment(whole["discovery"], ""), "#discovery:"]
    docs = _docs(Discovery)
    for name, kind in (("file_sd", FileSd), ("http_sd", HttpSd), ("callbacks", Callback)):
        lines += _off([*_comment(docs[name], "  "), f"  {name}:", *_item(_own(kind, None, "      "), "    ")])
    lines += ["", *_comment(whole["alerts"], ""), "alerts:", *_alerts()]
    lines += ["", *_comment(whole["ingest"], ""), "ingest:", *_ingest()]
    return "\n".join(lines) + "\n"


def field_docs(cls: type) -> dict[str, str]:
    """The docstring under each field of a dataclass, in one line; inherited ones too."""
    return {name: text for parent in reversed(cls.__mro__[:-1]) for name, text in _docs(parent).items()}


def _docs(cls: type) -> dict[str, str]:
    body = typing.cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]).body
    found = {}
    for field, text in itertools.pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(written))),
            ):
                found[name] = " ".join(written.split())
            case _:
                pass
    return found


def _options(made: Any, indent: str, but: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every option of a section with its default; sections within it likewise."""
    docs, hints = field_docs(type(made)), typing.get_type_hints(type(made), include_extras=True)
    for field in dataclasses.fields(made):
        if field.name in but:
            continue
        value = getattr(made, field.name)
        yield from _comment(docs[field.name], indent)
        if dataclasses.is_dataclass(value):
            yield f"{indent}{field.name}:"
            yield from _options(value, indent + "  ")
        else:
            yield f"{indent}{field.name}: {_written(value, hints[field.name])}"


def _own(cls: type, but: type | None, indent: str) -> list[str]:
    """The options of `cls` beyond those of `but`: examples where there is no default."""
    docs, hints = field_docs(cls), typing.get_type_hints(cls, include_extras=True)
    inherited = {field.name for field in dataclasses.fields(but)} if but else set()
    lines = []
    for field in dataclasses.fields(cls):
        if field.name in inherited:
            continue
        value = _EXAMPLES.get(cls, {}).get(field.name, _default(field))
        name = getattr(next(iter(_metadata(hints[field.name])), None), "alias", None) or field.name
        lines += _comment(docs[field.name], indent)
        if dataclasses.is_dataclass(value):
            lines += [f"{indent}{name}:", *_options(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_written(value, hints[field.name])}")
    return lines


def _schedule(indent: str) -> list[str]:
    doc = field_docs(StreamOptions)["schedule"]
    # `expected` as well, because a schedule means nothing without it.
    lines = [f"{indent}expected: schedule", *_comment(doc, indent), f"{indent}schedule:"]
    return lines + _item(_own(Schedule, None, indent + "    "), indent + "  ")


def _probes(indent: str) -> Iterator[str]:
    yield from _comment(field_docs(StreamOptions)["probes"], indent)
    yield f"{indent}probes:"
    for name, declaration in declarations().items():
        known, docs = options()[name], field_docs(declaration.make)
        if known:
            yield f"{indent}  {name}:"
        for option, meant in known.items():
            yield from _comment(docs.get(option, ""), indent + "    ")
            yield f"{indent}    {option}: {_written(meant.default, meant.type)}"


def _rules(indent: str) -> Iterator[str]:
    yield from _comment(field_docs(StreamOptions)["alerts"], indent)
    yield f"{indent}alerts:"
    yield from _comment(field_docs(StreamAlerts)["rules"], indent + "  ")
    yield f"{indent}  rules:"
    yield f"{indent}    stall:"
    for option, value in _RULE.items():
        yield f"{indent}      {option}: {json.dumps(value) if isinstance(value, list) else value}"


def _alerts() -> Iterator[str]:
    """What is said once, and examples of what is said for each receiver and each time."""
    receivers = (("alertmanagers", Alertmanager), ("webhooks", Webhook), ("maintenance", Maintenance))
    yield from _options(Alerts(), "  ", but=frozenset(name for name, _ in receivers))
    docs = field_docs(Alerts)
    for name, kind in receivers:
        yield from _off([*_comment(docs[name], "  "), f"  {name}:", *_item(_own(kind, None, "      "), "    ")])


def _ingest() -> Iterator[str]:
    """What is said once, and examples of who sends and who is asked."""
    yield from _options(Ingest(), "  ", but=frozenset(("sources", "stats")))
    docs = field_docs(Ingest)
    for name, kind in (("sources", Source), ("stats", Stat)):
        yield from _off([*_comment(docs[name], "  "), f"  {name}:", *_item(_own(kind, None, "      "), "    ")])


def _item(lines: list[str], indent: str) -> list[str]:
    """`lines`, indented for it, as one item of a list."""
    first = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines = [*lines[:first], f"{indent}- {lines[first].lstrip()}", *lines[first + 1 :]]
    return lines


def _off(lines: Iterable[str]) -> list[str]:
    """`lines` commented out, their own comments too."""
    return [f"#{line}" for line in lines]


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _metadata(hint: Any) -> tuple[Any, ...]:
    return tuple(reversed(getattr(hint, "__metadata__", ())))


def _is(hint: Any, *kinds: Any) -> bool:
    """Whether a field's type is one of these annotated types, perhaps with limits of its own."""
    return any(not set(_metadata(hint)).isdisjoint(_metadata(kind)) for kind in kinds)


def _written(value: Any, hint: Any) -> str:
    """A value as YAML, durations and sizes with units."""
    if _is(hint, Seconds, SecondsOrOff):
        return "off" if value is None else _duration(value)
    if _is(hint, Bytes) and value % 1_000_000 == 0:
        return f"{value // 1_000_000}MB"
    if any(isinstance(each, TileOptions) for each in _metadata(hint)):
        return "{}"  # by default there are none
    if _is(hint, TimeOfDay):
        return json.dumps(f"{value // 60:02d}:{value % 60:02d}")
    if isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum() and not value.isdigit():
        return value
    return json.dumps(value, ensure_ascii=False)


_LONG = (("d", 86400), ("h", 3600), ("m", 60))


def _duration(value: float) -> str:
    if value < 1 and round(value * 1000, 9).is_integer():
        return f"{value * 1000:g}ms"
    unit, length = next(((unit, length) for unit, length in _LONG if value % length == 0 and value > length), ("s", 1))
    return f"{value / length:g}{unit}"


if __name__ == "__main__":
    sys.stdout.write(render())
