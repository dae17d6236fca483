"""The messages between the roles: versioned JSON that names rows of the database.

A message names a row to process and carries no state, because it may arrive twice, late or out of order.
"""

from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec

from inventory.core.errors import InventoryError
from inventory.core.json_depth import REQUEST_LEVELS, exceeds_depth


class UnreadableMessage(InventoryError):
    """The message has another format, or a version that this process does not know."""


# The longest body that is decoded, in bytes. The longest message that a role sends has about 300 bytes.
MAX_BODY_BYTES = 65_536

# For logs only, so any printable text is valid.
TraceId = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[ -~]*\Z")]
Feed = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class WorkItem(msgspec.Struct, frozen=True, kw_only=True, tag="work-item"):
    """Request to a worker to read a partition, on the queue `work-items`."""

    version: Literal[1] = 1
    run_id: UUID
    partition_id: UUID
    trace_id: TraceId
    feed: Feed | None = None  # None in messages of earlier versions: the run names it


class WorkDone(msgspec.Struct, frozen=True, kw_only=True, tag="work-done"):
    """Report of a worker that a partition has ended, on the queue `work-done`."""

    version: Literal[1] = 1
    run_id: UUID
    partition_id: UUID
    trace_id: TraceId
    status: Literal["succeeded", "failed"]
    fetched: Count
    pages: Count


class Consolidate(msgspec.Struct, frozen=True, kw_only=True, tag="consolidate"):
    """Request to the consolidator to consolidate a run, on the queue `consolidate`."""

    version: Literal[1] = 1
    run_id: UUID
    trace_id: TraceId
    feed: Feed | None = None  # as of `WorkItem`


Message = TypeVar("Message", WorkItem, WorkDone, Consolidate)

_encoder = msgspec.json.Encoder()


def encode(message: WorkItem | WorkDone | Consolidate) -> bytes:
    """Encode a message."""
    return _encoder.encode(message)


def decode(body: bytes, kind: type[Message]) -> Message:
    """Decode a body as the kind of message that its queue carries.

    Raises:
        UnreadableMessage: it is not such a message.
    """
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableMessage(f"Not a {kind.__name__}: {len(body)} bytes are more than {MAX_BODY_BYTES}")
    if exceeds_depth(body, REQUEST_LEVELS):
        raise UnreadableMessage(f"Not a {kind.__name__}: nested exceeds_depth than {REQUEST_LEVELS} levels")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # the latter for a string that is not UTF-8
        raise UnreadableMessage(f"Not a {kind.__name__}: {error}") from error


class _NamesRun(msgspec.Struct, frozen=True):
    """The part that the three messages share."""

    run_id: UUID


class _NamesFeed(msgspec.Struct, frozen=True):
    feed: Feed | None = None


def feed_named_by(body: bytes) -> str | None:
    """Return the feed that a message names; None if it names none, or is not readable."""
    try:
        return msgspec.json.decode(body, type=_NamesFeed).feed if len(body) <= MAX_BODY_BYTES else None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def run_named_by(body: str | bytes) -> UUID | None:
    """Return the run that the text of a message names; None if it is none of the three messages."""
    try:
        return msgspec.json.decode(body, type=_NamesRun).run_id
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
