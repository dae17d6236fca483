"""A message in a queue, and the settings of the queue: values without behaviour."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

Payload = TypeVar("Payload")


class QueueSettings(msgspec.Struct, frozen=True):
    """How a queue behaves. Durations in seconds; `max_messages` counts everything it holds, dead letters apart."""

    lock_seconds: float = 60
    max_delivery_count: int = 10
    ttl_seconds: float | None = None
    dead_letter_expired: bool = False
    max_messages: int = 100_000


class Counts(msgspec.Struct, frozen=True):
    """How many messages stand where. `active` can be received now; a locked one is being worked on."""

    active: int
    locked: int
    scheduled: int
    deferred: int
    dead_letter: int


class Connections(msgspec.Struct, frozen=True):
    """How many connections are open, how many were open at once at most, and how many were made and refused."""

    open: int
    most: int
    made: int
    refused: int


class State(IntEnum):
    """What a receiver sees as `x-opt-message-state`."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class DeadLetter(msgspec.Struct, frozen=True):
    """Why a message was set aside."""

    reason: str | None
    description: str | None
    source: str


@dataclass(slots=True)
class Message(Generic[Payload]):
    """A message in a queue. `position` orders it among those that wait; `lock` is its token while one holds it."""

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
