"""Request body size limit (413)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.response_headers import add_headers
from inventory.core.errors import BodyTooLarge

_CLOSE_CONNECTION = {"Connection": "close"}
# An oversized body is read and discarded up to this size: a client whose connection is cut while it sends rarely sees
# the response.
_MAX_DISCARDED_BYTES = 32 * 1_048_576


class BodyLimit:
    """ASGI middleware that raises `BodyTooLarge` when the application reads an oversized body.

    `app.http.protocol` limits the duration of a body.
    """

    def __init__(self, app: ASGIApp, *, largest: int) -> None:
        """`largest` is in bytes."""
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
            while self._largest < received < _MAX_DISCARDED_BYTES and message.get("more_body", False):
                message = await receive()
                received += len(message.get("body", b""))
            if received > self._largest:
                add_headers(scope, _CLOSE_CONNECTION)
                raise BodyTooLarge(f"The body is larger than {self._largest} bytes.")
            return message

        await self._app(scope, limited_receive, send)
