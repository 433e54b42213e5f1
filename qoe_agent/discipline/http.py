"""The time by HTTP: a body that is a UTC time (DASH's UTCTiming http-xsdate, http-iso), else the Date header.

DASH-IF IOP part 4; RFC 9110 §6.6.1. A Date header has steps of one second: many answers narrow it down.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import aiohttp

from qoe_agent import clock
from qoe_agent.bitstream.dates import Instant, rfc3339
from qoe_agent.discipline.ntp import Unusable
from qoe_agent.maths.clocks import Answer

LIMIT = 256
"""Bytes of a body that may be a time."""


async def ask(url: str, within: float) -> Answer:
    """What the server says, on a connection that stands. Raises TimeoutError, OSError, ClientError, Unusable."""
    timeout = aiohttp.ClientTimeout(total=within)
    async with aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "qoe-agent"}) as session:
        await _get(session, url)
        return await _get(session, url)


async def _get(session: aiohttp.ClientSession, url: str) -> Answer:
    sent = clock.now()
    async with session.get(url, headers={"Cache-Control": "no-cache"}, allow_redirects=False) as answer:
        returned = clock.now()
        if answer.status != 200:
            raise Unusable(f"the server answered {answer.status}")
        if answer.headers.get("Age", "0").strip() != "0":
            raise Unusable("the answer comes from a cache")
        body = await answer.content.read(LIMIT)
        date = answer.headers.get("Date", "")
    instant = rfc3339(body.decode("ascii", "replace")) or _date(date)
    half = instant.resolution / 2
    return Answer(returned, instant.time + half - (sent + returned) / 2, half + (returned - sent) / 2)


def _date(text: str) -> Instant:
    try:
        return Instant(parsedate_to_datetime(text).timestamp(), 1.0)
    except (ValueError, TypeError, OverflowError):
        raise Unusable("the answer holds no time") from None
