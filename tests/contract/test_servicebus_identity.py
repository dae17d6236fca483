"""Service Bus with managed identity over TLS: short tokens, a failing identity service, number of token requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio
from aiohttp import web
from azure.servicebus import TransportType

from inventory.core.errors import BrokerUnavailable
from inventory.core.settings import Settings
from sandbox.broker import Broker, Counts, QueueSettings
from sync.messaging.credential import ProcessCredential
from sync.messaging.links import LinkTimeouts
from sync.messaging.servicebus import ServiceBusBroker
from tests.contract.certificates import server_context
from tests.contract.relay import Relay

QUEUE = "work-items"
# An expired token costs a new connection, which the lock must outlast.
LOCK_SECONDS = 6.0
HELD_SECONDS = 7.0
TOKEN_SECONDS = 2


class IdentityService:
    """The endpoint that issues managed identity tokens to a container."""

    def __init__(self) -> None:
        self.requests = 0
        self.away = False
        self.token_seconds = 3600

    @classmethod
    @asynccontextmanager
    async def open(cls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Self]:
        """Run the service and announce it in the environment as Azure does."""
        service = cls()
        app = web.Application()
        app.router.add_get("/token", service._token)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{site.name}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "a test")
        try:
            yield service
        finally:
            await runner.cleanup()

    async def _token(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.away:
            return web.json_response({"error": "away"}, status=503)
        # Long enough for concurrent requests.
        await asyncio.sleep(0.2)
        expires = int(time.time()) + self.token_seconds
        return web.json_response(
            {
                "access_token": f"token {self.requests}",
                "expires_on": str(expires),
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )


@pytest_asyncio.fixture
async def identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[IdentityService]:
    async with IdentityService.open(monkeypatch) as service:
        yield service


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[Broker]:
    async with Broker({QUEUE: QueueSettings(lock_seconds=LOCK_SECONDS, max_delivery_count=10)}) as running:
        yield running


Open = Callable[[], AbstractAsyncContextManager[ServiceBusBroker]]


@pytest_asyncio.fixture
async def open_broker(bus: Broker, identity: IdentityService, tmp_path: Path) -> AsyncIterator[Open]:
    """The queues of a local namespace, over TLS and with managed identity."""
    del identity
    settings = Settings.read(azure_service_bus_namespace="example.servicebus.windows.net")
    context, certificate = server_context(tmp_path)
    async with Relay.open(bus.port, tls=context) as relay:

        @asynccontextmanager
        async def opened() -> AsyncIterator[ServiceBusBroker]:
            async with (
                ProcessCredential() as credential,
                ServiceBusBroker.open(
                    settings.service_bus,
                    credential,
                    timeouts=LinkTimeouts(open=10, close=1),
                    custom_endpoint_address=f"sb://127.0.0.1:{relay.port}",
                    transport_type=TransportType.Amqp,
                    connection_verify=str(certificate),
                ) as broker,
            ):
                yield broker

        yield opened


async def test_message_is_held_beyond_lock_and_token_expiry(
    bus: Broker, identity: IdentityService, open_broker: Open
) -> None:
    identity.token_seconds = TOKEN_SECONDS
    async with open_broker() as broker, broker.inbox(QUEUE) as inbox:
        await broker.send(QUEUE, [b"one"])
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        await asyncio.sleep(HELD_SECONDS)
        assert bus.counts()[QUEUE].locked == 1, "no other consumer may receive it"
        await delivery.complete()
        assert delivery.number == 1
    assert bus.counts()[QUEUE] == Counts(active=0, locked=0, scheduled=0, deferred=0, dead_letter=0)
    assert identity.requests > 1


async def test_broker_is_unavailable_without_identity_and_recovers(
    identity: IdentityService, open_broker: Open
) -> None:
    identity.away = True
    async with open_broker() as broker, broker.inbox(QUEUE) as inbox:
        with pytest.raises(BrokerUnavailable):
            await inbox.receive(wait_seconds=0.2)
        with pytest.raises(BrokerUnavailable):
            await broker.send(QUEUE, [b"one"])
        identity.away = False
        await broker.send(QUEUE, [b"two"])
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        assert delivery.body == b"two"
        await delivery.complete()


async def test_all_slots_of_process_share_one_token_request(identity: IdentityService, open_broker: Open) -> None:
    async with open_broker() as broker, AsyncExitStack() as stack:
        inboxes = [await stack.enter_async_context(broker.inbox(QUEUE)) for _ in range(4)]
        await asyncio.gather(*(inbox.receive(wait_seconds=0.1) for inbox in inboxes), broker.send(QUEUE, [b"one"]))
        await broker.dead_letters().peek(QUEUE, 1)
    assert identity.requests == 1
