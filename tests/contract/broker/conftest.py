"""One broker and one client for all the tests of a file."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.broker import Broker
from tests.contract.broker.desk import Desk, open_desk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk() -> AsyncIterator[Desk]:
    async with Broker({}) as broker, open_desk(broker) as desk:
        yield desk
