"""The command `qoe-agent stamp`: its options."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal, TypeAlias

import typer

from qoe_agent.options import USAGE, length

In: TypeAlias = Annotated[str, typer.Argument(metavar="IN", help="What PyAV opens, or test: the built-in programme.")]
Out: TypeAlias = Annotated[
    str, typer.Argument(metavar="OUT", help="A file, - (MPEG-TS), rtmp://, srt://, udp://, http(s):// (WHIP).")
]
Clock: TypeAlias = Annotated[
    bool, typer.Option("--clock", help="Serve a page to be filmed instead: the stamp full-screen, with its tone.")
]
Listen: TypeAlias = Annotated[str, typer.Option(help="Where --clock serves its page.")]
Corner: TypeAlias = Annotated[
    Literal["top-left", "top", "top-right", "left", "centre", "right", "bottom-left", "bottom", "bottom-right"] | None,
    typer.Option(help="Where in the picture the stamp is. [default: top-left; --clock: centre]"),
]
Cell: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=4,
        help="Side of a cell in pixels of a 1080-line picture; 24 survive 360p, 40 240p. "
        "[default: 24; --clock: as large as fits]",
    ),
]
Level: TypeAlias = Annotated[float, typer.Option(max=0, help="Level of the sound mark, dB below full scale.")]
Unmarked: TypeAlias = Annotated[bool, typer.Option("--no-sound-mark", help="Mark the pictures only.")]
Alone: TypeAlias = Annotated[bool, typer.Option("--alone", help="The sound mark replaces the programme's sound.")]
Bits: TypeAlias = Annotated[int, typer.Option(min=50, help="Of the pictures, kbit/s.")]
Codec: TypeAlias = Annotated[Literal["h264", "hevc"], typer.Option(help="Of the pictures.")]
AudioBits: TypeAlias = Annotated[int, typer.Option(min=16, help="Of the sound, kbit/s.")]
Gop: TypeAlias = Annotated[float, typer.Option(min=0.1, help="Seconds between key frames.")]
Loop: TypeAlias = Annotated[bool, typer.Option("--loop", help="Begin anew at the input's end.")]
Long: TypeAlias = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long, such as 30s. Default: until the input ends.")
]
Fast: TypeAlias = Annotated[
    bool, typer.Option("--fast", help="As fast as the machine can, instead of in real time (for files).")
]


def stamp(
    source: In = "",
    to: Out = "",
    clock: Clock = False,
    listen: Listen = "127.0.0.1:9844",
    corner: Corner = None,
    cell: Cell = None,
    level: Level = -20.0,
    no_sound_mark: Unmarked = False,
    alone: Alone = False,
    bitrate: Bits = 4000,
    codec: Codec = "h264",
    audio_bitrate: AudioBits = 128,
    gop: Gop = 2.0,
    loop: Loop = False,
    seconds: Long = "",
    fast: Fast = False,
) -> None:
    """Burn machine-readable marks into a feed's pictures and sound, for latency and A/V sync to a millisecond.

    Whoever watches the stamped stream (qoe-agent watch, qoe-agent run) finds the marks by itself.
    """
    try:
        if clock:
            _film(source, listen, corner, cell, level)
            return
        from qoe_agent.sending import send
        from qoe_agent.stamp import Coding, Place, Plan

        if not source or not to:
            raise ValueError("IN and OUT are needed, such as: qoe-agent stamp test rtmp://127.0.0.1/live/show")
        encoder: Literal["libx264", "libx265"] = "libx265" if codec == "hevc" else "libx264"
        coding = Coding(encoder, bitrate * 1000, "veryfast", gop, audio_bitrate * 1000)
        place, mark = Place(corner or "top-left", cell or 24.0), None if no_sound_mark else level
        send(Plan(source, to, place, coding, mark, alone, loop, length(seconds), not fast))
    except (ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE) from None


def _film(source: str, listen: str, corner: str | None, cell: float | None, level: float) -> None:
    from qoe_agent.filming import Shown, film

    if source:
        raise ValueError("--clock takes no input and no output")
    shown = Shown(corner or "centre", cell, level)
    asyncio.run(film(listen, shown, lambda where: typer.echo(f"film this page: {where}", err=True)))
