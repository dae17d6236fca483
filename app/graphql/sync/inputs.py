"""Inputs of the mutations of sync runs."""

import strawberry
from strawberry import UNSET

from app.graphql.user_errors import IDEMPOTENCY_KEY_DESCRIPTION

_RUN_ID = "Global id of the run, or the id in logs and commands."


@strawberry.input(description="A run to start.")
class SyncStartInput:
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY_DESCRIPTION)
    full: bool = strawberry.field(
        default=False, description="Read the whole feed, even if the last full run is recent enough."
    )
    moves_watermark: bool = strawberry.field(
        default=True, description="Whether the next incremental run starts where this one ends."
    )
    feed: str | None = strawberry.field(
        default=UNSET, description="Feed to read, such as `nivoda`; the first one of the installation if omitted."
    )


@strawberry.input(description="Failed partitions to read again.")
class SyncRetryInput:
    run_id: strawberry.ID = strawberry.field(description=_RUN_ID)
    partition_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Only this partition; every failed one if omitted."
    )


@strawberry.input(description="A run to consolidate.")
class SyncConsolidateInput:
    run_id: strawberry.ID = strawberry.field(description=_RUN_ID)
    force: bool = strawberry.field(
        default=False,
        description="Consolidate despite failed partitions. Nothing is deleted and the watermark does not move.",
    )
    allow_mass_delete: bool = strawberry.field(
        default=False, description="Confirm that more diamonds than usual have left the feed."
    )
    allow_quarantine: bool = strawberry.field(
        default=False, description="Accept the share of quarantined diamonds of this run; they are not offered."
    )


@strawberry.input(description="A run to cancel.")
class SyncCancelInput:
    run_id: strawberry.ID = strawberry.field(description=_RUN_ID)
