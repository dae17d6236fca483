"""One sender or receiver of the Azure client, with a time limit on every call and a connection that is closed for certain.

The client waits without a limit for an endpoint that accepts a connection and then stays silent
(https://github.com/Azure/azure-sdk-for-python/pull/48698). It also forgets the socket of an attempt that is cancelled. A `Link`
therefore limits each call from outside, and keeps every connection that its handler makes in order to abort it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import MessageLockLostError

from inventory.core.logging import get_logger

log = get_logger()

Handler = TypeVar("Handler", ServiceBusReceiver, ServiceBusSender)
Answer = TypeVar("Answer")

_CANCEL_SECONDS = 1.0


class LinkFailed(Exception):
    """A call on a link failed: the broker does not answer, refuses, or sends data that the client does not understand.

    The client raises errors of many kinds, also such as it does not document. So any of them counts.
    """


class LinkTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Time limits in seconds. `open`: for a connection with its link. `receive`: on top of the time that a receive may wait.

    `silence`: how long a receiver may stay without a sign of life before it asks for one, which may take `probe`. `idle`: how
    long a sender stays open without sending; the broker closes idle links, and a firewall forgets idle connections.
    """

    open: float = 30.0
    receive: float = 30.0
    send: float = 30.0
    settle: float = 30.0
    renew: float = 10.0
    silence: float = 60.0
    probe: float = 10.0
    idle: float = 60.0
    close: float = 5.0


class Link(Generic[Handler]):
    """A handler of the client. Calls on it must not overlap: the client's objects are not made for that."""

    def __init__(self, make: Callable[[], Handler], timeouts: LinkTimeouts) -> None:
        """`make` makes a handler, which connects when it is first used."""
        self.broken = False  # a call did not end in time: the link must be closed
        self._handler: Handler = make()
        self._timeouts = timeouts
        self._clients: list[Any] = []
        self._keep_clients()

    def _keep_clients(self) -> None:
        """Keep each AMQP client that the handler makes: it drops one whose connection was not opened, with its socket."""
        create = self._handler._create_handler  # noqa: SLF001

        def create_and_keep(auth: Any) -> None:
            create(auth)
            self._clients = [client for client in self._clients if client._connection is not None]  # noqa: SLF001
            self._clients.append(self._handler._handler)  # noqa: SLF001

        self._handler._create_handler = create_and_keep  # type: ignore[method-assign]  # noqa: SLF001

    async def open(self) -> None:
        """Connect, and attach the link.

        Raises:
            LinkFailed: not within the time.
        """
        await self.call(self._timeouts.open, lambda handler: handler.__aenter__())

    async def call(self, seconds: float, operation: Callable[[Handler], Awaitable[Answer]]) -> Answer:
        """Do something with the handler.

        Raises:
            MessageLockLostError: the lock of a message was lost.
            LinkFailed: as the client says, or it took longer than `seconds`; then the link is broken.
        """
        task = asyncio.ensure_future(operation(self._handler))
        try:
            ended, _ = await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                self.broken = True
                await self._give_up(task)
        if not ended:
            raise LinkFailed(f"no answer within {seconds:g} s")
        try:
            return task.result()
        except MessageLockLostError:
            raise
        except Exception as error:
            raise LinkFailed(f"{type(error).__name__}: {error}") from error

    async def _give_up(self, task: asyncio.Future[Any]) -> None:
        # Without its socket the call ends by itself. A cancellation alone may be swallowed where the client reads a frame.
        self._abort()
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_SECONDS)
        if not task.done():
            log.warning("broker_call_not_ended")

    async def close(self) -> None:
        """Close the link and its connection, in order if the broker takes part in it."""
        try:
            if not self.broken:
                with suppress(LinkFailed, MessageLockLostError):
                    await self.call(self._timeouts.close, lambda handler: handler.close())
        finally:
            self._abort()

    def _abort(self) -> None:
        for client in self._clients:
            client._shutdown = True  # noqa: SLF001 - ends its task that keeps the connection alive
            connection = getattr(client, "_connection", None)
            writer = getattr(getattr(connection, "_transport", None), "writer", None)
            if writer is not None:
                writer.transport.abort()
