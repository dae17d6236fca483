"""How much a request may bring: a body beyond the limit is never held in memory."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import BodyTooLarge


class BodyLimit:
    """ASGI middleware: whoever reads a body that is too large gets an error, which becomes 413."""

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
            if received > self._largest:
                raise BodyTooLarge(f"The body is larger than {self._largest} bytes.")
            return message

        await self._app(scope, limited_receive, send)
