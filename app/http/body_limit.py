"""Limit on the size of request bodies."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.response_headers import note
from inventory.core.errors import BodyTooLarge

# The rest of the body is not read.
_HANG_UP = {"Connection": "close"}
# This much of a body that is too large is read and dropped: a client that is cut off while it sends rarely sees the answer.
_MOST_DROPPED = 32 * 1_048_576


class BodyLimit:
    """ASGI middleware: reading a body that is too large raises an error, which becomes 413.

    The server limits the time of a body (`app.http.protocol`).
    """

    def __init__(self, app: ASGIApp, *, largest: int) -> None:
        """`largest`: bytes."""
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def limited_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            while self._largest < received < _MOST_DROPPED and message.get("more_body", False):
                message = await receive()
                received += len(message.get("body", b""))
            if received > self._largest:
                note(scope, _HANG_UP)
                raise BodyTooLarge(f"The body is larger than {self._largest} bytes.")
            return message

        await self._app(scope, limited_receive, send)
