"""Reference of error codes."""

from collections.abc import Iterator

from app.graphql.execution.errors import PUBLIC_CODES
from app.graphql.execution.errors import STATUSES as GRAPHQL_STATUSES
from app.graphql.user_errors import DESCRIPTIONS
from app.reference.table import NOTE, code, page, table
from app.rest.errors import STATUSES as REST_STATUSES
from inventory.core.errors import InventoryError


def errors_page() -> str:
    """The codes that clients see, those of `userErrors`, and those that runs and operators see."""
    by_code: dict[str, list[type[InventoryError]]] = {}
    # The most general error of a code first, in an order that does not depend on imports.
    for error in sorted(_errors(InventoryError), key=lambda error: (len(error.__mro__), error.__name__)):
        by_code.setdefault(error.code, []).append(error)
    public = PUBLIC_CODES | REST_STATUSES.keys()
    return page(
        "Errors",
        NOTE,
        "",
        "## Codes for clients",
        "",
        "GraphQL: `errors[].extensions.code`. REST: `error.code`. Messages may change, codes do not. An error with any other code is",
        "our fault: `INTERNAL_ERROR`, status 500 in REST; the log has it under the `X-Request-Id` of the response.",
        "",
        *table(
            ("code", "message", "retry", "REST", "GraphQL"),
            (
                (
                    code(name),
                    _message(by_code.get(name, [])),
                    "yes" if by_code.get(name, [InventoryError])[0].retryable else "no",
                    str(REST_STATUSES[name].value) if name in REST_STATUSES else "",
                    str(GRAPHQL_STATUSES[name].value) if name in GRAPHQL_STATUSES else "200" if name in PUBLIC_CODES else "",
                )
                for name in sorted(public)
            ),
        ),
        "",
        "The column GraphQL has the status of an executed operation of which nothing could be answered. A request that is refused before it",
        "is executed has the status of its error over HTTP: 400, 401, 403, 404, 413, 429 or 503.",
        "",
        "## Codes of `userErrors`",
        "",
        "Mutations report what the client can correct in their payload.",
        "",
        *table(("code", "meaning"), _user_errors()),
        "",
        "## Codes for operators",
        "",
        "Stored with a run or a message, and shown by `diamonds-sync runs show`.",
        "",
        *table(
            ("code", "message", "retry"),
            (
                (code(name), _message(found), "yes" if found[0].retryable else "no")
                for name, found in sorted(by_code.items())
                if name not in public
            ),
        ),
    )  # fmt: skip


def _errors(error: type[InventoryError]) -> Iterator[type[InventoryError]]:
    if error.__module__.startswith(("inventory.", "app.")):
        yield error
    for kind in error.__subclasses__():
        yield from _errors(kind)


def _message(errors: list[type[InventoryError]]) -> str:
    return (errors[0].__doc__ or "").partition("\n")[0] if errors else ""


def _user_errors() -> Iterator[tuple[str, str]]:
    for found, description in DESCRIPTIONS.items():
        yield code(found.name), description
