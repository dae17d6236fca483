"""One installation for each test process: its servers and roles live on, what they hold is emptied for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.faults.campaign import refer
from tests.faults.kills import Reference
from tests.faults.options import Options
from tests.faults.site import Site, open_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installation() -> AsyncIterator[Site]:
    async with open_site(Options()) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(installation: Site) -> Site:
    """The installation as at the beginning."""
    await installation.reset()
    return installation


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reference(installation: Site) -> Reference:
    """What the scenario leaves when nobody disturbs it."""
    return await refer(installation)
