"""Which of n shards owns a name, by rendezvous (highest random weight) hashing.

Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking 6(1),
1998: every shard draws a weight for the name, and the highest one owns it. Each shard has the same chance, so the
spread is even; and a shard that is added takes only what it now wins (1/(n+1) of all), one that is removed leaves
only what was its own. The weights depend on nothing but name and shard: every agent, version and machine agrees.
"""

from __future__ import annotations

from hashlib import blake2b

_PERSON = b"qoe-agent shard"


def weight(name: str, shard: int) -> int:
    """What `shard` draws for `name`: 64 bits, uniform."""
    salt = shard.to_bytes(16, "little")
    return int.from_bytes(blake2b(name.encode(), digest_size=8, salt=salt, person=_PERSON).digest())


def owns(name: str, shard: int, shards: int) -> bool:
    """Whether `name` belongs to `shard`, one of 0 … `shards` - 1; the lower one where two draw the same."""
    drawn = weight(name, shard), -shard
    return shard < shards and all((weight(name, other), -other) <= drawn for other in range(shards))
