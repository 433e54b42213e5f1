"""CMCD on anything: as http-sf (RFC 9651) on valid fields, each good key on damaged ones, and never an exception."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import http_sf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qoe_agent.viewers import cmcd, fields
from qoe_agent.viewers.cmcd_keys import TABLE, TYPES
from qoe_agent.viewers.cmcd_pieces import PIECES, Pieces

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = "abcdefghijklmnopqrstuvwxyz0123456789_-.*"
EVENT_KEYS = {key.name: key for key in TABLE if not key.responses and key.name not in ("v", "e", "cen")}

names = st.text(WORD, max_size=6).map(lambda rest: "k" + rest)
whole = st.integers(0, 10**15 - 1)
quoted = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
tokens = st.from_regex(r"\A[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]{0,8}\Z")
decimals = st.decimals(-(10**6), 10**6, places=2, allow_nan=False, allow_infinity=False)
bare = st.one_of(
    st.booleans(),
    st.integers(-(10**15) + 1, 10**15 - 1),
    decimals,
    quoted,
    tokens.map(http_sf.Token),
    st.binary(max_size=9),
)
params = st.dictionaries(st.one_of(names, st.sampled_from(sorted(TYPES))), bare, max_size=2)
items = st.tuples(bare, params)
inner = st.tuples(st.lists(items, max_size=4), params)
dictionaries = st.dictionaries(
    st.one_of(names, st.sampled_from(sorted(EVENT_KEYS))), st.one_of(items, inner), min_size=1
)


def plain(value: Any) -> Any:
    """What http-sf read, as `fields` has it."""
    if isinstance(value, http_sf.Token):
        return fields.Token(str(value))
    return float(value) if isinstance(value, Decimal) else value


def same(ours: fields.Member, theirs: Any) -> bool:
    """Whether an item or a list, with the parameters of its items, is the same in both."""
    if isinstance(theirs[0], list):
        return isinstance(ours, tuple) and len(ours) == len(theirs[0]) and all(map(same, ours, theirs[0]))
    if not isinstance(ours, fields.Item):
        return False
    got = {"": ours.value, **(ours.parameters or {})}
    expected = {"": plain(theirs[0]), **{name: plain(of) for name, of in theirs[1].items()}}
    return got.keys() == expected.keys() and all(
        isinstance(got[name], fields.Other)
        if isinstance(value, bytes)
        else (type(got[name]), got[name]) == (type(value), value)
        for name, value in expected.items()
    )


@given(dictionaries, st.sampled_from([", ", ",", " ,\t", "\t, "]))
@example({"a": (True, {}), "b": (False, {}), "c": ([], {})}, ",")
def test_fields_are_those_of_http_sf(said: dict[str, Any], between: str) -> None:
    text = between.join(http_sf.ser({key: value}) for key, value in said.items())
    theirs: Any = http_sf.parse(text.encode(), tltype="dictionary")
    found, bad = fields.members(text)
    assert not bad
    assert [key for key, _ in found] == list(theirs)
    assert all(isinstance(theirs[key][0], list) or same_value(raw, theirs[key]) for key, raw in found)
    assert all(same(fields.value_of(raw), theirs[key]) for key, raw in found if isinstance(theirs[key][0], list))


def same_value(raw: str, theirs: Any) -> bool:
    """Parameters of a whole member are not kept."""
    return same(fields.value_of(raw), (theirs[0], {}))


@given(st.text('ab=;,()"\\ \t?:@%-.10*A/é\n', max_size=24))
@settings(max_examples=1000)
@example('a="\\"",b')
@example("a=1.,b=(1 1),c=?2")
@example("a=(1  2;b=c );d=e, f")
@example("a=:YQ==:,b=:YQ:,c=::,d=:=:,e=:Y:")
@example('a="b"c="d",e=("f""g")')
def test_valid_is_what_http_sf_finds_valid(text: str) -> None:
    text = text.strip(" \t")
    try:
        theirs: Any = http_sf.parse(text.encode(), tltype="dictionary")
    except http_sf.StructuredFieldError:
        found, bad = fields.members(text)
        assert bad or any(key != key.lower() for key, _ in found)  # capitals are let through
        return
    found, bad = fields.members(text)
    assert not bad
    assert dict(found).keys() == theirs.keys()
    assert all(same_value(raw, theirs[key]) for key, raw in found[::-1] if not isinstance(theirs[key][0], list))


def of_kind(kind: str, key: Any) -> st.SearchStrategy[tuple[str, Any]]:
    """A good value of version 2: as written, and what is to come."""
    text = quoted.filter(lambda value: key.longest is None or len(value) <= key.longest)
    amount = st.tuples(whole, st.sampled_from([None, *sorted(TYPES)]))
    path = st.tuples(text, st.sampled_from([None, "0-99", "5-", "-7"]))
    listed = {"min_size": 1, "max_size": 3}
    ways: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], Any]]] = {
        "flag": (st.booleans(), lambda value: value),
        "whole": (whole, lambda value: value),
        "signed": (whole.map(lambda value: value - 10**6), lambda value: value),
        "rate": (decimals, lambda value: value),
        "text": (text, lambda value: value),
        "token": (st.sampled_from(sorted(key.tokens) or ["x"]), http_sf.Token),
        "amounts": (st.lists(amount, **listed), lambda pairs: ([(n, {of: True} if of else {}) for n, of in pairs], {})),
        "texts": (st.lists(text, **listed), lambda values: ([(value, {}) for value in values], {})),
        "paths": (st.lists(path, **listed), lambda pairs: ([(p, {"r": r} if r else {}) for p, r in pairs], {})),
    }
    values, written = ways[kind]

    def both(value: Any) -> tuple[str, Any]:
        of = written(value)
        text = http_sf.ser({key.name: of if isinstance(of, tuple) else (of, {})})
        return text, tuple(value) if isinstance(value, list) else float(value) if kind == "rate" else value

    return values.map(both)


@st.composite
def reports(draw: st.DrawFn) -> dict[str, tuple[str, Any]]:
    """Good members of version 2 by key, as written by http-sf, with what is to be read."""
    keys = draw(st.lists(st.sampled_from(sorted(EVENT_KEYS)), unique=True, min_size=1, max_size=12))
    return {name: draw(of_kind(EVENT_KEYS[name].kind, EVENT_KEYS[name])) for name in keys}


@given(reports(), st.randoms(use_true_random=False), st.sampled_from([",", ", "]))
@settings(max_examples=60)
def test_good_reports_are_read_whole(report: dict[str, tuple[str, Any]], random: Any, between: str) -> None:
    pieces = [text for text, _ in report.values()] + ["v=2"]
    random.shuffle(pieces)
    text = between.join(pieces)
    assert http_sf.parse(text.encode(), tltype="dictionary").keys() == {*report, "v"}
    expected = {**{name: value for name, (_, value) in report.items()}, "v": 2}
    assert cmcd.from_body(text) == cmcd.Reading((cmcd.Record("event", 2, expected, {}),), {})
    if not {"ts", "h", "url"} & report.keys():
        (record,) = cmcd.from_query(f"CMCD={quote(text, safe='')}").records
        assert record.values == expected


DAMAGE = st.one_of(
    st.sampled_from(
        ['sid="open', "sid=(", "sid=", "=", "", "x y", 'sid="a"b', "sid=\\", "sid=é", "\x00", "sid=1.2345", "("]
    ),
    st.text(st.characters(exclude_characters='",\n')).filter(lambda text: not text.strip().startswith("v")),
)


@given(reports(), st.lists(st.tuples(st.integers(0, 12), DAMAGE), min_size=1, max_size=3))
@settings(max_examples=60)
def test_each_good_key_survives_damage(report: dict[str, tuple[str, Any]], damage: list[tuple[int, str]]) -> None:
    """Strings without commas: where another quote stays open, a comma within quotes may be one between keys."""
    good = {name: pair for name, pair in report.items() if name != "sid" and "," not in pair[0]}
    pieces = ["v=2"] + [text for text, _ in good.values()]
    for at, text in damage:
        pieces.insert(at, text)
    (record,) = cmcd.from_body(",".join(pieces)).records
    assert {name: record.values.get(name) for name in good} == {name: value for name, (_, value) in good.items()}


@given(reports(), st.integers(0, 200))
def test_a_cut_off_report_keeps_what_came(report: dict[str, tuple[str, Any]], at: int) -> None:
    text = ",".join(["v=2", *(text for text, _ in report.values())])[: 4 + at]
    (record,) = cmcd.from_body(text).records
    whole_ones, so_far = {}, 3
    for name, (written, value) in report.items():
        so_far += 1 + len(written)
        if so_far <= len(text):
            whole_ones[name] = value
    assert whole_ones.items() <= record.values.items()


JUNK = st.one_of(
    st.text(),
    st.text('vbrcid=;,()"\\ \t?:@%-.10*&\n'),
    st.lists(
        st.sampled_from(["br=", "(", ")", '"', ",", ";v", "1", " ", "sid=", "v=2", "e=ps", "\\", "%2C", "+", "\n"])
    ).map("".join),
)


@given(JUNK)
@settings(max_examples=300)
def test_nothing_raises(text: str) -> None:
    for reading in (
        cmcd.from_body(text),
        cmcd.from_body(text.encode("utf-8", "surrogatepass")),
        cmcd.from_query(f"CMCD={text}"),
        cmcd.from_query(text),
        cmcd.from_argument(text),
        cmcd.from_request(text, [("CMCD-Status", text), (text, text)]),
    ):
        assert all(type(count) is int and count > 0 for count in reading.dropped.values())
        assert all(record.values or record.custom for record in reading.records)


@given(st.binary())
def test_no_bytes_raise(body: bytes) -> None:
    cmcd.from_body(body)


@given(JUNK)
@settings(max_examples=300)
def test_what_is_remembered_changes_nothing(text: str) -> None:
    first = cmcd.from_body(text)
    assert cmcd.from_body(text) == first
    for known in PIECES.values():
        known.clear()
    assert cmcd.from_body(text) == first


def test_memory_is_bounded() -> None:
    for n in range(3 * Pieces.KEPT):
        cmcd.from_body(f'sid="{n}",cid="{"x" * 100}{n}",sn={n},v=2')
    known = PIECES[2, "event"]
    assert 0 < len(known) <= Pieces.KEPT
    assert max(map(len, known)) <= Pieces.LENGTH
    assert not any(piece.startswith("sn=") for piece in known)
