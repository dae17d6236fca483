"""What a link can lead to: a queue, its dead letters, or a place that answers requests."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sandbox.broker import envelope
from sandbox.broker.envelope import Envelope
from sandbox.broker.faults import Faults, Mischief
from sandbox.broker.message import Message
from sandbox.broker.queue import Queue


class Consumer(Protocol):
    """A link that wants messages."""

    deletes: bool  # receive and delete: what is delivered is gone

    @property
    def ready(self) -> bool:
        """Whether it can take one now."""

    def deliver(self, message: Message[Envelope]) -> None:
        """Take one."""


class QueueNode:
    """A queue and the consumers that wait for its messages; they take turns."""

    def __init__(self, queue: Queue[Envelope]) -> None:
        self.queue = queue
        self._consumers: deque[Consumer] = deque()
        self._mischief = Mischief(Faults())
        self._woken = False
        queue.on_available = self.wake

    def plan(self, faults: Faults) -> None:
        """From now on these faults befall what is sent here."""
        self._mischief = Mischief(faults)

    def accept(self, data: bytes, message_format: int) -> None:
        """Take in what a client sent: one message, or a batch as a whole or not at all.

        Raises:
            BrokerError: the queue does not take it.
        """
        arrivals = [
            (each, arrival)
            for each in envelope.read_messages(data, message_format)
            for arrival in self._mischief.arrivals()
        ]
        self.queue.check_room(len(arrivals))
        for each, arrival in arrivals:
            self.queue.send(
                each, ttl=each.ttl, scheduled_for=each.scheduled_for, delay=arrival.delay, overtakes=arrival.overtakes
            )

    def join(self, consumer: Consumer) -> None:
        self._consumers.append(consumer)

    def leave(self, consumer: Consumer) -> None:
        self._consumers.remove(consumer)

    def wake(self) -> None:
        """Serve the consumers soon. Many messages that come at once cause one round."""
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._serve_woken)

    def serve(self) -> None:
        """Hand out messages until none waits or no receiver has credit."""
        passed_over = 0
        while passed_over < len(self._consumers):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if not consumer.ready:
                passed_over += 1
                continue
            message = self.queue.take() if consumer.deletes else self.queue.acquire()
            if message is None:
                return
            consumer.deliver(message)
            passed_over = 0

    def _serve_woken(self) -> None:
        self._woken = False
        self.serve()


class RequestNode:
    """A place that answers requests, each over the link that the same client opened for replies."""

    def __init__(self, address: str, answer: Callable[[bytes], bytes]) -> None:
        self.address = address
        self.answer = answer


Node = QueueNode | RequestNode
