"""What others print as examples is read whole: CTA-5004-B §8, and the vectors of the reference library.

`cmcd_examples.txt` has a report of the standard's a line, of requests and of events. The library is @svta/cml-cmcd
(Apache-2.0), libs/cmcd/test/data. It also writes `cdn`, which the standard does not have.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from qoe_agent.viewers import cmcd
from qoe_agent.viewers.cmcd_keys import HEADERS, KEYS

EXAMPLES = Path(__file__).with_name("cmcd_examples.txt").read_text().splitlines()
EVENTS = [text for text in EXAMPLES if re.search("(^|,)e=", text)]
REQUESTS = [text for text in EXAMPLES if text not in EVENTS]

SHARDS = {
    "CMCD-Object": 'ab=(2500),br=(200),com.example-hello="world",d=325,lab=(200),lb=(100),ot=m,tab=(3000),tb=(5000),'
    "tpb=(4000)",
    "CMCD-Status": 'bg,bs,bsd=(2000),cdn="cdn-provider",com.example-exists,ec=("ERR001" "ERR002"),pt=45000,rtp=8000',
    "CMCD-Request": 'bl=(5000),com.example-quote="\\"Quote\\"",com.example-token=s,cs="123456",dfa=5,dl=10000,ltc=1500,'
    'mtp=(10000),nor=("../testing/3.m4v"),pb=(1000),sn=1,sta=p,su,tbl=(8000)',
    "CMCD-Session": 'cid="content-id",com.example-testing=1234,msd=2500,sf=d,sid="session-id",st=v,v=2',
}
"""CMCD_HEADERS; CMCD_STRING_REQUEST is the same in one, by name."""
REQUEST = ",".join(sorted(",".join(SHARDS.values()).split(","), key=lambda member: re.split("[=,]", member)[0]))
EVENT = REQUEST.replace('dl=10000,ec=("E', 'dl=10000,e=t,ec=("E').replace(",v=2", ",ts=1640995200000,v=2")
ANSWERED = (
    'cmsdd="base64-encoded-cmsd-dynamic-data",cmsds="base64-encoded-cmsd-static-data",rc=200,smrt="12345",ttfb=150,'
    'ttfbb=200,ttlb=500,url="https://example.com/media/segment.m4s"'
)
RESPONSE = f"{EVENT.replace('e=t', 'e=rr')},{ANSWERED}"
FIRST = (
    'bl=5000,br=200,bs,cid="content-id",com.example-exists,com.example-hello="world",com.example-quote="\\"Quote\\"",'
    'com.example-testing=1234,com.example-token=s,d=325,dl=10000,mtp=10000,nor="..%2Ftesting%2F3.m4v",ot=m,rtp=8000,'
    'sf=d,sid="session-id",st=v,su,tb=5000'
)
"""CMCD_STRING_V1."""


def one(number: int) -> tuple[tuple[int, None], ...]:
    return ((number, None),)


CUSTOM = {"exists": "true", "hello": "world", "quote": '"Quote"', "testing": "1234", "token": "s"}
OF_BOTH = {
    **{"bl": one(5000), "br": one(200), "bs": True, "cid": "content-id", "d": 325, "dl": 10000, "mtp": one(10000)},
    **{"nor": (("../testing/3.m4v", None),), "ot": "m", "rtp": 8000, "sf": "d", "sid": "session-id", "st": "v"},
    **{"su": True, "tb": one(5000)},
}
OUTPUT = {
    **{"ab": one(2500), "bg": True, "bsd": one(2000), "cs": "123456", "dfa": 5, "ec": ("ERR001", "ERR002")},
    **{"lab": one(200), "lb": one(100), "ltc": 1500, "msd": 2500, "pb": one(1000), "pt": 45000, "sn": 1, "sta": "p"},
    **{"tab": one(3000), "tbl": one(8000), "tpb": one(4000), "v": 2, **OF_BOTH},
}
"""CMCD_OUTPUT."""


@pytest.mark.parametrize("text", REQUESTS)
def test_a_request_of_the_standard(text: str) -> None:
    members = re.split(r",(?=[a-z]+(?:[=,]|$))", text)
    names = [member.partition("=")[0] for member in members]
    reading = cmcd.from_query(f"CMCD={quote(text, safe='')}")
    (record,) = reading.records
    assert not reading.dropped
    assert sorted(record.values) == sorted(names)
    shards = [(f"CMCD-{KEYS[name].header}", member) for name, member in zip(names, members, strict=True)]
    assert {name.lower() for name, _ in shards} <= set(HEADERS)
    assert cmcd.from_headers(shards) == reading


@pytest.mark.parametrize("text", EVENTS)
def test_an_event_of_the_standard(text: str) -> None:
    reading = cmcd.from_body(text)
    (record,) = reading.records
    assert not reading.dropped
    assert not record.missing
    names = re.findall(r"(?:^|,) *([a-z]+)(?=[ =,]|$)", re.sub(r'"[^"]*"|\([^)]*\)', "", text))
    assert sorted(record.values) == sorted(names)


def test_the_standard_prints_as_many() -> None:
    assert (len(REQUESTS), len(EVENTS)) == (16, 19)


@pytest.mark.parametrize(("text", "more"), [(REQUEST, {}), (EVENT, {"e": "t", "ts": 1640995200000})])
def test_a_report_of_the_library(text: str, more: dict[str, object]) -> None:
    reading = cmcd.from_body(text) if more else cmcd.from_query(f"CMCD={quote(text)}")
    (record,) = reading.records
    assert record.values == {**OUTPUT, **more}
    assert record.custom == {f"com.example-{name}": value for name, value in CUSTOM.items()}
    assert reading.dropped == {"unknown": 1}
    assert more or reading == cmcd.from_headers(SHARDS.items())


def test_a_response_of_the_library() -> None:
    (record,) = cmcd.from_body(RESPONSE).records
    said = dict(member.split("=", 1) for member in ANSWERED.split(","))
    told = {name: value.strip('"') if '"' in value else int(value) for name, value in said.items()}
    assert record.values == {**OUTPUT, "e": "rr", "ts": 1640995200000, **told}


def test_version_1_of_the_library_is_converted_up_to_its_version_2() -> None:
    reading = cmcd.from_query(f"CMCD={quote(FIRST)}")
    (record,) = reading.records
    assert not reading.dropped
    assert (record.version, record.values) == (1, OF_BOTH)
    assert record.custom == {f"com.example-{name}": value for name, value in CUSTOM.items()}
