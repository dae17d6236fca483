"""Retries of idempotent requests with exponential backoff."""

from collections.abc import Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from inventory.core.errors import SupplierBusy, SupplierError, SupplierRefused, SupplierSchemaChanged
from inventory.core.logging import get_logger
from inventory.core.settings.nivoda import NivodaSettings
from inventory.suppliers.nivoda.errors import AnswerTooLarge, ItemsLost

log = get_logger()

MAX_WAIT_SECONDS = 60.0


def retrying(settings: NivodaSettings, operation: str) -> AsyncRetrying:
    """Create the retry policy of the settings. The last error is raised."""
    return AsyncRetrying(
        stop=stop_after_attempt(settings.tries),
        wait=wait_exponential_jitter(
            multiplier=settings.backoff_seconds,
            jitter=settings.backoff_seconds,
            max=MAX_WAIT_SECONDS,
        ),
        retry=retry_if_exception(_may_pass),
        before_sleep=_log_retry(operation),
        reraise=True,
    )


def _may_pass(error: BaseException) -> bool:
    """Whether a retry can succeed. The errors of an `errors[]` may be temporary."""
    final = SupplierRefused | SupplierBusy | SupplierSchemaChanged | AnswerTooLarge | ItemsLost
    return isinstance(error, SupplierError) and not isinstance(error, final)


def _log_retry(operation: str) -> Callable[[RetryCallState], None]:
    def write(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "supplier_call_failed",
            operation=operation,
            tries=state.attempt_number,
            error=str(error),
            wait_seconds=round(state.next_action.sleep, 3) if state.next_action else None,
        )

    return write
