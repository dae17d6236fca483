"""The messages between the roles: versioned JSON that names things; what they mean stands in the database.

A message says "look at this", never "this is so": it may arrive twice, late or out of order.
"""

from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from app.core.errors import InventoryError


class UnreadableMessage(InventoryError):
    """The message is not one of ours, or of a version that this process does not know."""


class WorkItem(msgspec.Struct, frozen=True, kw_only=True, tag="work-item"):
    """To a worker: read this partition. On `work-items`."""

    version: Literal[1] = 1
    run_id: UUID
    partition_id: UUID
    trace_id: str


class WorkDone(msgspec.Struct, frozen=True, kw_only=True, tag="work-done"):
    """From a worker: this partition has ended. On `work-done`."""

    version: Literal[1] = 1
    run_id: UUID
    partition_id: UUID
    trace_id: str
    status: Literal["succeeded", "failed"]
    fetched: int
    pages: int


class Consolidate(msgspec.Struct, frozen=True, kw_only=True, tag="consolidate"):
    """To the consolidator: every partition of this run has succeeded. On `consolidate`."""

    version: Literal[1] = 1
    run_id: UUID
    trace_id: str


Message = TypeVar("Message", WorkItem, WorkDone, Consolidate)

_encoder = msgspec.json.Encoder()


def encode(message: WorkItem | WorkDone | Consolidate) -> bytes:
    """A message's body."""
    return _encoder.encode(message)


def decode(body: bytes, kind: type[Message]) -> Message:
    """A body as the message that its queue carries.

    Raises:
        UnreadableMessage: it is not one.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise UnreadableMessage(f"Not a {kind.__name__}: {error}") from error
