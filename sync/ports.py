"""What the pipeline needs from outside, beside the database and the supplier."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from sync.planning.window import Watermark


class ReceivedMessage(Protocol):
    """A received message. Its lock is renewed until it is settled, as long as the process lives."""

    @property
    def body(self) -> bytes:
        """What was sent.

        Raises:
            UnreadableMessage: the message has no data body.
        """

    @property
    def number(self) -> int:
        """The number of this delivery of the message: 1 for the first."""

    async def complete(self) -> None:
        """Remove the message. A lost lock is not an error: the message is delivered again, which is harmless."""

    async def abandon(self) -> None:
        """Make the message available to other consumers at once."""

    async def dead_letter(self, reason: str, description: str) -> None:
        """Move the message to the dead letters, for an operator to look at."""


class Inbox(Protocol):
    """The receiving end of a queue, for one consumer at a time."""

    async def receive(self, *, wait_seconds: float) -> ReceivedMessage | None:
        """The next message, or None if none came in time.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """


class Broker(Protocol):
    """The queues."""

    async def send(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Send messages, in as few batches as fit.

        Raises:
            BrokerUnavailable: not all of them could be sent. Some may have been.
        """

    def inbox(self, queue: str) -> AbstractAsyncContextManager[Inbox]:
        """An inbox of a queue, with its own connection."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was put aside. `sent_at` is when it came to its queue.

    `body_type`: `data` for a message that a role can read; otherwise `sequence`, `value`, `none` or `undecodable`. `body`,
    `reason` and `description` are printable: escaped, and shortened where they are very long.
    """

    queue: str
    sequence_number: int
    sent_at: datetime | None
    reason: str
    description: str
    deliveries: int
    body_type: str
    body: str


class Replayed(msgspec.Struct, frozen=True):
    """How many dead letters were sent again, and those that were left because no role can read their bodies."""

    messages: int
    left: Sequence[DeadLetter]


class DeadLetters(Protocol):
    """The messages that were put aside. Every method raises `BrokerUnavailable` where the broker does not answer."""

    async def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        """The oldest ones, left where they are."""

    async def replay(self, queue: str, limit: int) -> Replayed:
        """Send the oldest ones to their queue again. Those without a data body stay where they are."""

    async def discard(self, queue: str, limit: int) -> int:
        """Throw the oldest ones away; answers how many."""


class WatermarkStore(Protocol):
    """Where a feed's watermark is kept."""

    async def read(self) -> tuple[Watermark, str] | None:
        """The watermark and the version of its blob, or None before the first run."""

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace exactly this version (None: there must be none yet).

        Raises:
            WatermarkConflict: the blob is of another version by now.
        """


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in both of its bodies."""

    subject: str
    text: str
    html: str


class Mailer(Protocol):
    """The service that sends mails to operators."""

    async def send(self, mail: Mail, key: str) -> str:
        """Send a mail once per `key`, however often it is tried within a day; answers its id at the service.

        Raises:
            MailUnavailable: it may not have been sent; worth another try.
            AlertRefused: the service does not take it like this.
        """
