"""What reading CMCD costs beside http-sf: `python -m tests.bench.bench_cmcd [--rounds 5] [--records 4000]`.

Bodies of twenty records go through `cmcd.from_body`, which also checks types and names; the same records go through
http-sf's dictionary parser, which does not. In turns, CPU time of one core, best of the rounds. Goal: the ratio is at
least 3 for what players write; 50,000 records a second are an orientation.
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import TYPE_CHECKING

import http_sf

from qoe_agent.viewers import cmcd

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = 3.0
BATCH = 20
SIZES = (4096, 16384, 65536, 262144)
EVENT = (
    'bl=(4000),br=(3000),bs,cid="stream-1",com.qoe-arm="hd",com.qoe-user="u{n}",e=ps,ltc=3200,msd=812,'
    'sid="550e8400-e29b-41d4-a716-4466554{n:05}",sn={n},sta=p,ts={t},v=2'
)
SHORT = 'cid="stream-1",e=t,sid="550e8400-e29b-41d4-a716-4466554{n:05}",sn={n},sta=p,ts={t},v=2'
TYPED = (
    'bl=(6000),br=(4200;v 256;a),cid="content-{n}",e=t,h="example.com",lb=(523;v 64;a),mtp=(87000;v 49000;a),'
    'pb=(4200;v 256;a),pt={n},sf=d,sid="session-{n}",sn={n},st=v,sta=p,tb=(4200;v 256;a),ts={t},v=2'
)
FIRST = (
    'bl=21300,br=3200,bs,cid="faec5fc2-ac30-11ea-bb37-0242ac{n:06}",d=4004,dl=18500,mtp=48100,nor="..%2F300kbps'
    '%2Fsegment{n}.m4v",nrr="12323-48763",ot=v,pr=1.08,rtp=12000,sf=d,sid="6e2fb550-c457-11e9-bb97-{n}",st=v,tb=6000'
)
AWKWARD = 'br=(3000),cid="one, two \\"{n}\\"",com.qoe-arm="hd",e=ps,sid="session-{n}",sn={n},sta=p,ts={t},v=2'
DAMAGED = 'bl=(4000),br=3000,cdn="a",cid="stream-1",com.qoe-arm="hd,e=ps,foo=,sid="session-{n}",sn={n},sta=p,ts={t},v=2'
LONG = ('a="', "a=(1 ", 'a=(",', "a=1,", 'a="b"c,', "a;b=", "(", '"', '\\"', 'a=("x" ', "\\", ",")
"""What a bad reader would run over again and again."""
KINDS = {
    "event, reference reporter": EVENT,
    "event, few keys": SHORT,
    "event, lists by object type": TYPED,
    "version 1": FIRST,
    "commas and quotes in strings": AWKWARD,
}


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one run."""
    before = process_time()
    work()
    return process_time() - before


def compare(kind: str, rounds: int, count: int) -> tuple[float, float]:
    """Records a second of ours and of http-sf."""
    lines = [kind.format(n=n, t=1795291047238 + n) for n in range(count)]
    bodies = ["\n".join(lines[at : at + BATCH]).encode() for at in range(0, count, BATCH)]
    raw = [line.encode() for line in lines]
    ours = theirs = float("inf")
    for _ in range(rounds):
        ours = min(ours, cpu(lambda: [cmcd.from_body(body) for body in bodies]))
        theirs = min(theirs, cpu(lambda: [http_sf.parse(line, tltype="dictionary") for line in raw]))
    assert sum(len(cmcd.from_body(body).records) for body in bodies) == count
    return count / ours, count / theirs


def per_kilobyte(piece: str, size: int, rounds: int) -> float:
    """Microseconds for each KiB of a record of that size."""
    text = piece * (size // len(piece))
    limits = cmcd.Limits(record=size, keys=size)
    return min(cpu(lambda: cmcd.from_body(text, limits)) for _ in range(rounds)) * 1e6 / (size / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=4000)
    said = parser.parse_args()
    print(f"{BATCH} records to a body, {said.records} records, best of {said.rounds}; goal: {GOAL:g} times\n")
    print("| | records/s | http-sf | ratio |\n|---|---|---|---|")
    for name, kind in KINDS.items():
        ours, theirs = compare(kind, said.rounds, said.records)
        print(f"| {name} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.1f} |")
    damaged = [DAMAGED.format(n=n, t=1795291047238 + n) for n in range(said.records)]
    took = min(
        cpu(lambda: cmcd.from_body("\n".join(damaged), cmcd.Limits(records=said.records))) for _ in range(said.rounds)
    )
    print(f"| damaged (http-sf drops it whole) | {said.records / took:,.0f} | | |")
    print("\nMicroseconds a kilobyte of one record of so many repeats; the same in a row means linear time.\n")
    print(f"| | {' | '.join(f'{size // 1024} KiB' for size in SIZES)} |\n|---|{'---|' * len(SIZES)}")
    for piece in LONG:
        print(f"| `{piece}` | {' | '.join(f'{per_kilobyte(piece, size, said.rounds):.0f}' for size in SIZES)} |")


if __name__ == "__main__":
    main()
