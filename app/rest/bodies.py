"""Reads a JSON body: every field that is wrong is named, all at once; one that nobody asks for is ignored."""

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from app.core.accepted import read_members
from app.core.errors import BadRequest, ValidationFailed
from app.core.nesting import REQUEST_LEVELS, deeper

T = TypeVar("T", bound=msgspec.Struct)


async def read_body(request: Request[Any], kind: type[T]) -> T:
    """The body as a struct.

    Raises:
        BadRequest: it is no JSON object.
        ValidationFailed: one entry for each field that is missing or wrong.
    """
    body = await request.body()
    if deeper(body, REQUEST_LEVELS):
        raise BadRequest(f"Send a JSON object as the body, {REQUEST_LEVELS} levels deep at most.")
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRequest("Send a JSON object as the body.") from None
    values, problems = read_members(given, kind)
    if problems:
        raise ValidationFailed(problems)
    return kind(**values)
