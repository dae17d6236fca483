"""Fault injection: rules that fire by a seeded random draw. README.md describes every kind.

Each rule draws once per call, in order, so the same seed and calls give the same faults. The first rule of
`TERMINAL_KINDS` that fires ends the call. All other rules that fire change the response together. A rule about stones
selects them by the seed, so that every request has the same stones.
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

TERMINAL_KINDS: tuple[Kind, ...] = ("status", "token", "rate_limit", "internal_error", "reset", "stall", "truncate")
BEFORE_EXECUTION: tuple[Kind, ...] = ("status", "rate_limit", "internal_error")
"""Kinds that end the call before it takes effect, unless the rule sets `executed`."""

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
    """A fault and its conditions.

    The rule fires for a `share` of the calls that have one of `operations` (None: any), at most `count` times (None: no
    limit), for `for_seconds` after it was set (None: no limit). The other fields apply to the kinds in their comments.
    """

    kind: Kind
    share: float = 1.0
    operations: tuple[str, ...] | None = None
    count: int | None = None
    for_seconds: float | None = None
    # status, token, rate_limit, internal_error: the HTTP status (None: 503 for status, else 200)
    status: int | None = None
    retry_after: int | None = None  # seconds, for the Retry-After header
    executed: bool = False  # also null_order: whether the call takes effect first
    message: str | None = None
    code: str | None = None  # extensions.code
    html: bool = True  # status: the body is HTML; else JSON with errors[]
    seconds: float = 60  # stall: delay; stale_count: how long the count is unchanged
    variants: tuple[Variant, ...] = ("null", "odd", "unknown_field", "usable")  # bad_data
    stones: int = 1  # early_end: number of stones hidden at the end of every band
    relative: float = 0.01  # count_error
    ends: Literal["both", "from", "to"] = "both"  # exclusive_ranges
    # null_items, big_comments, labgrown: affected stones
    ids: tuple[str, ...] = ()
    stones_share: float = 0.0
    fewer_fields: bool = True  # null_items: the item is readable if fewer fields are selected
    bytes: int = 1 << 20  # big_comments
    shown: Any = None  # labgrown: value in place of the flag (None: the opposite flag)

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
        """Entry of `errors[]` for a call that the rule ends."""
        message, code = _MESSAGES.get(self.kind, (f"The request failed with status {self.http_status}", "FAILED"))
        return {"message": self.message or message, "extensions": {"code": self.code or code}}


class FiredRules(msgspec.Struct, frozen=True):
    """Rules that fired for a call: the terminal rule, and the rules that change the response."""

    terminal: Rule | None = None
    response_rules: tuple[Rule, ...] = ()

    def rule_of(self, kind: Kind) -> Rule | None:
        return next((rule for rule in self.response_rules if rule.kind == kind), None)


NO_RULES = FiredRules()


class Faults:
    """Active fault rules and their state."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.clear()

    def set(self, rules: Sequence[Rule], seed: int) -> None:
        self._rules = rules
        self._remaining = [rule.count for rule in rules]
        self._since = self._monotonic()
        self._seed = seed
        self._ordinals_by_rule = [frozenset(map(ordinal_of, rule.ids)) for rule in rules]
        self._counts: OrderedDict[object, tuple[float, int]] = OrderedDict()
        self.random = Random(seed)

    def clear(self) -> None:
        self.set((), 0)

    def draw_rules(self, operations: Collection[str]) -> FiredRules:
        """Draw the rules that fire for a call with these operations."""
        if not self._rules:
            return NO_RULES
        terminal: Rule | None = None
        response_rules: list[Rule] = []
        for index, rule in enumerate(self._rules):
            remaining = self._remaining[index]
            fires = self.random.random() < rule.share and remaining != 0 and self._is_active(rule)
            if not fires or (rule.operations is not None and not set(operations) & set(rule.operations)):
                continue
            if rule.kind not in TERMINAL_KINDS:
                response_rules.append(rule)
            elif terminal is None:
                terminal = rule
            else:
                continue
            if remaining is not None:
                self._remaining[index] = remaining - 1
        return FiredRules(terminal, tuple(response_rules))

    def _is_active(self, rule: Rule) -> bool:
        return rule.for_seconds is None or self._monotonic() < self._since + rule.for_seconds

    def affects_stone(self, rule: Rule, ordinal: int) -> bool:
        """Whether a rule about stones affects this stone. Every request gives the same result."""
        index = next((index for index, candidate in enumerate(self._rules) if candidate is rule), None)
        if index is None:
            return False
        if ordinal in self._ordinals_by_rule[index]:
            return True
        bits = mix(mix((self._seed * 31 + index) & _64_BITS) ^ (ordinal + 1))
        return (bits >> 32) < rule.stones_share * (1 << 32)

    # Counts

    def wrong_count(self, rule: Rule, count: int) -> int:
        """Add an error of the rule's relative size, positive or negative and at least 1, to a count."""
        wrong_by = max(1, round(count * rule.relative))
        return max(0, count + self.random.choice((-wrong_by, wrong_by)))

    def stale_count(self, rule: Rule, key: object, count: int) -> int:
        """Return the first count of a key for the rule's number of seconds."""
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
        """Start a page with stones of the previous page, as if a stone had been inserted before it. The length stays.

        The first page has no previous page; it starts with its first stone twice.
        """
        again = before[-self.random.randint(1, 3) :] or ordinals[:1]
        return [*again, *ordinals][:limit]

    def omit(self, ordinals: list[int]) -> list[int]:
        """Remove a random stone from a page."""
        if not ordinals:
            return ordinals
        index = self.random.randrange(len(ordinals))
        return ordinals[:index] + ordinals[index + 1 :]

    def duplicate(self, ordinals: list[int]) -> list[int]:
        """Replace a random stone of a page by a copy of another stone."""
        if len(ordinals) < 2:  # noqa: PLR2004 - a page of one stone has no other stone to replace
            return ordinals
        copied, replaced = self.random.sample(ordinals, 2)
        return [
            candidate
            for ordinal in ordinals
            if ordinal != replaced
            for candidate in ([ordinal] * (1 + (ordinal == copied)))
        ]

    def variant(self, rule: Rule) -> Variant:
        return self.random.choice(rule.variants)

    def corrupt(self, item: dict[str, Any], *, usable: bool) -> None:
        """Corrupt a clean item in a random way."""
        bad_data.corrupt(
            self.random.choice(bad_data.USABLE if usable else bad_data.UNUSABLE), item, self.random.getrandbits(32)
        )
