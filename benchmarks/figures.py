"""What a benchmark tells: figures, each beside the limit or the peer that was measured in the same run."""

from collections.abc import Sequence
from typing import Self

import msgspec


class Pace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rate per second; and how long one operation took (milliseconds), where each was timed."""

    per_second: float
    p50_ms: float | None = None
    p99_ms: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float], *, elapsed: float | None = None) -> Self:
        """From how long each took: one after the other, or several at a time in `elapsed` seconds."""
        p50, p99 = shares(seconds, (0.5, 0.99))
        return cls(len(seconds) / (elapsed or sum(seconds)), p50, p99)

    @classmethod
    def middle(cls, paces: Sequence[Self]) -> Self:
        """The middle one of several rounds; of an even number the slower one."""
        return sorted(paces, key=lambda pace: pace.per_second)[(len(paces) - 1) // 2]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and what it is measured against. `unit`: what is counted per second."""

    name: str
    unit: str
    measured: Pace
    limit: str
    limited: Pace

    @property
    def ratio(self) -> float:
        """The share of the limit that is reached; 1 is the limit itself."""
        return self.measured.per_second / self.limited.per_second


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one benchmark. `wrong`: what must not be, and was; `details`: what else was counted."""

    figures: Sequence[Figure]
    wrong: Sequence[str] = ()
    details: dict[str, object] = {}


def shares(seconds: Sequence[float], wanted: Sequence[float]) -> list[float]:
    """How many milliseconds these shares of them took at most."""
    ordered = sorted(seconds) or [0.0]
    return [round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) for share in wanted]
