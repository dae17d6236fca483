"""Subscription to the progress of a sync run."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import subscription
from app.graphql.relay import key_of
from app.graphql.sync.types import SyncRun, run_state_to_graphql
from app.graphql.topics import RunTopic
from inventory.core.errors import NotFound
from inventory.runs.watch import RunState

_argument = strawberry.argument


@strawberry.type
class SyncSubscriptions:
    """Fields of `Subscription` for the sync."""

    @subscription(
        description="State of a run: the current one, then every change until its end.",
        scope=Scope.SYNC_READ,
    )
    async def sync_run_progress(
        self,
        info: Info,
        run_id: Annotated[
            strawberry.ID, _argument(description="Global id of the run, or its id in logs and commands.")
        ],
    ) -> AsyncIterator[SyncRun]:
        del info  # only the scope check needs it
        key = key_of(run_id, "SyncRun")
        if key is None:
            raise NotFound("There is no run with this id.")
        return RunTopic(_states_to_graphql, key)


async def _states_to_graphql(states: Sequence[RunState]) -> list[object]:
    return [run_state_to_graphql(state) for state in states]
