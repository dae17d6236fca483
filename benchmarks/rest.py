"""REST: random searches with exact totals, a repeated search, a conditional request and one diamond, from one process.

The limit is a route of Starlette's that answers with the bytes of the search's page.
"""

import random
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import httpx
import msgspec

from benchmarks.client import Call, repeat
from benchmarks.figures import Figure, Pace, Report
from benchmarks.graphql import route_of
from benchmarks.servers import Servers

_PAGE = 50
_SORTS = ("created_at", "retail_price_cents", "carats", "color", "clarity")
_SHAPES = ("ROUND", "OVAL", "CUSHION", "EMERALD", "PEAR")


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=_PAGE + 1, description="Stones in the inventory.")] = 50_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="How long each is asked, each time.")] = 3.0
    connections: Annotated[int, msgspec.Meta(ge=1, description="Requests that are under way at a time.")] = 8
    rounds: Annotated[int, msgspec.Meta(ge=1, description="How often each is measured; the middle one counts.")] = 3
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same stones and the same searches.")] = 1


QUICK = Options(stones=5_000, seconds=0.4, rounds=2)


async def measure(wanted: Options, servers: Servers) -> Report:
    """Send requests to the API and to the route in turns."""
    stocked = await servers.api(wanted.stones, wanted.seed)
    key = {"X-API-Key": stocked.key}
    diamonds = f"{stocked.api.address}/api/v2/diamonds"
    async with httpx.AsyncClient(headers=key, timeout=30) as client:
        page = await client.get(f"{diamonds}?limit={_PAGE}")
    first = page.raise_for_status().json()["data"][0]["id"]
    chance = random.Random(wanted.seed)
    kinds: dict[str, Sequence[Call]] = {
        # More than are sent in a round, so that none is repeated.
        "random search, total": [Call.get(f"{diamonds}?{_anything(chance)}", key) for _ in range(20_000)],
        "repeated search": [Call.get(f"{diamonds}?limit={_PAGE}", key)],
        "If-None-Match": [Call.get(f"{diamonds}?limit={_PAGE}", {**key, "If-None-Match": page.headers["etag"]})],
        "diamond by id": [Call.get(f"{diamonds}/{first}", key)],
    }
    paces: dict[str, list[Pace]] = {name: [] for name in (*kinds, "")}
    async with route_of(stocked.site, page.content) as peer:
        everything = {**kinds, "": [Call.get(f"{peer.address}/", {})]}
        for _ in range(wanted.rounds):
            for name, calls in everything.items():
                taken, elapsed = await repeat(calls, wanted.seconds, wanted.connections)
                paces[name].append(Pace.of(taken, elapsed=elapsed))
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


def _anything(chance: random.Random) -> str:
    """The query string of a search that a shop may send."""
    asked: list[tuple[str, object]] = [("limit", _PAGE), ("sort_by", chance.choice(_SORTS))]
    if chance.random() < 0.7:
        asked += [("shape", shape) for shape in chance.sample(_SHAPES, chance.randint(1, 2))]
    low = chance.randint(300, 2000)
    asked += [("carat_min", low / 1000), ("carat_max", (low + chance.randint(100, 2000)) / 1000)]
    if chance.random() < 0.5:
        asked.append(("color", chance.choice("DEFGHIJ")))
    if chance.random() < 0.3:
        asked.append(("availability", "available"))
    return urlencode(asked)
