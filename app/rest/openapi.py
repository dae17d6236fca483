"""The OpenAPI 3.1 document, made of the table of operations and their types: what is documented is what is read."""

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
_OF_ALL = ("BAD_REQUEST", "RATE_LIMITED", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR")
_OF_THE_KNOWN = ("UNAUTHORIZED", "FORBIDDEN")
_TAGS = {
    "Diamonds": "The inventory.",
    "Triggers": "What can be asked of the sync.",
    "Analytics": "Figures about the inventory and the sync.",
    "Service": "For operators of the service.",
}
_SIGNATURE = """\
HMAC-SHA-256, hexadecimal, of these lines joined by `\\n`: `v2`, the method, the header `Host`, the path, the raw query
(without `?`, empty when there is none), the timestamp, the nonce, and the SHA-256 of the body, hexadecimal. Path and query
are signed as they are sent. Beside it go `X-Client-Id`, `X-Timestamp` (Unix seconds, at most 300 from ours),
`X-Signature-Version: 2` and `X-Nonce`, which works once. `docs/reference/signature-vectors.json` has examples, and so has
`examples/signing` for several languages."""

_ANSWER_HEADERS = {
    ignored.HEADER: {
        "description": "Names of query parameters that the operation does not know and ignores, separated by commas and "
        f"percent-encoded. At most {ignored.MOST_NAMES} names; `...` ends a shortened name or list. Absent if there are none.",
        "schema": {"type": "string"},
    }
}

Code = Literal[
    "VALIDATION_ERROR", "BAD_REQUEST", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "CONFLICT", "RATE_LIMITED",
    "SUPPLIER_ERROR", "SUPPLIER_TIMEOUT", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR",
]  # fmt: skip


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. `details` of a `VALIDATION_ERROR` names each field; `details.reason` of a `CONFLICT` says which."""

    code: Code
    message: str
    details: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class ErrorAnswer(msgspec.Struct, frozen=True):
    """Every refusal."""

    error: Error


def document(operations: Sequence[RestOperation]) -> dict[str, Any]:
    """The OpenAPI document."""
    types = [*dict.fromkeys(kind for one in operations for kind in (one.answers, one.body) if kind), ErrorAnswer]
    schemas, components = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_REFERENCE)
    for component in components.values():
        component["description"] = cleandoc(component.get("description", "An answer."))
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Diamond Inventory",
            "version": "2",
            "description": "Search diamonds, hold and buy them, and look after the sync that brings them.",
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
    """The document as JSON, in the form that is committed."""
    return msgspec.json.format(msgspec.json.encode(document(operations)), indent=2) + b"\n"


def _anything(kind: type) -> dict[str, Any]:
    """The schema of a value of which nothing is promised."""
    if kind is not object:
        raise NotImplementedError(kind)
    return {"description": "Anything."}


def _operation(operation: RestOperation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    scope = f"Needs the scope `{operation.scope}`." if operation.scope else "Open to everyone."
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": scope,
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation), *_headers(operation)],
        "responses": {str(operation.status): _success(operation, schema_of), **_refusals(operation, schema_of)},
    }
    if operation.body:
        content = {"application/json": {"schema": schema_of[operation.body]}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    if operation.scope is None:
        described["security"] = []
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PATH_PARAMETER.findall(path):
        description = "An id, a UUID. A text that is not the id of anything, well-formed or not, is answered with 404."
        yield {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}


def _query_parameters(operation: RestOperation) -> Iterator[dict[str, Any]]:
    for asked in operation.asked:
        description = f"{asked.description} Needs the scope `{asked.scope}`." if asked.scope else asked.description
        parameter: dict[str, Any] = {
            "name": asked.name,
            "in": "query",
            "description": description,
            "schema": asked.schema,
        }
        parameter["allowEmptyValue"] = True  # read as if the parameter were absent
        if asked.repeats:
            parameter["description"] += f" May be repeated, also as `{asked.name}[]` or `{asked.name}[0]`."
        yield parameter


def _phrase(status: int) -> str:
    # Python has taken the words of RFC 9110 over with 3.13; the document is the same everywhere.
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


def _refusals(operation: RestOperation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    codes = [*_OF_ALL, *operation.refuses]
    if operation.scope:
        codes += _OF_THE_KNOWN
    if operation.asked or operation.body:
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
        else {"description": "`If-None-Match` names what there is."}
        for status, names in sorted(by_status.items())
    }
