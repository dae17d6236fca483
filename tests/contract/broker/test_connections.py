"""Broken, silent and invalid connections. Clients reconnect."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import pytest
from azure.servicebus import (
    ServiceBusClient as SyncClient,
)
from azure.servicebus import (
    ServiceBusMessage,
)

from inventory.core.errors import BrokerUnavailable
from inventory.core.settings import Settings
from sandbox.broker import Broker, Counts, QueueSettings
from sandbox.broker.frames import AMQP_HEADER, HEARTBEAT, Close, FrameReader, Open, write
from sandbox.broker.values import UInt
from sync.messaging.servicebus import ServiceBusBroker
from tests.contract.broker.harness import EMPTY, TIMEOUT_SECONDS, BrokerHarness, open_harness, receive_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def ignore_unclosed_sockets() -> Iterator[None]:
    """The client drops a receiver's broken connection without closing its socket, and Python warns about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("ignore_unclosed_sockets")
async def test_client_reconnects_after_broker_restart() -> None:
    async with BrokerSequence() as brokers:
        first = await brokers.start(0)
        async with open_harness(first) as harness:
            sender, receiver = await harness.both("stones")
            await sender.send_messages(ServiceBusMessage("lost"))
            await first.stop()
            second = await brokers.start(first.port)
            await sender.send_messages(ServiceBusMessage("kept"))
            message = await receive_one(receiver)
            assert str(message) == "kept"
            await receiver.complete_message(message)
            assert second.counts()["stones"] == EMPTY


async def test_broker_may_drop_connections_while_client_connects() -> None:
    async with Broker({}) as broker:
        coming = asyncio.create_task(asyncio.open_connection(broker.host, broker.port))
        while not coming.done():
            broker.drop()
            await asyncio.sleep(0)
        _, writer = await coming
        writer.close()


# If a socket is closed just after it was accepted, asyncio's server forgets it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("steps", range(8))
async def test_broker_may_stop_while_client_connects(steps: int) -> None:
    async with Broker({}) as broker:
        coming = asyncio.create_task(asyncio.open_connection(broker.host, broker.port))
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await broker.stop()
        with suppress(OSError):
            _, writer = await coming
            writer.close()
    gc.collect()


@pytest.mark.usefixtures("ignore_unclosed_sockets")
async def test_client_reconnects_after_broker_dropped_connections() -> None:
    async with Broker({"stones": QueueSettings()}) as broker, open_harness(broker) as harness:
        sender, receiver = await harness.both("stones")
        await sender.send_messages([ServiceBusMessage("lost"), ServiceBusMessage("lost as well")])
        await receive_one(receiver)
        broker.drop()
        assert broker.counts()["stones"] == EMPTY
        await sender.send_messages(ServiceBusMessage("kept"))
        assert str(await receive_one(receiver)) == "kept"


class BrokerSequence:
    """Brokers that run one after another on one port."""

    def __init__(self) -> None:
        self._all: list[Broker] = []

    async def start(self, port: int) -> Broker:
        broker = Broker({"stones": QueueSettings()}, port=port)
        await broker.start()
        self._all.append(broker)
        return broker

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for broker in self._all:
            await broker.stop()


@asynccontextmanager
async def connect_with_header(
    broker: Broker, opening: Open
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection that sends its protocol header and nothing more."""
    reader, writer = await asyncio.open_connection(broker.host, broker.port)
    try:
        writer.write(AMQP_HEADER + write(opening))
        assert await reader.readexactly(8) == AMQP_HEADER
        size = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(size - 4)
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def test_silent_client_is_disconnected() -> None:
    async with Broker({}, idle_seconds=0.3) as broker, connect_with_header(broker, Open("mute")) as (reader, _):
        assert await asyncio.wait_for(reader.read(), TIMEOUT_SECONDS) == b""


async def test_client_with_heartbeats_stays_connected() -> None:
    async with Broker({}, idle_seconds=0.3) as broker, connect_with_header(broker, Open("patient")) as (reader, writer):
        for _ in range(8):
            writer.write(HEARTBEAT)
            await asyncio.sleep(0.1)
        writer.write(write(Close()))
        answer = await asyncio.wait_for(reader.read(), TIMEOUT_SECONDS)
        assert [frame.performative for frame in FrameReader().feed(answer)] == [Close()]


async def test_client_gets_requested_heartbeats(harness: BrokerHarness) -> None:
    async with connect_with_header(harness.broker, Open("anxious", idle_time_out=UInt(100))) as (reader, _):
        for _ in range(3):
            assert await asyncio.wait_for(reader.readexactly(8), TIMEOUT_SECONDS) == HEARTBEAT


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9])
async def test_client_of_another_protocol_is_disconnected(harness: BrokerHarness, noise: bytes) -> None:
    reader, writer = await asyncio.open_connection(harness.broker.host, harness.broker.port)
    writer.write(noise)
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_SECONDS)
    assert b"amqp:connection:framing-error" in answer
    writer.close()
    await writer.wait_closed()


async def test_synchronous_client_is_served(harness: BrokerHarness) -> None:
    queue = harness.queue()

    def work() -> list[int | None]:
        counts = []
        with (
            SyncClient.from_connection_string(harness.broker.connection_string) as client,
            client.get_queue_sender(queue) as sender,
            client.get_queue_receiver(queue) as receiver,
        ):
            sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
            for settle in (receiver.abandon_message, receiver.complete_message, receiver.dead_letter_message):
                [message] = receiver.receive_messages(max_wait_time=TIMEOUT_SECONDS)
                receiver.renew_message_lock(message)
                counts.append(message.delivery_count)
                settle(message)
        return counts

    assert await asyncio.to_thread(work) == [0, 1, 0]
    assert harness.counts(queue) == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=1)


async def test_connection_beyond_limit_is_refused_and_others_continue() -> None:
    async with Broker({"stones": QueueSettings()}, max_connections=2) as broker, open_harness(broker) as harness:
        sender, receiver = await harness.both("stones")
        settings = Settings.read(azure_service_bus_connection_string=broker.connection_string)
        # The pipeline's own adapter is used: the plain client leaks the socket of a refused connection.
        async with ServiceBusBroker.open(settings.service_bus, retry_total=0) as other:
            with pytest.raises(BrokerUnavailable) as caught:
                await other.send("stones", [b"refused"])
            assert "ConnectionsQuotaExceeded" in str(caught.value.__cause__)
            assert (broker.connections().open, broker.connections().refused) == (2, 1)
            await sender.send_messages(ServiceBusMessage("taken"))
            await sender.close()
            await other.send("stones", [b"taken as well"])
        for text in ("taken", "taken as well"):
            message = await receive_one(receiver)
            assert str(message) == text
            await receiver.complete_message(message)
