"""Injectable clock: code that depends on the time receives a clock as an argument."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current instant in UTC, timezone-aware."""
    return datetime.now(UTC)
