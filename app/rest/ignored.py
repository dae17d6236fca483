"""Response header `X-Ignored-Parameters`: unknown query parameters of a request."""

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from app.http.response_headers import add_headers
from app.rest.guard import Endpoint
from app.rest.parameters import Parameter, listed_name

HEADER = "X-Ignored-Parameters"
MAX_NAMES = 20
_MAX_NAME_LENGTH = 40
_MORE = "..."


def report_ignored(endpoint: Endpoint, parameters: Collection[Parameter]) -> Endpoint:
    """Return an endpoint whose responses name the query parameters that are not in `parameters`."""
    known = {parameter.name for parameter in parameters}
    repeated = {parameter.name for parameter in parameters if parameter.repeats}

    async def with_header(request: Request[Any]) -> Response:
        if request.scope["query_string"]:
            names = [
                name
                for name in dict.fromkeys(request.query_params)
                if name and name not in known and listed_name(name) not in repeated
            ]
            if names:
                add_headers(request.scope, {HEADER: ", ".join(_header_names(names))})
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
