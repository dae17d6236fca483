"""Shared login: a token for all concurrent calls, renewed before its expiry or after the supplier rejects it."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple

DEFAULT_TOKEN_SECONDS = 6 * 3600.0
"""Lifetime of a token by the supplier's documentation, for a login that does not name it."""
_RENEW_SECONDS = 5 * 60.0
_RENEW_SHARE = 0.1  # of a short lifetime
# Plausible lifetimes. Other values are in another unit, or invalid.
_SHORTEST_SECONDS = 30.0
_MAX_SECONDS = 31 * 86_400.0
_EPOCH_SECONDS = 10**9  # more is an instant: 2001 in seconds since 1970
_EPOCH_MILLISECONDS = 10**11  # more is an instant in milliseconds


class Token(NamedTuple):
    """A token and its lifetime in seconds since the login; None if the supplier does not name it."""

    text: str
    seconds: float | None

    def __repr__(self) -> str:
        return f"Token(seconds={self.seconds})"


def lifetime_seconds(expires: Any, now: datetime) -> float | None:
    """Parse the lifetime in `expires`: remaining seconds, or an instant in seconds or milliseconds since 1970.

    The unit follows from the magnitude. Returns None for an implausible value: the supplier's error decides whether a token
    has expired, and the lifetime only saves a call that would fail.
    """
    if type(expires) is str:
        try:
            expires = float(expires)
        except ValueError:
            return None
    if type(expires) not in (int, float) or not math.isfinite(expires):
        return None
    seconds = float(expires)
    if seconds > _EPOCH_MILLISECONDS:
        seconds = seconds / 1000 - now.timestamp()
    elif seconds > _EPOCH_SECONDS:
        seconds -= now.timestamp()
    return seconds if _SHORTEST_SECONDS <= seconds <= _MAX_SECONDS else None


class SharedLogin:
    """Caches the token. If several callers need a new token, the first one logs in and the others share its result."""

    def __init__(self, authenticate: Callable[[], Awaitable[Token]], monotonic: Callable[[], float]) -> None:
        """`authenticate`: logs in without retries; `monotonic`: clock in seconds."""
        self._authenticate = authenticate
        self._monotonic = monotonic
        self._token: str | None = None
        self._renew_at = 0.0
        self.life_seconds: float | None = None  # of the last token, where the supplier named it
        self._pending: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """A token that is valid for the next minutes. Raises what `authenticate` raises, to every caller that waits."""
        if self._token is not None and self._monotonic() < self._renew_at:
            return self._token
        if self._pending is None:
            self._pending = asyncio.create_task(self._log_in())
            self._pending.add_done_callback(self._forget)
        # A caller that gives up must not take the login away from the others.
        return await asyncio.shield(self._pending)

    def refuse(self, token: str) -> None:
        """The supplier did not accept this token. Of callers that all failed with it, only the first changes anything."""
        if token == self._token:
            self._token = None

    async def close(self) -> None:
        """Cancel a login that is under way."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])

    async def _log_in(self) -> str:
        # Counted from before the request: the token's life began at some time after.
        started = self._monotonic()
        self._token, self.life_seconds = await self._authenticate()
        life = self.life_seconds or DEFAULT_TOKEN_SECONDS
        self._renew_at = started + life - min(_RENEW_SECONDS, life * _RENEW_SHARE)
        return self._token

    def _forget(self, _task: asyncio.Task[str]) -> None:
        self._pending = None
