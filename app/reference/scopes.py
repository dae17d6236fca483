"""Reference of scopes: what each one opens, in REST and in GraphQL."""

from collections.abc import Iterator

import msgspec

from app.auth.scopes import MEANINGS, Scope
from app.graphql.schema import schema
from app.graphql.scopes import scopes_of_fields, scopes_of_inputs
from app.rest.routes import OPERATIONS
from app.rest.search_parameters import SORTS
from app.rest.serializers import DiamondAnswer
from inventory.catalog.diamond import SUPPLIER_COST


def scopes_page() -> str:
    """The table of scopes: what each one opens, in REST and in GraphQL."""
    return "\n".join([
        "# Scopes",
        "",
        "What a key, or a client that signs, may do. Printed from the code by `make schema`; a test walks every route and",
        "every field, so that nothing is open by accident.",
        "",
        "| scope | what it allows | REST | GraphQL |",
        "| --- | --- | --- | --- |",
        *(_row(f"`{scope}`", MEANINGS[scope], _rest(scope), _graphql(scope)) for scope in Scope),
        _row("none", "Open to everyone.", _rest(None), ()),
        "",
        "GraphQL fields that are not listed need the scope of the query or mutation through which they are reached.",
        "",
    ])  # fmt: skip


def _row(scope: str, meaning: str, *listed: Iterator[str] | tuple[str, ...]) -> str:
    cells = ("<br>".join(f"`{item}`" for item in items) for items in listed)
    return f"| {scope} | {meaning} | {' | '.join(cells)} |"


def _rest(scope: Scope | None) -> Iterator[str]:
    for operation in OPERATIONS:
        if operation.scope is scope:
            yield f"{operation.method} {operation.path}"
        for parameter in operation.parameters:
            if scope and parameter.scope is scope:
                yield f"{operation.path}?{parameter.name}"
    if scope is Scope.PRICES_SUPPLIER:
        yield from (f"/api/v2/diamonds?sort_by={name}" for name, sort in SORTS.items() if sort.tells_supplier_prices)
        fields = msgspec.structs.fields(DiamondAnswer)
        yield from (f"Diamond.{field.encode_name}" for field in fields if field.name in SUPPLIER_COST)


def _graphql(scope: Scope) -> Iterator[str]:
    graphql = schema._schema  # noqa: SLF001 - has no public name
    parts = {**scopes_of_fields(graphql), **scopes_of_inputs(graphql)}
    return (name for name, needed in parts.items() if needed is scope)
