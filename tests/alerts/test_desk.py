"""From the board to receivers: what is told, what survives a restart, and what others' failures do not disturb."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from qoe_agent import clock, config
from qoe_agent.alerts import desk as desks
from qoe_agent.alerts import patience
from qoe_agent.alerts.desk import Desk
from qoe_agent.board import Board
from qoe_agent.catalogue import metrics
from qoe_agent.model import Incident
from qoe_agent.sink import Key
from tests.alerts.receivers import Receiver, Taken, receiver
from tests.e2e.servers import free_port
from tests.stage import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = Key("show-1")
STREAMS = "streams: [{name: show-1, url: 'rtmp://h/a', labels: {team: live}}, {name: other, url: 'rtmp://h/b'}]\n"
RULES = "defaults: {alerts: {rules: {stall: {for: 0s, resolve_after: 0s, merge: 0s}, lost: {for: 0s}}}}\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "BEAT", 0.005)
    monkeypatch.setattr(desks, "PAUSE", 0.0)
    monkeypatch.setattr(patience, "FIRST", 0.01)


def made(alerts: dict[str, Any], rules: str = RULES) -> config.Config:
    return config.parse(f"alerts: {json.dumps(alerts)}\n{STREAMS}{rules}", "agent.yml", {})


class Bench:
    """A desk at work."""

    def __init__(self, wanted: config.Config) -> None:
        self.board = Board(metrics())
        self.desk = Desk(self.board, wanted, lambda stream, at: True)
        self.desk.streams(wanted.streams, wanted.streams)
        for stream in wanted.streams:
            self.board.add(Key(stream.name), {})

    def begin(self, kind: str = "stall", key: Key | None = KEY, part: str = "", **more: Any) -> Incident:
        found = Incident(kind, clock.now(), None, more.pop("severity", "warning"), part, detail=more)
        self.board.put(key, found, clock.now())
        return found

    def end(self, found: Incident, key: Key | None = KEY, **detail: Any) -> None:
        self.board.put(key, dataclasses.replace(found, end=clock.now(), detail=detail), clock.now())

    def value(self, metric: str, **labels: str) -> float | None:
        for one in self.board.metrics(None):
            if one["name"] == metric and labels.items() <= one["labels"].items():
                value: float = one["value"]
                return value
        return None


@contextlib.asynccontextmanager
async def bench(alerts: dict[str, Any], rules: str = RULES) -> AsyncIterator[Bench]:
    at_work = Bench(made(alerts, rules))
    task = asyncio.create_task(at_work.desk.run())
    await asyncio.sleep(0)
    try:
        yield at_work
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def hook(server: Receiver, name: str = "oncall", **more: Any) -> dict[str, Any]:
    return {"name": name, "url": f"{server.base}/{name}", "network": "private", **more}


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


async def test_a_beginning_and_its_end_reach_a_webhook(server: Receiver) -> None:
    async with bench({"webhooks": [hook(server, secret="s")], "page": "https://qoe.example"}) as at_work:
        stall = at_work.begin()
        await until(lambda: server.alerts() == [("firing", "stall")])
        at_work.end(stall)
        await until(lambda: server.alerts() == [("firing", "stall"), ("resolved", "stall")])
        await until(lambda: at_work.value("qoe_agent_notifications_total", receiver="oncall", result="sent") == 2)
        assert at_work.value("qoe_agent_notification_delay_seconds_count", receiver="oncall") == 2
        assert at_work.value("qoe_agent_alerts_firing", severity="warning") == 0
    begun = server.taken[0].told["alerts"][0]
    assert begun["start"] == pytest.approx(time.time(), abs=60)
    assert begun["labels"] == {"team": "live"}
    assert begun["url"].startswith("https://qoe.example/streams/show-1")
    assert "webhook-signature" in {header.lower() for header in server.taken[0].headers}


async def test_each_alertmanager_is_told_all_and_reminded(server: Receiver) -> None:
    async with receiver() as second:
        both = [{"url": server.base}, {"url": second.base, "name": "second", "headers": {"Authorization": "Basic x"}}]
        async with bench({"alertmanagers": both, "resend": 1.0}) as at_work:
            at_work.desk._delivery._receivers["second"].resend = 0.02  # type: ignore[union-attr] # it is a Manager
            stall = at_work.begin()
            await until(lambda: server.taken and len(second.taken) >= 3)
            at_work.end(stall)
            await until(lambda: all(over(each) for each in (server, second)))
    assert {each.path for each in server.taken + second.taken} == {"/api/v2/alerts"}
    assert second.taken[0].headers["Authorization"] == "Basic x"
    (first,) = second.taken[0].told
    assert first["labels"]["alertname"] == "QoeStall"
    assert first["endsAt"] > first["startsAt"]
    assert {json.dumps(each.told[0]["labels"]) for each in second.taken} == {json.dumps(first["labels"])}


def over(server: Receiver) -> bool:
    (told,) = server.taken[-1].told
    ended: bool = told["endsAt"] < "2" and told["endsAt"] <= told["startsAt"]
    return ended or clock.wall(clock.now()) >= _unix(told["endsAt"])


def _unix(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


async def test_a_more_severe_alert_ends_the_less_severe_one_at_alertmanager(server: Receiver) -> None:
    async with bench({"alertmanagers": [{"url": server.base}]}) as at_work:
        stall = at_work.begin()
        await until(lambda: server.taken)
        at_work.board.put(KEY, dataclasses.replace(stall, severity="critical"), clock.now())
        await until(lambda: len(server.taken[-1].told) == 2)
        told = {each["labels"]["severity"]: _unix(each["endsAt"]) for each in server.taken[-1].told}
        assert told["warning"] <= clock.wall(clock.now()) < told["critical"]


@pytest.mark.parametrize("foreign", [True, False])
async def test_alertmanager_is_not_told_the_end_of_what_another_agent_goes_on_with(
    foreign: bool, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is handed over: both agents' alerts are the same one there, and the new agent's counts."""
    monkeypatch.setattr(desks.policy, "UNOBSERVED", 0.01)
    async with receiver() as manager:
        async with bench({"webhooks": [hook(server)], "alertmanagers": [{"url": manager.base}]}) as at_work:
            stall = at_work.begin()
            await until(lambda: manager.taken)
            streams = made({}).streams
            at_work.desk.streams(streams, streams[1:] if foreign else streams)
            at_work.end(stall, unobserved=True)
            await until(lambda: ("resolved", "stall") in server.alerts())
            at_work.begin("lost", Key("other"), severity="critical")
            await until(lambda: "QoeLost" in manager.taken[-1].body.decode())
        names = {each["labels"]["alertname"] for each in manager.taken[-1].told}
    assert names == ({"QoeLost"} if foreign else {"QoeLost", "QoeStall"})


async def test_a_receiver_hears_what_concerns_it(server: Receiver) -> None:
    hooks = [
        hook(server, "critical", minimum_severity="critical"), hook(server, "other", streams=["oth*"]),
        hook(server, "begun", resolved=False),
    ]  # fmt: skip
    async with bench({"webhooks": hooks}) as at_work:
        stall = at_work.begin()
        at_work.begin("lost", Key("other"), severity="critical")
        at_work.end(stall)
        await until(lambda: len(told(server)) == 4)
        await until(lambda: at_work.desk._delivery.waiting() == {})
    assert sorted(told(server)) == [
        ("begun", "firing", "lost"), ("begun", "firing", "stall"), ("critical", "firing", "lost"),
        ("other", "firing", "lost"),
    ]  # fmt: skip


def told(server: Receiver) -> list[tuple[str, str, str]]:
    return [(each.path[1:], one["status"], one["kind"]) for each in server.taken for one in each.told["alerts"]]


async def test_a_receiver_that_is_down_keeps_nobody_waiting_and_is_told_when_it_is_back(
    server: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    down = True

    def answer(taken: Taken) -> web.Response:
        return web.Response(status=503 if down and taken.path == "/bad" else 200)

    server.answer = answer
    with caplog.at_level(logging.INFO, "qoe_agent"):
        async with bench({"webhooks": [hook(server, "bad"), hook(server, "good")]}) as at_work:
            stall = at_work.begin()
            at_work.end(stall)
            await until(lambda: ("good", "resolved", "stall") in told(server))
            await until(
                lambda: (at_work.value("qoe_agent_notifications_total", receiver="bad", result="retried") or 0) > 3
            )
            assert (at_work.value("qoe_agent_notifications_waiting", receiver="bad") or 0) >= 1
            down, tries = False, len(server.taken)
            await until(lambda: at_work.value("qoe_agent_notifications_waiting", receiver="bad") == 0)
    since = [("bad", each["status"]) for one in server.taken[tries:] for each in one.told["alerts"]]
    assert since == [("bad", "firing"), ("bad", "resolved")]
    said = [record.message for record in caplog.records if record.message.startswith("bad: ")]
    assert said[0] == "bad: a notification did not arrive and is tried again: answered 503"
    assert [line for line in said[1:] if "arrive again" in line] == said[1:], "what repeats is said once"


async def test_what_is_refused_is_a_dead_letter_without_secrets(server: Receiver, tmp_path: Path) -> None:
    server.answer = lambda taken: web.Response(status=403)
    letters = tmp_path / "dead.jsonl"
    hooks = [hook(server, "oncall", secret="hunter2hunter2") | {"url": f"{server.base}/?token=hunter2"}]
    async with bench({"webhooks": hooks, "dead_letters": str(letters)}) as at_work:
        at_work.begin()
        await until(lambda: at_work.value("qoe_agent_dead_letter_bytes"))
        assert at_work.value("qoe_agent_notifications_total", receiver="oncall", result="dead") == 1
    (line,) = letters.read_text().splitlines()
    assert "hunter2" not in line
    letter = json.loads(line)
    assert (letter["receiver"], letter["error"], letter["notice"]["status"]) == ("oncall", "answered 403", "firing")


async def test_what_cannot_be_delivered_in_time_is_given_up(server: Receiver, tmp_path: Path) -> None:
    letters = tmp_path / "dead.jsonl"
    hooks = [{"name": "gone", "url": f"http://127.0.0.1:{free_port()}/", "network": "private", "retry_for": 0.05}]
    async with bench({"webhooks": hooks, "dead_letters": str(letters)}) as at_work:
        at_work.begin()
        await until(lambda: letters.exists() and letters.read_text().endswith("\n"))
    assert json.loads(letters.read_text())["error"] == "connection refused"


async def test_dead_letters_have_a_limit(server: Receiver, tmp_path: Path) -> None:
    server.answer = lambda taken: web.Response(status=403)
    letters = tmp_path / "dead.jsonl"
    wanted = {"webhooks": [hook(server)], "dead_letters": str(letters), "dead_letter_bytes": 10_000}
    async with bench(wanted) as at_work:
        for n in range(60):
            at_work.begin(part=str(n), blob="x" * 200)
        await until(lambda: (at_work.value("qoe_agent_notifications_total", result="dead") or 0) >= 60)
    kept = [Path(each) for each in (letters, f"{letters}.1")]
    assert sum(each.stat().st_size for each in kept) <= 10_000
    assert all(json.loads(line) for each in kept for line in each.read_text().splitlines())


async def test_a_full_queue_lets_the_oldest_go_and_counts_it(server: Receiver, tmp_path: Path) -> None:
    stuck = asyncio.Event()

    async def answer(taken: Taken) -> web.Response:
        await stuck.wait()
        return web.Response()

    server.answer = answer
    letters = tmp_path / "dead.jsonl"
    async with bench({"webhooks": [hook(server, queue=3)], "dead_letters": str(letters)}) as at_work:
        for n in range(10):
            at_work.begin(part=str(n))
        await until(lambda: at_work.value("qoe_agent_notifications_total", result="dropped"))
        await until(lambda: letters.exists() and letters.read_text().endswith("\n"))
        assert at_work.value("qoe_agent_notifications_waiting", receiver="oncall") == 3
        stuck.set()
        await until(lambda: at_work.value("qoe_agent_notifications_waiting", receiver="oncall") == 0)
    assert json.loads(letters.read_text().splitlines()[0])["error"] == "the queue was full"


@pytest.mark.parametrize("labels", [True, False], ids=["", "saved without labels"])
async def test_a_restart_neither_repeats_nor_forgets(server: Receiver, tmp_path: Path, labels: bool) -> None:
    wanted = {
        "webhooks": [hook(server)], "alertmanagers": [{"url": f"{server.base}", "name": "am"}],
        "state": str(tmp_path / "state.json"),
    }  # fmt: skip
    rules = RULES.replace("resolve_after: 0s", "resolve_after: 50ms")

    def posted(path: str) -> list[Any]:
        return [each.told for each in server.taken if each.path == path]

    async with bench(wanted, rules) as before:
        stall = before.begin()
        await until(lambda: posted("/oncall") and posted("/api/v2/alerts"))
        await until(lambda: not any(before.desk._delivery.waiting().values()))  # else it is told again, to be sure
        before.end(stall, unobserved=True)  # as sessions do when they are stopped
    (first,) = posted("/api/v2/alerts")[0]
    server.taken.clear()
    if not labels:
        state = json.loads((tmp_path / "state.json").read_text())
        assert [case.pop("labels") for case in state["cases"]] == [{"team": "live"}]
        (tmp_path / "state.json").write_text(json.dumps(state))
    async with bench(wanted, rules) as after:
        await until(lambda: posted("/api/v2/alerts"))
        (again,) = posted("/api/v2/alerts")[0]
        assert (again["labels"], again["startsAt"]) == (first["labels"], first["startsAt"])
        found = after.begin()
        after.end(found)
        await until(lambda: posted("/oncall"))
    (said,) = posted("/oncall")[0]["alerts"]
    assert (said["status"], said["number"], said["count"], said["observed"]) == ("resolved", 2, 1, True)


async def test_what_was_not_delivered_before_a_restart_is_delivered_after_it(server: Receiver, tmp_path: Path) -> None:
    wanted = {"webhooks": [hook(server)], "state": str(tmp_path / "state.json")}
    server.answer = lambda taken: web.Response(status=503)
    async with bench(wanted) as before:
        before.end(before.begin())
        await until(lambda: len(before.desk._delivery.waiting().get("oncall", ())) == 2)
        await until(lambda: server.taken)
    async with receiver() as well, bench(wanted | {"webhooks": [hook(well)]}):  # the other may still be hearing a try
        await until(lambda: well.alerts() == [("firing", "stall"), ("resolved", "stall")])


async def test_a_damaged_state_is_said_and_started_afresh(
    server: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.json"
    path.write_text("{")
    async with bench({"webhooks": [hook(server)], "state": str(path)}) as at_work:
        at_work.begin()
        await until(lambda: server.taken)
        await until(lambda: path.read_text() != "{")
    assert f"{path}: the state of alerts cannot be used (it is damaged)" in caplog.text
    assert json.loads(path.read_text())["version"] == 1


async def test_a_state_that_cannot_be_saved_is_said_once_and_does_not_stop_alerts(
    server: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench({"webhooks": [hook(server)], "state": str(tmp_path / "no" / "state.json")}) as at_work:
        for count in (2, 4):
            at_work.end(at_work.begin())
            await until(lambda count=count: len(server.alerts()) == count)
        await until(lambda: "cannot be saved" in caplog.text)
    assert caplog.text.count("cannot be saved: No such file or directory") == 1


async def test_a_reload_changes_receivers_and_rules_and_keeps_what_fires(server: Receiver) -> None:
    async with receiver() as other:
        wanted = {"webhooks": [hook(server), hook(server, "stays")]}
        async with bench(wanted) as at_work:
            stall = at_work.begin()
            await until(lambda: len(server.taken) == 2 and not at_work.desk._delivery.waiting())
            stays = at_work.desk._delivery._receivers["stays"]
            changed = made({"webhooks": [hook(other), hook(server, "stays")]})
            at_work.desk.follow(changed)
            at_work.end(stall)
            await until(lambda: other.alerts() == [("resolved", "stall")])
            assert at_work.desk._delivery._receivers["stays"] is stays
            at_work.desk.follow(made({"webhooks": []}))
            at_work.begin()
            await until(lambda: at_work.value("qoe_agent_alerts_firing", severity="warning") == 1)
            assert at_work.value("qoe_agent_notifications_waiting", receiver="oncall") is None
    assert len(other.taken) == 1


async def test_an_alert_keeps_the_labels_that_it_began_with(server: Receiver) -> None:
    """Else Alertmanager would take it for another, and the first one would go on there until it expires."""
    options = {"alertmanagers": [{"url": server.base}], "resend": 1}
    async with bench(options) as at_work:
        stall = at_work.begin()
        await until(lambda: bool(server.taken))
        moved = made(options)
        moved = dataclasses.replace(
            moved, streams=tuple(dataclasses.replace(each, labels={"team": "night"}) for each in moved.streams)
        )
        at_work.desk.follow(moved)
        at_work.desk.streams(moved.streams, moved.streams)
        at_work.end(stall)
        await until(lambda: any(_unix(one["endsAt"]) <= time.time() for one in server.taken[-1].told))
        assert {each["labels"]["team"] for taken in server.taken for each in taken.told} == {"live"}
        at_work.begin()
        await until(lambda: any(one["labels"]["team"] == "night" for one in server.taken[-1].told))


async def test_what_is_silenced_is_counted_with_its_reason(server: Receiver) -> None:
    wanted = {"webhooks": [hook(server)], "maintenance": [{"streams": ["show-*"], "weekly": [{}]}]}
    async with bench(wanted) as at_work:
        at_work.begin()
        at_work.begin(key=Key("other"))
        await until(lambda: server.alerts() == [("firing", "stall")])
        assert at_work.value("qoe_agent_alerts_silenced_total", reason="maintenance") == 1
    assert server.taken[0].told["alerts"][0]["stream"] == "other"


async def test_a_bug_in_the_policy_ends_nothing(
    server: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(desks, "FAULT", 0.0)
    async with bench({"webhooks": [hook(server)]}) as at_work:
        with monkeypatch.context() as broken:
            broken.setattr(desks.policy, "step", lambda *more: 1 / 0)
            at_work.begin("lost", Key("other"), severity="critical")
            await until(lambda: "cannot be judged" in caplog.text)
        at_work.begin()
        await until(lambda: ("firing", "stall") in server.alerts())


async def test_what_goes_on_around_it_never_waits_for_receivers() -> None:
    """Reports are taken on any thread, at once, also while no loop runs."""
    at_work = Bench(made({"webhooks": [{"name": "w", "url": "https://h.example"}]}))
    await asyncio.to_thread(at_work.begin)
    assert len(at_work.desk._reports) == 1
