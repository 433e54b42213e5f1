"""PSNR, SSIM and XPSNR without a program: by the filters of PyAV's own FFmpeg, with the same alignment and space."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np
from av.filter import Graph

from qoe_agent.compare import readings
from qoe_agent.compare.media import opened, picture_track, pictures
from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.space import DEINTERLACED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from av.filter.context import FilterContext
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats, Media, Space

    Thumbs = NDArray[np.uint8]

SMALL = "extractplanes=y,scale=32:18:flags=area,format=gray"
OFTEN = 10
"""Pairs from one step of progress to the next."""


class _Graph(NamedTuple):
    """Test and reference in; metrics in metadata and fingerprints out."""

    held: Graph
    """Its filters do not keep it alive."""
    sources: tuple[FilterContext, FilterContext]
    metrics: tuple[FilterContext, FilterContext]
    thumbs: tuple[FilterContext, FilterContext]


class _Found(NamedTuple):
    values: dict[str, list[float]]
    thumbs: tuple[list[Thumbs], list[Thumbs]]


def versions() -> dict[str, str]:
    """What measures."""
    return {"pyav": av.__version__, "libavfilter": ".".join(map(str, av.library_versions["libavfilter"]))}


def measured(
    media: tuple[Media, Media],
    numbers: tuple[NDArray[np.int64], NDArray[np.int64]],
    space: Space,
    rate: Fraction,
    told: Callable[[int], None],
) -> tuple[dict[str, Floats], tuple[Thumbs, Thumbs]]:
    """Each metric of each pair, and the fingerprints of test and reference, (n, 18, 32) each.

    `media` are reference and test, `numbers` their frames in each pair, `rate` the pairs a second. Raises Unfit where
    a file cannot be decoded.
    """
    filters = space.reference_filters, space.test_filters
    sides = [_chosen(*each) for each in zip(media, numbers, filters, strict=True)]
    found = _Found({}, ([], []))
    graph: _Graph | None = None
    try:
        for k, (reference, test) in enumerate(zip(*sides, strict=False)):
            graph = graph or _graph((test, reference), filters[::-1], rate)
            for source, picture in zip(graph.sources, (test, reference), strict=True):
                picture.pts, picture.time_base = k, 1 / rate
                source.push(picture)
            _drain(graph, found)
            if k % OFTEN == 0:
                told(k)
        if graph:
            for source in graph.sources:
                source.push(None)
            _drain(graph, found)
    except av.error.FFmpegError as error:
        raise Unfit(f"{media[1].path}: cannot be compared with {media[0].path} ({error.strerror or error})") from error
    frames = {key: np.array(values) for key, values in found.values.items()}
    small = [np.stack(each) if each else np.empty((0, 18, 32), np.uint8) for each in found.thumbs]
    return frames, (small[0], small[1])


def _chosen(media: Media, numbers: NDArray[np.int64], filters: str) -> Iterator[VideoFrame]:
    """The pictures of these numbers, rising."""
    wanted = iter(numbers.tolist())
    number = next(wanted, None)
    with opened(media.path) as container:
        shown = pictures(container, picture_track(container, media.path))
        for at, picture in enumerate(_framed(shown) if filters.startswith(DEINTERLACED) else shown):
            if at == number:
                yield picture
                number = next(wanted, None)
            if number is None:
                return


def _framed(fields: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Pictures out of fields; what looks at neighbours comes before any are passed over."""
    first = next(fields, None)
    if first is None:
        return
    graph = Graph()
    source = graph.add_buffer(template=None, width=first.width, height=first.height, format=first.format,
                              time_base=first.time_base)  # fmt: skip
    sink = graph.add("buffersink")
    _linked(graph, source, DEINTERLACED).link_to(sink)
    graph.configure()
    for picture in chain([first], fields, [None]):
        source.push(picture)
        yield from _pulled(sink)


def _graph(first: tuple[VideoFrame, VideoFrame], filters: tuple[str, ...], rate: Fraction) -> _Graph:
    graph = Graph()
    sources, splits = [], []
    for picture, through in zip(first, filters, strict=True):
        about = f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}"
        at = f"time_base={rate.denominator}/{rate.numerator}:frame_rate={rate.numerator}/{rate.denominator}"
        colours = f"colorspace={picture.colorspace}:range={picture.color_range}"
        sources.append(graph.add("buffer", f"{about}:{at}:{colours}"))
        split = graph.add("split", "3")
        _linked(graph, sources[-1], through.removeprefix(DEINTERLACED).lstrip(",")).link_to(split)
        splits.append(split)
    sinks = [graph.add("buffersink") for _ in range(4)]
    psnr, again, ssim = graph.add("psnr"), graph.add("split", "2"), graph.add("ssim")
    splits[0].link_to(psnr, 0, 0)
    splits[1].link_to(again, 0, 0)
    again.link_to(psnr, 0, 1)
    psnr.link_to(ssim, 0, 0)
    again.link_to(ssim, 1, 1)
    ssim.link_to(sinks[0])
    xpsnr = graph.add("xpsnr")
    # It takes its weights from what is on its first input.
    splits[1].link_to(xpsnr, 1, 0)
    splits[0].link_to(xpsnr, 1, 1)
    xpsnr.link_to(sinks[1])
    for split, sink in zip(splits, sinks[2:], strict=True):
        small = graph.add("extractplanes", "y")
        split.link_to(small, 2, 0)
        _linked(graph, small, SMALL.partition(",")[2]).link_to(sink)
    graph.configure()
    return _Graph(graph, (sources[0], sources[1]), (sinks[0], sinks[1]), (sinks[2], sinks[3]))


def _linked(graph: Graph, last: FilterContext, filters: str) -> FilterContext:
    for name, _, options in (each.partition("=") for each in filters.split(",")):
        following = graph.add(name, options)
        last.link_to(following)
        last = following
    return last


def _pulled(sink: FilterContext) -> Iterator[VideoFrame]:
    for _ in repeat(None):
        try:
            yield sink.pull()  # type: ignore[misc]  # of video alone
        except (BlockingIOError, EOFError):
            return


def _drain(graph: _Graph, found: _Found) -> None:
    for sink in graph.metrics:
        for picture in _pulled(sink):
            for name, value in picture.metadata.items():
                key = readings.KEYS.get(name.removeprefix("lavfi."))
                if key:
                    found.values.setdefault(key, []).append(float(value))
    for sink, kept in zip(graph.thumbs, found.thumbs, strict=True):
        kept.extend(np.asarray(picture.to_ndarray(), np.uint8) for picture in _pulled(sink))
