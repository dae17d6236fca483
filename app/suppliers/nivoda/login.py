"""One login for everybody: a token that concurrent calls share, renewed before its end or when it is refused."""

import asyncio
from collections.abc import Awaitable, Callable

_TOKEN_SECONDS = 6 * 3600
_RENEW_SECONDS = 5 * 60


class SharedLogin:
    """Keeps the token. Of many callers that need a new one, the first logs in and the others wait for its outcome."""

    def __init__(self, authenticate: Callable[[], Awaitable[str]], monotonic: Callable[[], float]) -> None:
        """`authenticate` asks the supplier once; `monotonic` tells the seconds."""
        self._authenticate = authenticate
        self._monotonic = monotonic
        self._token: str | None = None
        self._renew_at = 0.0
        self._pending: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """A token that is good for the next minutes. Raises what `authenticate` raises, to everyone who waits for it."""
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
        """Give up a login that is under way."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])

    async def _log_in(self) -> str:
        # Counted from before the request: the token's life began at some time after.
        started = self._monotonic()
        self._token = await self._authenticate()
        self._renew_at = started + _TOKEN_SECONDS - _RENEW_SECONDS
        return self._token

    def _forget(self, _task: asyncio.Task[str]) -> None:
        self._pending = None
