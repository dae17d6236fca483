"""The managed identity of this process: one credential for every Azure service, and one token request at a time.

Several clients that need a token at once (all slots of a worker after an outage) share one request: the first fills the
credential's cache, the others find the token there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo
    from azure.identity.aio import DefaultAzureCredential

Token = TypeVar("Token")


class ProcessCredential:
    """The default credential of the environment, made when the first token is needed."""

    def __init__(self) -> None:
        self._credential: DefaultAzureCredential | None = None
        self._requesting = asyncio.Lock()

    async def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """Return a token, as `AsyncTokenCredential` describes it."""
        return await self._request(lambda credential: credential.get_token(*scopes, **options))

    async def get_token_info(self, *scopes: str, options: Any = None) -> "AccessTokenInfo":
        """Return a token, as `AsyncSupportsTokenInfo` describes it."""
        return await self._request(lambda credential: credential.get_token_info(*scopes, options=options))

    async def _request(self, how: "Callable[[DefaultAzureCredential], Awaitable[Token]]") -> Token:
        async with self._requesting:
            if self._credential is None:
                # Imported where it is used: it costs every start a third of a second.
                from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

                self._credential = DefaultAzureCredential()
            return await how(self._credential)

    async def close(self) -> None:
        """Close the credential's own connections."""
        credential, self._credential = self._credential, None
        if credential is not None:
            await credential.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()
