"""Benchmark figures: a measured value compared with a limit or a peer that was measured in the same run."""

from collections.abc import Sequence
from typing import Self

import msgspec


class Pace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measured value (a rate per second or an amount), and percentiles of single operations in milliseconds."""

    value: float
    p50_ms: float | None = None
    p99_ms: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float], *, elapsed: float | None = None) -> Self:
        """Compute a rate from durations (s) of operations: sequential ones, or concurrent ones in `elapsed` seconds."""
        p50, p99 = percentiles_ms(seconds, (0.5, 0.99))
        return cls(len(seconds) / (elapsed or sum(seconds)), p50, p99)

    @classmethod
    def middle(cls, paces: Sequence[Self]) -> Self:
        """Median of several rounds; the lower median of an even number."""
        return sorted(paces, key=lambda pace: pace.value)[(len(paces) - 1) // 2]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A value of this project (`ours`) and its limit or peer (`other`, described by `beside`).

    `is_peer`: `other` is an alternative implementation; otherwise it is a limit. `smaller_is_better`: True for amounts
    such as memory.
    """

    name: str
    unit: str
    ours: Pace
    beside: str
    other: Pace
    is_peer: bool = False
    smaller_is_better: bool = False

    @property
    def ratio(self) -> float:
        """Ratio to the limit or peer. 1 is the limit; a larger ratio is better."""
        ours, other = self.ours.value, self.other.value
        return other / ours if self.smaller_is_better else ours / other

    def row(self) -> dict[str, object]:
        """Row of the JSON file: `ours`, `limit` or `peer`, and `ratio`."""
        kind = "peer" if self.is_peer else "limit"
        percentiles = {
            f"{whose}_{name}": value
            for whose, pace in (("ours", self.ours), (kind, self.other))
            for name, value in (("p50_ms", pace.p50_ms), ("p99_ms", pace.p99_ms))
            if value is not None
        }
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": round(self.ours.value, 3),
            kind: round(self.other.value, 3),
            "beside": self.beside,
            "ratio": round(self.ratio, 4),
            **percentiles,
        }


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one benchmark. `wrong`: detected errors; `details`: additional counts."""

    figures: Sequence[Figure]
    wrong: Sequence[str] = ()
    details: dict[str, object] = {}


def percentiles_ms(seconds: Sequence[float], fractions: Sequence[float]) -> list[float]:
    """Compute percentiles (ms) of durations (s). `fractions`: ranks from 0 to 1."""
    ordered = sorted(seconds) or [0.0]
    return [round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * fraction))], 3) for fraction in fractions]
