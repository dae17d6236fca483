"""Message consumer: receives messages, calls a handler, and settles each message by the outcome."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from inventory.core.errors import BrokerUnavailable, InventoryError, LeaseLost
from inventory.core.logging import get_logger
from sync.messaging.messages import UnreadableMessage
from sync.ports import Broker, Inbox, ReceivedMessage
from sync.process import cancel_until_ended

log = get_logger()

# A handler gets the message's body, and whether this is the last delivery before the message becomes a dead letter.
Handler = Callable[[bytes, bool], Awaitable[None]]

_RECEIVE_SECONDS = 2.0  # the longest time until an idle slot notices SIGTERM
_MAX_PAUSE_SECONDS = 30.0


class ConsumerStopped(Exception):
    """The process stops; the work on the message has been released."""


class OutcomeStored(Exception):
    """The work has failed for good, and its row in the database holds the reason.

    Trying again cannot help and the end of the run has its own alert: the message is done.
    """


class Consumer:
    """A number of slots that each handle one message at a time, until `stop` is set."""

    def __init__(
        self, broker: Broker, queue: str, handler: Handler, *, slots: int, max_deliveries: int, stop: asyncio.Event
    ) -> None:
        self._broker = broker
        self._queue = queue
        self._handler = handler
        self._slots = slots
        self._max_deliveries = max_deliveries
        self._stop = stop

    async def run(self) -> None:
        """Consume until `stop` is set."""
        slots = [asyncio.create_task(self._slot()) for _ in range(self._slots)]
        try:
            await asyncio.gather(*slots)
        finally:
            await cancel_until_ended(*slots)

    async def drain(self, *, wait_seconds: float) -> bool:
        """Handle messages one after the other until none arrives in time. False if a message could not be handled now.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        async with self._broker.inbox(self._queue) as inbox:
            while not self._stop.is_set():
                delivery = await inbox.receive(wait_seconds=wait_seconds)
                if delivery is None:
                    return True
                if not await self._handle(delivery):
                    return False
        return True

    async def _slot(self) -> None:
        failures = 0
        async with self._broker.inbox(self._queue) as inbox:
            while not self._stop.is_set():
                delivery, failures = await self._next(inbox, failures)
                if delivery is not None:
                    await self._handle(delivery)

    async def _next(self, inbox: Inbox, failures: int) -> tuple[ReceivedMessage | None, int]:
        try:
            return await inbox.receive(wait_seconds=_RECEIVE_SECONDS), 0
        except BrokerUnavailable as error:
            log.warning("broker_unavailable", queue=self._queue, error=error.message)
            await self._pause(failures + 1)
            return None, failures + 1

    async def _handle(self, delivery: ReceivedMessage) -> bool:
        """Handle a message and settle it. False if it could not be handled now."""
        last = delivery.number >= self._max_deliveries
        try:
            await self._handler(delivery.body, last)
        except (ConsumerStopped, asyncio.CancelledError) as reason:
            await delivery.abandon()
            if isinstance(reason, asyncio.CancelledError):
                raise
            return False
        except OutcomeStored as outcome:
            log.warning("failure_recorded", queue=self._queue, reason=repr(outcome.__cause__))
            await delivery.complete()
        except LeaseLost:
            # Another process has the work, with another message or claim.
            await delivery.complete()
        except UnreadableMessage as error:
            log.warning("message_unreadable", queue=self._queue, error=error.message)
            await delivery.dead_letter("UnreadableMessage", error.message)
        except InventoryError as error:
            await self._failed(delivery, error, final=last or not error.retryable)
            return False
        except Exception as error:
            log.exception("message_handler_failed", queue=self._queue, delivery=delivery.number)
            await self._failed(delivery, error, final=last)
            return False
        else:
            await delivery.complete()
        return True

    async def _failed(self, delivery: ReceivedMessage, error: Exception, *, final: bool) -> None:
        reason = error.code if isinstance(error, InventoryError) else type(error).__name__
        log.warning("message_failed", queue=self._queue, reason=reason, delivery=delivery.number, final=final)
        if final:
            await delivery.dead_letter(reason, str(error))
        else:
            await self._pause(delivery.number)
            await delivery.abandon()

    async def _pause(self, failures: int) -> None:
        """Wait, longer after each failure, with the message locked. A stop ends the wait."""
        seconds = min(2.0**failures, _MAX_PAUSE_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
