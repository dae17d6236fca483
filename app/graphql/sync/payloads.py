"""Payloads of the mutations of sync runs."""

from collections.abc import Mapping

import strawberry

from app.graphql.sync.jobs import Job
from app.graphql.sync.types import SyncRun
from app.graphql.user_errors import UserError, error_type, errors_field

_RUN = "The run now; null if it does not exist, or not yet: a start plans first, see `job`."
_JOB = "The job that executes the request; null if it was rejected."


SyncStartUserError = error_type("SyncStart")


@strawberry.type(description="Result of `syncStart`.")
class SyncStartPayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = errors_field(SyncStartUserError)


SyncRetryUserError = error_type("SyncRetry")


@strawberry.type(description="Result of `syncRetry`.")
class SyncRetryPayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = errors_field(SyncRetryUserError)


SyncConsolidateUserError = error_type("SyncConsolidate")


@strawberry.type(description="Result of `syncConsolidate`.")
class SyncConsolidatePayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = errors_field(SyncConsolidateUserError)


SyncCancelUserError = error_type("SyncCancel")


@strawberry.type(description="Result of `syncCancel`.")
class SyncCancelPayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = errors_field(SyncCancelUserError)


ERROR_TYPES: Mapping[object, type[UserError]] = {
    SyncStartPayload: SyncStartUserError,
    SyncRetryPayload: SyncRetryUserError,
    SyncConsolidatePayload: SyncConsolidateUserError,
    SyncCancelPayload: SyncCancelUserError,
}
