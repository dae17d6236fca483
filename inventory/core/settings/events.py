"""Settings of the event log and of subscriptions."""

from typing import Annotated

from inventory.core.settings.section import SettingsSection, setting


class EventSettings(SettingsSection, title="Events"):
    """Settings of the event log and of subscriptions. Limits apply to a process."""

    retention_days: Annotated[
        int,
        setting(
            "Retention of events in days, and so the longest interruption of a subscriber.",
            variable="EVENTS_RETENTION_DAYS",
            ge=1,
            le=36_500,
        ),
    ] = 90
    subscriptions_per_socket: Annotated[int, setting("Open operations of one socket.", ge=1, le=10_000)] = 100
    subscriptions_per_key: Annotated[
        int,
        setting("Open subscriptions of one key in one process of the API.", ge=1, le=1_000_000),
    ] = 5_000
    max_sockets: Annotated[
        int | None,
        setting(
            "Most sockets and event streams in one process of the API; when not set, as many as MAX_CONNECTIONS.",
            example="2000",
            ge=1,
            le=1_000_000,
        ),
    ] = None
    sockets_per_key: Annotated[
        int | None,
        setting(
            "Most sockets and event streams of one key in one process; when not set, a quarter of MAX_SOCKETS.",
            example="500",
            ge=1,
            le=1_000_000,
        ),
    ] = None
    sockets_unauthenticated: Annotated[
        int,
        setting(
            "Unauthenticated sockets in one process of the API. Beyond it, the oldest one is closed.",
            ge=1,
            le=1_000_000,
        ),
    ] = 200
    sockets_introduction_seconds: Annotated[
        float, setting("Timeout for the authentication of a socket.", gt=0, le=300)
    ] = 10.0
    sockets_idle_seconds: Annotated[
        float, setting("Idle timeout of a socket without an operation.", gt=0, le=86_400)
    ] = 300.0
    sockets_lifetime_seconds: Annotated[
        float,
        setting(
            "Longest lifetime of a socket. Its client reconnects and continues from its cursor.",
            gt=0,
            le=30 * 86_400,
        ),
    ] = 12 * 3600.0
    sockets_send_seconds: Annotated[float, setting("Timeout for sending a message to a client.", gt=0, le=600)] = 30.0
    subscriptions_queue: Annotated[
        int,
        setting("Queued events of a slow subscription before it is ended.", ge=1, le=100_000),
    ] = 500
    subscriptions_queue_bytes: Annotated[int, setting("Bytes of these events.", ge=1024, le=268_435_456)] = 4_194_304
