"""Memory of an API process with the search index, and bytes of the index per stone.

The peer is the same API without the index. The limit is 100 bytes per stone.
"""

import asyncio
from typing import Annotated

import msgspec

from benchmarks.client import HttpRequest
from benchmarks.figures import Figure, Pace, Report
from benchmarks.graphql import DOCUMENT
from benchmarks.processes import resident_bytes
from benchmarks.servers import InventoryApi, ServedApi, Servers
from inventory.catalog.index.search_index import SearchIndex
from inventory.core.database import Database

_BYTES_OF_A_STONE = 100
_MEBIBYTE = 1_048_576
_CONNECTIONS = 8


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=100, description="Stones in the inventory.")] = 50_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="Seconds of requests before the measurement.")] = 5.0
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones.")] = 1


QUICK = Options(stones=5_000, seconds=0.5)


async def measure(options: Options, servers: Servers) -> Report:
    """Send the same requests to both processes, then read their memory."""
    with_index = await servers.api(options.stones, options.seed)
    site = with_index.site
    async with site.serving(1, SEARCH_INDEX="false") as (without,):
        for served in (with_index.api, without):
            await _send_requests(served, with_index, options.seconds)
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
        details={"stones": options.stones},
    )


async def _send_requests(served: ServedApi, inventory_api: InventoryApi, seconds: float) -> None:
    body = msgspec.json.encode({"query": DOCUMENT, "variables": {"first": 50}})
    headers = {"X-API-Key": inventory_api.key}
    await HttpRequest.post(f"{served.address}/graphql", body, headers).send_repeatedly(seconds, _CONNECTIONS)
    await HttpRequest.get(f"{served.address}/api/v2/diamonds?shape=OVAL", headers).send_repeatedly(
        seconds, _CONNECTIONS
    )


async def _index_bytes(inventory_api: InventoryApi) -> float:
    async with Database.open(inventory_api.site.settings.database) as database:
        index = SearchIndex(database)
        index_task = asyncio.create_task(index.run())
        await index.built()
        size = index.size_bytes / index.stones
        index_task.cancel()
    return size
