"""What an answer of Nivoda's says went wrong, as errors of ours. Read before its data."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from app.core.errors import (
    OutcomeUnknown,
    SupplierDeclined,
    SupplierError,
    SupplierRefused,
    SupplierTokenExpired,
    SupplierUnavailable,
)

_LONGEST_MESSAGE = 300
_TOKEN = re.compile(
    r"unauthori[sz]ed|unauthenticated|not authenticated|not logged in|jwt"
    r"|\b(?:invalid|expired|unknown|malformed|missing|bad)\b.{0,20}\btoken|\btoken\b.{0,30}\b(?:invalid|expired|unknown|not valid)",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(
    # Not "login" or "account" alone: "login is unavailable, try later" refuses nobody.
    r"credential|password|username|\b(?:invalid|unknown|wrong|no such|disabled|locked)\b.{0,20}\b(?:user|account|login)\b"
    r"|\b(?:user|account)\b.{0,20}\b(?:not found|unknown|disabled|locked)|denied|forbidden|unauthori[sz]ed|not allowed",
    re.IGNORECASE,
)

# What says nothing about whether it was done: the call broke somewhere inside, perhaps after its work.
_BROKEN_INSIDE = re.compile(
    r"internal|server error|time.?out|timed out|service|try again|unexpected|unknown error|gateway|went wrong|connect"
    r"|transaction|database|deadlock|duplicate key"
    # And what speaks of an order as if there were one: a copy that does not have it yet, a request that was sent on twice.
    r"|\border(?: \S+)?(?: (?:was|is|has|could))?(?: been| be)? (?:not\b|already|does not|doesn't)"
    r"|\balready (?:been )?(?:ordered|placed|submitted|created)\b",
    re.IGNORECASE,
)
# What says that it was not done: the stone, the caller or the request is refused.
_REFUSAL = re.compile(
    r"\bnot (?:available|found|allowed|permitted|enabled|yours|for sale|exist|a valid|valid)\b|\bunavailable\b"
    r"|\bno (?:longer|such|pro\b)|\balready\b|\bsold\b|\b(?:on hold|held)\b|doesn't exist|\bexpired\b"
    r"|\b(?:denied|forbidden|permission)\b|\bcan(?:not|'t) be (?:ordered|bought|sold|held|returned)\b|\bis required\b"
    r"|\b(?:invalid|unknown) (?:offer|product|stone|diamond|destination|hold|item|id)\b"
    # The document or its variables, in the words of the reference implementation.
    r"|syntax error|cannot query field|unknown (?:argument|type|field)|invalid value|of required type",
    re.IGNORECASE,
)


def of_status(status: int, *, logging_in: bool) -> SupplierError:
    """The error of an HTTP status that is neither 200 nor 429."""
    if status == HTTPStatus.UNAUTHORIZED and not logging_in:
        return SupplierTokenExpired(f"The supplier answered HTTP {status}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return SupplierUnavailable(f"The supplier answered HTTP {status}")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return SupplierRefused(f"The supplier refused the credentials (HTTP {status})")
    return SupplierRefused(f"The supplier refused the request (HTTP {status}); is NIVODA_ENDPOINT right?")


def of_errors(errors: Any, *, logging_in: bool, secrets: Collection[str]) -> SupplierError:
    """The error of an `errors[]`, whatever its shape. `secrets` never show in the message."""
    message = "; ".join(_messages(errors)) or "an error without a message"
    for secret in secrets:
        message = message.replace(secret, "[hidden]")
    message = message[:_LONGEST_MESSAGE]
    if logging_in and _CREDENTIALS.search(message):
        return SupplierRefused(f"The supplier refused the credentials: {message}")
    if not logging_in and _TOKEN.search(message):
        return SupplierTokenExpired(f"The supplier no longer accepts the token: {message}")
    return SupplierError(f"The supplier answered with an error: {message}")


def of_sent(errors: Any, *, secrets: Collection[str]) -> SupplierError:
    """The error of an `errors[]` without data, in answer to what must not be sent twice.

    A refusal says what it refuses. Everything else may be an accident after the work ("Cannot return null for
    non-nullable field", "socket hang up") and leaves open whether it was done.
    """
    error = of_errors(errors, logging_in=False, secrets=secrets)
    if isinstance(error, SupplierTokenExpired):
        return error
    messages = _messages(errors)
    if messages and all(_REFUSAL.search(text) and not _BROKEN_INSIDE.search(text) for text in messages):
        return SupplierDeclined(error.message)
    return OutcomeUnknown()


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """How long a `Retry-After` (seconds, or a date) asks to wait; None if it does not say."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text := header.strip()):
        return float(text) or None
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds > 0 else None


def _messages(errors: Any) -> list[str]:
    entries = errors if type(errors) is list else [errors]
    return [str(entry.get("message") or entry.get("code")) if type(entry) is dict else str(entry) for entry in entries]
