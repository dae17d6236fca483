"""Settlement: what a receiver's verdict on a delivery means for the queue it came from."""

from typing import Any, Final
from uuid import UUID

from sandbox.broker.errors import Unreadable
from sandbox.broker.queue import Queue
from sandbox.broker.values import Described, ULong

_ACCEPTED: Final = 0x24
_REJECTED: Final = 0x25
_RELEASED: Final = 0x26
_MODIFIED: Final = 0x27

_INFO_FIELD: Final = 2


def is_final(state: Any) -> bool:
    """Whether this is a verdict, and not merely word of how far the message has come."""
    return isinstance(state, Described) and state.descriptor in {_ACCEPTED, _REJECTED, _RELEASED, _MODIFIED}


def settle(queue: Queue[Any], token: UUID, state: Described) -> Described:
    """Do what the receiver asks for and return what to answer, which is the same verdict.

    Raises:
        LockLost: the receiver no longer holds the message.
        NotAllowed: a dead letter can't be dead-lettered.
        Unreadable: the verdict makes no sense.
    """
    fields = state.value
    if not isinstance(fields, list):
        raise Unreadable("a verdict's fields are a list")
    match state.descriptor:
        case 0x24:
            queue.complete(token)
        case 0x25:
            queue.dead_letter(token, *_reason(fields))
            # An echo with the client's own error in it would read as a failure.
            return Described(ULong(_REJECTED), [])
        case 0x27 if _flag(fields, 1):
            queue.defer(token)
        case 0x27 if _flag(fields, 0):
            queue.abandon(token)
        case _:
            queue.release(token)
    return state


def _flag(fields: list[Any], index: int) -> bool:
    return len(fields) > index and bool(fields[index])


def _reason(fields: list[Any]) -> tuple[str | None, str | None]:
    """Reason and description, from the fields of a rejection; the error's own words where Service Bus's are missing."""
    error = fields[0].value if fields and isinstance(fields[0], Described) else []
    condition, description, info = [*error, None, None, None][: _INFO_FIELD + 1]
    if not isinstance(info, dict):
        return condition, description
    return info.get("DeadLetterReason"), info.get("DeadLetterErrorDescription") or description
