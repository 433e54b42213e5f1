"""Jobs done: those that are missing, on this machine or on an engine that is there already; the others are kept."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from qoe_agent.compare.shapes import Step, Unfit
from qoe_agent.compare.sweep import working
from qoe_agent.compare.sweep.shapes import Failure
from qoe_agent.tether import tether

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qoe_agent.compare.shapes import Media
    from qoe_agent.compare.sweep.jobs import Job
    from qoe_agent.compare.sweep.kept import Folder, Result
    from qoe_agent.compare.sweep.working import How, NotHere, Task

BATCH = 16
"""Encodes that wait on disk for their scores: so many are made one at a time before any is scored."""
ENGINES = {
    "joblib": "pip install joblib",
    "dask": "pip install joblib 'dask[distributed]'",
    "ray": "pip install joblib 'ray[default]'",
}

_ENDED = threading.Event()
"""This process is a worker, and was told to end."""


@dataclass(slots=True)
class Runner:
    """Does jobs, and remembers what came of them."""

    folder: Folder
    how: How
    references: dict[str, Media]
    """By digest."""
    clips: dict[str, str]
    """Their names, by digest."""
    heard: Callable[[Step], None]
    alone: bool = True
    """Encodes one at a time, scores between them: what is timed has the machine to itself."""
    keep: bool = False
    engine: str = ""
    """`joblib`, `dask` or `ray`, and with = its address; nothing: this machine."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    results: dict[str, Result] = field(default_factory=dict)
    """By key."""
    failures: dict[str, Failure] = field(default_factory=dict)
    absent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Jobs left out, by encoder and why it is not here."""

    def run(self, jobs: Sequence[Job]) -> None:
        """Do what is not kept; a job that fails does not end the others."""
        missing = [job for job in jobs if not self.known(job)]
        if self.engine or not self.alone:
            self._beside(missing)
        else:
            self._alone(missing)

    def of(self, job: Job) -> Result | None:
        """What came of a job; None: nothing."""
        return self.results.get(job.key(self.how.version))

    def known(self, job: Job) -> bool:
        """Whether an earlier run, or this one, has all that is asked of a job."""
        key = job.key(self.how.version)
        kept = self.results.get(key) or self.folder.get(key)
        if kept is None or kept.scored != self.how.scored or len(kept.encoded.wall) < job.repeats:
            return False
        if self.keep and not os.path.exists(self.folder.video(key)):
            return False
        clip = self.clips[job.digest]
        self.results[key] = replace(
            kept, encoded=replace(kept.encoded, setting=working.setting(job), clip=clip, kept=True)
        )
        return True

    def _alone(self, jobs: Sequence[Job]) -> None:
        for done in range(0, len(jobs), BATCH):
            batch = jobs[done : done + BATCH]
            made = [(job, self._encoded(job, done + at, len(jobs))) for at, job in enumerate(batch)]
            for at, (job, result) in enumerate(made):
                if result is not None:
                    self._scored(job, result, done + (len(batch) + at) / 2, len(jobs))

    def _encoded(self, job: Job, done: float, total: int) -> Result | None:
        """An encode, perhaps of an earlier run that was ended before it was scored."""
        key = job.key(self.how.version)
        path, kept = self.folder.video(key), self.folder.get(key)
        if kept is not None and len(kept.encoded.wall) >= job.repeats and os.path.exists(path):
            return kept
        text = f"encoding {job.title}"

        def heard(share: float) -> None:
            self.heard(Step(text, done + share / 2, total))

        heard(0.0)
        result: Result | None = None
        with self._faults(job), self.folder.work() as work:
            result = working.encoded(job, self.how, self.clips[job.digest], work, path, heard)
            self.folder.put(result)
        return result

    def _scored(self, job: Job, result: Result, done: float, total: int) -> None:
        path = self.folder.video(result.encoded.key)
        reference = self.references[job.digest]

        def heard(share: float) -> None:
            self.heard(Step(f"scoring {job.title}", done + share / 2, total))

        with self._faults(job):
            self._take(job, working.scored(result, self.how, reference, path, heard))
        if not self.keep:
            self.folder.forget(result.encoded.key)

    def _take(self, job: Job, found: Result | Failure | NotHere) -> None:
        key = job.key(self.how.version)
        if isinstance(found, Failure):
            self.failures[key] = found
        elif isinstance(found, working.NotHere):
            self.absent[job.encoder, str(found)] += 1
        else:
            self.results[key] = found
            self.folder.put(found)

    @contextlib.contextmanager
    def _faults(self, job: Job) -> Iterator[None]:
        """What goes wrong with one job is noted, and the others go on."""
        try:
            yield
        except working.NotHere as error:
            self._take(job, error)
        except (Unfit, OSError) as error:
            self._take(job, Failure(job.key(self.how.version), job.title, self.clips[job.digest], str(error)))

    def _beside(self, jobs: Sequence[Job]) -> None:
        """Whole jobs, many at once."""
        by_key = {job.key(self.how.version): job for job in jobs}
        tasks = [(key, self._task(job)) for key, job in by_key.items()]
        self.heard(Step("encoding and scoring", 0, len(tasks)))
        done = _on(self.engine, tasks) if self.engine else _pool(self.workers, tasks)
        for count, (key, found) in enumerate(done, 1):
            self._take(by_key[key], found)
            self.heard(Step(f"done {by_key[key].title}", count, len(tasks)))

    def _task(self, job: Job) -> Task:
        keep = self.folder.video(job.key(self.how.version)) if self.keep else None
        how = replace(self.how, threads=1)
        return working.Task(job, how, self.clips[job.digest], self.references[job.digest], keep)


def one(key: str, task: Task) -> tuple[str, Result | Failure | NotHere]:
    """A job with its key, as results come in any order."""
    if _ENDED.is_set():  # the pool takes the end of a job for a result, and has the next at hand
        raise SystemExit
    return key, working.whole(task)


def _ready() -> None:
    """In a worker: Ctrl-C is the parent's to hear; what the parent then sends ends the encoder, too."""

    def end(number: int, _: object) -> NoReturn:
        _ENDED.set()
        raise SystemExit(128 + number)

    tether()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)


def _pool(workers: int, tasks: Sequence[tuple[str, Task]]) -> Iterator[tuple[str, Result | Failure | NotHere]]:
    """On this machine, a process for each core."""
    if not tasks:
        return
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=fresh, initializer=_ready) as pool:
        futures = [pool.submit(one, *task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid or 0, signal.SIGTERM)
            raise


def _on(engine: str, tasks: Sequence[tuple[str, Task]]) -> Iterator[tuple[str, Result | Failure | NotHere]]:
    """On an engine that joblib knows, at an address where it runs already. Raises Unfit."""
    name, _, address = engine.partition("=")
    try:
        import joblib

        with contextlib.ExitStack() as open_until_done:
            settings = _joined(name, address, open_until_done)
            with joblib.parallel_config(**settings):
                yield from _parallel(joblib, tasks)
    except ImportError as error:
        raise Unfit(f"--backend {name}: {error.name or error} is not installed: {ENGINES[name]}") from None


def _joined(name: str, address: str, stack: contextlib.ExitStack) -> dict[str, object]:
    """What joblib must be told, once the engine has been joined."""
    try:
        if name == "dask":
            from dask.distributed import Client

            client = stack.enter_context(Client(address or None, set_as_default=True))
            return {"backend": "dask", "client": client} if address else {"backend": "dask"}
        if name == "ray":
            import ray
            from ray.util.joblib import register_ray

            ray.init(address=address or None, ignore_reinit_error=True, log_to_driver=False)
            stack.callback(ray.shutdown)
            register_ray()
            return {"backend": "ray"}
    except (OSError, ConnectionError, ValueError) as error:
        raise Unfit(f"--backend {name}={address}: cannot be reached: {error}") from None
    return {"backend": "loky", "n_jobs": -1}


def _parallel(joblib: object, tasks: Sequence[tuple[str, Task]]) -> Iterable[tuple[str, Result | Failure | NotHere]]:
    parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)  # type: ignore[attr-defined]
    calls = [joblib.delayed(one)(*task) for task in tasks]  # type: ignore[attr-defined]
    found: Iterable[tuple[str, Result | Failure | NotHere]] = parallel(calls)
    return found
