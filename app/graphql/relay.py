"""Relay: global ids, the Node interface, and what every connection says about its page."""

import base64
import binascii
from uuid import UUID

import strawberry

from inventory.core.errors import NotFound


@strawberry.interface(description="Something with an id that is unique in the whole schema.")
class Node:
    id: strawberry.ID = strawberry.field(description="The global id, opaque.")


@strawberry.type(description="Where a page lies in its connection.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether there is something after the page. When paging backwards: whether `before` was given."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether there is something before the page. When paging forwards: whether `after` was given."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge; null on an empty page.")


def global_id(type_name: str, key: UUID) -> strawberry.ID:
    """The global id of an object."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{type_name}:{key}".encode("ascii")).decode("ascii"))


def read_global_id(text: str) -> tuple[str, UUID]:
    """The type's name and the key that a global id stands for.

    Raises:
        NotFound: it is no global id.
    """
    try:
        type_name, _, key = base64.b64decode(text, altchars=b"-_", validate=True).decode("ascii").partition(":")
        return type_name, UUID(key)
    except (binascii.Error, ValueError):
        raise NotFound("There is nothing under this id.") from None


def key_of(text: str, type_name: str) -> UUID | None:
    """The key in a global id of a type, or the key as it stands; None when it is neither."""
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
    """The id that an argument names.

    Raises:
        NotFound: it is no id of this type.
    """
    key = key_of(text, type_name)
    if key is None:
        raise NotFound(missing)
    return key
