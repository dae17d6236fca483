"""HTTP layer of the control API: JSON request bodies, JSON responses, and JSON errors with a message."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

Model = TypeVar("Model")
Handler = Callable[[Request], Awaitable[Any]]
Route = tuple[str, str, Handler]
"""HTTP method, path below /control, and handler."""


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body that rejects unknown fields."""


def json_endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
        except (KeyError, ValueError) as error:
            raise HTTPException(400, str(error.args[0])) from error
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return endpoint


async def error_response(_request: Request, error: Exception) -> Response:
    status, message = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    return Response(msgspec.json.encode({"error": message}), status, media_type="application/json")


async def read_body(request: Request, model: type[Model]) -> Model:
    # The standard decoder accepts lone surrogates and integers beyond 64 bits, which other decoders reject.
    try:
        body = json.loads(await request.body() or b"{}")
        json.dumps(body, allow_nan=False)  # the values are served again, so they must be valid JSON
        return msgspec.convert(body, model)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise HTTPException(400, f"The request is not valid: {error}") from error


def int_parameter(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise HTTPException(400, f"{name} must be an integer, not {text!r}")
    return int(text)
