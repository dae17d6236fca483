"""One tree of errors: a stable code, a docstring that is the message, and whether trying again can help.

An error becomes an HTTP status in `app.rest`, a GraphQL error in `app.graphql` and a message's fate in `sync.messaging.consumer`;
nowhere else is one translated.
"""

from collections.abc import Mapping
from inspect import cleandoc
from typing import ClassVar


class InventoryError(Exception):
    """Something went wrong inside the inventory."""

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
        """`fields` maps each field's name, as the client spelt it, to what is wrong with it."""
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in fields.items()), details=fields)


class BadRequest(InventoryError):
    """The request can't be read."""

    code = "BAD_REQUEST"


class PersistedQueryNotSupported(InventoryError):
    """A hash of Apollo's automatic persisted queries without its document."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")  # the text by which Apollo's link recognises the error


class BodyTooLarge(BadRequest):
    """The request's body is too large."""


class Unauthenticated(InventoryError):
    """The credentials are missing or not valid."""

    code = "UNAUTHORIZED"


class Forbidden(InventoryError):
    """These credentials do not allow this."""

    code = "FORBIDDEN"


class NotFound(InventoryError):
    """There is nothing under this id."""

    code = "NOT_FOUND"


class Conflict(InventoryError):
    """The present state does not allow this."""

    code = "CONFLICT"


class CursorExpired(InventoryError):
    """Events after this cursor are no longer kept; read the present state, then go on without a cursor."""

    code = "CURSOR_EXPIRED"


class CursorUnknown(InventoryError):
    """This cursor is not from the log as it is now, which was perhaps restored; read the present state, then go on without."""

    code = "CURSOR_UNKNOWN"


class RateLimited(InventoryError):
    """Too much at once; try again later."""

    code = "RATE_LIMITED"
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after: int) -> None:
        """`retry_after`: seconds after which it can be tried again."""
        super().__init__(message, details={"retryAfter": retry_after})
        self.retry_after = retry_after


# The servers that the inventory stands on


class Unavailable(InventoryError):
    """A server that is needed for this does not answer; try again soon."""

    code = "SERVICE_UNAVAILABLE"
    retryable = True


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again soon."""


class DatabaseMisconfigured(DatabaseUnavailable):
    """The database is not set up for this service; the log says what to change."""

    def __init__(self, reason: str) -> None:
        """`reason`: for operators, with the setting to change."""
        super().__init__()
        self.reason = reason


class SchemaBehind(Unavailable):
    """The database's schema is older than this code. Run `python -m app migrate`."""

    code = "SCHEMA_BEHIND"


class BrokerUnavailable(Unavailable):
    """The message broker does not answer; try again soon."""


class TradingUnavailable(Unavailable):
    """Trading is not set up here; the supplier's account is missing."""


class StorageUnavailable(Unavailable):
    """The blob storage does not answer; try again soon."""


# The supplier


class SupplierError(InventoryError):
    """The supplier answered with an error."""

    code = "SUPPLIER_ERROR"
    retryable = True  # it speaks of passing outages this way too


class SupplierUnavailable(SupplierError):
    """The supplier does not answer properly (5xx, connection lost, unreadable body), even after retries."""

    retryable = True


class SupplierUnreached(SupplierUnavailable):
    """The supplier can't be reached, so it was asked nothing."""


class SupplierTimeout(SupplierUnavailable):
    """The supplier did not answer in time."""

    code = "SUPPLIER_TIMEOUT"


class OutcomeUnknown(SupplierTimeout):
    """The supplier did not answer, so the outcome is unknown. It is being looked up; ask again later."""


class SupplierBusy(SupplierUnavailable):
    """The supplier asks for fewer requests (429)."""

    def __init__(self, retry_after: float | None, message: str | None = None) -> None:
        """`retry_after`: seconds that the supplier asked to wait, None if it did not say."""
        super().__init__(message)
        self.retry_after = retry_after


class SupplierRefused(SupplierError):
    """The supplier refused the credentials."""

    retryable = False


class SupplierSchemaChanged(SupplierError):
    """The supplier's schema lacks something that is required."""

    code = "SUPPLIER_SCHEMA"
    retryable = False


class SupplierDeclined(SupplierError):
    """The supplier says no."""

    retryable = False


class SupplierHasNot(SupplierDeclined):
    """The supplier does not have the stone, or not for us."""


class SupplierTokenExpired(SupplierError):
    """The supplier no longer accepts the token."""


# The sync


class RunConflict(Conflict):
    """Another run of this feed is open; one at a time."""


class LeaseLost(InventoryError):
    """Another process has taken this work over, or the run has ended."""


class WatermarkConflict(Conflict):
    """The watermark was moved by someone else in between."""


class WatermarkInFuture(InventoryError):
    """The watermark lies in the future: a window from there would skip changes."""

    code = "WATERMARK_IN_FUTURE"


class PlanningAbandoned(InventoryError):
    """The process that planned the run died."""

    code = "PLANNING_ABANDONED"


class WatermarkUnreadable(InventoryError):
    """The watermark's blob holds something else; look at it, then set it with `python -m sync watermark set`."""

    code = "WATERMARK_UNREADABLE"


class CoverageUnproven(SupplierError):
    """The supplier's counts contradict each other, so no plan can prove that it covers the feed."""

    code = "COVERAGE_UNPROVEN"


class FeedRestless(SupplierError):
    """The feed changes faster than it can be read; a later run starts afresh."""

    code = "FEED_RESTLESS"
    retryable = False


class FeedIncomplete(SupplierError):
    """The supplier counts stones that it does not show, so the run cannot prove that it read the whole feed."""

    code = "INCOMPLETE"
    retryable = False


class QuarantineExceeded(InventoryError):
    """Too large a share of the stones can't be understood."""

    code = "QUARANTINE_EXCEEDED"


class MassDeleteStopped(InventoryError):
    """More stones than allowed would be deleted at once; look, then confirm."""

    code = "MASS_DELETE_STOPPED"


class DeadlinePassed(InventoryError):
    """The run did not finish before its deadline."""

    code = "DEADLINE_PASSED"


# The alerts


class AlertRefused(InventoryError):
    """The mail service refused the alert; its settings or the key are wrong."""


class MailUnavailable(Unavailable):
    """The mail service does not answer properly; the alert is sent later."""
