"""Reference of the REST operations."""

from itertools import groupby
from typing import Any

from app.reference.table import NOTE, code, page, table
from app.rest.operation import RestOperation
from app.rest.parameters import Parameter
from app.rest.routes import DOCUMENTED


def rest_page() -> str:
    """Each operation with its scope, its parameters and its errors."""
    lines = [
        "`openapi.json` describes parameters, bodies and answers completely; `/api-docs` shows it. A key goes into the header",
        "`X-API-Key`. An operation ignores query parameters that it does not know; the response header",
        f"`X-Ignored-Parameters` names them. {NOTE}",
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
            (code(parameter.name), _values(parameter), parameter.description, code(parameter.scope or ""))
            for parameter in operation.parameters
        )
        lines += ["", *table(("parameter", "values", "meaning", "scope"), rows)]
    return lines


def _values(parameter: Parameter) -> str:
    """The type of a parameter, or its permitted values, and whether it may be repeated."""
    schema: Any = parameter.schema["items"] if parameter.repeats else parameter.schema
    kind = ", ".join(map(code, schema["enum"])) if "enum" in schema else str(schema.get("format", schema["type"]))
    return f"{kind}; may be repeated" if parameter.repeats else kind
