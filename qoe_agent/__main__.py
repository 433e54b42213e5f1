"""The commands."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from qoe_agent import __version__, logs
from qoe_agent.comparing import WithSweep, compare
from qoe_agent.exiting import exits
from qoe_agent.forgetting import forget
from qoe_agent.importing import bring
from qoe_agent.lifting import WithPlan, lift
from qoe_agent.options import USAGE, length
from qoe_agent.stamping import stamp

app = typer.Typer(
    name="qoe-agent",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Watches live video as a viewer would, and says what the viewer saw.",
)

Policy: TypeAlias = Literal["keyframes", "adaptive", "all"]
DEFAULT_CONFIG = Path("/etc/qoe-agent/agent.yml")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qoe-agent {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of all commands."""


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="The configuration file (YAML).")] = DEFAULT_CONFIG,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N|I|auto",
            help="Watch the I-th of N equal parts of the streams, counted from 0. Without N: agent.shards; "
            "auto: I is the number at the end of the host name.",
        ),
    ] = "",
) -> None:
    """Watch the configured streams until told to stop; serve metrics.

    SIGHUP or POST /-/reload read the configuration again; a bad one is reported and the old one stays.
    """
    from qoe_agent.daemon import serve
    from qoe_agent.naps import Loop

    with asyncio.Runner(loop_factory=Loop) as runner:
        status = runner.run(serve(str(config), os.environ, shard))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # all is closed by now; a name look-up that hangs in a thread must not keep us


@app.command()
def ingest(
    config: Annotated[Path, typer.Argument(help="The configuration file (YAML).")] = DEFAULT_CONFIG,
) -> None:
    """Take viewers' events in until told to stop, and watch nothing: for where several agents share the streams.

    Serves its metrics and pages at `web.listen`. `run` does the same beside watching.
    """
    from qoe_agent.daemon import serve
    from qoe_agent.naps import Loop

    with asyncio.Runner(loop_factory=Loop) as runner:
        status = runner.run(serve(str(config), os.environ, viewers=True))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@app.command()
def check(
    config: Annotated[Path, typer.Argument(help="The configuration file (YAML).")] = DEFAULT_CONFIG,
    notify: Annotated[bool, typer.Option("--notify", help="Send a test notification to every receiver.")] = False,
) -> None:
    """Say what is wrong with a configuration, all of it at once. Exit status 2 if anything is.

    With --notify, 1 if a receiver did not take its test notification.
    """
    from qoe_agent.config import ConfigError, load

    try:
        read = load(str(config), os.environ)
    except ConfigError as error:
        for line in error.errors:
            typer.echo(line, err=True)
        raise typer.Exit(USAGE) from None
    typer.echo(f"{config}: good", err=True)
    if notify:
        from qoe_agent.alerts.trial import notify as attempt

        tried = asyncio.run(attempt(read))
        for one in tried:
            typer.echo(one.line(), err=bool(one.error))
        if not tried:
            typer.echo("alerts: no receivers are configured", err=True)
        raise typer.Exit(1 if not tried or any(one.error for one in tried) else 0)


Url: TypeAlias = Annotated[str, typer.Argument(help="What to watch: rtmp, http(s) FLV/TS/HLS, udp, rtsp, a file.")]
Length: TypeAlias = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long, such as 30s or 10m. Default: until it ends.")
]
Decode: TypeAlias = Annotated[
    Policy | None,
    typer.Option(
        help="Decode a key frame now and then, all key frames and what is suspicious (adaptive), or all pictures."
    ),
]
ProfileName: TypeAlias = Annotated[str, typer.Option(help="Whose thresholds to judge by.")]
Source: TypeAlias = Annotated[str, typer.Option(help="What pulls it; libav forces FFmpeg's libraries.")]
Variant: TypeAlias = Annotated[str, typer.Option(help="HLS: best, worst, or a height such as 720.")]
Known: TypeAlias = Annotated[
    Path | None, typer.Option(help="Take profiles from here, or a stream by its name instead of a URL.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document when done.")]
JUnit: TypeAlias = Annotated[Path | None, typer.Option(help="Write the verdict as JUnit XML.")]
Record: TypeAlias = Annotated[
    Path | None, typer.Option(help="Write the observations (gzip JSON Lines; no pictures, no sound).")
]
Loopback: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="PUSH_URL",
        help="Stamp a programme and push it there while URL is watched: latency and A/V offset without a clock error.",
    ),
]
Input: TypeAlias = Annotated[
    str, typer.Option("--input", help="What --loopback stamps and pushes: what PyAV opens, or the built-in programme.")
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No live table.")]


@app.command()
def watch(
    url: Url,
    seconds: Length = "",
    decode: Decode = None,
    profile: ProfileName = "",
    source: Source = "",
    variant: Variant = "",
    config: Known = None,
    as_json: AsJson = False,
    junit: JUnit = None,
    record: Record = None,
    quiet: Quiet = False,
    loopback: Loopback = "",
    programme: Input = "test",
) -> None:
    """Watch one stream, then judge it. Exit status: 0 good, 1 bad, 2 could not measure."""
    from qoe_agent.watching import NotUsable, Wanted, watch_once

    wanted = Wanted(url, length(seconds), decode, profile, source, variant, config, record, quiet, loopback, programme)
    try:
        found = asyncio.run(watch_once(wanted))
    except NotUsable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE) from None
    if as_json:
        typer.echo(json.dumps(found.document, ensure_ascii=False, allow_nan=False))
    try:
        if junit:
            junit.write_bytes(found.junit)
    except OSError as error:
        typer.echo(f"{junit}: {error.strerror}", err=True)
        raise typer.Exit(USAGE) from None
    raise typer.Exit(found.status)


@app.command()
def metrics() -> None:
    """Print the table of all metrics, as in the README."""
    from qoe_agent import catalogue

    typer.echo(catalogue.table(catalogue.metrics()), nl=False)


@app.command()
def demo(
    seconds: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 60s. Default: for ever.")
    ] = "",
) -> None:
    """Watch an embedded live stream with faults on a schedule: what was injected beside what was seen."""
    from qoe_agent.demonstration import demonstrate

    logs.configure(level="error")
    raise typer.Exit(asyncio.run(demonstrate(length(seconds))))


app.command()(stamp)
app.command("import")(bring)
app.command()(exits)
app.command()(forget)
app.command(cls=WithPlan)(lift)
app.command(cls=WithSweep)(compare)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
