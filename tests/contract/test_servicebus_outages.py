"""Unresponsive Service Bus endpoints: each call times out and releases its resources."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

import pytest
import pytest_asyncio
from azure.core.credentials import AccessToken
from azure.servicebus import TransportType

from inventory.core.errors import BrokerUnavailable
from inventory.core.settings import Settings
from sandbox.broker import Broker, QueueSettings
from sync.messaging.links import LinkTimeouts
from sync.messaging.servicebus import ServiceBusBroker
from sync.ports import Inbox
from tests.contract.relay import Relay, SilentEndpoint

QUEUE = "work-items"
IMPATIENT = LinkTimeouts(open=0.3, receive=0.3, send=0.3, settle=0.3, renew=0.3, silence=0.3, probe=0.3, close=0.3)
# For calls that succeed before the peer becomes unresponsive.
PATIENT = LinkTimeouts(open=30, receive=2, send=2, settle=2, renew=2, silence=0.2, probe=2, close=0.3)
# Without timeouts a call would hang until this ends the test.
pytestmark = pytest.mark.timeout(60)

NOTHING, SASL_HEADER = b"", b"AMQP\x03\x01\x00\x00"


def connection_string(port: int) -> str:
    return f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;"


@asynccontextmanager
async def broker_at(port: int, timeouts: LinkTimeouts = IMPATIENT) -> AsyncIterator[ServiceBusBroker]:
    settings = Settings.read(azure_service_bus_connection_string=connection_string(port))
    async with ServiceBusBroker.open(settings.service_bus, timeouts=timeouts) as opened:
        yield opened


async def receive(broker: ServiceBusBroker) -> None:
    async with broker.inbox(QUEUE) as inbox:
        await inbox.receive(wait_seconds=0.3)


async def send(broker: ServiceBusBroker) -> None:
    await broker.send(QUEUE, [b"one"])


async def peek(broker: ServiceBusBroker) -> None:
    await broker.dead_letters().peek(QUEUE, 10)


async def replay(broker: ServiceBusBroker) -> None:
    await broker.dead_letters().replay(QUEUE, 10)


Call = Callable[[ServiceBusBroker], Awaitable[None]]
calls = pytest.mark.parametrize("call", [receive, send, peek, replay])


@calls
@pytest.mark.parametrize("greeting", [NOTHING, SASL_HEADER], ids=["nothing", "eight-bytes"])
async def test_silent_endpoint_is_broker_unavailable_and_leaves_no_socket(greeting: bytes, call: Call) -> None:
    tasks = asyncio.all_tasks()
    async with SilentEndpoint.open(greeting) as endpoint, broker_at(endpoint.port) as broker:
        for _ in range(2):
            with pytest.raises(BrokerUnavailable):
                await call(broker)
        await endpoint.connections(0)
    await tasks_end(tasks)


@calls
async def test_silent_tls_endpoint_is_broker_unavailable_and_leaves_no_socket(call: Call) -> None:
    settings = Settings.read(azure_service_bus_namespace="example.servicebus.windows.net")
    async with (
        SilentEndpoint.open(NOTHING) as endpoint,
        ServiceBusBroker.open(
            settings.service_bus,
            StaticCredential(),
            timeouts=IMPATIENT,
            custom_endpoint_address=f"sb://127.0.0.1:{endpoint.port}",
            transport_type=TransportType.Amqp,
        ) as broker,
    ):
        with pytest.raises(BrokerUnavailable):
            await call(broker)
        await endpoint.connections(0)


@calls
@pytest.mark.parametrize("greeting", [NOTHING, SASL_HEADER], ids=["nothing", "eight-bytes"])
async def test_cancelled_call_to_silent_endpoint_leaves_no_socket(greeting: bytes, call: Call) -> None:
    tasks = asyncio.all_tasks()
    async with SilentEndpoint.open(greeting) as endpoint, broker_at(endpoint.port, LinkTimeouts()) as broker:
        calling = asyncio.ensure_future(call(broker))
        await endpoint.connections(1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await endpoint.connections(0)
    await tasks_end(tasks)


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Broker]:
    async with Broker({QUEUE: QueueSettings(lock_seconds=1, max_delivery_count=10)}) as running:
        yield running


async def test_inbox_detects_silent_peer_and_reconnects(bus: Broker) -> None:
    async with Relay.open(bus.port) as relay, broker_at(relay.port, PATIENT) as broker, broker.inbox(QUEUE) as inbox:
        assert await inbox.receive(wait_seconds=0.3) is None
        relay.freeze()
        async with broker_at(bus.port, LinkTimeouts()) as other:
            await other.send(QUEUE, [b"one"])
        with pytest.raises(BrokerUnavailable):
            await receive_until_failure(inbox)
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        await delivery.complete()
    assert bus.counts()[QUEUE].active == 0


async def receive_until_failure(inbox: Inbox) -> None:
    """Receive from an empty queue until the liveness check of the inbox fails."""
    while await inbox.receive(wait_seconds=0.1) is None:
        pass


async def test_empty_inbox_with_responsive_peer_keeps_connection(bus: Broker) -> None:
    timeouts = LinkTimeouts(silence=0)
    async with broker_at(bus.port, timeouts) as broker, broker.inbox(QUEUE) as inbox:
        for _ in range(3):
            assert await inbox.receive(wait_seconds=0.1) is None
        assert bus.connections().accepted == 1


async def test_sender_with_silent_peer_is_replaced(bus: Broker) -> None:
    async with Relay.open(bus.port) as relay, broker_at(relay.port, PATIENT) as broker:
        await broker.send(QUEUE, [b"one"])
        relay.freeze()
        with pytest.raises(BrokerUnavailable):
            await broker.send(QUEUE, [b"two"])
        await broker.send(QUEUE, [b"three"])
    assert bus.counts()[QUEUE].active == 2


async def test_message_is_redelivered_after_connection_became_silent(bus: Broker) -> None:
    async with Relay.open(bus.port) as relay, broker_at(relay.port, PATIENT) as broker, broker.inbox(QUEUE) as inbox:
        await broker.send(QUEUE, [b"one"])
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        relay.freeze()
        await delivery.complete()
        again = await inbox.receive(wait_seconds=10)
        assert again is not None
        assert (again.body, again.number) == (b"one", 2)
        await again.complete()
    assert bus.counts()[QUEUE].locked == 0


async def test_idle_sender_is_replaced_before_reuse(bus: Broker) -> None:
    async with broker_at(bus.port, LinkTimeouts(idle=0)) as broker:
        for body in (b"one", b"two"):
            await broker.send(QUEUE, [body])
    assert (bus.connections().accepted, bus.counts()[QUEUE].active) == (2, 2)


async def test_process_keeps_one_open_sender() -> None:
    queues = ("work-items", "work-done", "consolidate")
    async with (
        Broker(dict.fromkeys(queues, QueueSettings()), max_connections=1) as bus,
        broker_at(bus.port, LinkTimeouts()) as broker,
    ):
        for queue in queues * 2:
            await broker.send(queue, [b"one"])
        assert [bus.counts()[queue].active for queue in queues] == [2, 2, 2]


class StaticCredential:
    """A credential that always has a token."""

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("token", 2**31)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def tasks_end(before: set[asyncio.Task[object]]) -> None:
    """Wait until no task is left that did not run before."""
    if left := asyncio.all_tasks() - before:
        await asyncio.wait(left)
