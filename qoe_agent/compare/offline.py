"""The whole of an offline comparison: from files to a verdict."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent import clock
from qoe_agent.compare import (
    align,
    cache,
    crop,
    footing,
    guessed,
    material,
    measuring,
    misleading,
    models,
    provenance,
    registering,
    scoring,
    verdicts,
)
from qoe_agent.compare.cache import Kept
from qoe_agent.compare.figures.pairs import pairs
from qoe_agent.compare.figures.pooling import pooled
from qoe_agent.compare.figures.scenes import scenes
from qoe_agent.compare.glances import Contradicted, Glances
from qoe_agent.compare.media import inspect
from qoe_agent.compare.progress import HEARING, LAYING, SCORING, Progress
from qoe_agent.compare.shapes import Asked, Compared, Step, Tested, Unfit, Unlike
from qoe_agent.compare.space import space
from qoe_agent.compare.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qoe_agent.compare.guessed import Guess
    from qoe_agent.compare.shapes import Alignment, Heard, Media, Scores, Space

__all__ = ["Asked", "compare"]

SEED = 20260
"""Of the bootstrap: the same files give the same intervals."""
MOST = 0.5
"""Share of pairs that show different things from which times alone do not say that they belong together."""


class _Done(NamedTuple):
    """What came of a test."""

    test: Tested
    cached: bool = False
    broken: bool = False
    """Nothing is known of its content: it could not be scored."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What all tests share."""

    asked: Asked
    """With the threads that are one test's."""
    reference: Media
    versions: dict[str, str]
    progress: Progress


def compare(asked: Asked, heard: Callable[[Step], None] = lambda step: None) -> Compared:
    """Every test against the reference, and the tests against each other.

    `heard` is told how far it has come, from threads too. Raises Unfit if a file cannot be read, options are not
    possible, or no test can be scored for want of anything but likeness; one that shows something else is among the
    results, with the reasons.
    """
    began = clock.now()
    if not asked.tests:
        raise Unfit("nothing to compare: name a test, or several, behind the reference")
    models.chosen(asked.models)
    used = provenance.versions(asked)
    heard(Step("reading", 0.0, None))
    reference, *tests = _inspected([asked.reference, *asked.tests])
    about = material.notes(reference)
    workers = min(len(tests), threads(asked))
    share = replace(asked, threads=-(-threads(asked) // workers))
    work = _Work(share, reference, used, Progress([len(each.video.times) for each in tests], heard))
    jobs = [partial(_tested, work, *each) for each in zip(range(len(tests)), tests, called(asked.tests), strict=True)]
    done = together(jobs, workers, work.progress.stop)
    if all(each.broken for each in done):
        raise Unfit("\n".join(dict.fromkeys(line for each in done for line in each.test.refused)))
    return _compared(asked, reference, done, used, about, clock.now() - began)


def threads(asked: Asked) -> int:
    """Of all work together."""
    return asked.threads or os.cpu_count() or 1


def called(paths: Sequence[str]) -> list[str]:
    """What people call them: file names, with folders where those are the same, numbered where these are, too."""
    short = [os.path.basename(path) for path in paths]
    names = [path if short.count(name) > 1 else name for path, name in zip(paths, short, strict=True)]
    return [f"{name} ({names[: n + 1].count(name)})" if names.count(name) > 1 else name
            for n, name in enumerate(names)]  # fmt: skip


def _inspected(paths: Sequence[str]) -> list[Media]:
    """Raises Unfit with a line for each that cannot be read."""

    def one(path: str) -> Media | str:
        try:
            return inspect(path)
        except Unfit as error:
            return str(error)

    own = list(dict.fromkeys(paths))
    read = together([partial(one, path) for path in own], min(len(own), 4), lambda: None)
    found = dict(zip(own, read, strict=True))
    wrong = [each for each in found.values() if isinstance(each, str)]
    if wrong:
        raise Unfit("\n".join(wrong))
    return [each for path in paths if not isinstance(each := found[path], str)]


def _tested(work: _Work, index: int, media: Media, name: str) -> _Done:
    folder = work.asked.cache
    key = provenance.key(work.asked, work.reference, media, work.versions)
    found = cache.get(folder, key) if folder else None
    cached, notes = found is not None, media.notes
    try:
        if found is None:
            found = _measured(work, index, media)
            notes += provenance.changed(work.reference, media) or _keep(folder, key, found)
    except Unfit as error:
        refused = tuple(str(error).split("\n"))
        return _Done(Tested(media, name, refused, notes=notes), broken=not isinstance(error, Unlike))
    finally:
        work.progress.came(index, 1.0, f"{name} is done")
    numbers = pooled(found.scores, work.reference.video.rate)
    said = (*found.notes, *found.alignment.notes, *found.space.notes, *found.scores.notes, *notes)
    return _Done(
        Tested(media, name, (), found.alignment, found.space, found.scores, numbers, found.scenes, found.heard,
               tuple(dict.fromkeys(said))),
        cached,
    )  # fmt: skip


def _keep(folder: str | None, key: str, found: Kept) -> tuple[str, ...]:
    """A note where that is not possible. What lacks something is not kept: it may be there the next time."""
    try:
        if folder and not found.scores.notes:
            cache.put(folder, key, found)
    except OSError as error:
        return (f"scores are not kept for the next time: {folder}: {error.strerror or error}",)
    return ()


def _measured(work: _Work, index: int, media: Media) -> Kept:
    reference, asked = work.reference, work.asked
    laying = work.progress.of(index, 0.0, LAYING)
    guess, notes, done = _begun(work, index, media, laying)
    while True:
        alignment = guess.alignment
        others: tuple[str, ...] = ()
        try:
            where, scores = done or _scored(work, index, media, guess)
            doubts, others = _doubts(reference, alignment, scores)
        except Contradicted as error:
            doubts = error.args
        if not doubts or alignment.method in ("given", "content"):
            break
        guess, done = guessed.Guess(_again(work, media, alignment, doubts, laying)), None
        by = "by content" if guess.alignment.method == "content" else "by every stamp"
        notes = (f"{'; '.join(doubts)}: laid {by} instead",)
    notes += (*doubts, *others)
    alignment = align.confirmed(alignment, scores.thumbs) if scores.thumbs else alignment
    heard, more = _heard(work, index, media, alignment)
    paths = (asked.reference, media.path)
    command, lacking = (provenance.as_given(each, asked, paths) for each in (scores.command, scores.notes))
    found = scenes(scores, reference.video.rate)
    numbers = pooled(scores, reference.video.rate)
    mislead = misleading.notes(reference, media, alignment, where, numbers, asked, scores)
    told = replace(scores, command=command, notes=lacking, thumbs=None)
    return Kept(alignment, where, told, found, heard, (*notes, *more, *mislead))


def _doubts(reference: Media, alignment: Alignment, scores: Scores) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the scored pictures say against the alignment; and which of them show something else, if that is no part."""
    if not scores.thumbs:
        return (), ()
    doubts = align.verify(alignment, scores.thumbs)
    others, share = align.strangers(alignment, scores.thumbs, measuring.rate(reference, alignment.runs))
    return ((*doubts, *others), ()) if share > MOST and alignment.method == "timestamps" else (doubts, others)


def _again(
    work: _Work, media: Media, before: Alignment, doubts: tuple[str, ...], laying: Callable[[Step], None]
) -> Alignment:
    """Laid anew after these doubts."""
    try:
        return align.again(work.reference, media, before, work.asked, laying)
    except Unlike as why:
        raise Unlike(f"{why}\n{media.path}: laid by {before.method}, {'; '.join(doubts)}") from None


def _begun(
    work: _Work, index: int, media: Media, laying: Callable[[Step], None]
) -> tuple[Guess, tuple[str, ...], tuple[Space, Scores] | None]:
    """The test on the reference, notes on that, and its scores where it was scored by a guess that proved right."""
    guess = guessed.laid(work.reference, media, work.asked, laying)
    if guess.proof is None:
        return *_believed(work, media, guess, laying), None
    try:
        done = _scored(work, index, media, guess)
    except (Contradicted, Unfit):
        if work.progress.stopped.is_set():
            raise
        found = None
    else:
        found = guess.proof()
    if found is None:
        del guess  # What came out of scoring is as large as all that is read anew.
        alignment = align.align(work.reference, media, work.asked, laying)
        return *_believed(work, media, guessed.Guess(alignment), laying), None
    return guessed.Guess(found), (), done if found.runs == guess.alignment.runs else None


def _believed(work: _Work, media: Media, guess: Guess, laying: Callable[[Step], None]) -> tuple[Guess, tuple[str, ...]]:
    """Times alone are not believed where the test would be moved in space, too."""
    reference, asked, alignment = work.reference, work.asked, guess.alignment
    if alignment.method != "timestamps" or alignment.confidence >= align.CONFIRMED:
        return guess, ()
    bars = crop.bars(reference, media, asked)
    guess = guess._replace(bars=bars)
    with contextlib.suppress(Unlike):
        part = registering.part(reference, media, alignment, asked, bars.test, bars.reference is not None, guess.had)
        if part is None or part.reference is None:
            return guess._replace(parts=(part,)), ()
    with contextlib.suppress(Unlike):
        found = align.again(reference, media, alignment, asked, laying)
        said = "laid by its times the test would show a part of the picture, or none: laid by content instead"
        return guessed.Guess(found), (said,)
    return guess, ()


def _scored(work: _Work, index: int, media: Media, guess: Guess) -> tuple[Space, Scores]:
    """Raises Contradicted where the pictures say that the alignment is wrong, if another could be found."""
    alignment, aside = guess.alignment, guess.asides
    bars = guess.bars or crop.bars(work.reference, media, work.asked)
    barred = bars.reference is not None
    (part,) = guess.parts or (
        registering.part(work.reference, media, alignment, work.asked, bars.test, barred, guess.had),
    )
    if bars.reference is not None and (part is None or part.reference is None):
        left = "{}:{}:{}:{}".format(*bars.reference)
        raise Unlike(f"{media.path}: the reference has black bars that the test has not; cut them from the reference "
                     f"(FFmpeg's crop={left}), or say --crop off if they are content")  # fmt: skip
    where = space(work.reference, media, work.asked, bars.test, part)
    told = work.progress.of(index, LAYING, SCORING)
    looks = Glances(alignment) if aside or alignment.method in ("stamp", "timestamps") else None
    stop = work.progress.stopped
    return where, scoring.score(work.reference, media, alignment, where, work.asked, told, stop, looks, aside)


def _heard(work: _Work, index: int, media: Media, alignment: Alignment) -> tuple[Heard | None, tuple[str, ...]]:
    """Its sound, and a note where that cannot be compared."""
    if not work.asked.sound or work.reference.audio is None:
        return None, ()
    from qoe_agent.compare import sound  # what decodes it takes a while to come, and many files have none

    work.progress.came(index, (LAYING + SCORING) / (LAYING + SCORING + HEARING), f"hearing {media.path}")
    try:
        return sound.heard(work.reference, media, alignment), ()
    except Unfit as error:
        return None, (f"sound is not compared: {error}",)


def _compared(
    asked: Asked, reference: Media, done: Sequence[_Done], used: dict[str, str], about: tuple[str, ...], took: float
) -> Compared:
    rng = np.random.default_rng(SEED)
    tests = tuple(each.test for each in done)
    against = tuple(pair for a, b in combinations(tests, 2) for pair in pairs(a, b, rng))
    kept = [each.test.name for each in done if each.cached]
    used_models = [each for each in models.chosen(asked.models)
                   if any(f"vmaf[{each.name}]" in test.pooled for test in tests)]  # fmt: skip
    return Compared(
        verdicts.verdict(tests, against), reference, tests, against,
        provenance.told(asked, reference, tests, kept, used, took),
        (*reference.notes, *footing.notes(tests), *about, *models.suited(used_models, reference)),
    )  # fmt: skip
