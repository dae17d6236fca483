"""AMQP nodes: queues with their consumers, and request nodes."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sandbox.broker import envelope
from sandbox.broker.envelope import Envelope
from sandbox.broker.faults import FaultInjector, Faults
from sandbox.broker.message import Message
from sandbox.broker.queue import Queue


class Consumer(Protocol):
    """Link that receives messages of a queue."""

    deletes: bool  # receive and delete: a delivered message is removed

    @property
    def ready(self) -> bool:
        """Whether the link can receive a message now."""

    def deliver(self, message: Message[Envelope]) -> None:
        """Send a message to the client."""


class QueueNode:
    """Queue node. Its consumers receive messages in round robin."""

    def __init__(self, queue: Queue[Envelope]) -> None:
        self.queue = queue
        self._consumers: deque[Consumer] = deque()
        self._fault_injector = FaultInjector(Faults())
        self._delivery_scheduled = False
        queue.on_available = self.schedule_delivery

    def set_faults(self, faults: Faults) -> None:
        """Inject these faults into messages that are sent from now on."""
        self._fault_injector = FaultInjector(faults)

    def accept(self, data: bytes, message_format: int) -> None:
        """Enqueue a message or a batch. A batch is accepted completely or not at all.

        Raises:
            BrokerError: the message is malformed or the queue rejects it.
        """
        arrivals = [
            (each, arrival)
            for each in envelope.read_messages(data, message_format)
            for arrival in self._fault_injector.arrivals()
        ]
        self.queue.check_room(len(arrivals))
        for each, arrival in arrivals:
            self.queue.send(
                each, ttl=each.ttl, scheduled_for=each.scheduled_for, delay=arrival.delay, overtakes=arrival.overtakes
            )

    def add_consumer(self, consumer: Consumer) -> None:
        self._consumers.append(consumer)

    def remove_consumer(self, consumer: Consumer) -> None:
        self._consumers.remove(consumer)

    def schedule_delivery(self) -> None:
        """Schedule a delivery round. Messages that arrive together cause one round."""
        if not self._delivery_scheduled:
            self._delivery_scheduled = True
            asyncio.get_running_loop().call_soon(self._serve_scheduled)

    def serve(self) -> None:
        """Deliver messages until none waits or no consumer has credit."""
        skipped = 0
        while skipped < len(self._consumers):
            consumer = self._consumers[0]
            self._consumers.rotate(-1)
            if not consumer.ready:
                skipped += 1
                continue
            message = self.queue.receive_and_delete() if consumer.deletes else self.queue.acquire()
            if message is None:
                return
            consumer.deliver(message)
            skipped = 0

    def _serve_scheduled(self) -> None:
        self._delivery_scheduled = False
        self.serve()


class RequestNode:
    """Node that answers requests. Replies are sent on the reply link of the same session."""

    def __init__(self, address: str, answer: Callable[[bytes], bytes]) -> None:
        self.address = address
        self.answer = answer


Node = QueueNode | RequestNode
