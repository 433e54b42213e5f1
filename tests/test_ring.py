"""The packet ring keeps whole GOPs and stays within the budget that all streams share."""

from qoe_agent.model import KEY, Format, Packet
from qoe_agent.ring import OVERHEAD, Budget


def video(at: float, key: bool, size: int = 1000) -> Packet:
    return Packet(at, 0, "video", at, at, KEY if key else 0, size, b"")


def filled(budget: Budget, seconds: int) -> object:
    ring = budget.ring()
    ring.format(Format(0.0, 0, "video", "h264"))
    for n in range(seconds * 10):
        ring.append(video(n / 10, n % 10 == 0))
    return ring


def test_starts_at_a_key_frame_whatever_was_let_go() -> None:
    ring = filled(Budget(25 * (1000 + OVERHEAD)), 10)
    kept = list(ring)
    assert kept[0].key
    assert len(kept) == 20
    assert kept[-1].at == 9.9
    assert ring.seconds == kept[-1].at - kept[0].at
    assert ring.size == 20 * (1000 + OVERHEAD)


def test_the_budget_is_shared_by_all_streams() -> None:
    budget = Budget(40 * (1000 + OVERHEAD))
    one = filled(budget, 10)
    assert len(list(one)) == 40
    other = filled(budget, 10)
    one.append(video(10.0, True))
    assert one.size <= budget.share
    assert other.size <= budget.share
    budget.release(other)
    assert list(other) == []
    assert budget.share == budget.total


def test_nothing_is_kept_before_the_first_key_frame() -> None:
    ring = Budget(1 << 20).ring()
    ring.format(Format(0.0, 0, "video", "h264"))
    ring.append(video(0.0, False))
    assert list(ring) == []
    assert ring.seconds == 0.0


def test_a_group_larger_than_the_share_leaves_nothing_undecodable() -> None:
    ring = filled(Budget(5 * (1000 + OVERHEAD)), 3)
    kept = list(ring)
    assert not kept or kept[0].key


def test_another_format_of_a_track_forgets_what_needs_the_old_one() -> None:
    ring = filled(Budget(1 << 20), 2)
    ring.format(Format(2.0, 0, "video", "h264", b"other"))
    assert list(ring) == []


def test_sound_alone_is_kept_too() -> None:
    ring = Budget(250 * (100 + OVERHEAD)).ring()
    ring.format(Format(0.0, 1, "audio", "aac"))
    for n in range(1000):
        ring.append(Packet(n * 0.02, 1, "audio", n * 0.02, n * 0.02, KEY, 100, b""))
    assert 100 <= len(list(ring)) <= 250
