"""`X-Ignored-Parameters`: the names of query parameters that an operation does not know."""

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
MOST_NAMES = 20
_LONGEST_NAME = 40
_MORE = "..."


def telling_ignored(endpoint: Endpoint, asked: Collection[Parameter]) -> Endpoint:
    """The endpoint, whose every answer names the parameters that are not among those `asked` for."""
    known = {one.name for one in asked}
    repeated = {one.name for one in asked if one.repeats}

    async def told(request: Request[Any]) -> Response:
        names = [
            name
            for name in dict.fromkeys(request.query_params)
            if name and name not in known and listed_name(name) not in repeated
        ]
        if names:
            add_headers(request.scope, {HEADER: ", ".join(_written(names))})
        return await endpoint(request)

    return told


def _written(names: Sequence[str]) -> Iterable[str]:
    """The names as a header may hold them."""
    for name in islice(names, MOST_NAMES):
        yield quote(name[:_LONGEST_NAME], safe="[]", errors="replace") + (_MORE if len(name) > _LONGEST_NAME else "")
    if len(names) > MOST_NAMES:
        yield _MORE
