"""Packets to Pictures and Sounds: decoding and the probes' looks, on threads of their own.

A lane is one thread; a stream stays on its lane, so its looks run in stream order. Key frames are decoded by
decoders that all streams of the same parameter sets share (packet, drain, flush: bit-exact for H.264 with B
frames and open GOPs, HEVC and AV1); a decoder that met an error is thrown away, so that one stream's damage
never colours another. When a lane is late, decoding is skipped and counted; packets never are.
"""

from qoe_agent.decode.decoding import Decoding
from qoe_agent.decode.lanes import Lane, Pool
from qoe_agent.decode.looks import Guard
from qoe_agent.decode.snapshots import Audience, Snapshots

__all__ = ["Audience", "Decoding", "Guard", "Lane", "Pool", "Snapshots"]
