"""OpenAPI 3.1 document, generated from the operations and their types."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, Literal

import msgspec

from app.rest import ignored
from app.rest.errors import STATUSES
from app.rest.operation import RestOperation

_REFERENCE = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")
_COMMON_CODES = ("BAD_REQUEST", "RATE_LIMITED", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR")
_AUTHENTICATED_CODES = ("UNAUTHORIZED", "FORBIDDEN")
_TAGS = {
    "Diamonds": "The inventory.",
    "Triggers": "Operator requests to the sync.",
    "Analytics": "Figures about the inventory and the sync.",
    "Service": "For operators of the service.",
}
_SIGNATURE = """\
HMAC-SHA-256, hexadecimal, of these lines joined by `\\n`: `v2`, the method, the header `Host`, the path, the raw query
(without `?`, empty if there is none), the timestamp, the nonce, and the SHA-256 of the body, hexadecimal. Path and query
are signed as sent. Further headers: `X-Client-Id`, `X-Timestamp` (Unix seconds, at most 300 from the server time),
`X-Signature-Version: 2` and `X-Nonce` (single use). Examples: `docs/reference/signature-vectors.json`, and
`examples/signing` for several languages."""

_ANSWER_HEADERS = {
    ignored.HEADER: {
        "description": "Names of unknown query parameters, which the operation ignores, separated by commas and "
        f"percent-encoded. At most {ignored.MAX_NAMES} names; `...` ends a shortened name or list. Absent if there are none.",
        "schema": {"type": "string"},
    }
}

Code = Literal[
    "VALIDATION_ERROR", "BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "RATE_LIMITED",
    "SUPPLIER_ERROR", "SUPPLIER_TIMEOUT", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR",
]  # fmt: skip


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error. `details` of a `VALIDATION_ERROR` names each invalid field, `details.reason` of a `CONFLICT` its reason."""

    code: Code
    message: str
    details: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ErrorAnswer(msgspec.Struct, frozen=True):
    """Error response."""

    error: Error


def document(operations: Sequence[RestOperation]) -> dict[str, Any]:
    """Build the OpenAPI document."""
    types = [*dict.fromkeys(kind for one in operations for kind in (one.answers, one.body) if kind), ErrorAnswer]
    schemas, components = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_REFERENCE)
    for component in components.values():
        component["description"] = cleandoc(component.get("description", "A response."))
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Diamond Inventory",
            "version": "2",
            "description": "Search, hold and purchase diamonds; operate the sync. Query parameters that an operation does not know "
            "are ignored; the response header `X-Ignored-Parameters` names them.",
            "contact": {"name": "The maintainers", "url": "https://example.com"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "security": [{"ApiKey": []}, {"Bearer": []}, {"Signature": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
                "Bearer": {"type": "http", "scheme": "bearer", "description": "The same API key, as a bearer token."},
                "Signature": {"type": "apiKey", "in": "header", "name": "X-Signature", "description": _SIGNATURE},
            },
        },
    }


def encoded(operations: Sequence[RestOperation]) -> bytes:
    """Return the document as formatted JSON, as committed in openapi.json."""
    return msgspec.json.format(msgspec.json.encode(document(operations)), indent=2) + b"\n"


def _anything(kind: type) -> dict[str, Any]:
    """Return the JSON Schema of an arbitrary value."""
    if kind is not object:
        raise NotImplementedError(kind)
    return {"description": "Any value."}


def _operation(operation: RestOperation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    scope = f"Needs the scope `{operation.scope}`." if operation.scope else "Open to everyone."
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": scope,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation), *_headers(operation)],
        "responses": {str(operation.status): _success(operation, schema_of), **_error_responses(operation, schema_of)},
    }
    if operation.body:
        content = {"application/json": {"schema": schema_of[operation.body]}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    if operation.scope is None:
        described["security"] = []
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PATH_PARAMETER.findall(path):
        description = "A UUID. An unknown or malformed id is answered with 404."
        yield {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}


def _query_parameters(operation: RestOperation) -> Iterator[dict[str, Any]]:
    for given in operation.parameters:
        description = f"{given.description} Needs the scope `{given.scope}`." if given.scope else given.description
        parameter: dict[str, Any] = {
            "name": given.name,
            "in": "query",
            "description": description,
            "schema": given.schema,
        }
        parameter["allowEmptyValue"] = True  # read as if the parameter were absent
        if given.repeats:
            parameter["description"] += f" May be repeated, also as `{given.name}[]` or `{given.name}[0]`."
        yield parameter


def _phrase(status: int) -> str:
    # The phrase of RFC 9110, which Python has since 3.13, so that the document does not depend on the Python version.
    return "Content Too Large" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else HTTPStatus(status).phrase


def _headers(operation: RestOperation) -> Iterator[dict[str, Any]]:
    if header := operation.header:
        yield {
            "name": header.name,
            "in": "header",
            "required": True,
            "description": header.description,
            "schema": header.schema,
        }


def _success(operation: RestOperation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    content = {operation.media_type: {"schema": schema_of[operation.answers]}}
    return {"description": _phrase(operation.status), "headers": _ANSWER_HEADERS, "content": content}


def _error_responses(operation: RestOperation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    codes = [*_COMMON_CODES, *operation.error_codes]
    if operation.scope:
        codes += _AUTHENTICATED_CODES
    if operation.parameters or operation.body:
        codes.append("VALIDATION_ERROR")
    by_status: dict[int, list[str]] = {}
    for code in codes:
        status = STATUSES.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)
        by_status.setdefault(status.value, []).append(f"`{code}`")
    if operation.method == "GET" and operation.scope:
        by_status[HTTPStatus.NOT_MODIFIED.value] = []
    by_status[HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE.value] = ["`BAD_REQUEST`: address and headers are too large"]
    if operation.body:
        by_status[HTTPStatus.REQUEST_TIMEOUT.value] = ["`BAD_REQUEST`: the body does not arrive"]
        by_status[HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value] = ["`BAD_REQUEST`: the body is too large"]
    content = {"application/json": {"schema": schema_of[ErrorAnswer]}}
    return {
        str(status): {"description": f"{_phrase(status)}: {', '.join(names)}.", "content": content}
        if names
        else {"description": "`If-None-Match` lists the current ETag."}
        for status, names in sorted(by_status.items())
    }
