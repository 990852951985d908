"""Answers whose time tells nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MAIL_S = 0.1
"""Seconds for a call that mails somebody, or nobody: to write a token and a mail down takes milliseconds longer than to
find that there is no such account (docs/security-timing.md has the figures)."""

REGISTRATION_S = 0.25
"""The same for a registration, which makes a hash before."""


@asynccontextmanager
async def takes_at_least(seconds: float) -> AsyncIterator[None]:
    """Let the block take ``seconds`` when it succeeds, so that its end does not tell what it did.

    An error passes at once: raise none inside that tells who has an account. Nothing may be held meanwhile that others
    wait for.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    yield
    await asyncio.sleep(max(0.0, ends - loop.time()))
