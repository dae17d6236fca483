"""Control API over HTTP: JSON bodies, JSON answers, and a sentence for every request that can't be answered."""

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
"""Verb, path below /control, and what answers."""


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body that has only the fields it should have."""


def answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
        except (KeyError, ValueError) as error:
            raise HTTPException(400, str(error.args[0])) from error
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return endpoint


async def refusal(_request: Request, error: Exception) -> Response:
    status, message = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    return Response(msgspec.json.encode({"error": message}), status, media_type="application/json")


async def body_of(request: Request, model: type[Model]) -> Model:
    # The standard decoder lets through what no other does: lone surrogates, integers beyond 64 bits.
    try:
        body = json.loads(await request.body() or b"{}")
        json.dumps(body, allow_nan=False)  # what is set here is served again, and must be JSON then
        return msgspec.convert(body, model)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise HTTPException(400, f"The request can't be read: {error}") from error


def number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise HTTPException(400, f"{name} must be a whole number, not {text!r}")
    return int(text)
