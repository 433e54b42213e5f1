"""What may be said about viewers, and what may not."""

from __future__ import annotations

import pytest

from qoe_agent import config

KEY = "pk-web-0123456789abcdef"


def read(text: str) -> config.Config:
    return config.parse(text, "/etc/agent.yml", {})


def wrong(text: str) -> str:
    with pytest.raises(config.ConfigError) as caught:
        read(text)
    return "\n".join(caught.value.errors)


def test_without_a_folder_nothing_is_taken_in_and_only_this_machine_is_listened_to() -> None:
    assert read("{}").ingest.folder is None
    assert read("{}").ingest.host == "127.0.0.1"


def test_the_folder_is_beside_the_file_and_the_keys_in_the_folder() -> None:
    found = read(f"ingest: {{folder: facts, sources: [{{name: web, keys: [{KEY}]}}]}}").ingest
    assert (found.folder, found.ring) == ("/etc/facts", "/etc/facts/pseudonyms.keys")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ingest: {folder: facts}", "ingest.sources: required, because without any nobody may send"),
        ("ingest: {sources: [{name: web, keys: [short]}]}", "ingest.sources[0].keys[0]: "),
        (f"ingest: {{sources: [{{name: web, keys: [{KEY}], revoked: [{KEY}]}}]}}", "a key must stand in one place"),
        (f"ingest: {{sources: [{{name: web, keys: [{KEY}], origins: [www.example.com]}}]}}", "must be an origin"),
        ("ingest: {trusted_proxies: [proxy]}", "must be an address or a network such as 10.0.0.0/8"),
        ("ingest: {region_header: CF-IPCountry}", "ingest.trusted_proxies: required"),
        (f"ingest: {{folder: f, sources: [{{name: web, keys: [{KEY}]}}], stats: [{{name: s, url: 'http://h/', "
         "source: edge}]}", "ingest.stats: source must be the name of one of sources"),
        ("ingest: {tls_cert: a.pem}", "ingest.tls_key: required"),
        ("streams: [{name: a, url: 'rtmp://h/a/b', viewers: {rtmp: alone}}]", "viewers.rtmp: must be app/name"),
        ("streams: [{name: a, url: 'rtmp://h/a/b', viewers: {path: '('}}]", "not a regular expression"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_where_it_stands(text: str, expected: str) -> None:
    assert expected in wrong(text)


def test_a_key_is_never_quoted_when_it_is_refused() -> None:
    assert "tooshort" not in wrong("ingest: {sources: [{name: web, keys: [tooshort]}]}")


def test_whose_events_are_a_streams_does_not_make_it_another_stream() -> None:
    def stream(more: str) -> config.Stream:
        return read(f"streams: [{{name: a, url: 'rtmp://h/a/b'{more}}}]").streams[0]

    assert stream(", viewers: {cid: [x]}") == stream("")
    assert stream(", viewers: {cid: [x]}").viewers.cid == ("x",)
