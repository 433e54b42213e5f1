"""Publish callbacks: shows begin and end as the media server says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent import config
from qoe_agent.discovery import Discovery
from qoe_agent.discovery.publish import Publish, parse

CAPTURE = Path(__file__).parents[2] / ".." / "shared" / "data" / "nginx_rtmp_callbacks_capture.log"
FORM = "application/x-www-form-urlencoded"
ONE = """
discovery:
  callbacks:
    - {app: live, url: "rtmp://127.0.0.1/{app}/{name}", labels: {kind: show}, profile: show}
"""


class Heard(list[list[str]]):
    """A discovery, and the stream names after each change."""

    def __init__(self, text: str = ONE) -> None:
        made = config.parse(text, "agent.yml", {})
        self.discovery = Discovery(made, lambda: self.append(self.names()), {})

    def names(self) -> list[str]:
        return [stream.name for stream in self.discovery.streams()]

    def nginx(self, **said: str) -> Publish | None:
        return self.discovery.callback(urlencode(said).encode(), FORM)


def test_a_show_of_a_real_nginx_begins_and_ends_with_its_publisher_and_not_with_its_players() -> None:
    """Oracle: what nginx-rtmp 1.2.2 posted, two players coming and going meanwhile, the publisher killed at last."""
    if not CAPTURE.exists() and not os.environ.get("CI"):
        pytest.skip("needs ../shared/data")
    bodies = re.findall(rb"\bapp=live\S*", CAPTURE.read_bytes())
    heard = Heard()
    said = [(body, heard.discovery.callback(body, FORM)) for body in bodies]
    assert heard == [["s1"], []]
    assert len(bodies) == 23
    calls = [re.findall(rb"\bcall=(\w+)", body) for body, publish in said if publish is None]
    assert {call for (call,) in calls} == {b"connect", b"play", b"play_done", b"update_play"}


def test_the_stream_of_a_publisher_has_the_options_of_its_entry() -> None:
    heard = Heard()
    heard.nginx(call="publish", app="live", name="s1", clientid="1")
    (stream,) = heard.discovery.streams()
    assert stream.url == "rtmp://127.0.0.1/live/s1"
    assert stream.labels == {"kind": "show"}
    assert stream.profile == "show"
    assert stream.thresholds.startup == 1.0
    assert stream.expected == "on_publish"
    assert heard.discovery.expected(stream, 0.0)
    heard.nginx(call="publish_done", app="live", name="s1", clientid="1")
    assert heard.discovery.streams() == ()
    assert not heard.discovery.expected(stream, 0.0)


def test_an_agent_that_came_late_learns_of_a_show_by_its_updates() -> None:
    heard = Heard()
    heard.nginx(call="update_publish", app="live", name="s1", clientid="1", time="60")
    heard.nginx(call="update_publish", app="live", name="s1", clientid="1", time="120")
    assert heard == [["s1"]]


def test_the_end_of_the_former_publisher_does_not_end_its_successor() -> None:
    heard = Heard()
    heard.nginx(call="publish", app="live", name="s1", clientid="1")
    heard.nginx(call="publish", app="live", name="s1", clientid="7")
    heard.nginx(call="publish_done", app="live", name="s1", clientid="1")
    assert heard.names() == ["s1"]
    heard.nginx(call="disconnect", app="live", clientid="7")
    assert heard.names() == []


def test_srs_says_it_in_json() -> None:
    """Fields as in the documentation of SRS, HTTP callback."""
    heard = Heard()
    on = {"server_id": "vid-0xk989d", "action": "on_publish", "client_id": "341w361a", "ip": "127.0.0.1",
          "vhost": "v", "app": "live", "tcUrl": "rtmp://127.0.0.1/live?vhost=v",
          "stream": "livestream", "param": "?token=hunter2", "stream_url": "v/live/livestream"}  # fmt: skip
    off = {**on, "action": "on_unpublish"}
    play = {**on, "action": "on_play"}
    for said in (on, play, off):
        heard.discovery.callback(json.dumps(said).encode(), "application/json; charset=utf-8")
    assert heard == [["livestream"], []]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "a\nb", "a?x=1", "é", "x" * 101, "{name}"])
def test_names_that_do_not_match_are_left_alone(name: str) -> None:
    heard = Heard()
    heard.nginx(call="publish", app="live", name=name, clientid="1")
    assert heard == []


def test_other_applications_are_left_alone() -> None:
    heard = Heard()
    heard.nginx(call="publish", app="private", name="s1", clientid="1")
    assert heard == []


def test_the_publishers_own_arguments_change_nothing() -> None:
    body = b"app=live&clientid=1&call=publish&name=s1&type=live&name=evil&app=private&call=publish_done"
    assert parse(body, FORM) == Publish("start", "live", "s1", "1")


def test_a_name_is_quoted_in_the_url_where_the_pattern_admits_more() -> None:
    text = 'discovery: {callbacks: [{app: live, url: "http://127.0.0.1/{name}.flv", match: ".*"}]}'
    heard = Heard(text)
    heard.nginx(call="publish", app="live", name="a/../b?x#y @", clientid="1")
    assert heard.discovery.streams()[0].url == "http://127.0.0.1/a%2F..%2Fb%3Fx%23y%20%40.flv"


def test_publishers_beyond_the_limit_are_left_alone() -> None:
    heard = Heard(ONE.replace("profile: show", "max_streams: 2"))
    for n in "123":
        heard.nginx(call="publish", app="live", name=f"s{n}", clientid=n)
    assert heard.names() == ["s1", "s2"]
    heard.nginx(call="publish_done", app="live", name="s1", clientid="1")
    heard.nginx(call="publish", app="live", name="s4", clientid="4")
    assert heard.names() == ["s2", "s4"]


def test_a_configured_stream_may_wait_for_its_publisher() -> None:
    heard = Heard(f"{ONE}\nstreams: [{{name: s1, url: 'http://127.0.0.1/s1.m3u8', expected: on_publish}}]")
    (stream,) = heard.discovery.streams()
    assert not heard.discovery.expected(stream, 0.0)
    heard.nginx(call="publish", app="live", name="s1", clientid="1")
    assert heard.discovery.streams() == (stream,)
    assert heard.discovery.expected(stream, 0.0)
    assert heard.discovery.errors() == ()


def test_publishers_outlive_a_reload() -> None:
    heard = Heard()
    heard.nginx(call="publish", app="live", name="s1", clientid="1")
    heard.discovery.reconfigure(config.parse(ONE.replace("kind: show", "kind: pk"), "agent.yml", {}))
    assert [stream.labels for stream in heard.discovery.streams()] == [{"kind": "pk"}]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", FORM), (b"\xff\xfe", FORM), (b"name=s1", FORM), (b"{", "application/json"), (b"[]", "application/json"),
     (b"{}", "text/plain"), (b"[" * 10_000, "application/json"), (b"a=1&" * 1000, FORM), (b"x" * 70_000, FORM)],
)  # fmt: skip
def test_garbage_is_said_to_be_garbage(body: bytes, kind: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(body, kind)


@given(st.binary(max_size=200), st.sampled_from([FORM, "application/json", "", ";;", "text/plain"]))
def test_no_bytes_do_any_harm(body: bytes, kind: str) -> None:
    try:
        said = parse(body, kind)
    except ValueError:
        said = None
    assert said is None or (said.app and (said.name or said.event == "stop"))
