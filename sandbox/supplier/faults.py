"""What goes wrong on purpose: rules that fire by a seeded draw, and what each does to a call.

Every rule draws once per call, in order, so the same seed and the same calls meet the same faults. Of the rules that
fire, the first that decides how the call ends (status, token, reset, stall, truncate) does so, and all that spoil the
answer (errors, total_count, repeat, dirt) do so.
"""

from collections.abc import Collection, Sequence
from random import Random
from typing import Any, Literal

import msgspec

from sandbox.supplier import dirt

Kind = Literal["status", "reset", "stall", "truncate", "errors", "token", "total_count", "repeat", "dirt"]
Variant = Literal["null", "odd", "unknown_field", "usable", "unusable"]

ENDINGS: tuple[Kind, ...] = ("status", "token", "reset", "stall", "truncate")
_LONGEST_STALL = 600
_LOWEST_STATUS, _HIGHEST_STATUS = 400, 599


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault and when it strikes.

    `share` of the calls, only those with one of `operations` (None: any), at most `count` times (None: no end).
    A status, unlike the others, strikes before the call takes effect; `executed` lets it strike after.
    """

    kind: Kind
    share: float = 1.0
    operations: tuple[str, ...] | None = None
    count: int | None = None
    status: int = 503
    retry_after: int | None = None
    """Seconds, for the `Retry-After` header of a status."""
    executed: bool = False
    seconds: float = 60
    """How long to stall before the answer is sent after all."""
    variants: tuple[Variant, ...] = ("null", "odd", "unknown_field", "usable")
    """What dirt may do to a page. `unusable` makes good stones look bad for one call."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must lie between 0 and 1")
        if self.count is not None and self.count < 0:
            raise ValueError("count must not be negative")
        if not _LOWEST_STATUS <= self.status <= _HIGHEST_STATUS:
            raise ValueError("status must be an HTTP error status")
        if not 0 <= self.seconds <= _LONGEST_STALL:
            raise ValueError(f"seconds must lie between 0 and {_LONGEST_STALL}")
        if not self.variants:
            raise ValueError("variants must not be empty")


class Struck(msgspec.Struct, frozen=True):
    """The rules that fired for one call."""

    ending: Rule | None = None
    spoilers: tuple[Rule, ...] = ()

    def spoils(self, kind: Kind) -> Rule | None:
        return next((rule for rule in self.spoilers if rule.kind == kind), None)


NOTHING = Struck()


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: Sequence[Rule] = ()
        self._left: list[int | None] = []
        self.random = Random(0)

    def set(self, rules: Sequence[Rule], seed: int) -> None:
        self._rules = rules
        self._left = [rule.count for rule in rules]
        self.random = Random(seed)

    def clear(self) -> None:
        self.set((), 0)

    def strike(self, operations: Collection[str]) -> Struck:
        """Draw for a call."""
        if not self._rules:
            return NOTHING
        ending: Rule | None = None
        spoilers: list[Rule] = []
        for place, rule in enumerate(self._rules):
            left = self._left[place]
            hit = self.random.random() < rule.share and left != 0
            if not hit or (rule.operations is not None and not set(operations) & set(rule.operations)):
                continue
            if rule.kind not in ENDINGS:
                spoilers.append(rule)
            elif ending is None:
                ending = rule
            else:
                continue
            if left is not None:
                self._left[place] = left - 1
        return Struck(ending, tuple(spoilers))

    def repeat(self, ordinals: list[int], before: list[int], limit: int) -> list[int]:
        """A page that begins with stones of the page before, as if one had come in front of it; no longer than before.

        The first page, which has none before it, begins with its first stone twice.
        """
        again = before[-self.random.randint(1, 3) :] or ordinals[:1]
        return [*again, *ordinals][:limit]

    def variant(self, rule: Rule) -> Variant:
        return self.random.choice(rule.variants)

    def smear(self, item: dict[str, Any], *, usable: bool) -> None:
        """Put some kind of dirt on a clean item."""
        dirt.smear(self.random.choice(dirt.USABLE if usable else dirt.UNUSABLE), item, self.random.getrandbits(32))
