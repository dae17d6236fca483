"""REST: random searches with exact totals, a repeated search, a conditional request and one diamond, from one process.

The limit is a Starlette route that returns the bytes of the search page.
"""

import random
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import httpx
import msgspec

from benchmarks.client import HttpRequest, send_repeatedly
from benchmarks.figures import Figure, Pace, Report
from benchmarks.graphql import route_of
from benchmarks.servers import Servers

_PAGE = 50
_SORTS = ("created_at", "retail_price_cents", "carats", "color", "clarity")
_SHAPES = ("ROUND", "OVAL", "CUSHION", "EMERALD", "PEAR")


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=_PAGE + 1, description="Stones in the inventory.")] = 50_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="Seconds of each measurement.")] = 3.0
    connections: Annotated[int, msgspec.Meta(ge=1, description="Concurrent requests.")] = 8
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements of each row; the median is reported.")] = 3
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones and searches.")] = 1


QUICK = Options(stones=5_000, seconds=0.4, rounds=2)


async def measure(options: Options, servers: Servers) -> Report:
    """Send requests to the API and to the route alternately."""
    inventory_api = await servers.api(options.stones, options.seed)
    key = {"X-API-Key": inventory_api.key}
    diamonds = f"{inventory_api.api.address}/api/v2/diamonds"
    async with httpx.AsyncClient(headers=key, timeout=30) as client:
        page = await client.get(f"{diamonds}?limit={_PAGE}")
    first = page.raise_for_status().json()["data"][0]["id"]
    generator = random.Random(options.seed)
    kinds: dict[str, Sequence[HttpRequest]] = {
        # More than are sent in a round, so that no search is repeated.
        "random search, total": [
            HttpRequest.get(f"{diamonds}?{_random_query_string(generator)}", key) for _ in range(20_000)
        ],
        "repeated search": [HttpRequest.get(f"{diamonds}?limit={_PAGE}", key)],
        "If-None-Match": [
            HttpRequest.get(f"{diamonds}?limit={_PAGE}", {**key, "If-None-Match": page.headers["etag"]}, status=304)
        ],
        "diamond by id": [HttpRequest.get(f"{diamonds}/{first}", key)],
    }
    paces: dict[str, list[Pace]] = {name: [] for name in (*kinds, "")}
    async with route_of(inventory_api.site, page.content) as peer:
        requests = {**kinds, "": [HttpRequest.get(f"{peer.address}/", {})]}
        for _ in range(options.rounds):
            for name, calls in requests.items():
                durations, elapsed = await send_repeatedly(calls, options.seconds, options.connections)
                paces[name].append(Pace.of(durations, elapsed=elapsed))
    limited = Pace.middle(paces[""])
    return Report(
        figures=[
            Figure(
                name=name,
                unit="requests/s",
                ours=Pace.middle(paces[name]),
                beside="a page's bytes by a route",
                other=limited,
            )
            for name in kinds
        ],
        details={"bytes": len(page.content)},
    )


def _random_query_string(generator: random.Random) -> str:
    """Query string of a random search with criteria that a shop may send."""
    criteria: list[tuple[str, object]] = [("limit", _PAGE), ("sort_by", generator.choice(_SORTS))]
    if generator.random() < 0.7:
        criteria += [("shape", shape) for shape in generator.sample(_SHAPES, generator.randint(1, 2))]
    low = generator.randint(300, 2000)
    criteria += [("carat_min", low / 1000), ("carat_max", (low + generator.randint(100, 2000)) / 1000)]
    if generator.random() < 0.5:
        criteria.append(("color", generator.choice("DEFGHIJ")))
    if generator.random() < 0.3:
        criteria.append(("availability", "available"))
    return urlencode(criteria)
