"""Work that goes side by side, and ends together."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GRACE = 0.7
"""Seconds that work may take to end after an interrupt."""
Found = TypeVar("Found")


def together(jobs: Sequence[Callable[[], Found]], workers: int, stop: Callable[[], None]) -> list[Found]:
    """What they return, in order; when one fails, the others are stopped and waited for.

    They are when somebody interrupts, too, but not for longer than `GRACE`.
    """
    pool = ThreadPoolExecutor(workers)
    futures = [pool.submit(job) for job in jobs]
    try:
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        return [future.result() for future in futures]
    except BaseException as error:
        stop()
        pool.shutdown(wait=False, cancel_futures=True)
        # Programs are ended within that time; who interrupts does not wait for what is being decoded.
        patience = GRACE if isinstance(error, KeyboardInterrupt) else None
        wait([each for each in futures if not each.cancelled()], patience)
        raise
    finally:
        pool.shutdown(wait=False)
