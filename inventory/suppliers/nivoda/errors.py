"""Classification of errors in Nivoda's answers: retryable outages, expired tokens, rejections and unknown outcomes."""

import re
from collections.abc import Collection, Sequence
from http import HTTPStatus

from inventory.core.errors import (
    OutcomeUnknown,
    SupplierDeclined,
    SupplierError,
    SupplierRefused,
    SupplierSchemaChanged,
    SupplierTokenExpired,
    SupplierUnavailable,
)
from inventory.suppliers.nivoda.error_entries import ErrorEntry, redacted, summary


class AnswerTooLarge(SupplierUnavailable):
    """The supplier's answer exceeds the size limit."""


class RequestRejected(SupplierSchemaChanged):
    """The supplier's schema does not allow the document or its variables. Nothing was executed."""

    def __init__(self, entries: Sequence[ErrorEntry], secrets: Collection[str]) -> None:
        """`entries`: the errors."""
        super().__init__(f"The supplier rejects the request: {summary(entries, secrets)}")
        self.entries = entries


class ItemsLost(SupplierUnavailable):
    """The supplier answered without a page because of some of its items."""

    def __init__(self, entries: Sequence[ErrorEntry], secrets: Collection[str]) -> None:
        """`entries`: the errors. `first`: the first position in their paths."""
        super().__init__(f"The supplier answered without a page: {summary(entries, secrets)}")
        self.entries = entries
        self.first = min((entry.item for entry in entries if entry.item is not None), default=None)


_TOKEN_CODES = frozenset({"UNAUTHENTICATED", "TOKEN_EXPIRED", "INVALID_TOKEN", "JWT_EXPIRED"})
_TOKEN = re.compile(
    r"unauthori[sz]ed|unauthenticated|not authenticated|not logged in|jwt"
    r"|\b(?:invalid|expired|unknown|malformed|missing|bad)\b.{0,20}\btoken|\btoken\b.{0,30}\b(?:invalid|expired|unknown|not valid)"
    r"|\bsession\b.{0,20}\bexpired",
    re.IGNORECASE,
)
_CREDENTIAL_CODES = frozenset({"UNAUTHENTICATED", "FORBIDDEN", "INVALID_CREDENTIALS"})
_CREDENTIALS = re.compile(
    # "login" or "password" alone do not match: "login is unavailable" and "can't read 'password' of undefined" are outages.
    r"\b(?:invalid|incorrect|wrong|bad|unknown|no such|disabled|locked|suspended|inactive|blocked)\b.{0,40}"
    r"\b(?:credentials?|passwords?|user(?:name)?|account|login|e-?mail)\b"
    r"|\b(?:credentials?|passwords?|user(?:name)?|account|e-?mail)\b.{0,40}"
    r"\b(?:invalid|incorrect|wrong|not found|not exist|unknown|disabled|locked|suspended|inactive|blocked|not match|mismatch)"
    r"|\b(?:access|permission|login) denied|\bforbidden\b|unauthori[sz]ed|unauthenticated|\bnot allowed\b"
    r"|authentication failed|two.?factor|\b2fa\b",
    re.IGNORECASE,
)
# Internal failures of the supplier: a retry can succeed.
_OUTAGE_CODES = frozenset({"INTERNAL", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "GATEWAY_TIMEOUT"})
_OUTAGE = re.compile(
    r"\binternal\b|server error|unavailable|time.?out|timed out|try again|temporar|overload|maintenance|gateway"
    r"|unexpected error|went wrong|\bconnect|ECONN|ENOTFOUND|EAI_AGAIN|socket hang up|\bfetch failed|failed to fetch"
    r"|deadlock|\bdatabase\b|status code 5[0-9]{2}|cannot read propert|is not a function|of undefined",
    re.IGNORECASE,
)

# A stored value that the supplier's schema does not allow, in the wording of several GraphQL servers.
_UNSHOWABLE = re.compile(
    r"cannot represent|cannot return null|non-nullable|expected a value of type|is not a valid value|invalid enum"
    r"|cannot serialize|can't serialize|serializ",
    re.IGNORECASE,
)

# Internal failures that leave the outcome open: the call may have failed after its execution.
_BROKEN_INSIDE = re.compile(
    r"internal|server error|time.?out|timed out|service|try again|unexpected|unknown error|gateway|went wrong|connect"
    r"|transaction|database|deadlock|duplicate key"
    # Messages that imply an order: a replica without it, or a request that was forwarded twice.
    r"|\border(?: \S+)?(?: (?:was|is|has|could))?(?: been| be)? (?:not\b|already|does not|doesn't)"
    r"|\balready (?:been )?(?:ordered|placed|submitted|created)\b",
    re.IGNORECASE,
)
# Rejections of the stone, the caller or the request: nothing was executed.
_REFUSAL = re.compile(
    r"\bnot (?:available|found|allowed|permitted|enabled|yours|for sale|exist|a valid|valid)\b|\bunavailable\b"
    r"|\b(?:no longer|no such|no pro)\b|\balready\b|\bsold\b|\b(?:on hold|held)\b|doesn't exist|\bexpired\b"
    r"|\b(?:denied|forbidden|permission)\b|\bcan(?:not|'t) be (?:ordered|bought|sold|held|returned)\b|\bis required\b"
    r"|\b(?:invalid|unknown) (?:offer|product|stone|diamond|destination|hold|item|id)\b"
    # Rejections of the document or its variables, in the wording of the reference implementation.
    r"|syntax error|cannot query field|unknown (?:argument|type|field)|invalid value|of required type",
    re.IGNORECASE,
)
_TITLE = re.compile(rb"<title[^>]*>\s*(.{1,200}?)\s*</title", re.IGNORECASE | re.DOTALL)


def of_entries(entries: Sequence[ErrorEntry], *, logging_in: bool, secrets: Collection[str]) -> SupplierError:
    """Classify an `errors[]` without a rate limit error. `secrets` are redacted in the message."""
    message = summary(entries, secrets)
    broken = all(_OUTAGE.search(entry.message) for entry in entries)
    if logging_in and not broken and _any(entries, _CREDENTIAL_CODES, _CREDENTIALS):
        return SupplierRefused(f"The supplier refused the credentials: {message}")
    if not logging_in and _any(entries, _TOKEN_CODES, _TOKEN):
        return SupplierTokenExpired(f"The supplier no longer accepts the token: {message}")
    # The code is checked last: some servers assign it to every error.
    broken = broken or all(entry.code in _OUTAGE_CODES for entry in entries)
    kind = SupplierUnavailable if broken else SupplierError
    return kind(f"The supplier answered with an error: {message}")


def is_outage(entry: ErrorEntry) -> bool:
    """Whether an error is an internal failure of the supplier, so that a retry can succeed."""
    return bool(entry.code in _OUTAGE_CODES or _OUTAGE.search(entry.message)) and not _UNSHOWABLE.search(entry.message)


def is_unshowable(entry: ErrorEntry) -> bool:
    """Whether a stored value violates the schema, so that a retry cannot succeed."""
    return _UNSHOWABLE.search(entry.message) is not None


def of_status(
    status: int,
    entries: Sequence[ErrorEntry],
    body: bytes,
    *,
    logging_in: bool,
    established: bool,
    secrets: Collection[str],
) -> SupplierError:
    """Classify an HTTP status other than 200 that is not a rate limit.

    `established`: the endpoint has returned a valid answer before. An HTML page then comes from a proxy in front of the API,
    and a retry can succeed.
    """
    answer = f"HTTP {status}: {summary(entries, secrets)}" if entries else _described(status, body, secrets)
    reported = of_entries(entries, logging_in=logging_in, secrets=secrets) if entries else None
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return AnswerTooLarge(f"The supplier answered {answer}")
    unauthorized = status == HTTPStatus.UNAUTHORIZED
    if isinstance(reported, SupplierTokenExpired) or (unauthorized and not logging_in):
        return SupplierTokenExpired(f"The supplier no longer accepts the token ({answer})")
    from_proxy = reported is None and (status == HTTPStatus.FORBIDDEN or (established and not unauthorized))
    broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    if broken or from_proxy or isinstance(reported, SupplierUnavailable):
        return SupplierUnavailable(f"The supplier answered {answer}")
    if isinstance(reported, SupplierRefused) or unauthorized:
        return SupplierRefused(f"The supplier refused the credentials ({answer})")
    hint = "" if reported else "; is NIVODA_ENDPOINT right?"
    return SupplierRefused(f"The supplier refused the request ({answer}){hint}")


def of_unreadable(status: int, body: bytes, secrets: Collection[str]) -> SupplierUnavailable:
    """Create the error of a body that is not a GraphQL answer."""
    return SupplierUnavailable(f"The supplier's answer can't be read ({_described(status, body, secrets)})")


def of_sent(entries: Sequence[ErrorEntry], *, secrets: Collection[str]) -> SupplierError:
    """Classify an `errors[]` without data of an operation that is not idempotent.

    A rejection names its reason. Any other error may be a failure after the execution ("Cannot return null for non-nullable
    field", "socket hang up") and leaves the outcome unknown.
    """
    error = of_entries(entries, logging_in=False, secrets=secrets)
    if isinstance(error, SupplierTokenExpired):
        return error
    texts = [entry.message or entry.code for entry in entries]
    if texts and all(_REFUSAL.search(text) and not _BROKEN_INSIDE.search(text) for text in texts):
        return SupplierDeclined(error.message)
    return OutcomeUnknown()


def _any(entries: Sequence[ErrorEntry], codes: frozenset[str], texts: re.Pattern[str]) -> bool:
    return any(entry.code in codes or texts.search(entry.message) for entry in entries)


def _described(status: int, body: bytes, secrets: Collection[str]) -> str:
    """Describe an answer that is not GraphQL: its status, the kind of its body, and the title of an HTML page."""
    start = body.lstrip()[:1]
    if start != b"<":
        return f"HTTP {status}" + (" with a body that is not GraphQL" if start else " with an empty body")
    title = _TITLE.search(body)
    named = f' "{redacted(title[1].decode(errors="replace"), secrets)}"' if title else ""
    firewall = " (web application firewall?)" if status == HTTPStatus.FORBIDDEN else ""
    return f"HTTP {status} with an HTML page{named}{firewall}"
