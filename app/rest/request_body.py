"""JSON request bodies: decoding and validation. Errors name all invalid, missing and unknown fields."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from app.http.accepted_values import read_members
from inventory.core.errors import BadRequest, ValidationFailed
from inventory.core.json_depth import REQUEST_LEVELS, exceeds_depth

T = TypeVar("T", bound=msgspec.Struct)

# Limits on the unknown fields that an error names, and on the length of their names.
_MAX_NAMED = 10
_MAX_NAME_LENGTH = 60
_SIMILARITY = 0.6


class EmptyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of an operation without fields: empty, or an object without members."""


async def read_body(request: Request[Any], kind: type[T]) -> T:
    """Decode the body to a struct.

    Raises:
        BadRequest: the body is not a JSON object.
        ValidationFailed: one entry for each missing, invalid or unknown field.
    """
    body = await request.body()
    if exceeds_depth(body, REQUEST_LEVELS):
        raise BadRequest(f"Send a JSON object as the body, {REQUEST_LEVELS} levels deep at most.")
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRequest("Send a JSON object as the body.") from None
    values, problems = read_members(given, kind)
    problems |= dict(islice(unknown_members(given, msgspec.structs.fields(kind)), _MAX_NAMED))
    if problems:
        raise ValidationFailed(problems)
    return kind(**values)


async def require_empty_body(request: Request[Any]) -> None:
    """Check that the body has no fields.

    Raises:
        BadRequest: the body is neither empty nor a JSON object.
        ValidationFailed: one entry for each field.
    """
    if (await request.body()).strip():
        await read_body(request, EmptyBody)


def unknown_members(
    given: Mapping[str, Any], fields: Collection[msgspec.structs.FieldInfo]
) -> Iterator[tuple[str, str]]:
    """Yield each member that is not a field, with a message that suggests a similar field name."""
    by_letters = {_letters(field.encode_name): field.encode_name for field in fields}
    known = set(by_letters.values())
    for name in given:
        if name not in known:
            near = get_close_matches(_letters(name[:_MAX_NAME_LENGTH]), by_letters, n=1, cutoff=_SIMILARITY)
            hint = f"did you mean {by_letters[near[0]]}?" if near else _field_list(known)
            yield _printable(name), f"is not a field of this request; {hint}"


def _field_list(known: Collection[str]) -> str:
    return f"its fields are {', '.join(sorted(known))}" if known else "it has no fields"


def _letters(name: str) -> str:
    """Normalize a name, so that `expectedPriceCents` and `expected_price_cents` are equal."""
    return "".join(character for character in name.lower() if character.isalnum())


def _printable(name: str) -> str:
    shown = "".join(character if character.isprintable() else "\ufffd" for character in name[:_MAX_NAME_LENGTH])
    return shown if len(name) <= _MAX_NAME_LENGTH else f"{shown}..."
