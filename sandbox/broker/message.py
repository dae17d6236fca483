"""Data classes of messages, queue settings and counts."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

Payload = TypeVar("Payload")


class QueueSettings(msgspec.Struct, frozen=True):
    """Settings of a queue. `max_messages` counts all messages except dead letters."""

    lock_seconds: float = 60
    max_delivery_count: int = 10
    ttl_seconds: float | None = None
    dead_letter_expired: bool = False
    max_messages: int = 100_000


class Counts(msgspec.Struct, frozen=True):
    """Number of messages by state. Active messages can be received; locked messages are being processed."""

    active: int
    locked: int
    scheduled: int
    deferred: int
    dead_letter: int


class Connections(msgspec.Struct, frozen=True):
    """Connection counts. `peak`: maximum open at the same time."""

    open: int
    peak: int
    accepted: int
    refused: int


class State(IntEnum):
    """Message state, as in the annotation `x-opt-message-state`."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class DeadLetter(msgspec.Struct, frozen=True):
    """Reason of a dead letter."""

    reason: str | None
    description: str | None
    source: str


@dataclass(slots=True)
class Message(Generic[Payload]):
    """A message in a queue. `position`: sort key of waiting messages; `lock`: lock token while a receiver has it."""

    payload: Payload
    sequence_number: int
    position: float
    enqueued_at: datetime
    state: State = State.ACTIVE
    expires_at: datetime | None = None
    delivery_count: int = 0
    lock: UUID | None = None
    locked_until: datetime | None = None
    dead_letter: DeadLetter | None = None
