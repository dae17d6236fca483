"""Reads a JSON body: every field that is wrong is named, all at once; one that nobody asks for is ignored."""

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

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
    values, problems = {}, {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in given:
            if field.required:
                problems[field.encode_name] = "is required"
            continue
        try:
            values[field.name] = msgspec.convert(_whole(given[field.encode_name]), field.type)
        except msgspec.ValidationError as error:
            problems[field.encode_name] = _decapitalized(str(error))
    if problems:
        raise ValidationFailed(problems)
    return kind(**values)


def _whole(value: Any) -> Any:
    """In JSON 1.0 is as whole as 1; a field that takes fractions takes either."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _decapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]
