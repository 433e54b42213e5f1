"""CMCD as CTA-5004-B (§8) and the reference reporter write it, and what a server MUST do with it (§6)."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from qoe_agent.viewers import cmcd, fields
from qoe_agent.viewers.cmcd_keys import KEYS, TABLE
from qoe_agent.viewers.cmcd_values import MOST_ITEMS

DATA = Path(__file__).parents[2].parent / "shared" / "data"

COMPLEX = (
    'bg,bl=(2100;v 1800;a),br=(3000;v 164;a),bs,bsa=(3;v),bsd=(1200;v 100;a),bsda=(4150;v 300;a),cid="content-id-123",'
    'cs="g48djn236sk2",d=4000,dfa=32,dl=1000,ec=("2001"),lb=(500;v 32;a),ltc=13500,msd=1700,mtp=(15000;v 6000;a),'
    'nor=("next-seg.mp4"),nr,ot=v,pb=(2000;v 164;a),pr=1.1,pt=632782,rtp=12000,sf=d,sid="session-id-123",sn=129,st=l,'
    "sta=p,su,tb=(6000;v 350;a),tbl=(2000;v 2000;a),tpb=(5000;v 164;a),v=2"
)
COMPLEX_VALUES = {
    **{"bg": True, "bl": ((2100, "v"), (1800, "a")), "br": ((3000, "v"), (164, "a")), "bs": True, "bsa": ((3, "v"),)},
    **{"bsd": ((1200, "v"), (100, "a")), "bsda": ((4150, "v"), (300, "a")), "cid": "content-id-123"},
    **{"cs": "g48djn236sk2", "d": 4000, "dfa": 32, "dl": 1000, "ec": ("2001",), "lb": ((500, "v"), (32, "a"))},
    **{"ltc": 13500, "msd": 1700, "mtp": ((15000, "v"), (6000, "a")), "nor": (("next-seg.mp4", None),), "nr": True},
    **{"ot": "v", "pb": ((2000, "v"), (164, "a")), "pr": 1.1, "pt": 632782, "rtp": 12000, "sf": "d"},
    **{"sid": "session-id-123", "sn": 129, "st": "l", "sta": "p", "su": True, "tb": ((6000, "v"), (350, "a"))},
    **{"tbl": ((2000, "v"), (2000, "a")), "tpb": ((5000, "v"), (164, "a")), "v": 2},
}
"""CTA-5004-B §8.1.8."""
RESPONSE = (
    'cid="bbb",cmsdd="ZXRwPTEyNTAwO3J0dD0zNTttYj02MDAwO3JkPTIwMA==",cmsds="c2lkPSI5YTNi",e=rr,'
    'nor=("video/segment-6.m4v"),ot=v,rc=200,sid="session1",ts=1763657019723,ttfb=180,ttfbb=190,ttlb=200,'
    'url="video/segment-5.m4v",v=2'
)
"""After §8.2.3."""


def event(text: str | bytes) -> cmcd.Record:
    """The one record of a body in which nothing is wrong."""
    reading = cmcd.from_body(text)
    assert not reading.dropped
    (record,) = reading.records
    return record


def both(text: str) -> cmcd.Reading:
    """The same from a query and from a header."""
    reading = cmcd.from_query(f"a=1&CMCD={quote(text, safe='')}&b=2")
    assert reading == cmcd.from_headers([("cmcd-Session", text)])
    return reading


def test_the_table_has_the_49_keys_of_the_standard() -> None:
    assert len(TABLE) == len(KEYS) == 49
    only_events = {"cen", "cmsdd", "cmsds", "e", "h", "rc", "smrt", "ts", "ttfb", "ttfbb", "ttlb", "url"}
    assert {key.name for key in TABLE if key.modes == ("event",)} == only_events
    first = {*("bl", "br", "bs", "cid", "d", "dl", "mtp", "nor", "ot", "pr", "rtp", "sf", "sid", "st", "su", "tb", "v")}
    assert {key.name for key in TABLE if key.first} == first  # and nrr, a parameter of nor in version 2


def test_every_request_key_in_every_way() -> None:
    (record,) = both(COMPLEX).records
    assert record == cmcd.Record("request", 2, COMPLEX_VALUES, {})
    of_each = {"Request": [], "Object": [], "Status": [], "Session": []}
    for member in reversed(COMPLEX.split(",")):
        header = KEYS[member.partition("=")[0]].header
        assert header
        of_each[header].append(member)
    sharded = [(f"CMCD-{name}", ",".join(of)) for name, of in of_each.items()]
    assert cmcd.from_headers([("Host", "a"), *sharded]).records == (record,)
    as_event = cmcd.from_body(COMPLEX)
    assert as_event.records == (cmcd.Record("event", 2, COMPLEX_VALUES, {}),)
    assert as_event.records[0].missing == ("e", "ts")


def test_a_report_as_the_standard_prints_it_with_spaces() -> None:
    """CTA-5004-B §8.2.2."""
    line = (
        'bl=(0),br=(4200;v 256;a),cid="c",e=t,h="example.com",lb=(523;v 64;a) ,pr=0,pt=111000, sf=d, sid="s",ts=5,v=2'
    )
    assert event(line) == event(line.replace(" ,", ",").replace(", ", ","))


def test_a_response_has_its_keys() -> None:
    values = event(RESPONSE).values
    assert values["rc"] == 200
    assert (values["ttfb"], values["ttfbb"], values["ttlb"]) == (180, 190, 200)
    assert values["url"] == "video/segment-5.m4v"
    assert values["cmsdd"] == "ZXRwPTEyNTAwO3J0dD0zNTttYj02MDAwO3JkPTIwMA=="
    assert event('e=rr,smrt="KCk7",ts=1,url="a",v=2').values["smrt"] == "KCk7"


@pytest.mark.parametrize(("name", "tokens"), [(key.name, key.tokens) for key in TABLE if key.tokens])
def test_each_token_and_no_other(name: str, tokens: frozenset[str]) -> None:
    for token in tokens:
        assert event(f"sn=1,{name}={token},v=2").values[name] == token
    assert cmcd.from_body(f"sn=1,{name}=zz,v=2").dropped == {"token": 1}
    assert cmcd.from_body(f'sn=1,{name}="{min(tokens)}",v=2').dropped == {"type": 1}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("bs=?0,su=?1,v=2", {"bs": False, "su": True}),
        ("bl=(3000;v;a),v=2", {"bl": ((3000, "v"), (3000, "a"))}),
        ("bl=(1;v=?0 2;a=?1 3;x),v=2", {"bl": ((1, None), (2, "a"), (3, None))}),
        ("bsd=(500;v 700;v),v=2", {"bsd": ((500, "v"), (700, "v"))}),
        ("bl=( 1;v   2; a ) , br=(7);x=1\t,\tv=2", {"bl": ((1, "v"), (2, "a")), "br": ((7, None),)}),
        ('nor=("a.m4s";r="0-99" "b";r="100-"),v=2', {"nor": (("a.m4s", "0-99"), ("b", "100-"))}),
        ('nor=("c";r="-5" "d"),v=2', {"nor": (("c", "-5"), ("d", None))}),
        ('ec=("E1" "a, \\"b\\" \\\\"),v=2', {"ec": ("E1", 'a, "b" \\')}),
        ('cid="one, two=(3) \\"x\\"",v=2', {"cid": 'one, two=(3) "x"'}),
        ('cid="a";b="c",v=2', {"cid": "a"}),
        ('ec=("E1" "E2"),v=2', {"ec": ("E1", "E2")}),
        (
            "ab=(2500),lab=(200;av),tab=(3000),v=2",
            {"ab": ((2500, None),), "lab": ((200, "av"),), "tab": ((3000, None),)},
        ),
        ("pr=0,v=2", {"pr": 0.0}),
        ("pr=-1.250,v=2", {"pr": -1.25}),
        ("ltc=-20,pt=-1,v=2", {"ltc": -20, "pt": -1}),
        ("ot=v;a=1;b,v=2", {"ot": "v"}),
        ("sn=1,sn=2,v=2", {"sn": 2}),
        ("v=2,d=007", {"d": 7}),
        ("d=999999999999999,v=1,v=2", {"d": 999999999999999}),
    ],
)
def test_values(text: str, values: dict[str, object]) -> None:
    reading = both(text)
    assert not reading.dropped
    assert reading.records[0].values == {**values, "v": 2}


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        *(
            (text, "malformed")
            for text in ("bs=", "=1", "cid=x y", 'cid="x', "br=(1", "d=1.", "", "d=1e3", "é=1", 'cid="a"b"')
        ),
        *(
            (text, "malformed")
            for text in ('cid="café"', "d=1234567890123456", "d==1", "br=(1/2)", "br=((1))", "pr=.5")
        ),
        *(
            (text, "type")
            for text in ("br", "br=3000", "d=(4)", 'd="4"', "d=4.0", "d=?1", "bs=1", "cid=x", "ot=?1", "ec=x")
        ),
        *((text, "type") for text in ("bl=(1.5)", "bl=(1 x)", "bl=(1;v=2)", 'nor="x"', "nor=(x)", "ec=(1)", "pr=?1")),
        *((text, "type") for text in ('nor=("a";r=1)', 'nor=("a";r="1-2,3-4")', "cid=:YQ==:", 'cid=%"a"', "sn=@5")),
        *((text, "token") for text in ("ot=x", "sta=playing", "st=d", "sf=x")),
        *((text, "range") for text in ("d=-1", "bl=(5 -1)", "sn=-3")),
        *((text, "empty") for text in ("bl=()", "ec=( )")),
        *(
            (text, "long")
            for text in (f'sid="{"x" * 65}"', f'cid="{"x" * 129}"', f'a-b="{"x" * 65}"', f"a-b={'x' * 65}")
        ),
        *((text, "unknown") for text in ("foo=1", "BR=(1)", "foo", "cdn=x", "nrr=x", "a-=1", "*x")),
        *((text, "mode") for text in ("ts=5", "e=ps", 'h="x"', 'url="x"', "rc=200", 'cen="x"', "ttfb=5")),
        (f"bl=({'1 ' * 101})", "many"),
        ("a-b=(1)", "type"),
    ],
)
def test_what_is_wrong_goes_by_itself(member: str, reason: str) -> None:
    for text in (f"{member},dl=1,su,v=2", f"dl=1,{member},su,v=2", f"dl=1,su,v=2,{member}"):
        reading = both(text)
        assert reading.records == (cmcd.Record("request", 2, {"dl": 1, "su": True, "v": 2}, {}),), text
        assert reading.dropped == {reason: 1}, text


def test_any_order_gives_the_same() -> None:
    members = COMPLEX.split(",")
    assert both(",".join(members[::-1])) == both(COMPLEX) == both(",".join(members[7:] + members[:7]))


def test_with_a_header_the_query_is_ignored() -> None:
    query = "CMCD=sid%3D%22q%22%2Cv%3D2"
    assert cmcd.from_request(query, [("Host", "x")]).records[0].values["sid"] == "q"
    of_header = cmcd.from_request(query, [("Host", "x"), ("cmcd-SESSION", 'sid="h",v=2')])
    assert [record.values["sid"] for record in of_header.records] == ["h"]
    assert cmcd.from_request(query, [("CMCD-Status", "")]) == cmcd.Reading()


def test_the_argument_is_in_capitals_and_decoded() -> None:
    assert cmcd.from_query("cmcd=bs&Cmcd=bs") == cmcd.Reading()
    assert cmcd.from_query("?x=CMCD&CMCD=bs%2Ccid%3D%22a+b%26c%22#CMCD=su").records[0].values == {
        "bs": True,
        "cid": "a b&c",
    }
    assert cmcd.from_query("CMCD=bs,d=4&CMCD=su").records[0].values == {"bs": True, "d": 4}
    assert cmcd.from_argument("bs%2Cd%3D4;").records[0].values == {"bs": True, "d": 4}


@pytest.mark.parametrize("text", ["br=(1),v=3", "v=3,br=(1)", 'v=2,v=4,com.x-a="b"', "e=ps,v=10,sta=p"])
def test_a_version_not_understood_drops_the_whole_report(text: str) -> None:
    assert both(text) == cmcd.Reading((), {"version": 1})
    assert cmcd.from_body(f"{text}\ne=t,ts=1,v=2").dropped == {"version": 1}


@pytest.mark.parametrize(
    ("said", "reason"), [("v=x", "type"), ("v=0", "range"), ("v=(2)", "type"), ("v=", "malformed")]
)
def test_a_version_that_is_none_is_the_first(said: str, reason: str) -> None:
    reading = both(f"br=5,{said}")
    assert reading.records[0].version == 1
    assert reading.dropped == {reason: 1}


def test_version_1_is_converted_up() -> None:
    first = 'bl=5000,br=200,bs,cid="c",d=325,mtp=10000,nor="..%2Ftesting%2F3.m4v",nrr="0-99",ot=m,pr=1.08,rtp=8000'
    second = 'bl=(5000),br=(200),bs,cid="c",d=325,mtp=(10000),nor=("../testing/3.m4v";r="0-99"),ot=m,pr=1.08,rtp=8000'
    (one,), (two,) = both(f"{first},tb=1").records, both(f"{second},tb=(1),v=2").records
    assert (one.version, two.version) == (1, 2)
    assert {**one.values, "v": 2} == two.values
    assert both("bs,v=1").records[0].version == 1
    assert both('nrr="5-"').records[0].values == {"nor": (("", "5-"),)}


def test_version_1_knows_neither_lists_nor_later_keys_and_tokens() -> None:
    reading = both("br=(1),ltc=5,sta=p,sf=e,st=ll,d=4")
    assert reading.records[0].values == {"d": 4}
    assert reading.dropped == {"type": 1, "unknown": 2, "token": 2}
    assert both(f'cid="{"x" * 65}",d=4').dropped == {"long": 1}


def test_custom_keys_are_kept_as_text() -> None:
    text = 'com.example-exists,com.example-hello="world",com.example-n=1234,com.example-q="\\"Q\\"",com.example-t=s'
    custom = {"exists": "true", "hello": "world", "n": "1234", "q": '"Q"', "t": "s"}
    for version in ("", ",v=2"):
        (record,) = both(f"bs,{text}{version}").records
        assert record.custom == {f"com.example-{name}": value for name, value in custom.items()}
    assert both('com.example-myStringKey="a",x-y=?0,x-z=1.50,x-e=""').records[0].custom == {
        **{"com.example-myStringKey": "a", "x-y": "false", "x-z": "1.5", "x-e": ""}
    }


def test_keys_of_other_events_are_dropped() -> None:
    reading = cmcd.from_body('cen="a",e=ps,rc=200,sta=p,ts=1,ttfb=5,v=2')
    assert reading.records[0].values == {"e": "ps", "sta": "p", "ts": 1, "v": 2}
    assert reading.dropped == {"event": 3}
    assert event('cen="a",e=ce,ts=1,v=2').values["cen"] == "a"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        *(("e=t,ts=1,v=2", ()), ("e=ps,ts=1,v=2", ("sta",)), ("sn=1,v=2", ("e", "ts")), ("e=e,v=2", ("ts", "ec"))),
        *(("e=ce,ts=1,v=2", ("cen",)), ("e=rr,ts=1,v=2", ("url",))),
    ],
)
def test_an_event_says_what_it_lacks(text: str, missing: tuple[str, ...]) -> None:
    assert event(text).missing == missing


def test_bodies() -> None:
    text = "\ufeff e=t,ts=1,v=2 \r\n\n\te=t,ts=2,v=2\n"
    for body in (text, text.encode()):
        assert [record.values["ts"] for record in cmcd.from_body(body).records] == [1, 2]
    assert cmcd.from_body(b'cid="\xff",e=t,ts=1,v=2\n\xfe\n').dropped == {"malformed": 2}
    assert cmcd.from_body(b"") == cmcd.from_body("\n \n") == cmcd.Reading()
    assert [cmcd.is_body(said) for said in ("application/cmcd", "Text/CMCD; charset=utf-8", "text/plain", "")] == [
        *(True, True, False, False)
    ]


def test_a_body_of_the_standards_first_version() -> None:
    line = 'bl=11200,br=67,d=4011,dl=11200,mtp=42900,nor="bbb_a64k_5.m4a",ot=a,rtp=200,sf=d,sid="31b090a2",st=v,tb=67'
    reading = cmcd.from_body(f"{line}\n{line}")
    assert [record.version for record in reading.records] == [1, 1]
    assert not reading.dropped
    assert reading.records[0].values["nor"] == (("bbb_a64k_5.m4a", None),)


def test_sizes_are_bounded() -> None:
    limits = cmcd.Limits(body=300, records=3, record=80, keys=4, custom=2, name=12)
    assert cmcd.from_body("a" * 301, limits) == cmcd.Reading((), {"long": 1})
    assert cmcd.from_body(f'cid="{"x" * 80}"\nbs', limits).dropped == {"long": 1}
    assert cmcd.from_body("bs\n" * 5, limits).dropped == {"many": 2}
    assert len(cmcd.from_body("bs\n" * 5, limits).records) == 3
    assert cmcd.from_argument("%20" * 81, limits).dropped == {"long": 1}
    reading = cmcd.from_body("bs,d=1,su,dl=1,rtp=1,v=2", limits)
    assert (reading.dropped, len(reading.records[0].values)) == ({"many": 2}, 4)
    (record,) = cmcd.from_body("br=(1),d=1,dl=1,rtp=1,su,v=2", limits).records
    assert (record.version, record.values["br"]) == (2, ((1, None),))
    assert cmcd.from_body("d=1,dl=1,rtp=1,su,v=3", limits).dropped == {"version": 1}
    reading = cmcd.from_body("x-a=a,x-b=b,x-c=c,bs", limits)
    assert (reading.dropped, reading.records[0].custom) == ({"many": 1}, {"x-a": "a", "x-b": "b"})
    assert cmcd.from_body("com.example-long=a,bs", limits).dropped == {"long": 1}


def captured(name: str) -> str:
    """A real capture beside the repository; missing only elsewhere than in CI."""
    path = DATA / name
    if not path.exists() and not os.environ.get("CI"):
        pytest.skip(f"no {path}")
    return path.read_text()


def test_the_reference_reporters_posts() -> None:
    records = []
    for line in captured("cmcd_event_wire_capture.log").splitlines():
        said = re.fullmatch(r"/cmcd (\{.*\}) ('.*')", line)
        assert said
        headers, body = ast.literal_eval(said[1]), ast.literal_eval(said[2])
        assert cmcd.is_body(headers["Content-Type"])
        assert len(body) == int(headers["content-length"])
        reading = cmcd.from_body(body.encode())
        assert not reading.dropped
        records += reading.records
    assert [record.values["sn"] for record in records] == list(range(9))
    assert [record.values["e"] for record in records] == ["ps", "bc", "t", "ps", "t", "ps", "t", "ps", "ce"]
    assert "".join(str(record.values["sta"]) for record in records) == "sssppr" + "rpp"
    assert all(record.custom == {"com.qoe-arm": "hd", "com.qoe-user": "u42"} for record in records)
    assert records[7].values["bsd"] == ((500, None),)
    assert records[3].values["msd"] == 812
    assert not any(record.missing for record in records)


def test_nginx_log_of_the_documented_format() -> None:
    names = re.findall(r'"(\w+)":"\$(arg_CMCD|http_cmcd_\w+)"', captured("nginx_cmcd_log_format.conf"))
    assert {variable for _, variable in names} == {
        "arg_CMCD",
        *(f"http_cmcd_{x}" for x in ("request", "object", "status", "session")),
    }
    logged = json.loads(json.dumps({"q": quote(COMPLEX, safe=""), "hs": "bs", "hn": 'sid="a",v=2', "hr": "", "ho": ""}))
    assert cmcd.from_argument(logged["q"]).records[0].values == COMPLEX_VALUES
    of = {name: variable.removeprefix("http_").replace("_", "-") for name, variable in names}
    headers = [(of[name], text) for name, text in logged.items() if name != "q" and text]
    assert cmcd.from_request("CMCD=" + logged["q"], headers).records[0].values == {"bs": True, "sid": "a", "v": 2}


def test_of_a_list_without_end_no_more_is_read_than_it_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    whole = fields._bare
    monkeypatch.setattr(fields, "_bare", lambda raw: read.append(raw) or whole(raw))
    reading = cmcd.from_body('sid="a",br=(' + "1;v " * 500 + "),v=2")
    assert "br" not in reading.records[0].values
    assert reading.dropped == {"many": 1}
    assert len(read) <= 2 * MOST_ITEMS
