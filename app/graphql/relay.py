"""Relay conventions: global ids, the Node interface, and page info."""

import base64
import binascii
from uuid import UUID

import strawberry

from inventory.core.errors import NotFound


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque global id.")


@strawberry.type(description="Position of a page in its connection.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether rows follow the page. For backward pages: whether `before` was given."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether rows precede the page. For forward pages: whether `after` was given."
    )
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge; null on an empty page.")


def global_id(type_name: str, key: UUID) -> strawberry.ID:
    """Return the global id of an object."""
    # Names, digits and hyphens have the same characters in both alphabets of Base64.
    return strawberry.ID(binascii.b2a_base64(f"{type_name}:{key}".encode("ascii"), newline=False).decode("ascii"))


def read_global_id(text: str) -> tuple[str, UUID]:
    """Return the type name and the key of a global id.

    Raises:
        NotFound: it is not a global id.
    """
    try:
        type_name, _, key = base64.b64decode(text, altchars=b"-_", validate=True).decode("ascii").partition(":")
        return type_name, UUID(key)
    except (binascii.Error, ValueError):
        raise NotFound("There is no object with this id.") from None


def key_of(text: str, type_name: str) -> UUID | None:
    """Return the key of a global id of a type, or of a plain id; None if the text is neither."""
    try:
        return UUID(text)
    except ValueError:
        pass
    try:
        name, key = read_global_id(text)
    except NotFound:
        return None
    return key if name == type_name else None


def read_id(text: str, type_name: str, missing: str) -> UUID:
    """Read an id of a type.

    Raises:
        NotFound: it is not an id of this type.
    """
    key = key_of(text, type_name)
    if key is None:
        raise NotFound(missing)
    return key
