"""Ports of the pipeline: message broker, dead letters, watermark store and mailer."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from inventory.runs.dead_letters import DeadLetter
from sync.planning.window import Watermark


class ReceivedMessage(Protocol):
    """A received message. Its lock is renewed until it is settled, as long as the process lives."""

    @property
    def body(self) -> bytes:
        """The body as it was sent.

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
        """Move the message to the dead letters, for an operator to examine."""


class Inbox(Protocol):
    """The receiving end of a queue, for one consumer at a time."""

    async def receive(self, *, wait_seconds: float) -> ReceivedMessage | None:
        """Receive the next message, None if none arrives in time.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """


class Broker(Protocol):
    """The queues."""

    async def send(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Send messages, in as few batches as fit.

        Raises:
            BrokerUnavailable: some messages may not have been sent.
        """

    def inbox(self, queue: str) -> AbstractAsyncContextManager[Inbox]:
        """Open an inbox of a queue, with a separate connection."""


class Replayed(msgspec.Struct, frozen=True):
    """Result of a replay: the number of messages sent again, and the dead letters whose bodies no role can read."""

    messages: int
    left: Sequence[DeadLetter]


class DeadLetters(Protocol):
    """The dead letters of the queues. Every method raises `BrokerUnavailable` if the broker does not answer."""

    async def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        """List the oldest dead letters without removing them."""

    async def replay(self, queue: str, limit: int, numbers: Collection[int] | None = None) -> Replayed:
        """Send dead letters to their queue again. Those without a data body stay.

        The oldest ones, at most `limit`; or those with these sequence numbers among the oldest `limit`.
        """

    async def discard(self, queue: str, limit: int, numbers: Collection[int] | None = None) -> int:
        """Discard dead letters, selected as by `replay`, and return their number."""


class WatermarkStore(Protocol):
    """Store of a feed's watermark."""

    async def read(self) -> tuple[Watermark, str] | None:
        """Read the watermark and its version, None before the first run."""

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace the watermark if it still has this version. None: there must be no watermark.

        Raises:
            WatermarkConflict: the watermark has another version.
        """


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail with a text and an HTML body."""

    subject: str
    text: str
    html: str


class Mailer(Protocol):
    """The service that sends mails to operators."""

    async def send(self, mail: Mail, key: str) -> str:
        """Send a mail, and return its id at the service. The `key` makes retries within a day idempotent.

        Raises:
            MailUnavailable: the mail may not have been sent; try again.
            AlertRefused: the service rejects the mail.
        """
