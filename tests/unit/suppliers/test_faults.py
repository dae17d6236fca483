"""Classification of errors in responses: token renewal, retry or failure."""

import json
from typing import Any

import pytest

from inventory.core.errors import (
    OutcomeUnknown,
    SupplierDeclined,
    SupplierError,
    SupplierRefused,
    SupplierTokenExpired,
    SupplierUnavailable,
)
from inventory.suppliers.nivoda import errors as faults
from inventory.suppliers.nivoda.error_entries import ErrorEntry, entries_of

SECRET = 's3cret-"token"'


def of_errors(errors: Any, *, logging_in: bool = False) -> SupplierError:
    return faults.of_entries(entries_of(errors), logging_in=logging_in, secrets=(SECRET,))


def of_status(
    status: int, body: bytes = b"", errors: Any = None, *, logging_in: bool = False, established: bool = False
) -> SupplierError:
    return faults.of_status(
        status, entries_of(errors), body, logging_in=logging_in, established=established, secrets=(SECRET,)
    )


@pytest.mark.parametrize(
    "message",
    [
        "Unauthorized: invalid or expired token", "Unauthorised", "jwt expired", "jwt malformed", "Invalid token",
        "invalid token", "token expired", "The token has expired", "token is not valid", "Not authenticated",
        "Unauthenticated", "UNAUTHENTICATED", "Context creation failed: jwt expired", "Your session has expired",
    ],
)  # fmt: skip
@pytest.mark.parametrize("extensions", [{}, {"code": "INTERNAL_SERVER_ERROR"}])
def test_rejected_token_is_distinguished_from_other_errors(message: str, extensions: dict[str, str]) -> None:
    assert type(of_errors([{"message": message, "extensions": extensions}])) is SupplierTokenExpired


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Please log in", "extensions": {"code": "UNAUTHENTICATED"}},
        {"message": "Nope", "extensions": {"code": "unauthenticated"}},
        {"message": "Nope", "code": "UNAUTHENTICATED"},
        {"extensions": {"code": "TOKEN_EXPIRED"}},
    ],
)
def test_rejected_token_is_recognized_by_code(error: dict[str, Any]) -> None:
    assert type(of_errors([error])) is SupplierTokenExpired


@pytest.mark.parametrize("message", ["limit must be at most 50", "Field is malformed"])
def test_any_other_error_keeps_its_message(message: str) -> None:
    error = of_errors([{"message": message}])
    assert type(error) is SupplierError
    assert message in error.message


@pytest.mark.parametrize("logging_in", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        "Internal error", "Internal server error", "Service temporarily unavailable", "Request timed out",
        "connect ECONNREFUSED 10.0.0.7:5432", "Cannot read properties of undefined (reading 'password')",
        "Login service is unavailable, try later", "Request failed with status code 502", "Something went wrong",
    ],
)  # fmt: skip
def test_internal_supplier_error_at_login_is_outage(message: str, logging_in: bool) -> None:
    assert type(of_errors([{"message": message}], logging_in=logging_in)) is SupplierUnavailable


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"])
def test_internal_error_code_is_outage(code: str) -> None:
    assert type(of_errors([{"message": "Boom", "extensions": {"code": code}}])) is SupplierUnavailable


@pytest.mark.parametrize(
    "message",
    [
        "Wrong username or password", "Invalid credentials", "Account locked", "Unauthorized", "User not found",
        "The email or password is incorrect", "This account has been disabled", "Two-factor code required",
        "Access denied", "Forbidden",
    ],
)  # fmt: skip
@pytest.mark.parametrize("extensions", [{}, {"code": "INTERNAL_SERVER_ERROR"}])
def test_rejected_credentials_at_login_are_refusal(message: str, extensions: dict[str, str]) -> None:
    assert type(of_errors([{"message": message, "extensions": extensions}], logging_in=True)) is SupplierRefused


@pytest.mark.parametrize("errors", ["down", [None], [[]], {"message": None}, [{}], 7, [{"message": {"a": 1}}]])
def test_errors_of_any_shape_are_errors(errors: Any) -> None:
    assert type(of_errors(errors)) is SupplierError


def test_messages_never_contain_secret() -> None:
    written = json.dumps(SECRET)[1:-1]
    error = of_errors([{"message": f"bad luck with {SECRET} and {written} today"}, {"message": "x" * 10_000}])
    assert "s3cret" not in error.message
    assert len(error.message) < 400
    page = f"<html><title>Blocked {SECRET}</title>".encode()
    assert "s3cret" not in of_status(403, page).message


@pytest.mark.parametrize(
    ("status", "logging_in", "expected"),
    [
        (500, False, SupplierUnavailable), (502, True, SupplierUnavailable), (503, False, SupplierUnavailable),
        (408, False, SupplierUnavailable), (401, False, SupplierTokenExpired), (401, True, SupplierRefused),
        (404, False, SupplierRefused), (302, False, SupplierRefused), (400, False, SupplierRefused),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"busy, sorry", b"<!doctype html><html></html>"])
def test_status_decides_about_retry(status: int, logging_in: bool, expected: type[SupplierError], body: bytes) -> None:
    assert type(of_status(status, body, logging_in=logging_in)) is expected


@pytest.mark.parametrize("logging_in", [False, True])
@pytest.mark.parametrize("established", [False, True])
def test_firewall_403_is_outage_and_named(logging_in: bool, established: bool) -> None:
    page = b"\n<HTML><head><Title>\nRequest blocked </title></head>"
    error = of_status(403, page, logging_in=logging_in, established=established)
    assert type(error) is SupplierUnavailable
    assert 'HTTP 403 with an HTML page "Request blocked" (web application firewall?)' in error.message


@pytest.mark.parametrize("status", [302, 400, 404, 405, 406])
def test_foreign_response_is_outage_only_when_api_was_established(status: int) -> None:
    assert type(of_status(status, b"<html>", established=True)) is SupplierUnavailable
    first = of_status(status, b"<html>")
    assert type(first) is SupplierRefused
    assert "NIVODA_ENDPOINT" in first.message


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "limit must be at most 50", SupplierRefused), (403, "Forbidden", SupplierRefused),
        (422, "jwt malformed", SupplierTokenExpired), (400, "Context creation failed: invalid token", SupplierTokenExpired),
        (500, "jwt expired", SupplierTokenExpired), (400, "Internal error", SupplierUnavailable),
        (500, "limit must be at most 50", SupplierUnavailable),
    ],
)  # fmt: skip
def test_errors_in_body_of_error_status_are_read_and_shown(
    status: int, message: str, expected: type[SupplierError]
) -> None:
    error = of_status(status, b"{}", [{"message": message}], established=True)
    assert type(error) is expected
    assert message in error.message
    assert str(status) in error.message
    assert "NIVODA_ENDPOINT" not in error.message


def test_credentials_rejected_by_error_status_are_refusal() -> None:
    error = of_status(400, b"{}", [{"message": "Wrong password"}], logging_in=True)
    assert type(error) is SupplierRefused
    assert "credentials" in error.message


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("The diamond is sold", SupplierDeclined), ("jwt expired", SupplierTokenExpired), ("Oops", OutcomeUnknown),
        ("", OutcomeUnknown),
    ],
)  # fmt: skip
def test_only_refusal_proves_that_nothing_was_done(message: str, expected: type[SupplierError]) -> None:
    assert type(faults.of_sent([ErrorEntry(message)], secrets=())) is expected
