"""What an analysis of an experiment finds, made by hand: one of everything that a report must be able to say."""

from __future__ import annotations

import math

from qoe_agent.viewers.lift.needs import Need, Plan, Reach
from qoe_agent.viewers.lift.observed import Balance, Comparison
from qoe_agent.viewers.lift.shapes import Check, Dose, Estimate, Lift

BEGAN = 1_795_291_200.0
DAY = 86400.0
N = {"hd": 61_240, "sd": 61_007}
MEAN = {"hd": 1948.2, "sd": 1884.1}


def estimates() -> tuple[Estimate, ...]:
    """The first is what the verdict is about."""

    def one(metric: str, lift: float, half: float, p: float, **more: object) -> Estimate:
        known = {"p_adjusted": min(1.0, 2 * p), "always_valid": (lift - 1.5 * half, lift + 1.5 * half), "n": N,
                 "mean": MEAN, "minimum_detectable_effect": 1.4 * half, **more}  # fmt: skip
        return Estimate(metric, "sd", "hd", lift, lift - half, lift + half, p, **known)  # type: ignore[arg-type]

    segments = tuple(
        one("watch", lift, half, p, cap=9000.0, segment=("device", value), always_valid=None)
        for value, lift, half, p in (("phone", 0.041, 0.03, 0.007), ("tv", 0.012, 0.06, 0.7), ("<b>", -0.02, 0.14, 0.8))
    )
    return (
        one("watch", 0.034, 0.0245, 0.0066, cap=9000.0),
        one("watch", 0.0468, 0.038, 0.0147),
        one("watch", 0.0211, 0.0188, 0.028, cap=3600.0, method="cuped"),
        one("watch_per_session", 0.012, 0.02, 0.24),
        one("stall_ratio", -0.081, 0.06, 0.008, mean={"hd": 0.00172, "sd": 0.00187}, margin=0.05, ship=True),
        one("longer_than_30s", 0.0042, 0.0051, 0.11, scale="points", mean={"hd": 0.763, "sd": 0.7588}),
        one("rank", 0.0031, 0.0029, 0.036, scale="rank", mean={}, always_valid=None, note="ties count half"),
        Estimate("orders_per_hour", "sd", "hd", None, None, None, None, N, {}, note="orders: nobody ordered"),
        *segments,
    )


def curve(faster: float) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), math.exp(-0.26 * faster * math.log(at + 1) ** 1.15)) for at in
                 (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400))  # fmt: skip


def lift() -> Lift:
    """Of an experiment that is nearly over."""
    steps = [(BEGAN + number * DAY, 0.034 + 0.06 / (number + 1), 0.12 / (number + 1) ** 0.5) for number in range(21)]
    return Lift(
        "better",
        "hd watched 3.4 % longer than sd, 95 % interval 0.9 to 5.8, capped at 2.5 h; the uncapped figure rests on 5 % "
        "of sessions.",
        {"kind": "randomised", "unit": "user", "control": "sd", "treatments": ("hd",), "caps": (None, 9000.0, 3600.0),
         "window": 7 * DAY, "smallest_effect": 0.01, "allocation": {"hd": 0.5, "sd": 0.5}, "alpha": 0.05, "pre": ()},
        (
            Check("sample_ratio", "passed", "61,240 and 61,007 users where 1 : 1 was meant", 0.505, blocks=True),
            Check("one_arm_a_user", "notice", "12 users were in several arms and count in none"),
            Check("delivered_contrast", "failed", "of hd 51 % was watched at 720 lines or more, of sd 47 %", 0.3),
            Check("interference", "not possible", "needs --stream"),
        ),
        estimates(),
        (
            Dose("hd", "height", "told", 803.2, 801.0, 805.4, 0.51, 0.98),
            Dose("sd", "height", "told", 771.0, 769.5, 772.4, 0.47, 0.97),
            Dose("hd", "effective_height", "measured", 611.0, 600.0, 622.0, 0.31, 0.8),
            Dose("sd", "effective_height", "measured", None, known=0.0),
        ),
        retention={"hd": curve(0.985), "sd": curve(1.0)},
        over_time=tuple((at, lift, lift - half, lift + half, lift - 1.6 * half, lift + 1.6 * half)
                        for at, lift, half in steps),
        novelty=tuple((day, 0.03 + 0.05 * math.exp(-day / 2), 0.01 + 0.04 * math.exp(-day / 2) - 0.004 * day,
                       0.05 + 0.06 * math.exp(-day / 2) + 0.004 * day) for day in range(8)),
        tail={"hd": (0.053, 0.549), "sd": (0.053, 0.524)},
        registered=("caps: registered 9000 and 3600, analysed none, 9000 and 3600",),
        notes=("stall_ratio: needs --facts or a column stall_seconds", "<script>alert(1)</script> is an arm's name"),
    )  # fmt: skip


def observed() -> Lift:
    """Of data that nobody randomised."""
    balance = (Balance("bandwidth", 0.62, 0.011), Balance("device", -0.21, -0.004), Balance("region", 0.05, 0.03))
    left = (Balance("bandwidth", 0.62, 0.14), *balance[1:])
    return Lift(
        "observational",
        "hd viewers watched 9.6 % longer, but nobody randomised them: like with like they watched 1.9 % longer, and "
        "what was not measured may explain that.",
        {"kind": "observational", "unit": "session", "control": "sd", "treatments": ("hd",),
         "caps": (9000.0, None), "covariates": ("bandwidth", "device", "region")},
        (),
        (),
        comparisons=(
            Comparison("naive", 0.096, 0.089, 0.103, 1e-160, 400_000, 1.0, 1.42, 1.4, None, balance),
            Comparison("stratified", 0.02, 0.011, 0.029, 1e-5, 311_000, 0.99, 1.16, 1.12, None, left),
            Comparison("matched", 0.003, -0.003, 0.009, 0.31, 120_000, 0.8, None, None, 1.0, balance, "by chance"),
            Comparison("doubly robust", None, None, None, None, note="too many levels"),
        ),
        tail={"hd": (0.05, 0.5), "sd": (0.048, 0.49)},
        notes=("Believe the doubly robust figure before the stratified one, and neither where the E-value is small.",),
    )  # fmt: skip


def plan() -> Plan:
    """Of an experiment that is to come."""
    needs = tuple(
        Need(cap, variation, effect, 15.7 * variation**2 / effect**2, 31.0 * variation**2 / effect**2, fixed, always)
        for cap, variation in ((None, 2.78), (9000.0, 1.74), (3600.0, 1.44))
        for effect, fixed, always in ((0.103, 2.1, 4.0), (0.01, 190.0, 380.0), (0.0015, None, None))
    )
    return Plan(
        "At 10,000 users an arm 10.3 % shows uncapped, 1 % does not at any cap.", "users.csv (2,000 users)",
        {"caps": (None, 9000.0, 3600.0), "alpha": 0.05}, needs,
        (Reach(None, 10_000, 0.11, 0.16), Reach(9000.0, 10_000, 0.07, 0.1)), "user", 2_000, 6_000.0, ("no --time",),
    )  # fmt: skip
