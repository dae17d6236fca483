"""Errors of Nivoda's answers, as errors of the inventory: what is retried, what needs another token, what is final."""

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
    """The supplier's answer is larger than an answer may be."""


class RequestRejected(SupplierSchemaChanged):
    """The supplier's schema does not allow the document or its variables. Nothing was executed."""

    def __init__(self, entries: Sequence[ErrorEntry], secrets: Collection[str]) -> None:
        """`entries`: the errors."""
        super().__init__(f"The supplier rejects the request: {summary(entries, secrets)}")
        self.entries = entries


class ItemsLost(SupplierUnavailable):
    """The supplier answered without a page because of some of its items."""

    def __init__(self, entries: Sequence[ErrorEntry], secrets: Collection[str]) -> None:
        """`entries`: the errors. `first`: the first position that one of them points at."""
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
    # Not "login" or "password" alone: "login is unavailable" and "can't read 'password' of undefined" refuse no account.
    r"\b(?:invalid|incorrect|wrong|bad|unknown|no such|disabled|locked|suspended|inactive|blocked)\b.{0,40}"
    r"\b(?:credentials?|passwords?|user(?:name)?|account|login|e-?mail)\b"
    r"|\b(?:credentials?|passwords?|user(?:name)?|account|e-?mail)\b.{0,40}"
    r"\b(?:invalid|incorrect|wrong|not found|not exist|unknown|disabled|locked|suspended|inactive|blocked|not match|mismatch)"
    r"|\b(?:access|permission|login) denied|\bforbidden\b|unauthori[sz]ed|unauthenticated|\bnot allowed\b"
    r"|authentication failed|two.?factor|\b2fa\b",
    re.IGNORECASE,
)
# An accident inside the supplier: another try can help.
_OUTAGE_CODES = frozenset({"INTERNAL", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "GATEWAY_TIMEOUT"})
_OUTAGE = re.compile(
    r"\binternal\b|server error|unavailable|time.?out|timed out|try again|temporar|overload|maintenance|gateway"
    r"|unexpected error|went wrong|\bconnect|ECONN|ENOTFOUND|EAI_AGAIN|socket hang up|\bfetch failed|failed to fetch"
    r"|deadlock|\bdatabase\b|status code 5[0-9]{2}|cannot read propert|is not a function|of undefined",
    re.IGNORECASE,
)

# A stored value that the supplier's own schema does not allow, in the words of several GraphQL servers.
_UNSHOWABLE = re.compile(
    r"cannot represent|cannot return null|non-nullable|expected a value of type|is not a valid value|invalid enum"
    r"|cannot serialize|can't serialize|serializ",
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
    r"|\b(?:no longer|no such|no pro)\b|\balready\b|\bsold\b|\b(?:on hold|held)\b|doesn't exist|\bexpired\b"
    r"|\b(?:denied|forbidden|permission)\b|\bcan(?:not|'t) be (?:ordered|bought|sold|held|returned)\b|\bis required\b"
    r"|\b(?:invalid|unknown) (?:offer|product|stone|diamond|destination|hold|item|id)\b"
    # The document or its variables, in the words of the reference implementation.
    r"|syntax error|cannot query field|unknown (?:argument|type|field)|invalid value|of required type",
    re.IGNORECASE,
)
_TITLE = re.compile(rb"<title[^>]*>\s*(.{1,200}?)\s*</title", re.IGNORECASE | re.DOTALL)


def of_entries(entries: Sequence[ErrorEntry], *, logging_in: bool, secrets: Collection[str]) -> SupplierError:
    """The error of an `errors[]` that is no rate limit. `secrets` never show in the message."""
    message = summary(entries, secrets)
    broken = all(_OUTAGE.search(entry.message) for entry in entries)
    if logging_in and not broken and _any(entries, _CREDENTIAL_CODES, _CREDENTIALS):
        return SupplierRefused(f"The supplier refused the credentials: {message}")
    if not logging_in and _any(entries, _TOKEN_CODES, _TOKEN):
        return SupplierTokenExpired(f"The supplier no longer accepts the token: {message}")
    # By the code last: some servers give this code to every error.
    broken = broken or all(entry.code in _OUTAGE_CODES for entry in entries)
    kind = SupplierUnavailable if broken else SupplierError
    return kind(f"The supplier answered with an error: {message}")


def is_outage(entry: ErrorEntry) -> bool:
    """Whether an error speaks of an accident inside the supplier, so that another try can help."""
    return bool(entry.code in _OUTAGE_CODES or _OUTAGE.search(entry.message)) and not _UNSHOWABLE.search(entry.message)


def is_unshowable(entry: ErrorEntry) -> bool:
    """Whether an error says that a stored value does not fit the schema, so that another try can't help."""
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
    """The error of an HTTP status other than 200 that is no rate limit.

    `established`: whether the endpoint has given a proper answer before. Then a page of HTML, say, comes from something
    in front of the API, and another try can help.
    """
    what = f"HTTP {status}: {summary(entries, secrets)}" if entries else _described(status, body, secrets)
    said = of_entries(entries, logging_in=logging_in, secrets=secrets) if entries else None
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return AnswerTooLarge(f"The supplier answered {what}")
    unauthorized = status == HTTPStatus.UNAUTHORIZED
    if isinstance(said, SupplierTokenExpired) or (unauthorized and not logging_in):
        return SupplierTokenExpired(f"The supplier no longer accepts the token ({what})")
    in_front = said is None and (status == HTTPStatus.FORBIDDEN or (established and not unauthorized))
    broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    if broken or in_front or isinstance(said, SupplierUnavailable):
        return SupplierUnavailable(f"The supplier answered {what}")
    if isinstance(said, SupplierRefused) or unauthorized:
        return SupplierRefused(f"The supplier refused the credentials ({what})")
    hint = "" if said else "; is NIVODA_ENDPOINT right?"
    return SupplierRefused(f"The supplier refused the request ({what}){hint}")


def of_unreadable(status: int, body: bytes, secrets: Collection[str]) -> SupplierUnavailable:
    """The error of a body that is no GraphQL answer."""
    return SupplierUnavailable(f"The supplier's answer can't be read ({_described(status, body, secrets)})")


def of_sent(entries: Sequence[ErrorEntry], *, secrets: Collection[str]) -> SupplierError:
    """The error of an `errors[]` without data, in answer to what must not be sent twice.

    A refusal says what it refuses. Everything else may be an accident after the work ("Cannot return null for
    non-nullable field", "socket hang up") and leaves open whether it was done.
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
    """An answer that is not the API's own: its status, what kind of body it has, and the title of a page."""
    start = body.lstrip()[:1]
    if start != b"<":
        return f"HTTP {status}" + (" with a body that is not GraphQL" if start else " with an empty body")
    title = _TITLE.search(body)
    named = f' "{redacted(title[1].decode(errors="replace"), secrets)}"' if title else ""
    firewall = " (web application firewall?)" if status == HTTPStatus.FORBIDDEN else ""
    return f"HTTP {status} with an HTML page{named}{firewall}"
