"""Fault injection for messages: duplicates, delays and reordering, deterministic by seed."""

from datetime import timedelta
from random import Random
from typing import Final

import msgspec

_MAX_OVERTAKEN: Final = 16.0  # waiting messages that a reordered message may overtake


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Faults of the messages of a queue.

    `duplicate` is the share (0 to 1) of messages that arrive twice, with two sequence numbers. `delay_seconds` delays the
    delivery; a delayed message counts as scheduled. `reorder` lets waiting messages overtake each other.
    """

    duplicate: float = 0
    delay_seconds: float = 0
    reorder: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.duplicate <= 1:
            raise ValueError("duplicate must be a share from 0 to 1")
        if self.delay_seconds < 0:
            raise ValueError("delay_seconds must not be negative")


class Arrival(msgspec.Struct, frozen=True):
    """Delivery of one copy of a sent message."""

    delay: timedelta
    overtakes: float


class FaultInjector:
    """Random source of duplicates, delays and reordering."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = Random(faults.seed)

    def arrivals(self) -> list[Arrival]:
        """Return the arrivals of the next message: one, or two for a duplicate."""
        copies = 2 if self._random.random() < self._faults.duplicate else 1
        return [self._arrival() for _ in range(copies)]

    def _arrival(self) -> Arrival:
        overtakes = self._random.uniform(0, _MAX_OVERTAKEN) if self._faults.reorder else 0
        return Arrival(timedelta(seconds=self._faults.delay_seconds), overtakes)
