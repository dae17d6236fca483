"""Error hierarchy: a stable code, a default message (the docstring's first line), and whether a retry can succeed.

`app.rest` maps an error to an HTTP status, `app.graphql` to a GraphQL error, and `sync.messaging.consumer` to the settlement
of a message.
"""

from collections.abc import Mapping
from inspect import cleandoc
from typing import ClassVar


class InventoryError(Exception):
    """An internal error occurred."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, details: Mapping[str, object] | None = None) -> None:
        self.message = message or cleandoc(type(self).__doc__ or type(self).__name__).partition("\n")[0]
        self.details = dict(details or {})
        super().__init__(self.message)


# The request


class ValidationFailed(InventoryError):
    """Some fields are not valid."""

    code = "VALIDATION_ERROR"

    def __init__(self, fields: Mapping[str, str]) -> None:
        """`fields`: the problem by field name, as the client spelled it."""
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in fields.items()), details=fields)


class BadRequest(InventoryError):
    """The request can't be read."""

    code = "BAD_REQUEST"


class PersistedQueryNotSupported(InventoryError):
    """The request has a hash of Apollo's automatic persisted queries and no document."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")  # Apollo's link recognises the error by this text


class BodyTooLarge(BadRequest):
    """The request's body is too large."""


class Unauthenticated(InventoryError):
    """The credentials are missing or not valid."""

    code = "UNAUTHORIZED"


class Forbidden(InventoryError):
    """The credentials do not permit this operation."""

    code = "FORBIDDEN"


class NotFound(InventoryError):
    """Nothing has this id."""

    code = "NOT_FOUND"


class Conflict(InventoryError):
    """The current state does not allow this operation."""

    code = "CONFLICT"


class CursorExpired(InventoryError):
    """The cursor has expired: events after it are no longer retained. Read the current state, then continue without a cursor."""

    code = "CURSOR_EXPIRED"


class CursorUnknown(InventoryError):
    """The cursor is invalid because the event log was reset. Read the current state, then continue without a cursor."""

    code = "CURSOR_UNKNOWN"


class RateLimited(InventoryError):
    """Too many requests. Try again later."""

    code = "RATE_LIMITED"
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after: int) -> None:
        """`retry_after`: seconds until a retry can succeed."""
        super().__init__(message, details={"retryAfter": retry_after})
        self.retry_after = retry_after


# Servers that the inventory needs


class Unavailable(InventoryError):
    """A required server does not answer. Try again soon."""

    code = "SERVICE_UNAVAILABLE"
    retryable = True


class DatabaseUnavailable(Unavailable):
    """The database does not answer. Try again soon."""


class DatabaseMisconfigured(DatabaseUnavailable):
    """The database is not configured for this service. The log names the setting to change."""

    def __init__(self, reason: str) -> None:
        """`reason`: message for operators that names the setting to change."""
        super().__init__()
        self.reason = reason


class SchemaBehind(Unavailable):
    """The database's schema is older than this code. Run `diamonds-app migrate`."""

    code = "SCHEMA_BEHIND"


class BrokerUnavailable(Unavailable):
    """The message broker does not answer. Try again soon."""


class TradingUnavailable(Unavailable):
    """Trading is not configured: no supplier of this installation has an account for holds and purchases."""


class StorageUnavailable(Unavailable):
    """The blob storage does not answer. Try again soon."""


# The supplier


class SupplierError(InventoryError):
    """The supplier answered with an error."""

    code = "SUPPLIER_ERROR"
    retryable = True  # the supplier reports temporary outages this way, too


class SupplierUnavailable(SupplierError):
    """The supplier is unavailable (status 5xx, connection lost, unreadable body), even after retries."""

    retryable = True


class SupplierUnreached(SupplierUnavailable):
    """The supplier cannot be reached. No request was sent."""


class SupplierTimeout(SupplierUnavailable):
    """The supplier did not answer in time."""

    code = "SUPPLIER_TIMEOUT"


class OutcomeUnknown(SupplierTimeout):
    """The request to the supplier timed out, and its outcome is not known yet. Repeat the request later."""


class SupplierBusy(SupplierUnavailable):
    """The supplier limits the rate of requests (status 429)."""

    def __init__(self, retry_after: float | None, message: str | None = None) -> None:
        """`retry_after`: seconds to wait; None if the supplier did not name them."""
        super().__init__(message)
        self.retry_after = retry_after


class SupplierRefused(SupplierError):
    """The supplier refused the credentials."""

    retryable = False


class SupplierSchemaChanged(SupplierError):
    """The supplier's schema lacks something that is required."""

    code = "SUPPLIER_SCHEMA"
    retryable = False


class FeedDamaged(SupplierError):
    """A file of the feed cannot be used: no usable header, no record, or changed while it was read. Nothing was removed."""

    code = "FEED_DAMAGED"
    retryable = False


class ColumnMapInvalid(SupplierError):
    """The column map is not valid. Correct it, then check it with `diamonds-sync feeds check`."""

    code = "COLUMN_MAP_INVALID"
    retryable = False


class SupplierDeclined(SupplierError):
    """The supplier declined the request."""

    retryable = False


class SupplierItemUnavailable(SupplierDeclined):
    """The supplier item is not available to this account."""


class SupplierTokenExpired(SupplierError):
    """The supplier no longer accepts the token."""


# The sync


class RunConflict(Conflict):
    """Another run of this feed is open. Wait for its end."""


class NothingToRead(InventoryError):
    """The feed has no new file, so no run was started."""

    code = "NOTHING_TO_READ"
    retryable = True  # a file may arrive


class LeaseLost(InventoryError):
    """The lease was lost: another process has claimed the work, or the run has ended."""


class WatermarkConflict(Conflict):
    """Another process has moved the watermark."""


class WatermarkInFuture(InventoryError):
    """The watermark is in the future: a window from there would skip changes."""

    code = "WATERMARK_IN_FUTURE"


class PlanningAbandoned(InventoryError):
    """The process that planned the run has stopped."""

    code = "PLANNING_ABANDONED"


class WatermarkUnreadable(InventoryError):
    """The watermark's blob is not readable. Inspect it, then set it with `diamonds-sync watermark set`."""

    code = "WATERMARK_UNREADABLE"


class CoverageUnproven(SupplierError):
    """The supplier's counts contradict each other, so no plan can prove that it covers the feed."""

    code = "COVERAGE_UNPROVEN"


class FeedRestless(SupplierError):
    """The feed changes faster than it can be read. A later run starts again."""

    code = "FEED_RESTLESS"
    retryable = False


class FeedIncomplete(SupplierError):
    """The supplier counts stones that it does not show, so the run cannot prove that it read the whole feed."""

    code = "INCOMPLETE"
    retryable = False


class QuarantineExceeded(InventoryError):
    """The share of quarantined items exceeds the limit."""

    code = "QUARANTINE_EXCEEDED"


class MassDeleteStopped(InventoryError):
    """The run would delete more diamonds than allowed. Check the feed, then confirm the deletion."""

    code = "MASS_DELETE_STOPPED"


class DeadlinePassed(InventoryError):
    """The run did not finish before its deadline."""

    code = "DEADLINE_PASSED"


# The alerts


class AlertRefused(InventoryError):
    """The mail service rejected the alert. Check its settings and the API key."""


class MailUnavailable(Unavailable):
    """The mail service is unavailable. The alert is sent later."""
