"""Payloads of the mutations of sync runs."""

import strawberry

from app.graphql.sync.jobs import Job
from app.graphql.sync.types import SyncRun
from app.graphql.user_errors import ERRORS, UserError

_RUN = "The run now; null if it does not exist, or not yet: a start plans first, see `job`."
_JOB = "The job that executes the request; null if it was rejected."


@strawberry.type(description="Result of `syncStart`.")
class SyncStartPayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="Result of `syncRetry`.")
class SyncRetryPayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="Result of `syncConsolidate`.")
class SyncConsolidatePayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="Result of `syncCancel`.")
class SyncCancelPayload:
    run: SyncRun | None = strawberry.field(description=_RUN)
    job: Job | None = strawberry.field(description=_JOB)
    user_errors: list[UserError] = strawberry.field(description=ERRORS)
