"""What is said in the field about why viewers leave, and what it takes to test it. No claim has a primary source."""

SAID = {
    "hd_retention": "viewers of HD stay 10.3 % longer",
    "stall_exit": "more than 70 % of users who meet a stall leave at once",
    "half_in_30s": "nearly half the audience is gone in the first 30 s; loss speeds up until 3 min",
    "three_seconds": "the first three seconds decide",
    "connect_600ms": "connecting takes under 600 ms",
    "first_screen": "trouble in the first seconds raises loss sharply",
    "av_unsynced": "sound out of step drives viewers mad",
    "av_damage_silent": "viewers do not complain of stalls, blur and late sound: they leave",
    "replay_blur": "replays are often blurred and slow to load",
    "message_delay": "late or lost comments turn interaction into frustration",
    "peak_crash": "at promotions concurrency breaks rooms; trust goes to zero",
    "rhythm": "a highlight every 5 to 8 minutes holds attention",
}
NEEDS = {
    "hd_retention": "the height of what was played, or an arm assigned by chance",
    "stall_exit": "events (or stall times) of sessions that stalled",
    "half_in_30s": "sessions that were watched for 30 s",
    "three_seconds": "exits known to within a few seconds",
    "connect_600ms": "startup_seconds",
    "first_screen": "startup_seconds of slow and of quick starts",
    "av_unsynced": "incidents of the kind av_out_of_sync while people watched (--incidents), or sound measured "
    "out of tolerance (--measures)",
    "av_damage_silent": "incidents whose cost can be known (--incidents), and reports of viewers",
    "replay_blur": "an attribute scenario, which is replay for some sessions, and startup_seconds or height",
    "message_delay": "events message_sent and message_shown, both with the message's id",
    "peak_crash": "five half hours or more in which a stream had twice its usual audience, and why sessions end "
    "(cause: failed)",
    "rhythm": "incidents of the kind highlight (--incidents), and viewers who watch on for over 8 min without one",
}
