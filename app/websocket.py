"""WebSocket by uvicorn and websockets, which would wait for ever for a client that takes nothing any more."""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_CLOSE_SECONDS = 10.0


class SocketProtocol(WebSocketsSansIOProtocol):
    """A socket that is gone soon after nobody serves it any more, whatever is left to be sent."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is done with it."""
        super().on_task_complete(task)
        if not self.disconnected:
            self.loop.call_later(_CLOSE_SECONDS, self._abort)

    def keepalive_timeout(self) -> None:
        """The client does not answer any more."""
        super().keepalive_timeout()
        self._abort()

    def _abort(self) -> None:
        if not self.disconnected:
            self.transport.abort()
