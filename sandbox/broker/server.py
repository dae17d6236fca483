"""The broker: its queues, the port it listens on, and the clock that moves both."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from inventory.core.clock import Clock, utc_now
from inventory.core.logging import get_logger
from sandbox.broker import cbs
from sandbox.broker.connection import Connection
from sandbox.broker.envelope import Envelope
from sandbox.broker.errors import QueueNotFound
from sandbox.broker.faults import Faults
from sandbox.broker.management import Management
from sandbox.broker.message import Connections, Counts, QueueSettings
from sandbox.broker.node import Node, QueueNode, RequestNode
from sandbox.broker.queue import Queue

log = get_logger()

_CBS: Final = "$cbs"
_MANAGEMENT: Final = "/$management"
_TICK_SECONDS: Final = 0.02  # how late a lock may end, or a scheduled message come in
_FAREWELL_SECONDS: Final = 1.0


class Broker:
    """A Service Bus for one machine, in memory: what it holds is gone when it stops.

    It speaks AMQP 1.0 without TLS, lets everybody in, and belongs behind no other address than one's own.
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
        """`port` 0 takes a free one. A client that is silent for `idle_seconds` is disconnected.

        A connection beyond `max_connections` is refused as by Service Bus: Microsoft's emulator allows 10, and no more can be
        configured (https://github.com/Azure/azure-service-bus-emulator-installer/issues/58).
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
        self._admitted: set[Connection] = set()
        self._made = self._most = self._refused = 0
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._leaving = False
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    def create_queue(self, name: str, settings: QueueSettings) -> None:
        """Add an empty queue with its dead letters. A queue of the same name is replaced."""
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
        """What a Service Bus client connects with. The key in it opens nothing."""
        return (
            f"Endpoint=sb://{self.host}:{self.port};SharedAccessKeyName=sandbox;SharedAccessKey=sandbox;"
            "UseDevelopmentEmulator=true;"
        )

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._leaving = False
        self._server = await loop.create_server(self._connect, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tick()
        log.info("broker listening", host=self.host, port=self.port, queues=sorted(self._queues), storage="memory only")

    async def stop(self) -> None:
        """Say goodbye to every client and stop. Messages are lost."""
        if self._server is None:
            return
        self._leaving = True
        self._server.close()
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections):
            connection.end("amqp:connection:forced", "The broker stops.")
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._deserted.wait()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()
        self._server = None
        log.info("broker stopped", messages_lost=sum(len(queue) for queue in self._queues.values()))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def accept(self, name: str, message: bytes) -> None:
        """Take in an encoded AMQP message, as a client of any other kind may send it.

        Raises:
            BrokerError: the queue does not take it.
        """
        self._senders[name].accept(message, 0)

    def counts(self) -> dict[str, Counts]:
        """Per queue, how many messages stand where."""
        return {name: queue.counts() for name, queue in self._queues.items()}

    def connections(self) -> Connections:
        """How many connections there are and were."""
        return Connections(open=len(self._admitted), most=self._most, made=self._made, refused=self._refused)

    def plan(self, name: str, faults: Faults) -> None:
        """Let these faults befall what is sent to a queue from now on; `Faults()` is none.

        Raises:
            QueueNotFound: there is no such queue.
        """
        try:
            self._senders[name].plan(faults)
        except KeyError:
            raise QueueNotFound(f"there is no queue {name!r}") from None

    def heal(self) -> None:
        """No more faults."""
        for node in self._senders.values():
            node.plan(Faults())

    def drop(self) -> None:
        """Go away and come back empty: lose every message and cut every connection."""
        for queue in self._queues.values():
            queue.forget()
        for connection in list(self._connections):
            connection.abort()
        log.warning("broker dropped everything")

    def _connect(self) -> Connection:
        return Connection(self._resolve, self._idle_seconds, self._connected, self._admit, self._disconnected)

    def _connected(self, connection: Connection) -> None:
        # Not before: one that is only being made has nothing yet that could be cut.
        self._connections.add(connection)
        self._deserted.clear()
        if self._leaving:
            connection.abort()

    def _admit(self, connection: Connection) -> bool:
        if self._max_connections is not None and len(self._admitted) >= self._max_connections:
            self._refused += 1
            log.warning("connection_refused", max_connections=self._max_connections)
            return False
        self._admitted.add(connection)
        self._made += 1
        self._most = max(self._most, len(self._admitted))
        return True

    def _disconnected(self, connection: Connection) -> None:
        self._admitted.discard(connection)
        self._connections.discard(connection)
        if not self._connections:
            self._deserted.set()

    def _resolve(self, address: str) -> Node:
        path = (urlsplit(address).path if "://" in address else address).strip("/").lower()
        try:
            return self._nodes[path]
        except KeyError:
            raise QueueNotFound(f"The messaging entity '{path}' could not be found.") from None

    def _tick(self) -> None:
        # Rescheduled first, so that no failure below stops the clock.
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)
        for queue in self._queues.values():
            queue.tick()
        for connection in list(self._connections):
            connection.tick()
