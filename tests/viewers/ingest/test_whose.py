"""Which of our streams an event is about."""

from __future__ import annotations

from qoe_agent import config
from qoe_agent.viewers.ingest.whose import Known, Whose, known

STREAMS = """streams:
  - {name: one, url: "rtmp://host/live/one?secret=x", viewers: {cid: [content-1], path: "^vod/.*one$"}}
  - {name: two, url: "https://host/two.m3u8", viewers: {rtmp: live/second}}
  - {name: three, url: "rtmp://host/live/one"}
"""


def whose() -> Whose:
    return Whose(map(known, config.parse(STREAMS, "agent.yml", {}).streams))


def test_names_are_compared_as_events_have_them_without_a_query() -> None:
    text = """streams:
      - {name: "Who won?", url: "rtmp://host/live/one", viewers: {cid: ["42?lang=en"]}}
      - {name: "camera #2", url: "rtmp://host/live/two"}
    """
    made = Whose(map(known, config.parse(text, "agent.yml", {}).streams))
    assert [made.content(each) for each in ("Who won", "Who won?", "42", "camera #2")] == [
        "Who won?", "Who won?", "Who won?", "camera #2",
    ]  # fmt: skip


def test_content_is_known_by_its_ids_and_by_the_streams_own_name() -> None:
    made = whose()
    assert [made.content(each) for each in ("content-1", "two", "stranger")] == ["one", "two", None]


def test_callbacks_know_a_stream_by_its_rtmp_address_or_by_what_the_configuration_says() -> None:
    made = whose()
    assert [made.path(each) for each in ("live/one", "/live/second", "live/two", "live/one/x")] == [
        "one", "two", None, None,
    ]  # fmt: skip


def test_paths_are_found_by_expression() -> None:
    assert whose().path("vod/2030/one") == "one"


def test_secrets_of_an_address_do_not_cross_to_the_process() -> None:
    first = config.parse(STREAMS, "agent.yml", {}).streams[0]
    assert known(first) == Known("one", ("content-1",), "live/one", "^vod/.*one$")
