"""What a configuration comes to: layers, environment, values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent import config
from qoe_agent.config.reading import one
from qoe_agent.config.root import PROFILES
from qoe_agent.model import Target

if TYPE_CHECKING:
    from pathlib import Path


def parse(text: str, **environ: str) -> config.Config:
    return config.parse(text, "agent.yml", environ)


def stream(text: str, above: str = "") -> config.Stream:
    return parse(f"{above}\nstreams:\n  - {{name: a, url: 'rtmp://127.0.0.1/live/a', {text}}}\n").streams[0]


def refused(text: str, **environ: str) -> list[str]:
    with pytest.raises(config.ConfigError) as caught:
        parse(text, **environ)
    return caught.value.errors


def test_an_empty_file_is_the_defaults() -> None:
    made = parse("")
    assert (made.web, made.agent, made.defaults) == (config.Web(), config.Agent(), config.StreamOptions())
    assert made.streams == ()
    assert set(made.profiles) == set(PROFILES) > {"default", "show", "rtc", "replay", "pk"}


def test_a_stream_wins_over_its_profile_that_over_the_defaults_those_over_what_is_built_in() -> None:
    above = """
defaults: {lost_after: 1s, open_timeout: 2s, pictures_every: 3s, labels: {a: d, b: d, c: d}, join: {timeout: 4s}}
profiles: {evening: {open_timeout: 20s, pictures_every: 30s, labels: {b: p, c: p}, join: {every: 5m}}}
"""
    made = stream("profile: evening, pictures_every: 300, labels: {c: s}, thresholds: {stall: off}", above)
    assert (made.lost_after, made.open_timeout, made.pictures_every) == (1.0, 20.0, 300.0)
    assert made.labels == {"a": "d", "b": "p", "c": "s"}
    assert made.join == config.Join(every=300.0, timeout=4.0)
    assert made.thresholds == dataclasses.replace(config.Thresholds(), stall=None)
    assert made.decode == "keyframes"


def test_null_takes_back_what_the_defaults_gave() -> None:
    assert stream("proxy: null", "defaults: {proxy: 'http://127.0.0.1:3128'}").proxy is None


def test_a_built_in_profile_may_be_changed_and_keeps_what_was_not() -> None:
    made = stream("profile: rtc", "profiles: {rtc: {thresholds: {stall: 9s}}}")
    assert made.thresholds.stall == 9.0
    assert made.thresholds.startup == 1.0
    assert made.probes["stall"] == {"player": "rtc"}


def test_the_profile_default_is_for_all_who_choose_none() -> None:
    assert stream("", "profiles: {default: {decode: all}}").decode == "all"


def test_probe_options_are_merged_option_by_option_and_may_be_durations() -> None:
    above = "defaults: {probes: {stall: {player: hls, give_up: 1m}}}"
    assert stream("probes: {stall: {player: flv}}", above).probes == {"stall": {"player": "flv", "give_up": 60.0}}


def test_streams_that_say_the_same_are_equal_and_others_are_not() -> None:
    text = "streams:\n  - {name: a, url: 'rtmp://127.0.0.1/a'}\n  - {name: b, url: 'rtmp://127.0.0.1/b'}\n"
    changed = text.replace("rtmp://127.0.0.1/b", "rtmp://127.0.0.1/b2")
    assert parse(text) == parse(f"# a comment\n{text}")
    before, after = parse(text).streams, parse(changed).streams
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_target_has_what_the_stream_says_and_the_defaults_of_both_agree() -> None:
    url = "rtmp://127.0.0.1/live/a"
    assert stream("").target() == Target(url=url)
    made = stream("variant: 720, headers: {X-A: b}, cookies: {c: d}, verify_tls: false, lost_after: 3, source: libav")
    assert made.target() == Target(
        url=url,
        variant="720",
        headers={"X-A": "b"},
        cookies={"c": "d"},
        verify_tls=False,
        lost_after=3.0,
        source="libav",
    )


def test_a_target_misses_no_option() -> None:
    options = {field.name for field in dataclasses.fields(config.Stream)}
    known = {"over", "stale"}  # what a session knows of earlier pulls
    assert {field.name for field in dataclasses.fields(Target)} - known <= options


def test_environment_variables_stand_in_text_and_are_never_read_as_yaml() -> None:
    made = parse("streams: [{name: a, url: 'rtmp://u:${P}@127.0.0.1/a?x=${Q}', labels: {x: '${Q}'}}]", P="p: {&", Q="7")
    assert made.streams[0].url == "rtmp://u:p: {&@127.0.0.1/a?x=7"
    assert made.streams[0].labels == {"x": "7"}


def test_two_dollars_stand_for_a_brace_that_is_no_variable() -> None:
    assert stream("user_agent: 'a$${b} $c $'").user_agent == "a${b} $c $"


def test_without_an_environment_text_is_left_as_it_stands() -> None:
    made = config.parse("streams: [{name: a, url: 'http://127.0.0.1/${A}'}]", "agent.yml", None)
    assert made.streams[0].url == "http://127.0.0.1/${A}"


def test_words_mean_what_they_say_and_not_what_yaml_1_1_makes_of_them() -> None:
    made = stream("labels: {country: no, state: off, at: 12:30, day: 2026-01-02}, join: {every: off}")
    assert made.labels == {"country": "no", "state": "off", "at": "12:30", "day": "2026-01-02"}
    assert made.join.every is None


def test_the_tokens_and_urls_of_a_configuration_are_not_in_its_repr() -> None:
    made = parse(
        """
web: {listen: "0.0.0.0:9843", token: "${T}"}
defaults: {headers: {Authorization: "${T}"}, cookies: {sid: "${T}"}, proxy: "http://u:${T}@127.0.0.1:3128"}
streams: [{name: a, url: "rtmp://u:${T}@127.0.0.1/a"}]
discovery:
  http_sd: [{url: "http://u:${T}@127.0.0.1/", headers: {X-Token: "${T}"}}]
  callbacks: [{app: live, url: "rtmp://u:${T}@127.0.0.1/{name}"}]
""",
        T="hunter2hunter2hunter2",
    )
    assert made.web.token == "hunter2hunter2hunter2"
    assert "hunter2" not in repr(made)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.yml"
    file.write_text("defaults: {ca_file: ca.pem}\ndiscovery: {file_sd: [{files: [streams/*.yml, /abs.yml]}]}\n")
    made = config.load(str(file), {})
    assert made.defaults.ca_file == str(tmp_path / "ca.pem")
    assert made.discovery.file_sd[0].files == (str(tmp_path / "streams/*.yml"), "/abs.yml")


def test_a_schedule_may_come_from_the_profile() -> None:
    above = "profiles: {evening: {expected: schedule, schedule: [{days: [mon]}]}}"
    assert stream("profile: evening", above).schedule == (config.Schedule(days=("mon",)),)


def test_one_stream_may_be_made_without_a_file() -> None:
    profiles = parse("").profiles
    made = one({"name": "x", "url": "rtmp://127.0.0.1/x", "decode": "all"}, profiles, "watch")
    assert made.decode == "all"
    with pytest.raises(config.ConfigError, match=r'^watch: \[0\]\.decode: must be one of .* did you mean "all"\?$'):
        one({"name": "x", "url": "rtmp://127.0.0.1/x", "decode": "al"}, profiles, "watch")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = (
    "web agent streams defaults profiles discovery name url probes join labels schedule callbacks http_sd file_sd "
    "stall expected profile"
)
keys = st.sampled_from(WORDS.split())
shaped = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def errors(text: str) -> list[str]:
    try:
        config.parse(text, "agent.yml", {})
    except config.ConfigError as error:
        return error.errors
    return []


@settings(max_examples=80)
@given(st.dictionaries(keys, shaped, max_size=5))
def test_whatever_is_written_is_a_configuration_or_errors_with_their_places(data: Any) -> None:
    for line in errors(yaml.safe_dump(data)):
        assert line.startswith("agent.yml:")
        assert "\n" not in line


@settings(max_examples=150)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`?,\n \t0\\~<$", max_size=40))
def test_whatever_is_typed_is_a_configuration_or_errors(text: str) -> None:
    assert all(line.startswith("agent.yml") for line in errors(text))
