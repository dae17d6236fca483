"""One installation per test process: servers and roles are shared, data are emptied for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.faults.campaign import reference_run
from tests.faults.kills import Reference
from tests.faults.options import Options
from tests.faults.site import Site, open_site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installation() -> AsyncIterator[Site]:
    async with open_site(Options()) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(installation: Site) -> Site:
    """The installation in its initial state."""
    await installation.reset()
    return installation


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reference(installation: Site) -> Reference:
    """The result of the undisturbed scenario."""
    return await reference_run(installation)
