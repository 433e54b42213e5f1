"""HLS by a client of our own: playlists polled as RFC 8216 §6.3.4 says, segments fetched as soon as listed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qoe_agent import clock
from qoe_agent.maths import quoting
from qoe_agent.maths.timeline import Unwrap
from qoe_agent.model import LOST_REASONS, Answer, Lost, Opened, Playlist
from qoe_agent.sources.fetch import Client
from qoe_agent.sources.playlist import Master, Media, NotAPlaylist, Rendition, choose, parse
from qoe_agent.sources.rendition import Follower, Job

if TYPE_CHECKING:
    from qoe_agent.model import Target
    from qoe_agent.sources import Emit
    from qoe_agent.sources.fetch import Fetched

__all__ = ["Rendition", "Unavailable", "named", "renditions", "watch"]

PLAYLIST_LIMIT = 4 << 20
"""Bytes of a playlist."""
SOUND_TRACKS = 16
"""The first track number of an audio group's own segments."""
REST = 5.0
"""Seconds that the sound of a show that is over may take to come."""
EARLY = 0.9
"""Share of a deadline at which the source gives the reason itself, before it is cut off for silence."""
_BIG = 100_000
"""Characters of a playlist beyond which it is parsed on a thread."""
_SHORTEST_WAIT = 0.1


class Unavailable(Exception):
    """The master playlist could not be had."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        """One of LOST_REASONS."""
        self.detail = detail


async def renditions(target: Target) -> list[Rendition]:
    """What the master playlist offers; empty when `target` is a media playlist. Raises Unavailable."""
    async with Client(target) as client:
        loaded = await _load(client, target.url, target.open_timeout)
    if loaded.playlist is None:
        raise Unavailable(loaded.reason, loaded.detail)
    return list(loaded.playlist.renditions) if isinstance(loaded.playlist, Master) else []


async def named(target: Target, known: list[str]) -> list[str]:
    """The names of the renditions that are to be watched, of which `known` are already.

    While the server does not say, the stream is pulled as a whole, so that it reads as down, not as absent.
    """
    try:
        found = await renditions(target)
    except Unavailable:
        return known or [""]
    return [rendition.name for rendition in found] or [""]


async def watch(target: Target, emit: Emit) -> Lost:
    """Pull `target` until the stream ends or can no longer be had; silence is for the caller to judge."""
    async with Client(target) as client:
        first = await _load(client, target.url, target.open_timeout)
        if first.playlist is None:
            _tell(emit, first, "master")
            emit(Playlist(first.got.at, first.got.requested, "master", error=first.reason))
            return Lost(clock.now(), first.reason, first.detail)
        emit(Opened(clock.now(), first.got.requested, "hls", client.phases.seconds()))
        unwrap = Unwrap(1 << 33)
        if isinstance(first.playlist, Media):
            return await _Feed(client, target, emit, target.url, 0, unwrap, first).run()
        emit(Playlist(first.got.at, first.got.requested, "master"))
        _tell(emit, first, "master")
        chosen = choose(first.playlist, target.variant)
        if chosen is None:
            reason = "not_found" if first.playlist.renditions else "empty"
            return Lost(clock.now(), reason, "the master playlist has no such rendition")
        feeds = [_Feed(client, target, emit, chosen.url, 0, unwrap)]
        if chosen.sound:
            feeds.append(_Feed(client, target, emit, chosen.sound, SOUND_TRACKS, unwrap))
        return await _together(feeds)


async def _together(feeds: list[_Feed]) -> Lost:
    """Run them until the first (the pictures) ends, or another one ends uncleanly.

    Where the show is over, what is listed of the others is still fetched.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(feed.run()) for feed in feeds]
        waiting = set(tasks)
        while True:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ends = [task.result() for task in tasks if task in done and (task is tasks[0] or not task.result().clean)]
            if ends:
                break
        if waiting and ends[0].clean:
            await asyncio.wait(waiting, timeout=REST)
        for task in waiting:
            task.cancel()
    return ends[0]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A playlist, or why there is none."""

    got: Fetched
    playlist: Master | Media | None
    reason: str = ""
    detail: str = ""
    text: str = ""


def _tell(emit: Emit, loaded: _Loaded, kind: Literal["master", "playlist"], track: int = 0) -> None:
    """What the server said, for people."""
    got = loaded.got
    if got.status:
        emit(Answer(got.at, "headers", quoting.answered(got.status, got.headers), track))
    if loaded.text:
        emit(Answer(got.at, kind, quoting.playlist(loaded.text), track))


async def _load(client: Client, url: str, within: float) -> _Loaded:
    got = await client.fetch(url, limit=PLAYLIST_LIMIT, within=within)
    if got.error:
        reason = got.error if got.error in LOST_REASONS else "reset"
        return _Loaded(got, None, reason, f"playlist: {got.detail}")
    text = got.data.decode("utf-8", "replace")
    try:
        found = await asyncio.to_thread(parse, text, got.url) if len(text) > _BIG else parse(text, got.url)
    except NotAPlaylist as error:
        return _Loaded(got, None, "protocol", f"not a playlist: {error}", text)
    return _Loaded(got, found, text=text)


class _Feed:
    """One media playlist: polls it on one task, fetches what it lists on another."""

    def __init__(
        self,
        client: Client,
        target: Target,
        emit: Emit,
        url: str,
        first_track: int,
        unwrap: Unwrap,
        loaded: _Loaded | None = None,
    ) -> None:
        self._client, self._target, self._emit, self._url = client, target, emit, url
        self._loaded = loaded
        self._track = first_track
        self._follower = Follower(client, target, emit, first_track, unwrap)
        self._give_up = clock.now() + EARLY * target.open_timeout
        """When a playlist that lists nothing is called empty."""
        self._known: Media | None = None
        self._next: int | None = None
        """Media sequence number of the next segment to fetch."""

    async def run(self) -> Lost:
        """Until the playlist ends or is lost."""
        async with asyncio.TaskGroup() as group:
            polling = group.create_task(self._poll())
            lost = await self._follower.run()
            polling.cancel()
        return lost

    async def _poll(self) -> None:
        lost: Lost | None = None
        good = clock.now()
        while lost is None:
            loaded = self._loaded or await _load(self._client, self._url, self._within())
            self._loaded = None
            got = loaded.got
            changed = False
            if isinstance(loaded.playlist, Media):
                good = got.at
                changed = not self._old(loaded.playlist) and self._take(loaded.playlist, loaded)
                lost = self._over(loaded.playlist)
            else:
                lost = self._missed(loaded, good)
            due = got.requested + (self._known.reload(changed) if self._known else 0.5)
            if self._next is None:
                due = min(due, self._give_up)
            if lost is None:
                await asyncio.sleep(max(_SHORTEST_WAIT, due - clock.now()))
        self._follower.jobs.put_nowait(lost)

    def _within(self) -> float:
        """Seconds that a playlist may take."""
        return self._target.lost_after if self._known else self._target.open_timeout

    def _missed(self, loaded: _Loaded, good: float) -> Lost | None:
        """The playlist could not be had: at once fatal at the beginning, later only if it stays away."""
        _tell(self._emit, loaded, "playlist", self._track)
        reason, detail = loaded.reason or "protocol", loaded.detail or "a master playlist instead of a media playlist"
        self._emit(Playlist(loaded.got.at, loaded.got.requested, "media", error=reason, track=self._track))
        if self._known is None or clock.now() - good > EARLY * self._target.lost_after:
            return Lost(clock.now(), reason, detail)
        return None

    def _old(self, media: Media) -> bool:
        """Whether an earlier pull has seen all of this, up to the end of the show or of its patience."""
        listed = self._track, media.sequence, len(media.entries)
        return self._known is None and ((self._target.over and media.ended) or listed in self._target.stale)

    def _over(self, media: Media) -> Lost | None:
        if media.ended and (self._next is not None or self._target.over):
            return Lost(clock.now(), "ended", "the playlist ended")
        if self._next is None and (media.ended or clock.now() >= self._give_up):
            if media.entries:
                return Lost(clock.now(), "silent", "the playlist lists nothing new")
            return Lost(clock.now(), "empty", "the playlist lists no segments")
        return None

    def _take(self, media: Media, loaded: _Loaded) -> bool:
        """Queue what is new in `media`; whether anything is."""
        known, self._known = self._known, media
        changed = known is None or _gist(known) != _gist(media)
        self._emit(
            Playlist(
                loaded.got.at, loaded.got.requested, "media", target_duration=media.target_duration,
                media_sequence=media.sequence, segments=len(media.entries), ended=media.ended, changed=changed,
                track=self._track,
            )
        )  # fmt: skip
        if changed:
            _tell(self._emit, loaded, "playlist", self._track)
        self._follower.listed(media)
        if not media.entries:
            return changed
        restarted = self._restarted(known, media)
        if self._next is None or restarted:
            self._start(media, restarted)
        else:
            missed = range(self._next, min(media.entries[0].sequence, self._next + 10))
            for sequence in missed:
                self._follower.miss(sequence, media.target_duration)
            for entry in media.entries:
                if entry.sequence >= self._next:
                    self._follower.jobs.put_nowait(Job(entry, broken=bool(missed) and entry is media.entries[0]))
        end = media.entries[-1].sequence + 1
        self._next = end if self._next is None or restarted else max(self._next, end)
        return changed

    def _start(self, media: Media, restarted: bool) -> None:
        """At the live edge: at most the last three segments, all but the newest backlog (§6.3.3)."""
        entries = media.entries
        if media.ended and self._next is None:
            self._follower.paced = True
            for entry in entries:
                self._follower.jobs.put_nowait(Job(entry))
            return
        for entry in entries[-3:]:
            self._follower.jobs.put_nowait(
                Job(entry, backlog=entry is not entries[-1], broken=restarted and entry is entries[-3:][0])
            )

    def _restarted(self, known: Media | None, media: Media) -> bool:
        """Whether the server began to count anew. An old copy out of a cache lists what we know already."""
        if known is None or self._next is None or media.entries[-1].sequence >= self._next - 1:
            return False
        fetched = {entry.url for entry in known.entries}
        return not any(entry.url in fetched for entry in media.entries)


def _gist(media: Media) -> tuple[object, ...]:
    """What tells two versions of a playlist apart."""
    last = media.entries[-1] if media.entries else None
    return media.sequence, len(media.entries), last and (last.url, last.span), media.ended
