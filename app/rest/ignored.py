"""Response header `X-Ignored-Parameters`: unknown query parameters of a request."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from app.http.response_headers import add_headers
from app.rest.guard import Endpoint
from app.rest.parameters import Parameter, listed_name

HEADER = "X-Ignored-Parameters"
MAX_NAMES = 20
_MAX_NAME_LENGTH = 40
_MORE = "..."
# Query strings of an operation whose names are known: clients repeat them.
_MAX_REMEMBERED = 1000
_MAX_REMEMBERED_BYTES = 1000


def report_ignored(endpoint: Endpoint, parameters: Collection[Parameter]) -> Endpoint:
    """Return an endpoint whose responses name the query parameters that are not in `parameters`."""
    known = {parameter.name for parameter in parameters}
    repeated = {parameter.name for parameter in parameters if parameter.repeats}

    def ignored(query: bytes) -> str:
        names = [
            name
            for name in dict.fromkeys(QueryParams(query))
            if name and name not in known and listed_name(name) not in repeated
        ]
        return ", ".join(_header_names(names))

    remembered = lru_cache(_MAX_REMEMBERED)(ignored)

    async def with_header(request: Request[Any]) -> Response:
        query = request.scope["query_string"]
        if query:
            names = remembered(query) if len(query) <= _MAX_REMEMBERED_BYTES else ignored(query)
            if names:
                add_headers(request.scope, {HEADER: names})
        return await endpoint(request)

    return with_header


def _header_names(names: Sequence[str]) -> Iterable[str]:
    """Yield the names, percent-encoded and shortened for a header."""
    for name in islice(names, MAX_NAMES):
        yield quote(name[:_MAX_NAME_LENGTH], safe="[]", errors="replace") + (
            _MORE if len(name) > _MAX_NAME_LENGTH else ""
        )
    if len(names) > MAX_NAMES:
        yield _MORE
