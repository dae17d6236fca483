"""Call log: counts by operation and outcome, peak requests per second, holds and orders, rejected requests."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

_TRADES = 10_000
_REJECTED = 100
_MAX_QUERY_LENGTH = 10_000
_SECRETS = frozenset({"token", "password", "refresh_token"})


class CallLog:
    """Counts since the last `clear`. `monotonic`: a monotonic clock in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._recent: deque[float] = deque()
        self.clear()

    def clear(self) -> None:
        self._total = 0
        self._busiest = 0
        self._recent.clear()
        self._outcomes: dict[str, Counter[str]] = {}
        self._holds: deque[dict[str, Any]] = deque(maxlen=_TRADES)
        self._orders: deque[dict[str, Any]] = deque(maxlen=_TRADES)
        self._rejected: deque[dict[str, Any]] = deque(maxlen=_REJECTED)

    def count_request(self) -> None:
        """Count a received request."""
        now = self._monotonic()
        self._total += 1
        self._recent.append(now)
        while self._recent[0] <= now - 1:
            self._recent.popleft()
        self._busiest = max(self._busiest, len(self._recent))

    def count_outcome(self, operations: Collection[str], outcome: str) -> None:
        """Count the outcome of a request for each of its operations."""
        for operation in operations or ("unreadable",):
            self._outcomes.setdefault(operation, Counter())[outcome] += 1

    def record_rejected(
        self, errors: Sequence[dict[str, Any]], query: str, variables: Mapping[str, Any] | None
    ) -> None:
        """Record a request that the schema does not allow. Credentials and tokens are not kept."""
        self.count_outcome((), "rejected")
        kept = {name: value for name, value in (variables or {}).items() if name not in _SECRETS}
        messages = [error["message"] for error in errors]
        self._rejected.append({"errors": messages, "query": query[:_MAX_QUERY_LENGTH], "variables": kept})

    def record_trade(self, operation: str, account: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        """Record a hold or order that took effect or was refused, also if the client does not receive the response."""
        trades = self._orders if operation == "create_order" else self._holds
        trades.append({"operation": operation, "account": account, "arguments": arguments, "answer": answer})

    def report(self) -> dict[str, Any]:
        """Counts and records since the last `clear`.

        `max_per_second`: most requests received within one second. The last 10,000 holds, the last 10,000 orders and the
        last 100 rejected requests are kept.
        """
        return {
            "total": self._total,
            "max_per_second": self._busiest,
            "operations": {operation: dict(outcomes) for operation, outcomes in self._outcomes.items()},
            "holds": list(self._holds),
            "orders": list(self._orders),
            "rejected": list(self._rejected),
        }
