"""Settlement: applies the outcome of a delivery to its queue."""

from typing import Any, Final
from uuid import UUID

from sandbox.broker.errors import DecodeError
from sandbox.broker.queue import Queue
from sandbox.broker.values import Described, ULong

_ACCEPTED: Final = 0x24
_REJECTED: Final = 0x25
_RELEASED: Final = 0x26
_MODIFIED: Final = 0x27

_INFO_FIELD: Final = 2


def is_final(state: Any) -> bool:
    """Whether a delivery state is terminal (an outcome)."""
    return isinstance(state, Described) and state.descriptor in {_ACCEPTED, _REJECTED, _RELEASED, _MODIFIED}


def settle(queue: Queue[Any], token: UUID, state: Described) -> Described:
    """Apply an outcome to the queue. Return the outcome to confirm.

    Raises:
        LockLost: the receiver no longer holds the lock.
        NotAllowed: a dead letter cannot be dead-lettered.
        DecodeError: the outcome is malformed.
    """
    fields = state.value
    if not isinstance(fields, list):
        raise DecodeError("the fields of an outcome must be a list")
    match state.descriptor:
        case 0x24:
            queue.complete(token)
        case 0x25:
            queue.dead_letter(token, *_reason(fields))
            # Clients treat a confirmation that contains their error as a failure.
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
    """Return reason and description of a rejection: those of Service Bus, or condition and description of the error."""
    error = fields[0].value if fields and isinstance(fields[0], Described) else []
    condition, description, info = [*error, None, None, None][: _INFO_FIELD + 1]
    if not isinstance(info, dict):
        return condition, description
    return info.get("DeadLetterReason"), info.get("DeadLetterErrorDescription") or description
