"""Reference of the REST operations."""

from itertools import groupby

from app.reference.table import NOTE, code, page, table
from app.rest.operation import RestOperation
from app.rest.routes import DOCUMENTED


def rest_page() -> str:
    """Each operation with its scope, its parameters and its errors."""
    lines = [
        "`openapi.json` describes parameters, bodies and answers completely; `/api-docs` shows it. A key goes into the header",
        f"`X-API-Key`. {NOTE}",
    ]
    for tag, operations in groupby(DOCUMENTED, key=lambda operation: operation.tag):
        lines += ["", f"## {tag}"]
        for operation in operations:
            lines += ["", f"### {operation.method} {operation.path}", "", *_operation(operation)]
    return page("REST operations", *lines)


def _operation(operation: RestOperation) -> list[str]:
    scope = code(operation.scope) if operation.scope else "none, open to all"
    lines = [operation.summary, "", f"Scope: {scope}."]
    if operation.header:
        lines += ["", f"Header {code(operation.header.name)}: {operation.header.description}"]
    if operation.body:
        lines += ["", f"Body: {code(operation.body.__name__)}{'' if operation.body_required else ', optional'}."]
    if operation.answers:
        lines += [
            "",
            f"Status {operation.status}, body {code(getattr(operation.answers, '__name__', str(operation.answers)))}.",
        ]
    if operation.error_codes:
        lines += [
            "",
            f"Errors: {', '.join(map(code, operation.error_codes))}, and [those of every operation](errors.md).",
        ]
    if operation.parameters:
        rows = (
            (code(parameter.name), parameter.description, code(parameter.scope or ""))
            for parameter in operation.parameters
        )
        lines += ["", *table(("parameter", "meaning", "scope"), rows)]
    return lines
