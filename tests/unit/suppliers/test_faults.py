"""What an answer's errors mean for the caller: another token, another try, or an end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.errors import SupplierError, SupplierRefused, SupplierTokenExpired, SupplierUnavailable
from app.suppliers.nivoda import faults

NOW = datetime(2026, 2, 12, 12, 0, tzinfo=UTC)


def of_errors(errors: Any, *, logging_in: bool = False) -> SupplierError:
    return faults.of_errors(errors, logging_in=logging_in, secrets=("s3cret-token",))


@pytest.mark.parametrize(
    "message",
    [
        "Unauthorized: invalid or expired token", "Unauthorised", "jwt expired", "Invalid token", "The token has expired",
        "token is not valid", "Not authenticated", "UNAUTHENTICATED",
    ],
)  # fmt: skip
def test_a_token_that_is_not_accepted_is_told_from_other_errors(message: str) -> None:
    assert type(of_errors([{"message": message}])) is SupplierTokenExpired


@pytest.mark.parametrize("message", ["Internal server error", "limit must be at most 50", "Field is malformed"])
def test_any_other_error_is_just_an_error_with_its_message(message: str) -> None:
    error = of_errors([{"message": message}])
    assert type(error) is SupplierError
    assert message in error.message


@pytest.mark.parametrize(
    "message", ["Wrong username or password", "Invalid credentials", "Account locked", "Unauthorized"]
)
def test_credentials_that_are_refused_at_login_are_a_refusal(message: str) -> None:
    assert type(of_errors([{"message": message}], logging_in=True)) is SupplierRefused


def test_a_fault_at_login_is_no_refusal() -> None:
    assert type(of_errors([{"message": "Internal server error"}], logging_in=True)) is SupplierError


@pytest.mark.parametrize("errors", ["down", [None], [[]], {"message": None}, [{}], 7, [{"message": {"a": 1}}]])
def test_errors_of_any_shape_are_errors(errors: Any) -> None:
    assert type(of_errors(errors)) is SupplierError


def test_a_secret_never_shows_in_a_message() -> None:
    error = of_errors([{"message": "bad luck with s3cret-token today"}, {"message": "x" * 10_000}])
    assert "s3cret-token" not in error.message
    assert len(error.message) < 400


@pytest.mark.parametrize(
    ("status", "logging_in", "expected"),
    [
        (500, False, SupplierUnavailable), (502, True, SupplierUnavailable), (503, False, SupplierUnavailable),
        (408, False, SupplierUnavailable), (401, False, SupplierTokenExpired), (401, True, SupplierRefused),
        (403, False, SupplierRefused), (404, False, SupplierRefused), (302, False, SupplierRefused),
        (400, False, SupplierRefused),
    ],
)  # fmt: skip
def test_a_status_decides_whether_another_try_can_help(
    status: int, logging_in: bool, expected: type[SupplierError]
) -> None:
    assert type(faults.of_status(status, logging_in=logging_in)) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None), ("3", 3.0), (" 1.5 ", 1.5), ("0", None), ("-1", None), ("soon", None), ("", None), ("nan", None),
        ("9" * 400, None),
        ("Thu, 12 Feb 2026 12:00:30 GMT", 30.0), ("Thu, 12 Feb 2026 12:00:30 -0000", 30.0),
        ("Thu, 12 Feb 2026 11:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    assert faults.retry_after_seconds(header, NOW) == expected
