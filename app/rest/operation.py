"""What REST offers, as a table: each operation with its scope, what it takes and what it answers.

The routes, the table of scopes and the OpenAPI document are all made of it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from app.auth.scopes import Scope
from app.http.routing import Route
from app.rest.guard import Endpoint, Handler, everyone, requiring
from app.rest.ignored import telling_ignored
from app.rest.parameters import Parameter, Parameters


class Header(msgspec.Struct, frozen=True):
    """A header that an operation needs."""

    name: str
    description: str
    schema: dict[str, Any]


class RestOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    `name` is unique and stays. `handler` answers callers with `scope`, or `opened` answers everyone. `writes`: it changes
    something. `versioned`: see `guard.requiring`. `query` reads the query string, `header` is needed beside it, `body` is the
    type of the request's body, which may be left out if it is not `body_required`. `answers` is the type of the answer's body, None where it isn't documented; `refuses` are
    the codes of the errors that this operation has beyond those of all.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    scope: Scope | None = None
    handler: Handler | None = None
    opened: Endpoint | None = None
    writes: bool = False
    versioned: bool = False
    query: Callable[[Parameters], object] | None = None
    header: Header | None = None
    body: Any = None
    body_required: bool = True
    status: int = 200
    answers: Any = None
    media_type: str = "application/json"
    refuses: Sequence[str] = ()

    @property
    def endpoint(self) -> Endpoint:
        """What the route calls."""
        if self.scope and self.handler:
            return telling_ignored(
                requiring(self.scope, self.handler, writes=self.writes, versioned=self.versioned), self.asked
            )
        if self.opened and not self.scope and not self.handler:
            return telling_ignored(everyone(self.opened), self.asked)
        raise TypeError(f"{self.name} is neither open nor guarded")

    @property
    def asked(self) -> Sequence[Parameter]:
        """The parameters that the query string may have, found by reading an empty one."""
        if self.query is None:
            return ()
        parameters = Parameters(QueryParams())
        self.query(parameters)
        return parameters.asked

    @property
    def route(self) -> Route:
        """The route in the application."""
        return Route(self.path, self.endpoint, methods=[self.method])
