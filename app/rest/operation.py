"""REST operation: one definition for the route, the table of scopes and the OpenAPI document."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from app.auth.scopes import Scope
from app.http.routing import RequestEndpoint, Route
from app.rest.guard import Endpoint, Handler, public, require_scope
from app.rest.ignored import report_ignored
from app.rest.parameters import Parameter, Parameters


class Header(msgspec.Struct, frozen=True):
    """Required request header of an operation."""

    name: str
    description: str
    schema: dict[str, Any]


class RestOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    `name` is the unique, stable operation id. Either `handler` answers clients with `scope`, or `public_endpoint` answers
    without authentication. `writes`, `versioned`: see `guard.require_scope`. `query` reads the query string; `header` is a
    required header; `body` is the type of the request body, optional unless `body_required`. `answers` is the type of the
    response body, None if it is not documented. `error_codes` are the codes of the operation besides the common codes.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    scope: Scope | None = None
    handler: Handler | None = None
    public_endpoint: Endpoint | None = None
    writes: bool = False
    versioned: bool = False
    query: Callable[[Parameters], object] | None = None
    header: Header | None = None
    body: Any = None
    body_required: bool = True
    status: int = 200
    answers: Any = None
    media_type: str = "application/json"
    error_codes: Sequence[str] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the route, with authentication and response headers."""
        if self.scope and self.handler:
            return report_ignored(
                require_scope(self.scope, self.handler, writes=self.writes, versioned=self.versioned), self.parameters
            )
        if self.public_endpoint and not self.scope and not self.handler:
            return report_ignored(public(self.public_endpoint), self.parameters)
        raise TypeError(f"{self.name} needs either a scope and a handler, or a public endpoint")

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The query parameters of the operation, collected by reading an empty query string."""
        if self.query is None:
            return ()
        parameters = Parameters(QueryParams(), defining=True)
        self.query(parameters)
        return parameters.definitions

    @property
    def route(self) -> Route:
        """The route of the operation."""
        return Route(self.path, RequestEndpoint(self.endpoint), methods=[self.method], name=self.name)
