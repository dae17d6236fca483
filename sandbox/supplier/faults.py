"""Fault injection: rules that fire by a seeded draw. README.md describes every kind.

Every rule draws once per call, in order, so the same seed and the same calls meet the same faults. The first rule that
fires and ends a call (`ENDINGS`) ends it. All others that fire spoil the response together. A rule about stones chooses
them by the seed, so that the same stones are hit on every request.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any, Literal

import msgspec

from sandbox.supplier import bad_data
from sandbox.supplier.identity import mix, ordinal_of

Kind = Literal[
    "status", "token", "rate_limit", "internal_error", "reset", "stall", "truncate",
    "errors", "total_count", "repeat", "bad_data",
    "early_end", "random_ties", "omit", "duplicate", "count_error", "stale_count", "exclusive_ranges",
    "null_items", "big_comments", "labgrown", "null_order",
]  # fmt: skip
Variant = Literal["null", "odd", "unknown_field", "usable", "unusable"]

ENDINGS: tuple[Kind, ...] = ("status", "token", "rate_limit", "internal_error", "reset", "stall", "truncate")
BEFORE: tuple[Kind, ...] = ("status", "rate_limit", "internal_error")
"""Endings that strike before the call takes effect, unless the rule says `executed`."""

_DEFAULT_STATUS = 503
_MESSAGES: dict[Kind, tuple[str, str]] = {
    "rate_limit": ("Rate limit exceeded", "RATE_LIMITED"),
    "internal_error": ("Internal error", "INTERNAL_SERVER_ERROR"),
    "token": ("jwt expired", "UNAUTHENTICATED"),
}
_MAX_STALL_SECONDS = 600
_LOWEST_STATUS, _HIGHEST_STATUS = 400, 599
_MAX_COMMENT_BYTES = 8 << 20
_STALE_COUNTS = 1_000
_64_BITS = (1 << 64) - 1


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault and when it strikes.

    `share` of the calls, only those with one of `operations` (None: any), at most `count` times (None: no end), for
    `for_seconds` after it was set (None: no end). Every other field belongs to the kinds that its comment names.
    """

    kind: Kind
    share: float = 1.0
    operations: tuple[str, ...] | None = None
    count: int | None = None
    for_seconds: float | None = None
    # status, token, rate_limit, internal_error: the HTTP status (None: 503 for status, else 200)
    status: int | None = None
    retry_after: int | None = None  # seconds, for the Retry-After header
    executed: bool = False  # also null_order: whether the call takes effect before
    message: str | None = None
    code: str | None = None  # extensions.code
    html: bool = True  # status: the body is HTML; else JSON with errors[]
    seconds: float = 60  # stall: how long; stale_count: how long a count stays as it was
    variants: tuple[Variant, ...] = ("null", "odd", "unknown_field", "usable")  # bad_data
    stones: int = 1  # early_end: how many stones are hidden at the end of every band
    relative: float = 0.01  # count_error
    ends: Literal["both", "from", "to"] = "both"  # exclusive_ranges
    # null_items, big_comments, labgrown: which stones
    ids: tuple[str, ...] = ()
    stones_share: float = 0.0
    fewer_fields: bool = True  # null_items: readable again when fewer fields are selected
    bytes: int = 1 << 20  # big_comments
    shown: Any = None  # labgrown: what is shown instead of the flag (None: the opposite flag)

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.stones_share <= 1 and 0 <= self.relative <= 1):
            raise ValueError("share, stones_share and relative must lie between 0 and 1")
        if (self.count is not None and self.count < 0) or self.stones < 0:
            raise ValueError("count and stones must not be negative")
        if self.status is not None and not _LOWEST_STATUS <= self.status <= _HIGHEST_STATUS:
            raise ValueError("status must be an HTTP error status")
        if not 0 <= self.seconds <= _MAX_STALL_SECONDS or (self.for_seconds or 0) < 0:
            raise ValueError(f"seconds must lie between 0 and {_MAX_STALL_SECONDS}; for_seconds must not be negative")
        if not 0 <= self.bytes <= _MAX_COMMENT_BYTES:
            raise ValueError(f"bytes must lie between 0 and {_MAX_COMMENT_BYTES}")
        if not self.variants:
            raise ValueError("variants must not be empty")

    @property
    def http_status(self) -> int:
        return self.status or (_DEFAULT_STATUS if self.kind == "status" else 200)

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of `errors[]` by which the rule refuses a call."""
        message, code = _MESSAGES.get(self.kind, (f"The request failed with status {self.http_status}", "FAILED"))
        return {"message": self.message or message, "extensions": {"code": self.code or code}}


class Struck(msgspec.Struct, frozen=True):
    """The rules that fired for one call."""

    ending: Rule | None = None
    spoilers: tuple[Rule, ...] = ()

    def spoils(self, kind: Kind) -> Rule | None:
        return next((rule for rule in self.spoilers if rule.kind == kind), None)


NOTHING = Struck()


class Faults:
    """The rules in force."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.clear()

    def set(self, rules: Sequence[Rule], seed: int) -> None:
        self._rules = rules
        self._left = [rule.count for rule in rules]
        self._since = self._monotonic()
        self._seed = seed
        self._named = [frozenset(map(ordinal_of, rule.ids)) for rule in rules]
        self._counts: OrderedDict[object, tuple[float, int]] = OrderedDict()
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
            hit = self.random.random() < rule.share and left != 0 and self._lasts(rule)
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

    def _lasts(self, rule: Rule) -> bool:
        return rule.for_seconds is None or self._monotonic() < self._since + rule.for_seconds

    def hits(self, rule: Rule, ordinal: int) -> bool:
        """Whether a rule about stones is about this one; the same on every request."""
        place = next((place for place, one in enumerate(self._rules) if one is rule), None)
        if place is None:
            return False
        if ordinal in self._named[place]:
            return True
        bits = mix(mix((self._seed * 31 + place) & _64_BITS) ^ (ordinal + 1))
        return (bits >> 32) < rule.stones_share * (1 << 32)

    # Counts

    def wrong_count(self, rule: Rule, count: int) -> int:
        """A count that is wrong by the rule's share, upwards or downwards, and by one at least."""
        wrong_by = max(1, round(count * rule.relative))
        return max(0, count + self.random.choice((-wrong_by, wrong_by)))

    def stale_count(self, rule: Rule, key: object, count: int) -> int:
        """The count as it was when it was first asked for, for as many seconds as the rule says."""
        now = self._monotonic()
        until, stale = self._counts.get(key, (0.0, 0))
        if now < until:
            return stale
        self._counts[key] = now + rule.seconds, count
        if len(self._counts) > _STALE_COUNTS:
            self._counts.popitem(last=False)
        return count

    # Pages

    def repeat(self, ordinals: list[int], before: list[int], limit: int) -> list[int]:
        """A page that begins with stones of the page before, as if one had come in front of it; no longer than before.

        The first page, which has none before it, begins with its first stone twice.
        """
        again = before[-self.random.randint(1, 3) :] or ordinals[:1]
        return [*again, *ordinals][:limit]

    def omit(self, ordinals: list[int]) -> list[int]:
        """A page without one of its stones, one shorter."""
        if not ordinals:
            return ordinals
        place = self.random.randrange(len(ordinals))
        return ordinals[:place] + ordinals[place + 1 :]

    def duplicate(self, ordinals: list[int]) -> list[int]:
        """A page of the same length on which one stone stands twice, in place of another one."""
        if len(ordinals) < 2:  # noqa: PLR2004 - one stone has no other to push out
            return ordinals
        kept, lost = self.random.sample(ordinals, 2)
        return [one for ordinal in ordinals if ordinal != lost for one in ([ordinal] * (1 + (ordinal == kept)))]

    def variant(self, rule: Rule) -> Variant:
        return self.random.choice(rule.variants)

    def smear(self, item: dict[str, Any], *, usable: bool) -> None:
        """Break a clean item in a random way."""
        bad_data.smear(
            self.random.choice(bad_data.USABLE if usable else bad_data.UNUSABLE), item, self.random.getrandbits(32)
        )
