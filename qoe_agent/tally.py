"""What watching a stream costs the agent, and what it left out: put on the board once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.decode.thrift import KINDS
from qoe_agent.model import Metric, Sample

if TYPE_CHECKING:
    from qoe_agent.decode import Decoding
    from qoe_agent.ring import Ring
    from qoe_agent.sink import Key, Sink

SKIPPED = Metric(
    "qoe_agent_decode_skipped_total", "counter", "Decoding left out because the agent was late or had used its CPU "
    f"budget, by kind: {'; '.join(f'{kind}: {meaning}' for kind, meaning in KINDS.items())}.", ("kind",),
)  # fmt: skip
CPU = Metric(
    "qoe_agent_stream_decode_cpu_seconds_total", "counter", "CPU time that decoding the stream took, with all looks at "
    "pictures and sound; join probes are not in it.",
)  # fmt: skip
RING = Metric("qoe_agent_ring_seconds", "gauge", "How far back the stream's packet ring reaches.")
RING_BYTES = Metric(
    "qoe_agent_ring_bytes", "gauge", "Memory that the stream's packet ring takes: most of what a stream needs."
)
METRICS = (SKIPPED, CPU, RING, RING_BYTES)


class Tally:
    """Of one session."""

    def __init__(self, board: Sink, key: Key, decoding: Decoding, ring: Ring) -> None:
        self._board, self._key, self._decoding, self._ring = board, key, decoding, ring
        self._skipped = dict.fromkeys(KINDS, 0)
        self._cpu = 0.0

    def tick(self, now: float, *, dead: bool) -> None:
        """A second has passed; `dead`: the stream has no state."""
        for kind, count in self._decoding.skipped.items():
            if count > self._skipped[kind]:
                self._board.put(self._key, Sample(SKIPPED, count - self._skipped[kind], (kind,)), now)
                self._skipped[kind] = count
        cpu = self._decoding.cpu
        self._board.put(self._key, Sample(CPU, cpu - self._cpu), now)
        self._cpu = cpu
        if not dead:
            self._board.put(self._key, Sample(RING, self._ring.seconds), now)
            self._board.put(self._key, Sample(RING_BYTES, self._ring.size), now)
