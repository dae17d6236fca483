"""Strawberry as its documentation shows it, with asyncpg and one statement per page: a peer of the API.

python -m benchmarks.plain_strawberry PORT    environment: DATABASE_URL, SCHEMA, CONNECTIONS
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL

from benchmarks.statements import sql
from sandbox.stack.ports import LOOPBACK

_MILLI = 1000


@strawberry.type
class Price:
    """Price in cents."""

    cents: int


@strawberry.type
class Certificate:
    """Laboratory and number of a report."""

    lab: str | None
    number: str | None


@strawberry.type
class Diamond:
    """The 20 fields that the benchmark requests."""

    id: strawberry.ID
    database_id: str
    shape: str
    carat: float
    color: str | None
    clarity: str | None
    cut: str | None
    polish: str | None
    symmetry: str | None
    fluorescence: str | None
    lab_grown: bool
    eye_clean: bool | None
    image_url: str | None
    video_url: str | None
    rating: int | None
    availability: str
    created_at: datetime
    price: Price
    certificate: Certificate

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Diamond":
        """Convert a row of `peer_page`."""
        return cls(
            id=strawberry.ID(str(row["id"])),
            database_id=str(row["id"]),
            shape=row["shape"],
            carat=row["carat_milli"] / _MILLI,
            color=row["color"],
            clarity=row["clarity"],
            cut=row["cut"],
            polish=row["polish"],
            symmetry=row["symmetry"],
            fluorescence=row["fluorescence"],
            lab_grown=row["lab_grown"],
            eye_clean=row["eye_clean"],
            image_url=row["image_url"],
            video_url=row["video_url"],
            rating=row["rating"],
            availability=row["availability"],
            created_at=row["created_at"],
            price=Price(cents=row["retail_price_cents"]),
            certificate=Certificate(lab=row["certificate_lab"], number=row["certificate_number"]),
        )


@strawberry.type
class DiamondConnection:
    """A page of diamonds."""

    nodes: list[Diamond]


@strawberry.input
class CaratRange:
    """Weights in carats, inclusive."""

    min: float
    max: float


@strawberry.input
class DiamondFilter:
    """Criteria that the benchmark uses."""

    shapes: list[str]
    carat: CaratRange


@strawberry.type
class Query:
    """Root of the schema."""

    @strawberry.field
    async def diamonds(
        self,
        info: strawberry.Info,
        first: int,
        filter: DiamondFilter | None = None,  # noqa: A002 - the name in the document
    ) -> DiamondConnection:
        """Read a page in the order of the retail price."""
        pool = info.context["request"].app.state.pool
        if filter is None:
            rows = await pool.fetch(sql.peer_page, first)
        else:
            low, high = (round(carats * _MILLI) for carats in (filter.carat.min, filter.carat.max))
            rows = await pool.fetch(sql.peer_filtered_page, first, filter.shapes, low, high)
        return DiamondConnection(nodes=[Diamond.of(row) for row in rows])


def application() -> Starlette:
    """Create the application with its pool of connections."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connections = int(os.environ["CONNECTIONS"])
        async with asyncpg.create_pool(
            os.environ["DATABASE_URL"],
            min_size=connections,
            max_size=connections,
            server_settings={"search_path": os.environ["SCHEMA"], "jit": "off"},
        ) as pool:
            app.state.pool = pool
            yield

    async def ready(request: Request) -> Response:
        del request
        return Response("ready")

    graphql: GraphQL[None, None] = GraphQL(strawberry.Schema(Query))
    return Starlette(routes=[Route("/ready", ready), Route("/graphql", graphql)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        application(), host=LOOPBACK, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
        log_level="warning",
    )  # fmt: skip
