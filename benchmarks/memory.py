"""Memory: what the search index adds to an API process, and its size for each stone.

The peer is the same API without the index. The limit of a stone is 100 bytes.
"""

import asyncio
from typing import Annotated

import msgspec

from benchmarks.client import Call
from benchmarks.figures import Figure, Pace, Report
from benchmarks.graphql import DOCUMENT
from benchmarks.processes import resident_bytes
from benchmarks.servers import ServedApi, Servers, StockedApi
from inventory.catalog.index.search_index import SearchIndex
from inventory.core.database import Database

_BYTES_OF_A_STONE = 100
_MEBIBYTE = 1_048_576
_CONNECTIONS = 8


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=100, description="Stones in the inventory.")] = 50_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="How long requests are sent before measuring.")] = 5.0
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same stones.")] = 1


QUICK = Options(stones=5_000, seconds=0.5)


async def measure(wanted: Options, servers: Servers) -> Report:
    """Send the same requests to both processes, then read their memory."""
    with_index = await servers.api(wanted.stones, wanted.seed)
    site = with_index.site
    async with site.serving(1, SEARCH_INDEX="false") as (without,):
        for served in (with_index.api, without):
            await _use(served, with_index, wanted.seconds)
        ours, peer = (resident_bytes(served.pid) / _MEBIBYTE for served in (with_index.api, without))
    return Report(
        figures=[
            Figure(
                name="API process",
                unit="MiB",
                ours=Pace(ours),
                beside="without the search index",
                other=Pace(peer),
                is_peer=True,
                smaller_is_better=True,
            ),
            Figure(
                name="search index",
                unit="bytes/stone",
                ours=Pace(await _index_bytes(with_index)),
                beside="100 bytes a stone",
                other=Pace(_BYTES_OF_A_STONE),
                smaller_is_better=True,
            ),
        ],
        details={"stones": wanted.stones},
    )


async def _use(served: ServedApi, stocked: StockedApi, seconds: float) -> None:
    body = msgspec.json.encode({"query": DOCUMENT, "variables": {"first": 50}})
    headers = {"X-API-Key": stocked.key}
    await Call.post(f"{served.address}/graphql", body, headers).repeat(seconds, _CONNECTIONS)
    await Call.get(f"{served.address}/api/v2/diamonds?shape=OVAL", headers).repeat(seconds, _CONNECTIONS)


async def _index_bytes(stocked: StockedApi) -> float:
    async with Database.open(stocked.site.settings.database) as database:
        index = SearchIndex(database)
        following = asyncio.create_task(index.run())
        await index.built()
        size = index.size_bytes / index.stones
        following.cancel()
    return size
