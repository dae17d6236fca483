"""Simulators of a test, and a client that is logged in."""

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator
from tests.contract.simulator.client import OTHER, READER, STONES, Client, Start


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[Simulator] = []
    async with httpx.AsyncClient(timeout=30) as http:

        async def begin(options: Options) -> Client:
            simulator = await Simulator(options).__aenter__()
            running.append(simulator)
            client = Client(http, simulator)
            await client.log_in(options.accounts[0])
            return client

        yield begin
    for simulator in running:
        await simulator.__aexit__(None, None, None)


@pytest.fixture
async def client(start: Start) -> Client:
    return await start(Options(stones=STONES, accounts=(DEFAULT_ACCOUNT, OTHER, READER)))
