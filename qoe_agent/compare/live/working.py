"""What a live comparison does on the side, one job at a time: samples measured in full, strips of pictures drawn."""

from __future__ import annotations

import asyncio
from subprocess import SubprocessError
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.compare.live import scoring, strips
from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from qoe_agent.compare.live.paired import Paired

NEWEST = 25
"""Seconds, of those that all outputs have, among which the worst are looked for: their packets are still there."""
LAST = 30.0
"""Seconds that what is under way may take when all else is over."""


class Work:
    """Call `step` once a second."""

    def __init__(self, paired: Paired) -> None:
        self._paired, self.strips = paired, strips.Strips()
        self._task: asyncio.Task[None] | None = None
        self._due = 0.0
        self.samples = 0
        """That were measured of all outputs."""
        self.failed: dict[str, int] = {}
        """Why samples could not be measured, and how often."""
        self.versions: dict[str, str] = {}
        """Of what measured them."""

    def step(self) -> None:
        """Begin what is due, if nothing is under way."""
        if self._task is not None and not self._task.done():
            return
        if self._task is not None:
            self._task.result()
        self._task = None
        job = self._sample() or self._strip()
        if job is not None:
            self._task = asyncio.ensure_future(job)

    async def end(self) -> None:
        """Wait for what is under way; and draw what is still to be drawn."""
        while self._task is not None:
            await asyncio.wait({self._task}, timeout=LAST)
            if not self._task.done():
                self._task.cancel()
                return
            self._task.result()
            job = self._strip()
            self._task = None if job is None else asyncio.ensure_future(job)

    def begin_last(self) -> None:
        """Nothing more comes: what there is, is looked at once more."""
        if self._task is None and (job := self._strip()) is not None:
            self._task = asyncio.ensure_future(job)

    def _sample(self) -> Awaitable[None] | None:
        paired = self._paired
        if paired.reference is None or not paired.laying.ready or clock.now() < self._due:
            return None
        recent = paired.common(NEWEST)
        if len(recent) < scoring.BURST + 1:
            return None
        number = recent[-1].number - scoring.BURST
        cuts = [scoring.cut(each.taken, laid, number)
                for each, laid in zip(paired.outputs, paired.laying.laid, strict=True)]  # fmt: skip
        self._due = clock.now() + scoring.EVERY
        ours = cuts[paired.reference]
        if ours is None or any(each is None for each in cuts):
            self._fail("packets of it were no longer kept")
            return None
        tests = {n: part for n in paired.tests if (part := cuts[n]) is not None}
        return self._measure(ours, tests, number)

    async def _measure(self, ours: scoring.Cut, tests: dict[int, scoring.Cut], number: int) -> None:
        began = clock.now()
        try:
            found = {n: await asyncio.to_thread(scoring.measured, ours, part, number) for n, part in tests.items()}
        except (Unfit, OSError, SubprocessError) as error:
            self._fail(str(error).splitlines()[0])
            return
        finally:
            took = clock.now() - began
            self._due = max(self._due, clock.now() + took)
        for n, sample in found.items():
            self.versions |= dict(sample.versions)
            for second, metrics in sample.seconds.items():
                self._paired.seconds.score(second, n, metrics)
        self.samples += 1

    def _fail(self, why: str) -> None:
        self.failed[why] = self.failed.get(why, 0) + 1

    def _strip(self) -> Awaitable[None] | None:
        paired = self._paired
        recent = paired.common(NEWEST)
        names = [each.name for each in paired.outputs]
        moment = self.strips.wanted(strips.moments(recent, paired.pairs, names))
        if moment is None:
            return None
        parts = [
            strips.gathered(each.taken, laid, moment.second + 0.5)
            for each, laid in zip(paired.outputs, paired.laying.laid, strict=True)
        ]
        return self._draw(moment, parts)

    async def _draw(self, moment: strips.Moment, parts: list[strips.Part | None]) -> None:
        self.strips.keep(moment, await asyncio.to_thread(strips.strip, moment, parts))

    def provenance(self) -> dict[str, Any]:
        """What was measured how."""
        if self._paired.reference is None:
            return {}
        return {"full_reference": {"samples": self.samples, "seconds_each": scoring.BURST, "model": "v1",
                                   **self.versions}}  # fmt: skip

    def notes(self) -> list[str]:
        """What to bear in mind of it."""
        said = []
        if self.samples:
            said.append(f"Full-reference metrics are of {self.samples} samples of {scoring.BURST} s, one in "
                        f"{scoring.EVERY:.0f} s at most; {scoring.MOST:.0f} dB: pictures are the same.")  # fmt: skip
        said += [f"A sample could not be measured ({times} times): {why}." for why, times in self.failed.items()]
        return said
