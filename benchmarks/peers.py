"""GraphQL beside peers: the same pages from the same database by a plain Strawberry server and by PostGraphile 4.

PostGraphile needs Node.js and `npm ci --prefix benchmarks/postgraphile --ignore-scripts`; without it only its rows are absent.
"""

import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from benchmarks.client import HttpRequest
from benchmarks.figures import Figure, Pace, Report
from benchmarks.graphql import DOCUMENT
from benchmarks.load import measure_load
from benchmarks.servers import InventoryApi, ServedApi, Servers
from sandbox.stack.ports import LOOPBACK, free_ports

_PAGE = 50
_POSTGRAPHILE = Path(__file__).parent / "postgraphile"
_POSTGRAPHILE_DOCUMENT = """
query Page($first: Int!, $filter: DiamondFilter) {
  allDiamonds(first: $first, orderBy: [RETAIL_PRICE_CENTS_ASC, ID_ASC], filter: $filter) {
    nodes {
      nodeId id shape caratMilli color clarity cut polish symmetry fluorescence labGrown eyeClean imageUrl videoUrl
      rating availability createdAt retailPriceCents certificateLab certificateNumber
    }
  }
}
"""


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=_PAGE + 1, description="Stones in the inventory.")] = 50_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="Seconds of each measurement.")] = 3.0
    connections: Annotated[int, msgspec.Meta(ge=1, description="Concurrent requests.")] = 8
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements of each row; the median is reported.")] = 3
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones.")] = 1


class _Page(NamedTuple):
    """A page: the filter of this API and of plain Strawberry, and that of PostGraphile."""

    name: str
    criteria: Mapping[str, object] | None
    postgraphile: Mapping[str, object]


# What a search finds unless it asks for sold diamonds.
_ON_OFFER = {"status": {"equalTo": "active"}, "availability": {"in": ["available", "on_hold"]}}
_PAGES = (
    _Page("50 x 20", None, _ON_OFFER),
    _Page(
        "50 x 20, shape and carat",
        {"shapes": ["ROUND"], "carat": {"min": 1, "max": 1.5}},
        {
            **_ON_OFFER,
            "shape": {"in": ["ROUND"]},
            "caratMilli": {"greaterThanOrEqualTo": 1000, "lessThanOrEqualTo": 1500},
        },
    ),
)


class _Peer(NamedTuple):
    """A server that runs: its document and filter, and the fields of a page and of a diamond's id in its responses."""

    name: str
    served: ServedApi
    document: str
    criteria: Callable[[_Page], Mapping[str, object] | None]
    page: str
    id: str

    def request(self, page: _Page, headers: Mapping[str, str]) -> HttpRequest:
        """Create the request for a page."""
        variables = {"first": _PAGE, "filter": self.criteria(page)}
        body = msgspec.json.encode({"query": self.document, "variables": variables})
        return HttpRequest.post(f"{self.served.address}/graphql", body, headers)

    async def ids(self, request: HttpRequest) -> list[str]:
        """Read the ids of a page once."""
        content = await request.send()
        answer: dict[str, Any] = msgspec.json.decode(content)
        if "errors" in answer:
            raise AssertionError(f"{self.name}: {content[:1000]!r}")
        return [node[self.id] for node in answer["data"][self.page]["nodes"]]


async def measure(options: Options, servers: Servers) -> Report:
    """Send the same pages to the API and its peers alternately."""
    inventory_api = await servers.api(options.stones, options.seed)
    ours = _Peer("this API", inventory_api.api, DOCUMENT, attrgetter("criteria"), "diamonds", "databaseId")
    figures: list[Figure] = []
    wrong: list[str] = []
    async with AsyncExitStack() as stack:
        everyone = [ours, *await _start(stack, inventory_api, options.connections)]
        for page in _PAGES:
            requests = [
                peer.request(page, {"X-API-Key": inventory_api.key} if peer is ours else {}) for peer in everyone
            ]
            pages = [await peer.ids(request) for peer, request in zip(everyone, requests, strict=True)]
            wrong += [
                f"{page.name}: {peer.name} returns other diamonds"
                for peer, ids in zip(everyone, pages, strict=True)
                if ids != pages[0] or len(ids) != _PAGE
            ]
            figures += await _compare(page.name, everyone, requests, options)
    return Report(figures=figures, wrong=wrong, details={"peers": [peer.name for peer in everyone[1:]]})


async def _start(stack: AsyncExitStack, inventory_api: InventoryApi, connections: int) -> list[_Peer]:
    site, database = inventory_api.site, inventory_api.site.settings.database
    environment = {
        "DATABASE_URL": database.need("url"), "SCHEMA": database.schema_name, "CONNECTIONS": str(connections),
    }  # fmt: skip
    strawberry_port, postgraphile_port = free_ports(2)
    command = ("-m", "benchmarks.plain_strawberry", str(strawberry_port))
    served = await stack.enter_async_context(site.program(command, strawberry_port, "/ready", environment))
    peers = [_Peer("plain Strawberry", served, DOCUMENT, attrgetter("criteria"), "diamonds", "databaseId")]
    node = shutil.which("node")
    if node is None or not (_POSTGRAPHILE / "node_modules").is_dir():
        sys.stderr.write("PostGraphile is not installed: npm ci --prefix benchmarks/postgraphile --ignore-scripts\n")
        return peers
    server = (str(_POSTGRAPHILE / "server.js"), LOOPBACK, str(postgraphile_port))
    environment |= {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    served = await stack.enter_async_context(
        site.program(server, postgraphile_port, "/ready", environment, interpreter=node)
    )
    return [
        *peers,
        _Peer("PostGraphile 4", served, _POSTGRAPHILE_DOCUMENT, attrgetter("postgraphile"), "allDiamonds", "id"),
    ]


async def _compare(name: str, everyone: list[_Peer], requests: list[HttpRequest], options: Options) -> list[Figure]:
    """Rate, and CPU time per request of the server process, of each peer."""
    paces: list[list[Pace]] = [[] for _ in everyone]
    cpu: list[list[Pace]] = [[] for _ in everyone]
    for _ in range(options.rounds):
        for number, (peer, request) in enumerate(zip(everyone, requests, strict=True)):
            pace, used = await measure_load(
                request, peer.served, seconds=options.seconds, connections=options.connections
            )
            paces[number].append(pace)
            cpu[number].append(used)
    return [
        figure
        for number, peer in enumerate(everyone[1:], 1)
        for figure in (
            Figure(
                name=f"{name} over HTTP",
                unit="requests/s",
                ours=Pace.middle(paces[0]),
                beside=peer.name,
                other=Pace.middle(paces[number]),
                is_peer=True,
            ),
            Figure(
                name=f"{name}, CPU of the process",
                unit="ms/request",
                ours=Pace.middle(cpu[0]),
                beside=peer.name,
                other=Pace.middle(cpu[number]),
                is_peer=True,
                smaller_is_better=True,
            ),
        )
    ]
