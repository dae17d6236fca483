"""What a network does to messages, on purpose: duplicates, delays, another order. The same seed, the same mischief."""

from datetime import timedelta
from random import Random
from typing import Final

import msgspec

_REACH: Final = 16.0  # how many waiting messages a reordered one may pass


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What befalls the messages sent to a queue from now on.

    `duplicate`: the share (0 to 1) that arrives twice, under two sequence numbers. `delay_seconds`: how long each one
    stays out of sight, counted as scheduled. `reorder`: messages that wait at the same time may overtake each other.
    """

    duplicate: float = 0
    delay_seconds: float = 0
    reorder: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.duplicate <= 1:
            raise ValueError("duplicate is a share between 0 and 1")
        if self.delay_seconds < 0:
            raise ValueError("delay_seconds can't be negative")


class Arrival(msgspec.Struct, frozen=True):
    """One arrival of a sent message."""

    delay: timedelta
    overtakes: float


class Mischief:
    """Decides for one message after the other how often, how late and in which order it arrives."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = Random(faults.seed)

    def arrivals(self) -> list[Arrival]:
        """How the next message arrives: once or twice."""
        times = 2 if self._random.random() < self._faults.duplicate else 1
        return [self._arrival() for _ in range(times)]

    def _arrival(self) -> Arrival:
        overtakes = self._random.uniform(0, _REACH) if self._faults.reorder else 0
        return Arrival(timedelta(seconds=self._faults.delay_seconds), overtakes)
