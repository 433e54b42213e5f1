"""Quality: what the stream is worth to its viewer, from 1 to 5; P.1203-style, not certified.

Pictures by what is known of them: the quantiser of decoded macroblocks, that of slice headers (read without decoding,
a few pictures a second), else sizes of key and other frames, else bitrate alone (P.1203.1 modes 3, 1, 0). Sound by
codec and bitrate; stalls by the player model that counts them elsewhere. Without the random forest of P.1203.3.

P.1203's scope is H.264 up to 1080p with AAC, MP2 or AC-3, over TCP, from 30 s to 5 min: there the label `scope` says
`p1203`, elsewhere `extended`. HEVC and VP9 go by a published mapping (VP9 by sizes only), MP3 is taken for MP2, E-AC-3
for AC-3, Opus and Vorbis for AAC-LC; a stream without sound is judged as if there were nothing to complain of.
AV1 and the rest have no score, but AV1 has its quantiser. A slice's quantiser is what its first block begins with:
where the encoder varies it within pictures it lies off their mean (by -0.1 to +3.5 in nine settings of x264).

Nothing is said before 10 s were played. Latency is no part of the score.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from qoe_agent.bitstream.intake import Intake
from qoe_agent.maths import stillness
from qoe_agent.maths.caps import cap
from qoe_agent.maths.faults import Marks
from qoe_agent.maths.programme import Programme
from qoe_agent.maths.quantisers import Blocks, Quantisers
from qoe_agent.maths.rating import LEAST, MINUTE, Pauses, Rating
from qoe_agent.maths.scope import deeper, scope
from qoe_agent.maths.scope import sounds as sounds_of
from qoe_agent.maths.stalls import Dry, Stalls
from qoe_agent.maths.viewing import SEES, Viewing
from qoe_agent.model import Format, Lost, Metric, Opened, Packet, Picture, Sample, Sound, Tick
from qoe_agent.probes import probe
from qoe_agent.probes.av_offset import OUT, AvOffset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.playout import Event
    from qoe_agent.maths.rating import Result
    from qoe_agent.model import Finding, Observation

Gauge: TypeAlias = tuple[Metric, tuple[str, ...]]

MOS = Metric(
    "qoe_mos", "gauge", "Quality from 1 to 5: P.1203-style (not certified), never above what black, frozen, silent "
    "and unsynchronised media leave; window: 60s, session.", ("window",),
)  # fmt: skip
P1203 = Metric(
    "qoe_p1203_mos", "gauge", "P.1203-style MOS of the last 60 s (O46 without random forest, not certified); mode: "
    "0 (bitrate), 1 (frame sizes), 3 (quantiser); scope: p1203 (inside the Recommendation's), extended.",
    ("mode", "scope"),
)  # fmt: skip
PART = Metric(
    "qoe_mos_part", "gauge", "P.1203-style MOS of a part over the last 60 s; part: video (O22), audio (O21), "
    "audiovisual (O35), stalling (O23).", ("part",),
)  # fmt: skip
LOST = Metric(
    "qoe_mos_deduction", "gauge", "Points of MOS lost over the last 60 s, each where the formulas take it (they do not "
    "add up); cause: coding, upscaling, frame_rate, audio, adaptation, stalling, black, freeze, silence, sync.",
    ("cause",),
)  # fmt: skip
QP = Metric(
    "qoe_qp", "gauge", "Mean quantiser over the last 60 s, on the codec's scale (H.264, HEVC: up to 51; AV1, VP9: up "
    "to 255); frame_type: I, P, B, inter (not I); basis: slice (headers), macroblock (decoded).",
    ("frame_type", "basis"),
)  # fmt: skip
SPREAD = Metric(
    "qoe_qp_spread", "gauge", "Standard deviation of the quantiser over the last 60 s: over pictures, and within them "
    "where macroblocks are known.", ("basis",),
)  # fmt: skip

EVERY = 10.0
"""Seconds between two scores."""
BATCH = 256
SHORTEST = 0.1
"""Seconds of a stall that counts, as for stalls."""
INSTANT = 1.0
"""Seconds of waiting for the first picture that are no stall."""
SELDOM = 30.0
"""Seconds after which the session is judged anew, once it is longer than a minute."""


@probe(
    MOS, P1203, PART, LOST, QP, SPREAD,
    sees=(*SEES, Picture, Sound),
    picture=lambda _: Blocks(),
)  # fmt: skip
@dataclass(slots=True)
class Quality:
    """Follows the first video track and the first sound track."""

    width: int = 1920
    """Of the screen that the stream is watched on."""
    height: int = 1080
    """Of that screen."""
    handheld: bool = False
    """It is held in the hand: defects are seen less."""
    player: Literal["auto", "hls", "exo", "flv", "rtc"] = "auto"
    """Whose buffering to imitate, as for stalls."""
    give_up: float = 30.0
    """Seconds of a stall after which the viewer is gone, as for stalls."""
    _viewing: Viewing = field(init=False, repr=False)
    _stalls: Stalls = field(init=False, repr=False, default_factory=lambda: Stalls(SHORTEST))
    _pauses: Pauses = field(init=False, repr=False, default_factory=Pauses)
    _sync: AvOffset = field(init=False, repr=False, default_factory=AvOffset)
    _taken: list[Packet | Picture | Sound] = field(init=False, repr=False, default_factory=list)
    """What waits to be worked off."""
    _intake: Intake = field(init=False, repr=False)
    _marks: Marks = field(init=False, repr=False)
    _rating: Rating = field(init=False, repr=False)
    _start: int | None = field(init=False, repr=False, default=None)
    """The first second of the session."""
    _played: int = field(init=False, repr=False, default=0)
    """The first second that is not played yet."""
    _due: float = field(init=False, repr=False, default=0.0)
    _turned: float = field(init=False, repr=False, default=0.0)
    """When the quantisers were last summed up …"""
    _coarse: dict[Gauge, float] = field(init=False, repr=False, default_factory=dict)
    """… and what they came to."""
    _session: tuple[float, float | None] = field(init=False, repr=False, default=(0.0, None))
    """When the session is judged anew, and what it was last."""
    _protocol: str = field(init=False, repr=False, default="")
    _since: float = field(init=False, repr=False, default=0.0)
    """Pictures that arrived earlier belong to a connection of the past."""
    _shown: set[Gauge] = field(init=False, repr=False, default_factory=set)
    """The gauges that stand now."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError("width and height of the screen are at least 1")
        self._viewing = Viewing(self.player, self.give_up)
        self._rating = Rating(self.width * self.height, handheld=self.handheld)
        self._intake = Intake(Programme(), Quantisers())
        self._marks = Marks(self._intake.programme)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; everything is worked out on Ticks, scores every ten seconds."""
        if isinstance(seen, (Packet, Picture, Sound)):
            self._taken.append(seen)
            if len(self._taken) >= BATCH:
                self._work_off()
            return ()
        self._work_off()
        self._in_step(seen)
        if isinstance(seen, Format):
            self._intake.format(seen)
        elif isinstance(seen, Opened):
            self._intake.connection()
            self._protocol, self._since, self._due = seen.protocol, seen.at, 0.0
        elif isinstance(seen, Lost):
            self._shown.clear()  # the board drops the gauges of a dead stream
        self._viewing.take(seen)
        self._follow()
        return self._tick(seen) if isinstance(seen, Tick) else ()

    def _in_step(self, seen: Observation) -> None:
        """How much media has its sound further off than is acceptable, as that probe has it."""
        for found in self._sync.feed(seen):
            if isinstance(found, Sample) and found.metric is OUT and found.labels == ("bt1359_acceptability",):
                self._intake.programme.watched.add("sync")
                if found.value:
                    self._intake.programme.mark_lately("sync", found.value)

    def _work_off(self) -> None:
        """Take account of what was gathered; nothing is told of it before the next Tick anyway."""
        packets = [seen for seen in self._taken if isinstance(seen, Packet)]
        if packets:
            self._intake.packets(packets)
            for packet in packets:
                self._viewing.take(packet)
            self._follow()
        for seen in self._taken:
            if isinstance(seen, Picture):
                self._in_step(seen)
                self._picture(seen)
            elif isinstance(seen, Sound):
                self._in_step(seen)
                self._sound(seen)
        self._taken.clear()

    def _follow(self) -> None:
        """What the player did."""
        for event in self._viewing.events:
            self._event(event)
        self._viewing.events.clear()

    def _event(self, event: Event) -> None:
        self._stalls.event(event)
        programme = self._intake.programme
        if event.kind == "play":
            place = programme.place(event.pts) or 0.0
            self._start = self._played = int(min(max(place, programme.first), programme.whole))
            self._rating.begin(self._start)
            self._session = (0.0, None)
            requested = self._viewing.requested
            self._pauses.clear()
            if requested is not None and event.at - requested > INSTANT:
                self._pauses.add(float(self._start), Dry(requested, event.pts, event.at))
        elif event.kind in ("stop", "give_up"):
            self._start = None
            self._intake.programme = programme.anew()
            self._marks = Marks(self._intake.programme)

    def _picture(self, seen: Picture) -> None:
        video = self._intake.formats.get("video")
        if video is None or seen.track != video.track or seen.pts is None or seen.at < self._since:
            return
        if not video.width or not video.height:
            self._intake.size(seen.width, seen.height)
        blocks = seen.looks.get("quality")
        if blocks is not None and video.codec == "h264":  # others' are of whole pictures, as in their headers
            mean, spread = blocks
            mean -= 6 * deeper(seen.pixel_format)  # decoders count from 0 (QP'Y of H.264 §7.4.2.1.1)
            self._intake.quantisers.add("macroblock", "I" if seen.key else "inter", mean, spread)
            if not seen.key:
                self._intake.programme.quantiser(mean, seen.pts)
        face, still = seen.looks.get("black"), stillness.read(seen.looks.get("content_freeze"))
        if face is not None:
            self._marks.picture("black", seen.pts, shown=face[0] != "")
        if still is not None:
            spell = still.spell if still.spell is not None and still.spell.why_not == "" else None
            self._marks.picture("freeze", seen.pts, shown=spell is not None, since=spell.start if spell else None)

    def _sound(self, seen: Sound) -> None:
        audio, heard = self._intake.formats.get("audio"), seen.looks.get("audio")
        if audio is None or seen.track != audio.track or seen.pts is None or seen.at < self._since:
            return
        if heard is not None and seen.sample_rate > 0:
            self._marks.sound(seen.pts, seen.sample_rate, heard[2])

    def _tick(self, tick: Tick) -> Iterable[Finding]:
        for dry in self._stalls.tick(tick.at, tick.lag, self._viewing.piece):
            place = self._intake.programme.place(dry.start_pts)
            self._pauses.add(float(self._played) if place is None else max(place, float(self._played)), dry)
        if not self._turned <= tick.at < self._turned + EVERY:
            self._turned, self._coarse = tick.at, dict(self._quantisers())
        elif self._due - EVERY <= tick.at < self._due:
            return ()
        self._due = tick.at + EVERY
        told = self._coarse
        if self._start is not None:
            told = told | self._scores(tick.at, self._start)
            if self._played < self._start + LEAST:
                self._due = tick.at + 1.0  # the first score is told as soon as it can be
        gone = self._shown - told.keys()
        self._shown = set(told)
        found = [Sample(metric, None, labels) for metric, labels in sorted(gone, key=lambda one: (one[0].name, one[1]))]
        return found + [Sample(metric, value, labels) for (metric, labels), value in told.items()]

    def _quantisers(self) -> Iterable[tuple[Gauge, float]]:
        quantisers = self._intake.quantisers
        for (basis, kind), mean in quantisers.means().items():
            yield (QP, (kind, basis)), mean
        for basis, spread in quantisers.spreads().items():
            yield (SPREAD, (basis,)), spread
        quantisers.turn()

    def _scores(self, at: float, start: int) -> dict[Gauge, float]:
        programme, playout = self._intake.programme, self._viewing.playout
        place = programme.place(playout.raw(playout.playhead))
        if place is not None:
            self._played = int(max(self._played, min(place, programme.whole)))
        played, sounds = self._played, sounds_of(self._intake.formats.get("audio"))
        stalls = self._pauses.until(at, played)
        self._rating.judge(programme, sounds)
        minute = self._rating.minute(programme, played, sounds, stalls)
        if minute is None:
            return {}
        due, session = self._session
        if played - start <= MINUTE:
            session = minute.score.mos
        elif session is None or not due - SELDOM <= at < due:
            session = self._rating.session(programme, played, sounds, stalls)
            self._session = at + SELDOM, session
        told = self._told(minute, programme.shares(max(start, played - MINUTE), played))
        if session is not None:
            told[MOS, ("session",)] = cap(session, programme.shares(start, played, ever=True)).mos
        return told

    def _told(self, minute: Result, shares: dict[str, float]) -> dict[Gauge, float]:
        score, capped = minute.score, cap(minute.score.mos, shares)
        formats = self._intake.formats
        inside = scope(formats.get("video"), formats.get("audio"), self._protocol, minute.seconds)
        told: dict[Gauge, float] = {
            (MOS, ("60s",)): capped.mos,
            (P1203, (minute.mode, inside)): score.mos,
            (PART, ("video",)): minute.video,
            (PART, ("audiovisual",)): score.audiovisual,
            (PART, ("stalling",)): score.stalling,
        }
        if minute.audio is not None:
            told[PART, ("audio",)] = minute.audio
        for cause, points in minute.lost.items():
            told[LOST, (cause,)] = points
        for cause in shares:
            told[LOST, (cause,)] = score.mos - capped.mos if cause == capped.cause else 0.0
        return told
