"""The event log and its subscribers."""

from typing import Annotated

from pydantic import BaseModel

from app.core.sections.field import setting


class Events(BaseModel):
    """Settings of the event log."""

    events_retention_days: Annotated[
        int, setting("Events", "Days that events are kept, and so how long a subscriber may stay away.", ge=1)
    ] = 90
