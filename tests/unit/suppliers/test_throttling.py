"""Rate limits in responses: recognition, and the requested wait."""

from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.suppliers.nivoda.error_entries import entries_of
from inventory.suppliers.nivoda.throttling import is_throttled, retry_after_seconds, wait_seconds

NOW = datetime(2026, 2, 12, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "message",
    [
        "Rate limit exceeded", "rate-limited", "You have exceeded your request rate", "Request was throttled.",
        "Throttling: slow down", "Too many requests", "Too many", "Too many requests, please try again later.",
        "API quota exceeded", "Daily quota reached", "Please try again in 30 seconds", "Request limit exceeded",
        "Too many login attempts", "ThrottlingException", "Retry after 5 s",
    ],
)  # fmt: skip
def test_rate_limit_errors_are_recognized(message: str) -> None:
    assert is_throttled(entries_of([{"message": message}]))


@pytest.mark.parametrize("code", ["RATE_LIMITED", "TOO_MANY_REQUESTS", "throttled", 429])
def test_rate_limit_codes_are_recognized(code: Any) -> None:
    assert is_throttled(entries_of([{"message": "No", "extensions": {"code": code}}]))


@pytest.mark.parametrize(
    "message",
    [
        "Too many ids in filter_ids", "limit must be at most 50", "Cannot generate the page", "Separate fields expected",
        "The exchange rate is missing", 'Enum "DiamondClarity" cannot represent value: "RATE"', "Internal error",
        "An accurate price was not found", "Try again later",
    ],
)  # fmt: skip
def test_other_errors_are_no_rate_limit(message: str) -> None:
    assert not is_throttled(entries_of([{"message": message}]))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "Rate limit exceeded, try again in 30 seconds"}, 30.0),
        ({"message": "30 seconds"}, 30.0),
        ({"message": "Too many requests: wait 1 minute"}, 60.0),
        ({"message": "Rate limit exceeded. Retry after 2.5s"}, 2.5),
        ({"message": "Throttled. Available again in a minute"}, 60.0),
        ({"message": "Throttled for 1500 ms"}, 1.5),
        ({"message": "Quota exceeded, resets in 2 hours"}, 7200.0),
        ({"message": "Limit of 1000 requests per 1 hour exceeded, try again in 30 seconds"}, 30.0),
        ({"message": "Limit of 1000 requests per 60 seconds exceeded"}, None),
        ({"message": "Limit of 25 requests/second exceeded"}, None),
        ({"message": "Rate limit exceeded"}, None),
        ({"message": "Slow down", "extensions": {"retryAfter": 12}}, 12.0),
        ({"message": "Slow down", "extensions": {"retry_after": "12"}}, 12.0),
        ({"message": "Slow down", "extensions": {"Retry-After": "12 seconds"}}, 12.0),
        ({"message": "Slow down", "extensions": {"retryAfterMs": 1500}}, 1.5),
        ({"message": "Try again in 30 seconds", "extensions": {"retryAfter": 12}}, 12.0),
        ({"message": "Try again in 30 seconds", "extensions": {"retryAfter": None}}, 30.0),
        ({"message": "Slow down", "extensions": {"retryAfter": -1}}, None),
        ({"message": "Slow down", "extensions": {"retryAfter": True}}, None),
    ],
)
def test_wait_in_error_is_parsed(error: dict[str, Any], expected: float | None) -> None:
    assert wait_seconds(entries_of([error]), None, NOW) == expected


def test_longest_wait_of_header_and_errors_is_used() -> None:
    entries = entries_of([{"message": "try again in 5 seconds"}, {"message": "try again in 9 seconds"}])
    assert wait_seconds(entries, "7", NOW) == 9.0
    assert wait_seconds(entries, "11", NOW) == 11.0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None), ("3", 3.0), (" 1.5 ", 1.5), ("0", None), ("-1", None), ("soon", None), ("", None), ("nan", None),
        ("9" * 400, None),
        ("Thu, 12 Feb 2026 12:00:30 GMT", 30.0), ("Thu, 12 Feb 2026 12:00:30 -0000", 30.0),
        ("Thu, 12 Feb 2026 11:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_date(header: str | None, expected: float | None) -> None:
    assert retry_after_seconds(header, NOW) == expected
