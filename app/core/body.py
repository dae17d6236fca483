"""How much a request may bring, and how long that may take: no body is held in memory or waited for beyond a limit."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import BodyTooLarge, BodyTooSlow
from app.core.headers import note

# What is left of the body is not waited for.
_HANG_UP = {"Connection": "close"}
# So much of a body that is too large is read and dropped all the same, within its time: a client that is cut off while it
# sends rarely sees the answer that says why.
_MOST_DROPPED = 32 * 1_048_576


class BodyLimit:
    """ASGI middleware: whoever reads a body that is too large or too slow gets an error, which becomes 413 or 408."""

    def __init__(self, app: ASGIApp, *, largest: int, seconds: float) -> None:
        """`largest`: bytes. `seconds`: for the whole body, from the first time that somebody asks for it."""
        self._app = app
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0
        complete = False
        deadline: float | None = None

        async def limited_receive() -> Message:
            nonlocal received, complete, deadline
            if complete:  # only the client's leaving is still to come
                return await receive()
            deadline = deadline or asyncio.get_running_loop().time() + self._seconds
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
                    received += len(message.get("body", b""))
                    while self._largest < received < _MOST_DROPPED and message.get("more_body", False):
                        message = await receive()
                        received += len(message.get("body", b""))
            except TimeoutError:
                note(scope, _HANG_UP)
                raise BodyTooSlow(f"The body did not arrive within {self._seconds:g} s.") from None
            complete = not message.get("more_body", False)
            if received > self._largest:
                note(scope, _HANG_UP)
                raise BodyTooLarge(f"The body is larger than {self._largest} bytes.")
            return message

        await self._app(scope, limited_receive, send)
