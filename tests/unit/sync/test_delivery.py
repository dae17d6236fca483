"""Message lock of a delivery, with a client that misbehaves as the real one does."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from sync.messaging.inbox import ServiceBusMessage
from sync.messaging.links import Link, LinkTimeouts


class StubbornReceiver:
    """Ignores the first cancellation while it renews a lock, as the client does when a cancellation meets its reading."""

    def __init__(self) -> None:
        self.renewing = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.renewals = 0
        self.completed = 0
        self._answer = asyncio.Event()

    async def renew_message_lock(self, message: Any) -> None:
        self.renewals += 1
        self.renewing.set()
        try:
            await self._answer.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            await self._answer.wait()

    def answer(self) -> None:
        """Let this renewal and all later ones return."""
        self._answer.set()

    def _create_handler(self, auth: Any) -> None:
        raise NotImplementedError  # connects to nothing

    async def complete_message(self, message: Any) -> None:
        self.completed += 1


def _delivery(receiver: StubbornReceiver) -> ServiceBusMessage:
    message = SimpleNamespace(delivery_count=0, locked_until_utc=datetime.now(UTC) + timedelta(seconds=0.1))
    link: Any = Link(lambda: cast("Any", receiver), LinkTimeouts())
    return ServiceBusMessage(link, cast("Any", message), asyncio.Lock(), LinkTimeouts())


async def test_message_is_settled_when_renewal_ignores_cancellation() -> None:
    receiver = StubbornReceiver()
    delivery = _delivery(receiver)
    await receiver.renewing.wait()
    settling = asyncio.create_task(delivery.complete())
    await receiver.cancelled.wait()
    receiver.answer()
    # Waited for without a timeout: a timeout would be another cancellation.
    ended, _ = await asyncio.wait({settling}, timeout=20)
    assert ended
    assert receiver.completed == 1


async def test_lock_renewal_stops_after_settlement() -> None:
    receiver = StubbornReceiver()
    receiver.answer()
    delivery = _delivery(receiver)
    await receiver.renewing.wait()
    await delivery.complete()
    renewals = receiver.renewals
    await asyncio.sleep(1.2)  # two renewals would be due
    assert receiver.renewals == renewals


async def test_message_can_be_settled_after_cancelled_settlement() -> None:
    receiver = StubbornReceiver()
    delivery = _delivery(receiver)
    await receiver.renewing.wait()
    settling = asyncio.create_task(delivery.complete())
    await receiver.cancelled.wait()
    settling.cancel()
    await asyncio.wait({settling})
    receiver.answer()
    async with asyncio.timeout(20):
        await delivery.complete()
    assert receiver.completed == 1
