"""GraphQL: a page of 50 diamonds with 20 fields each over HTTP, from one process of the API, with a key and its budgets.

Two peers: a route of Starlette's that answers with the same bytes, and the bare statement of the same page, prepared and
sent over one connection.
"""

import time
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import msgspec
from graphql import OperationDefinitionNode, parse

from app.graphql.context import Selection
from app.graphql.diamonds.types import columns_of
from benchmarks.client import Call
from benchmarks.figures import Figure, Pace, Report
from benchmarks.servers import Site, started
from benchmarks.stones import stock
from inventory.catalog import statements
from inventory.catalog.search import RETAIL_PRICE, DiamondCriteria, PageWindow, SortOrder
from inventory.core.database import Connection, Database
from sandbox.stack.ports import free_ports

_PAGE = 50
DOCUMENT = """
query Page($first: Int!) {
  diamonds(first: $first) {
    nodes {
      id databaseId shape carat color clarity cut polish symmetry fluorescence labGrown eyeClean imageUrl videoUrl
      rating availability createdAt price { cents } certificate { lab number }
    }
  }
}
"""


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    stones: Annotated[int, msgspec.Meta(ge=_PAGE + 1, description="Stones in the inventory.")] = 10_000
    seconds: Annotated[float, msgspec.Meta(gt=0, description="How long each is asked, each time.")] = 3.0
    connections: Annotated[int, msgspec.Meta(ge=1, description="Requests that are under way at a time.")] = 8
    rounds: Annotated[int, msgspec.Meta(ge=1, description="How often each is measured; the middle one counts.")] = 3
    seed: Annotated[int, msgspec.Meta(description="The same seed makes the same stones.")] = 1


async def measure(wanted: Options) -> Report:
    """Ask the API and its peers in turns."""
    answered: list[Pace] = []
    routed: list[Pace] = []
    fetched: list[Pace] = []
    async with started() as site, Database.open(site.settings.database) as database:
        await stock(database, wanted.stones, seed=wanted.seed)
        key = await site.key(database)
        async with site.serving(1) as (address,), database.connection() as connection:
            body = msgspec.json.encode({"query": DOCUMENT, "variables": {"first": _PAGE}})
            ours = Call.post(f"{address}/graphql", body, {"X-API-Key": key})
            content = await ours.once()
            _check(content)
            async with route_of(site, content) as peer:
                route = Call.post(f"{peer}/", body, {})
                for _ in range(wanted.rounds):
                    for call, paces in ((ours, answered), (route, routed)):
                        taken, elapsed = await call.repeat(wanted.seconds, wanted.connections)
                        paces.append(Pace.of(taken, elapsed=elapsed))
                    fetched.append(await _bare(connection, wanted.seconds))
    return Report(
        figures=[
            Figure(
                name="50 x 20 over HTTP",
                unit="requests",
                measured=Pace.middle(answered),
                limit=limit,
                limited=Pace.middle(limited),
            )
            for limit, limited in (("the same bytes by a route", routed), ("the statement, prepared", fetched))
        ],
        details={"bytes": len(content)},
    )


def _check(content: bytes) -> None:
    answer = msgspec.json.decode(content)
    if "errors" in answer or len(answer["data"]["diamonds"]["nodes"]) != _PAGE:
        raise AssertionError(f"The API answered {content[:1000]!r}")


def route_of(site: Site, content: bytes) -> AbstractAsyncContextManager[str]:
    """A route that answers with these bytes; its address."""
    file = site.directory / "answer.json"
    file.write_bytes(content)
    (port,) = free_ports(1)
    return site.program(("-m", "benchmarks.route", str(port), str(file)), port, "/", {})


async def _bare(connection: Connection, seconds: float) -> Pace:
    (definition,) = parse(DOCUMENT).definitions
    assert isinstance(definition, OperationDefinitionNode)
    columns = columns_of(Selection([definition.selection_set], {}).below("diamonds").below("nodes"))
    page = statements.page(DiamondCriteria(), SortOrder(RETAIL_PRICE), PageWindow(limit=_PAGE), columns)
    prepared = await connection.prepare(page.text)
    taken: list[float] = []
    begun = time.perf_counter()
    while (now := time.perf_counter()) < begun + seconds:
        await prepared.fetch(*page.arguments)
        taken.append(time.perf_counter() - now)
    return Pace.of(taken)
