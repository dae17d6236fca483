"""`X-Ignored-Parameters`."""

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.http.response_headers import ResponseHeaders
from app.rest.ignored import HEADER, report_ignored
from app.rest.parameters import Parameters
from app.rest.search_parameters import read_search


@pytest.fixture
def client() -> httpx.AsyncClient:
    async def search(request: Request[Any]) -> Response:
        parameters = Parameters(request.query_params)
        read_search(parameters)
        return Response()

    asked = Parameters(Request({"type": "http", "query_string": b"", "headers": []}).query_params, defining=True)
    read_search(asked)
    app = ResponseHeaders(Starlette(routes=[Route("/", report_ignored(search, asked.definitions))]))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("shape=ROUND&color[]=D&cut[0]=GOOD&limit=3&sort_by=", None),
        ("colour=D&utm_source=mail&colour=E", "colour, utm_source"),
        ("carat[min]=1&limit[]=2&page[0]=3&shape[0][a]=x", "carat[min], limit[], page[0], shape[0][a]"),
        (urlencode({"a\r\nSet-Cookie: x": "1", "é, b": "1", "": "1"}), "a%0D%0ASet-Cookie%3A%20x, %C3%A9%2C%20b"),
        (urlencode({"x" * 100: "1"}), "x" * 40 + "..."),
    ],
)
async def test_unknown_parameters_are_listed_safely(client: httpx.AsyncClient, query: str, told: str | None) -> None:
    answer = await client.get(f"/?{query}")
    assert answer.headers.get(HEADER) == told


async def test_list_of_parameters_is_bounded(client: httpx.AsyncClient) -> None:
    names = [f"{number}\N{GRINNING FACE}{'é' * 90}" for number in range(25)]
    value = (await client.get("/", params=dict.fromkeys(names, "1"))).headers[HEADER]
    assert len(value.split(", ")) == 21
    assert value.endswith(", ...")
    assert len(value) < 8000
