"""Broker: queues, AMQP listener and timer of the Service Bus emulator."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from sandbox.broker import cbs
from sandbox.broker.clock import Clock, utc_now
from sandbox.broker.connection import Connection
from sandbox.broker.envelope import Envelope
from sandbox.broker.errors import QueueNotFound
from sandbox.broker.faults import Faults
from sandbox.broker.logs import get_logger
from sandbox.broker.management import Management
from sandbox.broker.message import Connections, Counts, QueueSettings
from sandbox.broker.node import Node, QueueNode, RequestNode
from sandbox.broker.queue import Queue

log = get_logger()

_CBS: Final = "$cbs"
_MANAGEMENT: Final = "/$management"
_TICK_SECONDS: Final = 0.02  # maximum delay of a lock expiry or a scheduled message
_CLOSE_SECONDS: Final = 1.0


class Broker:
    """In-memory Service Bus broker for one machine. All messages are lost when it stops.

    It speaks AMQP 1.0 without TLS and authentication. It must listen on a loopback address only.
    """

    def __init__(
        self,
        queues: Mapping[str, QueueSettings],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        idle_seconds: float = 240,
        max_connections: int | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """`port` 0 selects a free port. A client that is silent for `idle_seconds` is disconnected.

        A connection beyond `max_connections` is refused with the error of Service Bus. Microsoft's emulator allows 10, which
        cannot be changed (https://github.com/Azure/azure-service-bus-emulator-installer/issues/58).
        """
        self.host = host
        self.port = port
        self._idle_seconds = idle_seconds
        self._max_connections = max_connections
        self._clock = clock
        self._queues: dict[str, Queue[Envelope]] = {}
        self._senders: dict[str, QueueNode] = {}
        self._nodes: dict[str, Node] = {_CBS: RequestNode(_CBS, cbs.answer)}
        for name, settings in queues.items():
            self.create_queue(name, settings)
        self._connections: set[Connection] = set()
        self._open_connections: set[Connection] = set()
        self._accepted = self._peak = self._refused = 0
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._stopping = False
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    def create_queue(self, name: str, settings: QueueSettings) -> None:
        """Add an empty queue with its dead-letter queue. It replaces a queue of the same name."""
        queue = self._queues[name] = Queue[Envelope](name, settings, self._clock)
        self._senders[name] = self._add(queue)
        if queue.dead_letters is not None:
            self._add(queue.dead_letters)

    def _add(self, queue: Queue[Envelope]) -> QueueNode:
        path = queue.name.lower()
        node = QueueNode(queue)
        self._nodes[path] = node
        self._nodes[path + _MANAGEMENT] = RequestNode(path + _MANAGEMENT, Management(queue).answer)
        return node

    @property
    def connection_string(self) -> str:
        """Connection string for Service Bus clients. The broker does not check its key."""
        return (
            f"Endpoint=sb://{self.host}:{self.port};SharedAccessKeyName=sandbox;SharedAccessKey=sandbox;"
            "UseDevelopmentEmulator=true;"
        )

    async def start(self) -> None:
        """Start to listen.

        Raises:
            OSError: the address is not available.
        """
        loop = asyncio.get_running_loop()
        self._stopping = False
        self._server = await loop.create_server(self._connect, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tick()
        log.info("broker_started", host=self.host, port=self.port, queues=sorted(self._queues), storage="memory only")

    async def stop(self) -> None:
        """Close all connections and stop. All messages are lost."""
        if self._server is None:
            return
        self._stopping = True
        self._server.close()
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections):
            connection.end("amqp:connection:forced", "The broker is stopping.")
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._all_closed.wait()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()
        self._server = None
        log.info("broker_stopped", messages_lost=sum(len(queue) for queue in self._queues.values()))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def accept(self, name: str, message: bytes) -> None:
        """Enqueue an encoded AMQP message.

        Raises:
            BrokerError: the message is malformed or the queue rejects it.
        """
        self._senders[name].accept(message, 0)

    def counts(self) -> dict[str, Counts]:
        """Count the messages of each queue by state."""
        return {name: queue.counts() for name, queue in self._queues.items()}

    def connections(self) -> Connections:
        """Return the connection counts."""
        return Connections(
            open=len(self._open_connections), peak=self._peak, accepted=self._accepted, refused=self._refused
        )

    def set_faults(self, name: str, faults: Faults) -> None:
        """Inject faults into messages that are sent to a queue from now on. `Faults()` ends the injection.

        Raises:
            QueueNotFound: no queue has this name.
        """
        try:
            self._senders[name].set_faults(faults)
        except KeyError:
            raise QueueNotFound(f"there is no queue {name!r}") from None

    def clear_faults(self) -> None:
        """End the fault injection of all queues."""
        for node in self._senders.values():
            node.set_faults(Faults())

    def drop(self) -> None:
        """Simulate a crash and restart: remove all messages and abort all connections."""
        for queue in self._queues.values():
            queue.clear()
        for connection in list(self._connections):
            connection.abort()
        log.warning("broker_dropped")

    def _connect(self) -> Connection:
        return Connection(
            self._resolve, self._idle_seconds, self._connected, self._accept_connection, self._disconnected
        )

    def _connected(self, connection: Connection) -> None:
        # Called after the transport exists, so that the connection can be aborted.
        self._connections.add(connection)
        self._all_closed.clear()
        if self._stopping:
            connection.abort()

    def _accept_connection(self, connection: Connection) -> bool:
        if self._max_connections is not None and len(self._open_connections) >= self._max_connections:
            self._refused += 1
            log.warning("connection_refused", max_connections=self._max_connections)
            return False
        self._open_connections.add(connection)
        self._accepted += 1
        self._peak = max(self._peak, len(self._open_connections))
        return True

    def _disconnected(self, connection: Connection) -> None:
        self._open_connections.discard(connection)
        self._connections.discard(connection)
        if not self._connections:
            self._all_closed.set()

    def _resolve(self, address: str) -> Node:
        path = (urlsplit(address).path if "://" in address else address).strip("/").lower()
        try:
            return self._nodes[path]
        except KeyError:
            raise QueueNotFound(f"The messaging entity '{path}' could not be found.") from None

    def _tick(self) -> None:
        # Reschedule first, so that an exception below does not stop the timer.
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)
        for queue in self._queues.values():
            queue.tick()
        for connection in list(self._connections):
            connection.tick()
