"""One broker and one client for all tests of a file."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.broker import Broker
from tests.contract.broker.harness import BrokerHarness, open_harness


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harness() -> AsyncIterator[BrokerHarness]:
    async with Broker({}) as broker, open_harness(broker) as harness:
        yield harness
