"""GraphQL: pages of 50 diamonds with 20 fields over HTTP, from one API process, with an API key and its rate limits.

The limits are a Starlette route that returns the same bytes, and the prepared statement of the same page on one connection.
CPU time is that of the Python process; its limit is the CPU time of the route.
"""

import time
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import msgspec
from graphql import OperationDefinitionNode, parse

from app.graphql.context import Selection
from app.graphql.diamonds.types import columns_of
from benchmarks.client import HttpRequest
from benchmarks.figures import Figure, Pace, Report
from benchmarks.load import measure_load
from benchmarks.servers import ServedApi, Servers, Site
from inventory.catalog import statements
from inventory.catalog.search import RETAIL_PRICE, DiamondCriteria, NumericRange, PageWindow, SortOrder
from inventory.core.database import Connection, Database
from sandbox.stack.ports import free_ports

_PAGE = 50
DOCUMENT = """
query Page($first: Int!, $filter: DiamondFilter) {
  diamonds(first: $first, filter: $filter) {
    nodes {
      id databaseId shape carat color clarity cut polish symmetry fluorescence labGrown eyeClean imageUrl videoUrl
      rating availability createdAt price { cents } certificate { lab number }
    }
  }
}
"""


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    stones: Annotated[int, msgspec.Meta(ge=_PAGE + 1, description="Stones in the inventory.")] = 10_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="Seconds of each measurement.")] = 3.0
    connections: Annotated[int, msgspec.Meta(ge=1, description="Concurrent requests.")] = 8
    rounds: Annotated[int, msgspec.Meta(ge=1, description="Measurements of each row; the median is reported.")] = 3
    seed: Annotated[int, msgspec.Meta(description="Random seed of the stones.")] = 1


QUICK = Options(stones=5_000, seconds=0.4, rounds=2)
_PAGES = {
    "50 x 20": (None, DiamondCriteria()),
    "50 x 20, shape and carat": (
        {"shapes": ["ROUND"], "carat": {"min": 1, "max": 1.5}},
        DiamondCriteria(shape=["ROUND"], carat_milli=NumericRange(1000, 1500)),
    ),
}


async def measure(options: Options, servers: Servers) -> Report:
    """Send requests to the API and to its limits alternately."""
    inventory_api = await servers.api(options.stones, options.seed)
    figures: list[Figure] = []
    details: dict[str, object] = {}
    async with Database.open(inventory_api.site.settings.database) as database, database.connection() as connection:
        for name, (criteria, found) in _PAGES.items():
            body = msgspec.json.encode({"query": DOCUMENT, "variables": {"first": _PAGE, "filter": criteria}})
            ours = HttpRequest.post(f"{inventory_api.api.address}/graphql", body, {"X-API-Key": inventory_api.key})
            content = await ours.send()
            _check(content)
            rounds = _Measurements()
            async with route_of(inventory_api.site, content) as peer:
                route = HttpRequest.post(f"{peer.address}/", body, {})
                for _ in range(options.rounds):
                    for call, served, paces, cpu in (
                        (ours, inventory_api.api, rounds.api_paces, rounds.api_cpu),
                        (route, peer, rounds.route_paces, rounds.route_cpu),
                    ):
                        pace, used = await measure_load(
                            call, served, seconds=options.seconds, connections=options.connections
                        )
                        paces.append(pace)
                        cpu.append(used)
                    rounds.statement_paces.append(await _measure_statement(connection, found, options.seconds))
            figures += rounds.figures(name)
            details[f"{name}: bytes"] = len(content)
    return Report(figures=figures, details=details)


class _Measurements:
    """Measurements of one document."""

    def __init__(self) -> None:
        self.api_paces: list[Pace] = []
        self.route_paces: list[Pace] = []
        self.statement_paces: list[Pace] = []
        self.api_cpu: list[Pace] = []
        self.route_cpu: list[Pace] = []

    def figures(self, name: str) -> list[Figure]:
        """Figures of the document."""
        rates = [
            Figure(
                name=f"{name} over HTTP",
                unit="requests/s",
                ours=Pace.middle(self.api_paces),
                beside=beside,
                other=Pace.middle(other),
            )
            for beside, other in (
                ("the same bytes by a route", self.route_paces),
                ("the statement, prepared", self.statement_paces),
            )
        ]
        cpu_figure = Figure(
            name=f"{name}, Python CPU",
            unit="ms/request",
            ours=Pace.middle(self.api_cpu),
            beside="the same bytes by a route",
            other=Pace.middle(self.route_cpu),
            smaller_is_better=True,
        )
        return [*rates, cpu_figure]


def _check(content: bytes) -> None:
    answer = msgspec.json.decode(content)
    if "errors" in answer or len(answer["data"]["diamonds"]["nodes"]) != _PAGE:
        raise AssertionError(f"the response of the API is not a page of {_PAGE} diamonds: {content[:1000]!r}")


def route_of(site: Site, content: bytes) -> AbstractAsyncContextManager[ServedApi]:
    """Serve a route that returns these bytes."""
    file = site.directory / "answer.json"
    file.write_bytes(content)
    (port,) = free_ports(1)
    return site.program(("-m", "benchmarks.route", str(port), str(file)), port, "/", {})


async def _measure_statement(connection: Connection, criteria: DiamondCriteria, seconds: float) -> Pace:
    (definition,) = parse(DOCUMENT).definitions
    assert isinstance(definition, OperationDefinitionNode)
    columns = columns_of(Selection([definition.selection_set], {}).below("diamonds").below("nodes"))
    page = statements.page(criteria, SortOrder(RETAIL_PRICE), PageWindow(limit=_PAGE), columns)
    prepared = await connection.prepare(page.text)
    durations: list[float] = []
    start_time = time.perf_counter()
    while (now := time.perf_counter()) < start_time + seconds:
        await prepared.fetch(*page.arguments)
        durations.append(time.perf_counter() - now)
    return Pace.of(durations)
