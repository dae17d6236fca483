"""The event log and its subscribers."""

from typing import Annotated

from pydantic import BaseModel

from inventory.core.sections.field import setting


class EventSettings(BaseModel):
    """Settings of the event log and of those who follow it. What is counted is counted in one process."""

    events_retention_days: Annotated[
        int,
        setting("Events", "Days that events are kept, and so how long a subscriber may stay away.", ge=1, le=36_500),
    ] = 90
    subscriptions_per_socket: Annotated[
        int, setting("Events", "Operations that one socket may have open.", ge=1, le=10_000)
    ] = 100
    subscriptions_per_key: Annotated[
        int,
        setting("Events", "Subscriptions that one key may have open in one process of the API.", ge=1, le=1_000_000),
    ] = 5_000
    max_sockets: Annotated[
        int | None,
        setting(
            "Events",
            "Most sockets and event streams in one process of the API; when not set, as many as MAX_CONNECTIONS.",
            example="2000",
            ge=1,
            le=1_000_000,
        ),
    ] = None
    sockets_per_key: Annotated[
        int | None,
        setting(
            "Events",
            "Sockets and event streams that one key may have in one process; when not set, a quarter of MAX_SOCKETS.",
            example="500",
            ge=1,
            le=1_000_000,
        ),
    ] = None
    sockets_unauthenticated: Annotated[
        int,
        setting(
            "Events",
            "Sockets in one process of the API that have not shown a key yet. Beyond it the oldest one is closed.",
            ge=1,
            le=1_000_000,
        ),
    ] = 200
    sockets_introduction_seconds: Annotated[
        float, setting("Events", "How long a socket may take to say who it is.", gt=0, le=300)
    ] = 10.0
    sockets_idle_seconds: Annotated[
        float, setting("Events", "How long a socket may stay without an operation.", gt=0, le=86_400)
    ] = 300.0
    sockets_lifetime_seconds: Annotated[
        float,
        setting("Events", "How long a socket may live; its client comes back and goes on.", gt=0, le=30 * 86_400),
    ] = 12 * 3600.0
    sockets_send_seconds: Annotated[
        float, setting("Events", "How long a client may take to take what it is sent.", gt=0, le=600)
    ] = 30.0
    subscriptions_queue: Annotated[
        int,
        setting("Events", "Events that wait for one slow subscription before it is ended.", ge=1, le=100_000),
    ] = 500
    subscriptions_queue_bytes: Annotated[int, setting("Events", "Bytes of them.", ge=1024, le=268_435_456)] = 4_194_304
