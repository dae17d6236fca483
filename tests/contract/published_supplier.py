"""A supplier that executes documents with graphql-core against the published schema, or against a changed one.

It answers exactly as the reference implementation does: an invalid document or variable is an error with HTTP 400, a
stored value outside its enum is an error with a path, and null propagates to the next nullable field.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_operation_ast,
    get_variable_values,
    graphql_sync,
    parse,
    validate,
)

from sandbox.supplier.served_schema import SchemaOptions, ServedSchema, stored_name
from tests.contract.nivoda import PASSWORD
from tests.unit.suppliers.items import item

_TEXTS = ("length", "width", "depth", "depthPercentage", "table", "crownAngle")
INTROSPECTION_REFUSED = "GraphQL introspection is not allowed."


def stone_id(number: int) -> str:
    """The id of the stone with this number."""
    return f"stone-{number:05}"


def published_item(number: int, **changes: Any) -> dict[str, Any]:
    """A valid item with values of the published types. `changes` as for `items.item`, with `__` instead of dots."""
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    found = item({
        "id": f"DIAMOND/{stone_id(number)}",
        "price": 100_000 + 100 * number,
        "discount": -2350,
        "markup_discount": 0,
        "diamond.id": stone_id(number),
        "diamond.final_price": False,
        "diamond.certificate.id": f"certificate-{number}",
        **dotted,
    })  # fmt: skip
    certificate = (found["diamond"] or {}).get("certificate") or {}
    for name in _TEXTS:
        if isinstance(certificate.get(name), float):
            certificate[name] = str(certificate[name])
    return found


class PublishedSupplier:
    """Serves items. `requests` counts operations by name; `asked` records every request except logins and
    introspections.
    """

    def __init__(self, schema: GraphQLSchema, items: Sequence[dict[str, Any]], *, introspection: bool = True) -> None:
        self.schema = schema
        self.items = list(items)
        self.introspection = introspection
        self.introspected: GraphQLSchema | None = None  # result of an introspection, if it shows another schema
        self.random_ties: random.Random | None = None
        self.largest_answer: int | None = None
        self.requests: Counter[str] = Counter()
        self.rejected: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.endpoint = ""
        root: dict[str, Any] = {
            "diamonds_by_query": self._page,
            "diamonds_by_query_count": lambda _info, query=None, **_: len(self._matching(query or {})),
            "get_diamond_by_id": self._by_id,
            "authenticate": {"username_and_password": self._log_in},
        }
        root["as"] = lambda _info, token: root if token == "token" else _refuse("jwt expired")
        self._root = root

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = json.loads(await request.read())
        try:
            document = parse(body["query"])
        except GraphQLError as error:
            return self._reject([error])
        operation = get_operation_ast(document, body.get("operationName"))
        assert operation
        names = {part.name.value for part in operation.selection_set.selections if hasattr(part, "name")}
        introspects = names <= {"__schema", "__type"}
        if introspects and not self.introspection:
            return web.json_response({"errors": [{"message": INTROSPECTION_REFUSED}]}, status=400)
        schema = self.introspected if introspects and self.introspected else self.schema
        if errors := validate(schema, document):
            return self._reject(errors)
        values = get_variable_values(self.schema, operation.variable_definitions or [], body.get("variables") or {})
        if isinstance(values, list):
            return self._reject(values)
        variables = body.get("variables") or {}
        name = "introspection" if introspects else operation.name.value if operation.name else ""
        self.requests[name] += 1
        if not introspects and name != "Authenticate":
            self.asked.append(body)
        result = graphql_sync(schema, body["query"], self._root, variable_values=variables, field_resolver=_resolve)
        answer = json.dumps(result.formatted)
        if self.largest_answer is not None and len(answer) > self.largest_answer:
            return web.Response(status=413)
        return web.json_response(text=answer)

    def _reject(self, errors: Sequence[GraphQLError]) -> web.Response:
        self.requests["rejected"] += 1
        self.rejected += [error.message for error in errors]
        entries = [{**error.formatted, "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}} for error in errors]
        return web.json_response({"errors": entries}, status=400)

    def _log_in(self, _info: GraphQLResolveInfo[Any], username: str, password: str, **_: Any) -> dict[str, Any]:
        if password != PASSWORD:
            _refuse("Wrong username or password")
        return {"token": "token", "expires": 3600.0, "refresh_token": "r", "user": None}

    def _page(
        self, _info: GraphQLResolveInfo[Any], query: Any = None, offset: int = 0, limit: int = 50, **_: Any
    ) -> dict[str, Any]:
        if not 0 < limit <= 50:
            _refuse("limit must be at most 50")
        found = self._matching(query or {})
        return {"items": found[offset : offset + limit], "total_count": 7}

    def _by_id(self, _info: GraphQLResolveInfo[Any], diamond_id: str) -> dict[str, Any]:
        found = [one for one in self.items if one["diamond"]["id"] == diamond_id]
        return found[0] if found else _refuse("Diamond not found")

    def _matching(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        ids = query.get("filter_ids", query.get("ids"))
        band, origin = query.get("dollar_value"), query.get("labgrown")
        found = [
            one
            for one in self.items
            if (ids is None or one["diamond"]["id"] in ids)
            and (band is None or band["from"] * 100 <= one["price"] <= band["to"] * 100)
            and (origin is None or one["diamond"]["certificate"]["labgrown"] is origin)
        ]
        if self.random_ties:
            self.random_ties.shuffle(found)
        return sorted(found, key=lambda one: one["price"] if type(one["price"]) is int else 0)


@asynccontextmanager
async def published_supplier(
    items: Sequence[dict[str, Any]], options: SchemaOptions | GraphQLSchema | None = None
) -> AsyncIterator[PublishedSupplier]:
    """A published supplier on a free port."""
    if isinstance(options, GraphQLSchema):
        supplier = PublishedSupplier(options, items)
    else:
        served = ServedSchema(options or SchemaOptions())
        supplier = PublishedSupplier(served.graphql, items, introspection=served.options.introspection)
    app = web.Application()
    app.router.add_post("/api/diamonds", supplier.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    supplier.endpoint = f"http://{host}:{port}/api/diamonds"
    try:
        async with asyncio.timeout(60):
            yield supplier
    finally:
        await runner.cleanup()


def _resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    name = stored_name(info.parent_type.fields[info.field_name], info.field_name)
    value = source.get(name)
    return value(info, **arguments) if callable(value) else value


def _refuse(message: str) -> Any:
    raise GraphQLError(message)
