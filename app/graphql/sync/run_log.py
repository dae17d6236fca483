"""Log lines of a run."""

import re
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.relay import key_of
from inventory.core.errors import ValidationFailed
from inventory.runs.run_log import RunLogLine as Line

_argument = strawberry.argument

_LARGEST_PAGE = 100
_ID = re.compile(r"[0-9]{1,18}")


@strawberry.type(description="A log line of a run.")
class RunLogLine:
    id: strawberry.ID = strawberry.field(description="Id, the cursor for `before`.")
    at: datetime = strawberry.field(description="Time.")
    level: str = strawberry.field(description="Level: `debug`, `info`, `warning`, `error` or `critical`.")
    role: str = strawberry.field(description="Role of the process, such as `worker`.")
    event: str = strawberry.field(description="Event, such as `partition_claimed`.")
    details: str = strawberry.field(description="Other fields as `name=value`, separated by spaces.")


@strawberry.type
class RunLogQueries:
    """Field of `Query` for the log lines of a run."""

    @field(
        description="Log lines of a run, newest first. They arrive about a second after their event; of each process at most "
        "2,000 lines of a run are stored.",
        scope=Scope.SYNC_READ,
    )
    async def sync_run_log(
        self,
        info: Info,
        run_id: Annotated[
            strawberry.ID, _argument(description="Global id of the run, or the id in logs and commands.")
        ],
        first: Annotated[int, _argument(description="Number of lines, at most 100.")] = 50,
        before: Annotated[strawberry.ID | None, _argument(description="Only lines before this one.")] = UNSET,
    ) -> list[RunLogLine] | None:
        given, key = given_or_none(before), key_of(run_id, "SyncRun")
        if not 0 <= first <= _LARGEST_PAGE:
            raise ValidationFailed({"first": f"should be between 0 and {_LARGEST_PAGE}"})
        if given is not None and not _ID.fullmatch(given):
            raise ValidationFailed({"before": "is not the id of a line"})
        if key is None:
            return []
        lines = await info.context.services.run_log.lines(key, None if given is None else int(given), first)
        return [_line_to_graphql(line) for line in lines]


def _line_to_graphql(line: Line) -> RunLogLine:
    return RunLogLine(
        id=strawberry.ID(str(line.id)),
        at=line.at,
        level=line.level,
        role=line.role,
        event=line.event,
        details=" ".join(f"{name}={value}" for name, value in line.fields.items()),
    )
