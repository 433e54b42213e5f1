"""The whole of a sweep: from a plan to what follows from its encodes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qoe_agent.compare import ffmpeg as programs
from qoe_agent.compare import models
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Step, Unfit
from qoe_agent.compare.sweep import compliance, pricing, searching
from qoe_agent.compare.sweep import jobs as planned
from qoe_agent.compare.sweep.kept import Folder
from qoe_agent.compare.sweep.running import Runner
from qoe_agent.compare.sweep.shapes import Clip, Design, Point, Prices
from qoe_agent.compare.sweep.working import How
from qoe_agent.config.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qoe_agent.compare.shapes import Media
    from qoe_agent.compare.sweep.jobs import Job
    from qoe_agent.compare.sweep.kept import Result
    from qoe_agent.compare.sweep.plan import Plan
    from qoe_agent.compare.sweep.shapes import Searched, Swept

USUAL = ("psnr_y", "ssim", "xpsnr_y")
"""Metrics that are measured beside VMAF always, and that curves may be of."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a user wants of a plan."""

    plan: Plan
    file: str
    results: str
    target: str | None = None
    only: tuple[str, ...] = ()
    """Parts of titles of jobs: those alone that hold one of them."""
    share: tuple[int, int] | None = None
    """Which part of the jobs, counted from 0, and of how many."""
    engine: str = ""
    keep: bool = False
    ffmpeg: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan whose references have been read."""

    order: Order
    references: tuple[Media, ...]
    clips: tuple[Clip, ...]
    how: How
    jobs: tuple[Job, ...]
    sought: searching.Target | None


def prepared(order: Order, heard: Callable[[Step], None]) -> Prepared:
    """Read what the plan names, and lay out its jobs. Raises Unfit."""
    plan = order.plan
    program = programs.program(order.ffmpeg)
    if programs.libvmaf(program.path) is None:
        raise Unfit(f"{program.path}: has no libvmaf, by which a sweep is scored: {programs.INSTALL}")
    known = tuple(model.name for model in models.chosen(plan.models))
    heard(Step("reading references", 0, len(plan.references)))
    media = tuple(inspect(path) for path in plan.references)
    twice = [one.path for at, one in enumerate(media) if one.digest in {each.digest for each in media[:at]}]
    if twice:
        raise Unfit(f"{twice[0]}: the same bytes as another reference of the plan")
    how = How(order.ffmpeg, program.version, plan.models, plan.metrics, plan.window, plan.decode)
    _quality(plan, known)
    text = order.target or plan.target
    sought = searching.target(text, known, plan.metrics) if text else None
    every = planned.jobs(plan, media)
    _anchor(plan, every)
    jobs = _chosen(every, order)
    return Prepared(order, media, _clips(media), how, jobs, sought)


def _quality(plan: Plan, known: Sequence[str]) -> str:
    """The metric of curves, as scores name it. Raises Unfit."""
    metrics = (*(f"vmaf[{name}]" for name in known), *USUAL, *(name for name in plan.metrics if name != "cambi"))
    if plan.quality is None:
        return metrics[0]
    wanted = metrics[0] if plan.quality == "vmaf" else plan.quality
    if wanted not in metrics:
        raise Unfit(f"quality: {plan.quality}: will not be measured; there are {', '.join(metrics)}")
    return wanted


def _anchor(plan: Plan, jobs: Sequence[Job]) -> None:
    """Raises Unfit if no label of the plan begins as the anchor does."""
    labels = tuple(dict.fromkeys(job.label for job in jobs))
    if plan.anchor and not any(label.startswith(plan.anchor) for label in labels):
        raise Unfit(f"anchor: {plan.anchor}: must be one of {', '.join(labels)}{suggestion(plan.anchor, labels)}")


def _chosen(jobs: Sequence[Job], order: Order) -> tuple[Job, ...]:
    found = [job for job in jobs if not order.only or any(part in job.title for part in order.only)]
    if not found:
        raise Unfit(f"--only {', '.join(order.only)}: no job is called so; --dry-run lists them all")
    if order.share is None:
        return tuple(found)
    part, parts = order.share
    return tuple(found[part::parts])


def _clips(media: Sequence[Media]) -> tuple[Clip, ...]:
    """References with names: those of their files, with as many folders as tell them apart."""
    names = [Path(one.path).name for one in media]
    for depth in range(2, 20):
        if len(set(names)) == len(names):
            break
        names = [str(Path(*Path(one.path).parts[-depth:])) for one in media]
    return tuple(
        Clip(
            name, one.path, one.digest, *planned.upright(one), float(one.video.rate), len(one.video.times), one.seconds
        )
        for name, one in zip(names, media, strict=True)
    )  # fmt: skip


def runner(plan: Prepared, heard: Callable[[Step], None]) -> Runner:
    """What does the jobs of a plan."""
    order = plan.order
    return Runner(
        Folder(order.results), plan.how, {one.digest: one for one in plan.references},
        {clip.digest: clip.name for clip in plan.clips}, heard, alone=order.plan.speed == "alone", keep=order.keep,
        engine=order.engine,
    )  # fmt: skip


def sweep(plan: Prepared, work: Runner) -> Swept:
    """Do all jobs that are missing, search what is sought, and conclude. Raises Unfit."""
    from qoe_agent.compare.sweep.concluding import concluded

    work.run(plan.jobs)
    order = plan.order
    searched: tuple[Searched, ...] = ()
    if plan.sought and order.share is None:
        names = {clip.digest: clip.name for clip in plan.clips}
        searcher = searching.Searcher(order.plan, work.run, work.of, names)
        searched = tuple(searcher.all(plan.sought, plan.references))
    points = [_point(result, order.plan) for result in work.results.values()]
    if not points:
        raise Unfit("\n".join(_why(work)))
    encoded = [point.encoded for point in points]
    keys = [one for clip in plan.clips for one in compliance.key_frames(encoded, clip)]
    return concluded(
        _design(plan, points), points, failures=tuple(work.failures.values()), keys=tuple(keys), searched=searched,
        provenance=_provenance(plan), notes=(*_left_out(work), *_speeds(plan)),
    )  # fmt: skip


def _why(work: Runner) -> Iterable[str]:
    yield "no encode came of the plan:"
    yield from _left_out(work)
    yield from (f"{one.title}: {one.reason}" for one in work.failures.values())


def told(plan: Prepared, work: Runner) -> list[str]:
    """What came of one share of the jobs, in lines for people."""
    part, parts = plan.order.share or (0, 1)
    first = f"share {part}/{parts}: {len(work.results)} of {len(plan.jobs)} jobs are done, in {plan.order.results}"
    return [first, *_left_out(work), *(f"{one.title}: {one.reason}" for one in work.failures.values())]


def _left_out(work: Runner) -> tuple[str, ...]:
    return tuple(
        f"{encoder}: not here ({reason}): {count} job{'s' if count > 1 else ''} left out"
        for (encoder, reason), count in work.absent.items()
    )


def _speeds(plan: Prepared) -> tuple[str, ...]:
    order = plan.order
    if order.plan.speed == "alone" and not order.engine:
        return ()
    return ("encodes ran beside others: their wall times say how busy the machines were, not how fast encoders are",)


def _point(result: Result, plan: Plan) -> Point:
    encoded = result.encoded
    scores = {metric: value["mean"] for metric, value in result.scores.items() if "mean" in value}
    worst = {metric: value["min_1s"] for metric, value in result.scores.items() if "min_1s" in value}
    rate = encoded.frames / encoded.seconds if encoded.seconds else 0.0
    doubt = "" if plan.scene_cuts else compliance.gops(encoded, plan.gop, rate)
    buffer = encoded.buffer
    late = f"{buffer.violations} frames were not in the buffer when due" if buffer and buffer.violations else ""
    notes = (*result.notes, *(note for note in (doubt, late) if note))
    return Point(encoded, scores, worst, pricing.cost(encoded, prices(plan)), notes)


def prices(plan: Plan) -> Prices | None:
    """The user's prices; None: no costs are wanted."""
    said = plan.prices
    if said is None:
        return None
    return Prices(
        said.currency, said.cpu_hour, said.egress_gb, said.storage_gb_month, said.viewer_hours, said.months
    )  # fmt: skip


def _design(plan: Prepared, points: Sequence[Point]) -> Design:
    said, order = plan.order.plan, plan.order
    quality = _quality(said, [model.name for model in models.chosen(said.models)])
    others = dict.fromkeys(metric for point in points for metric in point.scores if metric != quality)
    sought = plan.sought
    aim = sought.value if sought and sought.metric == quality and sought.statistic == "mean" else None
    return Design(
        order.file, plan.clips, quality, (quality, *others), said.anchor, aim, prices(said), said.repeats,
        said.threads, said.speed == "alone" and not order.engine, said.window, said.gop, os.cpu_count(),
    )  # fmt: skip


def _provenance(plan: Prepared) -> dict[str, object]:
    said = plan.order.plan
    return {
        "ffmpeg": plan.how.version, "models": list(said.models), "scaler": said.scaler,
        "references": {clip.name: {"path": clip.path, "sha256": clip.digest} for clip in plan.clips},
        "engine": plan.order.engine or "this machine",
        "alignment": "frame on frame: as many frames, each at its reference's time",
        "scored_at": "the reference's size",
        "cpu": "user and system time of the encoder's process, with what reading and scaling the reference takes",
    }  # fmt: skip


def estimated(plan: Prepared, work: Runner, heard: Callable[[Step], None]) -> tuple[tuple[Job, float | None], ...]:
    """Each job with the seconds that its encodes may take, by a trial of a second of video of each kind; 0: it is kept.

    None: it cannot be told, as its trial failed.
    """
    from qoe_agent.compare.sweep.encoding import trial

    known: dict[Job, float | None] = {}
    found: list[tuple[Job, float | None]] = []
    for at, job in enumerate(plan.jobs):
        heard(Step(f"trying {job.label}", at, len(plan.jobs)))
        kind = replace(job, rate=replace(job.rate, value=0.0, maxrate=None, bufsize=None))
        if work.known(job):
            found.append((job, 0.0))
            continue
        if kind not in known:
            known[kind] = trial(job, plan.how.ffmpeg)
        found.append((job, known[kind]))
    return tuple(found)
