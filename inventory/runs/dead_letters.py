"""Dead letters of the sync, in a form for operators."""

from datetime import datetime

import msgspec


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter: a message that could not be handled. `sent_at`: when it was enqueued.

    `body_type`: `data` for a message that a role can read; otherwise `sequence`, `value`, `none` or `undecodable`. `body`,
    `reason` and `description` are printable: escaped, and shortened if they are very long.
    """

    queue: str
    sequence_number: int
    sent_at: datetime | None
    reason: str
    description: str
    deliveries: int
    body_type: str
    body: str
